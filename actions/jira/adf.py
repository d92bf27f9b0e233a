"""Markdown to Atlassian Document Format, and back. No word is lost; form is, where the other has none.

The format allows less than Markdown does (no heading in a quotation, no table in a list), and its validator refuses a
whole document over one such node. So what cannot stand where it stands becomes the nearest that can: a heading a bold
paragraph, a quotation in a quotation its own paragraphs, a table in a list its rows as lines.
Source: the JSON schema of @atlaskit/adf-schema (full.json).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

Node = dict[str, Any]
Marks = tuple[Node, ...]

SCHEMES = {"http", "https", "mailto"}
"""Links with another scheme become words: Jira would show them, and somebody would click."""
STRONG, EMPHASIS, STRIKE, CODE = ({"type": name} for name in ("strong", "em", "strike", "code"))
DEEPEST = 12
"""Levels of lists; what is deeper is shown at this one."""


@cache
def parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"linkify": False}).enable(["table", "strikethrough"])


def to_adf(markdown: str) -> Node:
    """A document for Jira Cloud. Raises nothing: every text is some Markdown."""
    tree = SyntaxTreeNode(parser().parse(markdown.replace("\0", "")))
    return {"version": 1, "type": "doc", "content": _blocks(tree.children, where="doc")}


# -- Blocks ------------------------------------------------------------------------------------------------------------


def _blocks(nodes: Iterable[SyntaxTreeNode], *, where: str, depth: int = 0) -> list[Node]:
    """The blocks of a document, of a quotation ("quote") or of an item of a list ("item")."""
    return [block for node in nodes for block in _block(node, where, depth)]


def _block(node: SyntaxTreeNode, where: str, depth: int) -> list[Node]:
    match node.type:
        case "paragraph":
            return _paragraphs(_inline(node.children))
        case "heading":
            return _heading(node, where)
        case "bullet_list" | "ordered_list":
            return _list(node, where, depth)
        case "blockquote":
            inner = _blocks(node.children, where="quote", depth=depth)
            return [{"type": "blockquote", "content": inner}] if where == "doc" and inner else inner
        case "fence" | "code_block":
            return [_code_block(node)]
        case "hr":
            return [{"type": "rule"}] if where == "doc" else []
        case "table":
            return [_table(node)] if where == "doc" else _table_as_lines(node)
        case "html_block":
            return _paragraphs(_text(node.content.strip("\n"), ()))
        case _:
            return _blocks(node.children, where=where, depth=depth)


def _paragraphs(content: list[Node]) -> list[Node]:
    return [{"type": "paragraph", "content": content}] if content else []


def _heading(node: SyntaxTreeNode, where: str) -> list[Node]:
    if where == "doc":
        content = _inline(node.children)
        return [{"type": "heading", "attrs": {"level": int(node.tag[1])}, "content": content}] if content else []
    return _paragraphs(_inline(node.children, (STRONG,)))


def _list(node: SyntaxTreeNode, where: str, depth: int) -> list[Node]:
    items = [_item(child, depth + 1) for child in node.children]
    if depth >= DEEPEST:
        return [block for item in items for block in item["content"]]
    if node.type == "bullet_list":
        return [{"type": "bulletList", "content": items}]
    order = int(node.attrs.get("start", 1))
    attributes = {"attrs": {"order": order}} if order != 1 else {}
    return [{"type": "orderedList", **attributes, "content": items}]


def _item(node: SyntaxTreeNode, depth: int) -> Node:
    """An item begins with words or code, never with a list."""
    blocks = _blocks(node.children, where="item", depth=depth)
    if not blocks or blocks[0]["type"] not in {"paragraph", "codeBlock"}:
        blocks.insert(0, {"type": "paragraph", "content": []})
    return {"type": "listItem", "content": blocks}


def _code_block(node: SyntaxTreeNode) -> Node:
    text = node.content.removesuffix("\n")
    language = (node.info or "").split()[:1]
    block: Node = {"type": "codeBlock", "content": [{"type": "text", "text": text}] if text else []}
    return {**block, "attrs": {"language": language[0]}} if language else block


def _rows(node: SyntaxTreeNode) -> list[tuple[str, list[list[Node]]]]:
    """Each row of a table: the kind of its cells, and what stands in them."""
    rows = [row for part in node.children for row in part.children]
    return [
        (
            "tableHeader" if row.children and row.children[0].type == "th" else "tableCell",
            [_inline(cell.children) for cell in row.children],
        )
        for row in rows
    ]


def _table(node: SyntaxTreeNode) -> Node:
    return {
        "type": "table",
        "content": [
            {
                "type": "tableRow",
                "content": [
                    {"type": kind, "content": _paragraphs(cell) or [{"type": "paragraph", "content": []}]}
                    for cell in cells
                ],
            }
            for kind, cells in _rows(node)
        ],
    }


def _table_as_lines(node: SyntaxTreeNode) -> list[Node]:
    found = []
    for _, cells in _rows(node):
        line: list[Node] = []
        for cell in filter(None, cells):
            line += [*_text(" | ", ()), *cell] if line else cell
        found += _paragraphs(line)
    return found


# -- Words -------------------------------------------------------------------------------------------------------------


def _inline(nodes: Sequence[SyntaxTreeNode], marks: Marks = ()) -> list[Node]:
    return [word for node in nodes for word in _word(node, marks)]


def _word(node: SyntaxTreeNode, marks: Marks) -> list[Node]:
    match node.type:
        case "text" | "html_inline":
            return _text(node.content, marks)
        case "softbreak":
            return _text(" ", marks)
        case "hardbreak":
            return [{"type": "hardBreak"}]
        case "code_inline":
            return _text(node.content, (*(mark for mark in marks if mark["type"] == "link"), CODE))
        case "strong":
            return _inline(node.children, _with(marks, STRONG))
        case "em":
            return _inline(node.children, _with(marks, EMPHASIS))
        case "s":
            return _inline(node.children, _with(marks, STRIKE))
        case "link":
            return _link(node, marks)
        case "image":
            return _image(node, marks)
        case _:
            return _inline(node.children, marks)


def _text(words: str, marks: Marks) -> list[Node]:
    if not words:
        return []
    return [{"type": "text", "text": words, **({"marks": list(marks)} if marks else {})}]


def _with(marks: Marks, mark: Node) -> Marks:
    return marks if any(known["type"] == mark["type"] for known in marks) else (*marks, mark)


def _link(node: SyntaxTreeNode, marks: Marks) -> list[Node]:
    address = str(node.attrs.get("href", ""))
    if not is_safe(address):
        return [*_inline(node.children, marks), *_text(f" ({address})" if address else "", marks)]
    return _inline(node.children, _with(marks, {"type": "link", "attrs": {"href": address}}))


def _image(node: SyntaxTreeNode, marks: Marks) -> list[Node]:
    """An image is a link to itself: uploading it to Jira would be another decision."""
    address = str(node.attrs.get("src", ""))
    words = node.content or address
    if not is_safe(address):
        return _text(f"{words} ({address})" if address and words != address else words, marks)
    return _text(words, _with(marks, {"type": "link", "attrs": {"href": address}}))


def is_safe(address: str) -> bool:
    """Whether a link to `address` may stand in Jira, or come from there."""
    try:
        return urlsplit(address).scheme.lower() in SCHEMES and not re.search(r"[\s<>\"]", address)
    except ValueError:
        return False


# -- Back --------------------------------------------------------------------------------------------------------------


def to_markdown(document: Mapping[str, Any] | None) -> str:
    """The words of a document from Jira as Markdown. What is unknown gives the words inside it."""
    return "\n\n".join(_md_blocks((document or {}).get("content")))


def _md_blocks(nodes: Any) -> list[str]:
    found: list[str] = []
    before, is_other = "", False
    for node in nodes if isinstance(nodes, list) else []:
        if not isinstance(node, dict):
            continue
        is_other = node.get("type") == before and not is_other
        before = str(node.get("type"))
        found += _md_block(node, is_other=is_other)
    return [text for text in found if text.strip()]


def _md_block(node: Node, *, is_other: bool) -> list[str]:
    """One block. `is_other`: the one before is a list of this kind, and the two must not become one."""
    kind, content = node.get("type"), node.get("content")
    attributes = _attributes(node)
    make: dict[Any, Callable[[], list[str]]] = {
        "paragraph": lambda: [_md_line(content)],
        "heading": lambda: [f"{'#' * _level(attributes)} {_md_line(content, is_one=True)}"],
        "bulletList": lambda: [_md_list(content, lambda _: "* " if is_other else "- ")],
        "orderedList": lambda: [_md_list(content, lambda n: f"{_order(attributes) + n}{')' if is_other else '.'} ")],
        "taskList": lambda: [_md_list(content, lambda _: "- ")],
        "blockquote": lambda: [_prefixed("> ", "\n\n".join(_md_blocks(content)))],
        "panel": lambda: [_prefixed("> ", "\n\n".join(_md_blocks(content)))],
        "codeBlock": lambda: [_md_code(content, str(attributes.get("language") or ""))],
        "rule": lambda: ["---"],
        "table": lambda: [_md_table(content)],
        "expand": lambda: [*filter(None, [_escaped(str(attributes.get("title") or ""))]), *_md_blocks(content)],
    }
    if kind in make:
        return make[kind]()
    return _md_blocks(content) if _has_blocks(content) else [_md_line([node])]


def _attributes(node: Node) -> Node:
    attributes = node.get("attrs")
    return attributes if isinstance(attributes, dict) else {}


def _has_blocks(content: Any) -> bool:
    return isinstance(content, list) and any(isinstance(each, dict) and "content" in each for each in content)


def _level(attributes: Mapping[str, Any]) -> int:
    level = attributes.get("level")
    return min(6, max(1, level)) if isinstance(level, int) else 3


def _order(attributes: Mapping[str, Any]) -> int:
    order = attributes.get("order")
    return order if isinstance(order, int) and 0 <= order < 1_000_000_000 else 1


def _md_list(items: Any, mark: Callable[[int], str]) -> str:
    lines = []
    for number, item in enumerate(items if isinstance(items, list) else []):
        blocks = (
            _md_blocks(item.get("content")) if _has_blocks(item.get("content")) else [_md_line(item.get("content"))]
        )
        begin = mark(number)
        lines.append(begin + _prefixed(" " * len(begin), "\n\n".join(blocks)).lstrip(" "))
    return "\n".join(lines)


def _prefixed(prefix: str, text: str) -> str:
    return "\n".join(f"{prefix}{line}".rstrip() for line in text.split("\n"))


def _md_code(content: Any, language: str) -> str:
    text = "".join(str(node.get("text", "")) for node in content or [] if isinstance(node, dict))
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{re.sub(r'[^A-Za-z0-9+#._-]', '', language)}\n{text}\n{fence}"


def _md_table(rows: Any) -> str:
    lines = []
    for row in rows if isinstance(rows, list) else []:
        cells = [" ".join(_md_blocks(cell.get("content"))) for cell in row.get("content") or []]
        lines.append("| " + " | ".join(re.sub(r"(?<!\\)\|", r"\\|", cell.replace("\n", " ")) for cell in cells) + " |")
        if len(lines) == 1:
            lines.append("|" + " --- |" * len(cells))
    return "\n".join(lines)


def _md_line(content: Any, *, is_one: bool = False) -> str:
    words = "".join(_md_word(node) for node in content or [] if isinstance(node, dict))
    text = re.sub(r"[ \t]+\n", "\n", words).strip()
    text = text.replace("\\\n", " ") if is_one else text
    return re.sub(r"^(\s*)([#>+-]|\d+[.)])(?=\s|$)", _escape_start, text, flags=re.MULTILINE)


def _escape_start(match: re.Match[str]) -> str:
    """What would begin a heading, a list or a quotation is a word here."""
    mark = match[2]
    return match[1] + (f"{mark[:-1]}\\{mark[-1]}" if mark[0].isdigit() else f"\\{mark}")


def _md_word(node: Node) -> str:
    attributes = _attributes(node)
    match node.get("type"):
        case "text":
            return _marked(str(node.get("text", "")), node.get("marks"))
        case "hardBreak":
            return "\\\n"
        case "mention" | "status":
            return _escaped(str(attributes.get("text") or ""))
        case "emoji":
            return _escaped(str(attributes.get("text") or attributes.get("shortName") or ""))
        case "inlineCard" | "blockCard" | "embedCard":
            return _card(str(attributes.get("url") or ""))
        case "date":
            return _day(attributes.get("timestamp"))
        case "media":
            return _escaped(f"({attributes.get('alt') or 'a file in Jira'})")
        case _:
            return "".join(_md_word(each) for each in node.get("content") or [] if isinstance(each, dict))


def _card(address: str) -> str:
    return f"<{address}>" if is_safe(address) else _escaped(address)


def _day(timestamp: Any) -> str:
    """Jira keeps a date as milliseconds since 1970, at midnight UTC."""
    try:
        return datetime.fromtimestamp(int(timestamp) / 1000, tz=UTC).date().isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return ""


def _marked(text: str, marks: Any) -> str:
    kinds = {mark.get("type"): mark for mark in marks or [] if isinstance(mark, dict)}
    lead, words, tail = re.fullmatch(r"(\s*)(.*?)(\s*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    if not words:
        return text
    if "code" in kinds:
        words = _code_span(words)
    else:
        words = _escaped(words)
        for kind, mark in (("strike", "~~"), ("em", "*"), ("strong", "**")):
            if kind in kinds and "\n" not in words:
                words = f"{mark}{words}{mark}"
    address = str((kinds.get("link", {}).get("attrs") or {}).get("href") or "")
    if is_safe(address):
        words = f"[{words}](<{address}>)"
    return f"{lead}{words}{tail}"


def _code_span(text: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    gap = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{gap}{text}{gap}{fence}"


def _escaped(text: str) -> str:
    """Words that stay words: what Markdown would take for a mark gets a backslash."""
    return re.sub(r"([\\`*_\[\]<~|&])", r"\\\1", text).replace("\n", "\\\n")
