"""Wiki markup of a document, as histories of Jira Cloud have it. Written apart from Debrief's own conversion."""

from __future__ import annotations

import re
from typing import Any


def wiki_of(node: Any) -> str:
    """The text of a document."""
    return "\n\n".join(part for part in (_block(each, "") for each in node.get("content", ())) if part)


def _block(node: dict[str, Any], marks: str) -> str:
    kind, inner = node["type"], node.get("content", [])
    if kind == "paragraph":
        return _line(inner)
    if kind == "heading":
        return f"h{node['attrs']['level']}. {_line(inner)}"
    if kind in {"bulletList", "orderedList"}:
        mark = marks + ("*" if kind == "bulletList" else "#")
        return "\n".join(_item(each, mark) for each in inner)
    if kind == "codeBlock":
        return "{code}\n" + "".join(each.get("text", "") for each in inner) + "\n{code}"
    if kind == "blockquote":
        return "{quote}\n" + "\n\n".join(_block(each, "") for each in inner) + "\n{quote}"
    if kind == "rule":
        return "----"
    return "\n".join(_block(each, marks) for each in inner if "content" in each)


def _item(node: dict[str, Any], mark: str) -> str:
    lines = []
    for each in node.get("content", []):
        is_list = each["type"] in {"bulletList", "orderedList"}
        lines.append(_block(each, mark) if is_list else f"{mark} {_block(each, '')}")
    return "\n".join(lines)


def _line(nodes: list[dict[str, Any]]) -> str:
    return "".join("\n" if each["type"] == "hardBreak" else _words(each) for each in nodes)


def _words(node: dict[str, Any]) -> str:
    text = re.sub(r"([{}\[\]*_|\\])", r"\\\1", str(node.get("text") or (node.get("attrs") or {}).get("text") or ""))
    for mark in node.get("marks", ()):
        sign = {"strong": "*", "em": "_", "strike": "-"}.get(mark["type"], "")
        text = f"{sign}{text}{sign}" if sign else text
        if mark["type"] == "link":
            text = f"[{text}|{mark['attrs']['href']}]"
    return text
