"""Two texts side by side: lines first, then the words within lines that changed.

Both take the square of what is compared. So of texts that changed in very many lines, or within very much of them, less
is found, and what differs is still marked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

MOST_LINES = 4000
"""Between the first and the last that changed; of more, each faces the one that stands at the same place."""
MOST_WORDS = 600
"""In a line; longer ones are marked as a whole."""
MOST_PAIRS = 1_000_000
"""Of words on both sides, over all lines together; what is beyond is marked as a whole."""
WORDS = re.compile(r"\w+|\s+|[^\w\s]")

Pieces = list[tuple[str, bool]]


@dataclass(frozen=True)
class Line:
    """One row of the comparison: the same line on both sides, or what stands there on each side instead."""

    left: str
    right: str
    mark: str
    """"same", "changed", "left" (only there) or "right" (only there)."""
    is_whole: bool = False
    """Whether it changed as a whole, as far as is looked: no words within it are told apart."""

    @property
    def left_pieces(self) -> Pieces:
        """The left line in pieces, each with whether it is gone on the right."""
        return _pieces(self.left, self.right) if self._has_words else [(self.left, self.mark in {"changed", "left"})]

    @property
    def right_pieces(self) -> Pieces:
        """The right line in pieces, each with whether it is new there."""
        return _pieces(self.right, self.left) if self._has_words else [(self.right, self.mark in {"changed", "right"})]

    @property
    def _has_words(self) -> bool:
        return self.mark == "changed" and not self.is_whole


def compared(left: str, right: str) -> list[Line]:
    """The lines of both texts in order; equal ones face each other."""
    ours, theirs = left.split("\n"), right.split("\n")
    head = _alike(ours, theirs)
    tail = _alike(ours[head:][::-1], theirs[head:][::-1])
    middle = _changed(ours[head : len(ours) - tail], theirs[head : len(theirs) - tail])
    return [
        *_facing(ours[:head], theirs[:head]),
        *_spared(middle),
        *_facing(ours[len(ours) - tail :], theirs[len(theirs) - tail :]),
    ]


def _alike(ours: list[str], theirs: list[str]) -> int:
    """With how many equal lines both begin."""
    pairs = enumerate(zip(ours, theirs, strict=False))
    return next((n for n, (one, two) in pairs if one != two), min(len(ours), len(theirs)))


def _changed(ours: list[str], theirs: list[str]) -> list[Line]:
    if max(len(ours), len(theirs)) > MOST_LINES:
        return _facing(ours, theirs)
    rows: list[Line] = []
    for _, i1, i2, j1, j2 in SequenceMatcher(None, ours, theirs).get_opcodes():
        rows += _facing(ours[i1:i2], theirs[j1:j2])
    return rows


def _spared(rows: list[Line]) -> list[Line]:
    """The same, with those taken as a whole whose words would be too many to compare."""
    left, spared = MOST_PAIRS, []
    for row in rows:
        pairs = len(WORDS.findall(row.left)) * len(WORDS.findall(row.right)) if row.mark == "changed" else 0
        is_whole = pairs > left
        left -= 0 if is_whole else pairs
        spared.append(replace(row, is_whole=is_whole))
    return spared


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


def _facing(left: list[str], right: list[str]) -> list[Line]:
    """Both lists beside each other, the shorter one padded."""
    both = min(len(left), len(right))
    rows = [Line(one, two, "same" if one == two else "changed") for one, two in zip(left, right, strict=False)]
    rows += [Line(one, "", "left") for one in left[both:]]
    rows += [Line("", two, "right") for two in right[both:]]
    return rows
