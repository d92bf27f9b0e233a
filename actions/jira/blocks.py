"""Markdown in blocks, so that what one person changed can be brought into what another changed meanwhile.

A block is a paragraph, a heading, a table, a fence or one item of a list. Two blocks are the same when their words are:
the two sides write the same list with different marks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from markdown_it.tree import SyntaxTreeNode

from actions.jira.adf import parser

WORD = re.compile(r"[^\W_]+")
LIST_MARK = re.compile(r"^\s*(?:[-*+]|\d{1,9}[.)])\s+")


@dataclass(frozen=True)
class Block:
    """A piece of the source; `group` is the kind of list it is an item of."""

    text: str
    group: str = ""

    @property
    def words(self) -> str:
        body = LIST_MARK.sub("", self.text) if self.group else self.text
        return " ".join(WORD.findall(body)).casefold() or body.strip()


@dataclass
class Patched:
    """The text with the other's change in it; where both changed one block, ours stands and theirs is listed."""

    text: str
    lost: list[str] = field(default_factory=list)


def blocks(markdown: str) -> list[Block]:
    """The blocks of a text, in order. Nothing but blank lines is left out."""
    lines = markdown.split("\n")
    cuts: list[tuple[int, str]] = []
    for node in SyntaxTreeNode(parser().parse(markdown)).children:
        if node.map is None:
            continue
        if node.type in {"bullet_list", "ordered_list"}:
            cuts += [(item.map[0], node.type) for item in node.children if item.map]
        else:
            cuts.append((node.map[0], ""))
    if cuts:
        cuts[0] = (0, cuts[0][1])
    elif markdown.strip():
        cuts = [(0, "")]
    spans = zip(cuts, [*(start for start, _ in cuts[1:]), len(lines)], strict=False)
    found = [Block("\n".join(lines[start:end]).strip("\n"), group) for (start, group), end in spans]
    return [block for block in found if block.text.strip()]


def joined(parts: Sequence[Block]) -> str:
    """A text of these blocks: items of one list stand close, all else apart."""
    text = ""
    for before, block in zip([None, *parts], parts, strict=False):
        if before is not None:
            text += "\n" if before.group and before.group == block.group else "\n\n"
        text += block.text
    return text


def same_words(left: str, right: str) -> bool:
    """Whether two texts say the same, whatever their form."""
    return WORD.findall(left) == WORD.findall(right)


def _matches(left: Sequence[Block], right: Sequence[Block]) -> SequenceMatcher[str]:
    return SequenceMatcher(None, [block.words for block in left], [block.words for block in right], autojunk=False)


def patch(ours: str, *, before: str, after: str) -> Patched:
    """Bring the change from `before` to `after` into `ours`."""
    mine, old, new = blocks(ours), blocks(before), blocks(after)
    place = {a + k: b + k for a, b, size in _matches(old, mine).get_matching_blocks() for k in range(size)}
    dropped: set[int] = set()
    added: dict[int, list[Block]] = {}
    lost: list[str] = []
    for tag, i1, i2, j1, j2 in _matches(old, new).get_opcodes():
        if tag == "equal":
            continue
        theirs, at = new[j1:j2], _position(place, i1, len(old), len(mine))
        kept = _between(place, i1, i2, len(mine))
        changed_by_us = [mine[index] for index in kept if index not in set(place.values())]
        is_touched = any(index not in place for index in range(i1, i2))
        if is_touched and changed_by_us:
            there = {block.words for block in changed_by_us}
            if any(block.words not in there for block in theirs) or not theirs:
                lost.append(joined(theirs))
            continue
        dropped |= {place[index] for index in range(i1, i2) if index in place}
        there = {block.words for block in changed_by_us}
        added.setdefault(at, []).extend(block for block in theirs if block.words not in there)
    result: list[Block] = []
    for index in range(len(mine) + 1):
        result += added.get(index, [])
        if index < len(mine) and index not in dropped:
            result.append(mine[index])
    if not dropped and not any(added.values()):
        return Patched(ours, lost)
    return Patched(joined(result), lost)


def _position(place: dict[int, int], index: int, length: int, most: int) -> int:
    """Before which of our blocks something stands that theirs has before block `index`."""
    for earlier in range(index - 1, -1, -1):
        if earlier in place:
            return place[earlier] + 1
    for later in range(index, length):
        if later in place:
            return place[later]
    return most


def _between(place: dict[int, int], i1: int, i2: int, most: int) -> range:
    """Our blocks that stand where theirs has blocks `i1` to `i2`."""
    start = max((place[index] + 1 for index in place if index < i1), default=0)
    end = min((place[index] for index in place if index >= i2), default=most)
    return range(start, end)
