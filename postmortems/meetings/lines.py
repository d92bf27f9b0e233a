"""Captured lines: what a word before the colon makes of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from postmortems.enums import CaptureKind, DefenceLayer

SHORT = {
    "n": CaptureKind.NOTE, "t": CaptureKind.EVENT, "e": CaptureKind.EVENT, "y": CaptureKind.WHY,
    "f": CaptureKind.FACTOR, "l": CaptureKind.LESSON, "a": CaptureKind.ACTION, "d": CaptureKind.DECISION,
    "q": CaptureKind.QUESTION, "p": CaptureKind.PARKING,
}  # fmt: skip
"""One letter does, as UX.md 2.3 has them."""
WORDS = {kind.value: kind for kind in CaptureKind} | {"park": CaptureKind.PARKING, "timeline": CaptureKind.EVENT}
HEAD = re.compile(r"\s*([A-Za-z]{1,8})(?:[ \t]+(\d{1,2}(?:[.:]\d{1,2}){0,2}|[A-Za-z]{1,10}))?[ \t]*:[ \t]*(?!//)")
"""`action:`, `why 1.2:`, `event 14:32:`, `factor monitoring:`. What follows on "://" is an address."""


@dataclass(frozen=True)
class Line:
    """A line taken apart. `at`: the number of a why, the time of an event or the layer of a factor, as it was typed."""

    kind: CaptureKind
    at: str
    text: str


def parse_line(line: str) -> Line:
    """What `line` is. Without a word that we know before a colon, it is a note, whole."""
    head = HEAD.match(line)
    kind = kind_of(head[1]) if head else None
    if head is None or kind is None:
        return Line(CaptureKind.NOTE, "", line.strip())
    at = head[2] or ""
    if at.isalpha() and kind != CaptureKind.FACTOR:
        return Line(CaptureKind.NOTE, "", line.strip())
    if at.isalpha() and not layers_begun_by(at):
        return Line(kind, "", line[head.start(2) :].strip())
    return Line(kind, at, line[head.end() :].strip())


def layers_begun_by(word: str) -> list[DefenceLayer]:
    """The layers of defence whose name begins like this."""
    return [layer for layer in DefenceLayer if layer.value.startswith(word.lower())]


def kind_of(word: str) -> CaptureKind | None:
    """The kind that a word or a letter before the colon stands for."""
    return WORDS.get(word.lower()) or SHORT.get(word.lower())
