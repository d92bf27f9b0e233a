"""Two texts side by side: lines first, then the words within lines that changed. Milliseconds for a megabyte."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

MOST_LINES = 4000
"""Longer texts are shown without marks: finding them would take seconds."""
MOST_WORDS = 600
"""In a line; longer ones are marked as a whole."""
WORDS = re.compile(r"\w+|\s+|[^\w\s]")

Pieces = list[tuple[str, bool]]


@dataclass(frozen=True)
class Line:
    """One row of the comparison: the same line on both sides, or what stands there on each side instead."""

    left: str
    right: str
    mark: str
    """"same", "changed", "left" (only there) or "right" (only there)."""

    @property
    def left_pieces(self) -> Pieces:
        """The left line in pieces, each with whether it is gone on the right."""
        return _pieces(self.left, self.right) if self.mark == "changed" else [(self.left, self.mark == "left")]

    @property
    def right_pieces(self) -> Pieces:
        """The right line in pieces, each with whether it is new there."""
        return _pieces(self.right, self.left) if self.mark == "changed" else [(self.right, self.mark == "right")]


def compared(left: str, right: str) -> list[Line]:
    """The lines of both texts in order; equal ones face each other."""
    ours, theirs = left.split("\n"), right.split("\n")
    if max(len(ours), len(theirs)) > MOST_LINES:
        return _facing(ours, theirs, mark="changed")
    rows: list[Line] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, ours, theirs).get_opcodes():
        rows += _facing(ours[i1:i2], theirs[j1:j2], mark="same" if tag == "equal" else "changed")
    return rows


def around_changes(lines: list[Line], context: int = 2) -> list[Line | None]:
    """The lines that changed with some before and after them; None stands for what is left out between."""
    near = [
        any(each.mark != "same" for each in lines[max(0, n - context) : n + context + 1]) for n in range(len(lines))
    ]
    shown: list[Line | None] = []
    for line, is_near in zip(lines, near, strict=True):
        if is_near:
            shown.append(line)
        elif not shown or shown[-1] is not None:
            shown.append(None)
    return shown


def _pieces(text: str, other: str) -> Pieces:
    """`text` in pieces, each with whether it is missing from `other`."""
    ours, theirs = WORDS.findall(text), WORDS.findall(other)
    if max(len(ours), len(theirs)) > MOST_WORDS:
        return [(text, True)]
    found: Pieces = []
    for tag, i1, i2, _, _ in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if i1 < i2:
            found.append(("".join(ours[i1:i2]), tag != "equal"))
    return found


def _facing(left: list[str], right: list[str], *, mark: str) -> list[Line]:
    """Both lists beside each other, the shorter one padded."""
    rows = []
    for index in range(max(len(left), len(right))):
        one = left[index] if index < len(left) else None
        two = right[index] if index < len(right) else None
        rows.append(Line(one or "", two or "", mark if one is not None and two is not None else _only(one)))
    return rows


def _only(left: str | None) -> str:
    return "left" if left is not None else "right"
