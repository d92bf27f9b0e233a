"""What is understood of a pasted timeline, and what is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Precision = Literal["exact", "approximate", "day"]
Kind = Literal[
    "trigger",
    "detection",
    "escalation",
    "decision",
    "action",
    "milestone",
    "communication",
    "recovery",
    "other",
]


class Misread(ValueError):
    """A line looks like an event and cannot be one; the message says why, in words for the person who pasted it.

    `is_certain` is False where the line may as well be the running text of the event before.
    """

    def __init__(self, reason: str, *, is_certain: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_certain = is_certain


@dataclass(frozen=True)
class ParsedEvent:
    """One event. `lines` are the numbers (from 1) of all lines it was made of, the one with the time first.

    `at` and `ends_at` are in UTC; with precision "day" `at` is midnight of that day where the event's zone is. `zone`
    is the zone as written on the line or in a heading above it, None where the default was used. `notes` say in words
    what was assumed. `kind` is a guess from the words, no more than a hint.
    """

    lines: tuple[int, ...]
    at: datetime
    ends_at: datetime | None
    precision: Precision
    zone: str | None
    text: str
    notes: tuple[str, ...]
    kind: Kind

    @property
    def line(self) -> int:
        return self.lines[0]


@dataclass(frozen=True)
class HeadingLine:
    """A line that is no event but was understood: a title, a table's head, a date or a zone for the lines below."""

    line: int
    text: str
    meaning: str


@dataclass(frozen=True)
class RejectedLine:
    """A line that was not understood, as it was pasted, and why."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True)
class ParsedTimeline:
    """Every line of the text that is not blank is in exactly one entry, heading or rejected line.

    Each list is in the order of the text.
    """

    entries: list[ParsedEvent] = field(default_factory=list)
    headings: list[HeadingLine] = field(default_factory=list)
    rejected: list[RejectedLine] = field(default_factory=list)
