"""Two texts side by side, line by line. Lines, not words: it must take milliseconds for a megabyte."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

MOST_LINES = 4000
"""Longer texts are shown without marks: finding them would take seconds."""


@dataclass(frozen=True)
class Line:
    """One row of the comparison: the same line on both sides, or what stands there on each side instead."""

    left: str
    right: str
    mark: str
    """"same", "changed", "left" (only there) or "right" (only there)."""


def compared(left: str, right: str) -> list[Line]:
    """The lines of both texts in order; equal ones face each other."""
    ours, theirs = left.split("\n"), right.split("\n")
    if max(len(ours), len(theirs)) > MOST_LINES:
        return _facing(ours, theirs, mark="changed")
    rows: list[Line] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, ours, theirs).get_opcodes():
        rows += _facing(ours[i1:i2], theirs[j1:j2], mark="same" if tag == "equal" else "changed")
    return rows


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
