"""Understands a timeline pasted as many lines.

`parse_timeline` promises that nothing is silently dropped: every line that is not blank ends up in exactly one entry
(as its start or as a continuation of its text), one heading, or one rejected line with the reason. What had to be
assumed stands in an entry's notes. The cost is linear in the text.

The rules, in short:

- A line's own date counts; else the last date above it; else `start_on`. A clock time alone that runs backwards by more
  than an hour is the next day, by less it is out of order on the same day. Three or more that only run backwards are
  read from newest to oldest.
- A line's own zone counts; else one stated above ("All times in CET", "Time (UTC)" heading a table); else `zone`. An
  abbreviation means its fixed offset, and the note says where the season contradicts it. An unknown one is rejected.
- Four digits ("1432") are a time behind a date, before a zone or "h", or set apart ("1432 - alert"); there years (1900
  to 2099) are rejected as ambiguous, and so is "1432 requests". "14.32" is a time with two digits on both sides.
- A clock time that does not exist is read as long after the jump; of one that happens twice the first is taken, unless
  only the second keeps the order.
- Lines without a time continue the event before when they are indented deeper, follow without a blank line, or are a
  list or a code block beneath it. A time may also stand at the end: "Resolved 2026-04-01 12:07".
- Limits: LONGEST_EVENT, LONGEST_LINE, MOST_LINES, LONGEST_TEXT. What lies beyond is rejected, line by line.
"""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from incidents.timeline_text.dating import Calendar
from incidents.timeline_text.head import Reading, When
from incidents.timeline_text.kinds import guessed_kind
from incidents.timeline_text.lines import LONGEST_LINE, LONGEST_TEXT, MOST_LINES, DayLine, Event, Sorted, sort_lines
from incidents.timeline_text.parsed import (
    HeadingLine,
    Misread,
    ParsedEvent,
    ParsedTimeline,
    Precision,
    RejectedLine,
)

LONGEST_EVENT = 4000
"""Characters; what a timeline event holds."""

__all__ = [
    "LONGEST_EVENT",
    "LONGEST_LINE",
    "LONGEST_TEXT",
    "MOST_LINES",
    "HeadingLine",
    "ParsedEvent",
    "ParsedTimeline",
    "RejectedLine",
    "parse_timeline",
]


def parse_timeline(text: str, *, zone: ZoneInfo, start_on: date, day_first: bool = True) -> ParsedTimeline:
    """The events in `text`, in its order, with moments in UTC.

    `zone` holds for times without one, `start_on` is the day until a line names one (and decides the year of dates that
    leave it out), `day_first` reads 01/04/2026 as 1 April. Raises nothing.
    """
    found = sort_lines(text, Reading(day_first=day_first, near=start_on))
    timeline = ParsedTimeline(headings=found.headings, rejected=found.rejected)
    calendar = Calendar(zone, start_on)
    lengths = _run_lengths(found.items)
    for index, item in enumerate(found.items):
        if isinstance(item, DayLine):
            calendar.turn_to(item.day)
            continue
        if lengths[index]:
            calendar.start_run(_run(found, index, lengths[index]))
        _add(timeline, calendar, item)
    timeline.rejected.sort(key=lambda line: line.line)
    return timeline


def _add(timeline: ParsedTimeline, calendar: Calendar, event: Event) -> None:
    body = "\n".join(event.text).strip()
    if not body:
        _reject(timeline, event, "a time without any text")
        return
    if len(body) > LONGEST_EVENT:
        _reject(timeline, event, f"an event has at most {LONGEST_EVENT:,} characters: split it")
        return
    try:
        dated = calendar.dated(event.when, event.zone)
    except Misread as error:
        _reject(timeline, event, error.reason)
        return
    timeline.entries.append(
        ParsedEvent(
            lines=tuple(event.numbers),
            at=dated.at,
            ends_at=dated.ends_at,
            precision=_precision(event.when),
            zone=dated.zone,
            text=body,
            notes=(*dated.notes, *event.notes),
            kind=guessed_kind(body),
        )
    )


def _reject(timeline: ParsedTimeline, event: Event, reason: str) -> None:
    """All lines of an event that cannot be one."""
    lines = zip(event.numbers, event.raw, strict=True)
    timeline.rejected.extend(RejectedLine(number, raw, reason) for number, raw in lines)


def _precision(when: When) -> Precision:
    if when.start is None:
        return "day"
    return "approximate" if when.is_approximate else "exact"


def _run_lengths(items: list[Event | DayLine]) -> list[int]:
    """At the first event of each run of clock times without a date: how many there are; 0 elsewhere."""
    lengths = [0] * len(items)
    start = -1
    for index, item in enumerate(items):
        if isinstance(item, DayLine) or item.when.day:
            start = -1
        else:
            start = index if start < 0 else start
            lengths[start] += 1
    return lengths


def _run(found: Sorted, first: int, length: int) -> list[When]:
    """The times of the run, with the dated one that it follows."""
    begin = first - 1 if first and isinstance(found.items[first - 1], Event) else first
    return [item.when for item in found.items[begin : first + length] if isinstance(item, Event)]
