"""A new text for an issue that leaves alone what Debrief has no word for: panels, mentions, pictures of Jira."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any

from actions.jira.adf import Node, to_adf, to_markdown


def patched(before: Any, markdown: str) -> Node | None:
    """The document that says `markdown`, with every block of `before` kept whose words are the same.

    None where there is nothing to say: Jira keeps an empty description as none.
    """
    after = to_adf(markdown)
    if not isinstance(before, Mapping) or not isinstance(before.get("content"), list):
        return after if markdown.strip() else None
    old, new = [each for each in before["content"] if isinstance(each, dict)], after["content"]
    matcher = SequenceMatcher(None, [_said(each) for each in old], [_said(each) for each in new], autojunk=False)
    content: list[Node] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            content += old[i1:i2]
        else:
            content += [each for each in old[i1:i2] if not _said(each)] + new[j1:j2]
    return {**after, "content": content} if content else None


def _said(node: Node) -> str:
    return to_markdown({"version": 1, "type": "doc", "content": [node]})
