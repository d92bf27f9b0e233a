"""The head of a line: when something happened, written in front of what happened."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date

from incidents.timeline_text.clock import UNFILLED, Clock, Day, afternoon, scan_clock, scan_day
from incidents.timeline_text.parsed import Misread
from incidents.timeline_text.zones import WrittenZone, scan_zone


@dataclass(frozen=True)
class Reading:
    """How dates are read: `day_first` for 01/04/2026, `near` for dates without a year."""

    day_first: bool
    near: date


@dataclass(frozen=True)
class When:
    """The time in a line's head as written: parts that are missing are found later from the lines before.

    `is_open` marks a date behind which a time should stand and does not ("2022-05-25 HH:mm").
    """

    day: Day | None = None
    start: Clock | None = None
    end_day: Day | None = None
    end: Clock | None = None
    zone: WrittenZone | None = None
    is_approximate: bool = False
    is_open: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Head:
    """A line's `when` and what follows it, without the marks between. `is_apart`: a mark stood between the two."""

    when: When
    rest: str
    is_apart: bool


_MARKERS = re.compile(r"\*\*|__|~~|[*_`\"'“‘\[(]")
_CLOSERS = {"[": "]", "(": ")", "“": "”", "‘": "’"}
_SPACE = re.compile(r"[ \t\u00a0\u202f]*")
_LEAD = re.compile(r"(?:(?:at|on|from|between|@)\s+|@)", re.IGNORECASE)
_APPROX = re.compile(
    r"(?:[~≈∼]|(?:approximately|approx|around|about|roughly|circa|ca|c)\b\.?)[ \t]{0,2}(?=[*_`0-9~]|at\b)",
    re.IGNORECASE,
)
_APPROX_BEHIND = re.compile(
    r"[ \t]?(?:~|ish\b|\(?(?:approximately|approx|est|estimated|about)\b\.?\)?|\(\?\))", re.IGNORECASE
)
_JOIN = re.compile(r"[ \t\u00a0\u202f]*(?:[T,;@|][ \t]*|(?:at|on)[ \t]+|[-–—][ \t]+)?")
_RANGE = re.compile(r"[ \t]*(?:-|–|—|−|→|->|to\b|until\b|till\b|and\b)[ \t]*", re.IGNORECASE)
_UNKNOWN_END = re.compile(r"(?:[0-9]{1,2}:\?\?|\?\?:\?\?|\?{1,3}|now\b|ongoing\b|present\b)", re.IGNORECASE)
_SEPARATOR = re.compile(r"[ \t]*(?:[-–—]{1,3}|→|->|=>|>|=|[:|;,])(?=[ \t\u00a0*_`\"'“\[(]|$|[^\W\d]|[:|;,])")
_SIGN_OF_A_CLOCK = re.compile(r"Z\b|\s?(?:hrs|h|UTC|GMT|CES?T|[A-Z]{1,3}[SD]T)\b")
_SET_APART = re.compile(r"[*_`\])]*\s*(?:[-–—:|,;]|$)")
_SPACED_OFFSET = re.compile(r"\s[-\u2212][0-9]{4}(?![0-9:])")
_GLUED = re.compile(r"[\w%$€£]|[./:-][0-9]")
_WEEKDAY = re.compile(r"(?:mon|tues|wednes|thurs|fri|satur|sun)day\b[,: \t]*", re.IGNORECASE)


def scan_head(line: str, reading: Reading) -> Head | None:
    """The head of `line`, which begins where its bullet ends; None where there is no time in front.

    Raises Misread for a head that cannot be read.
    """
    scanner = _Scanner(line, reading)
    if not scanner.scan():
        return None
    return scanner.head()


@dataclass
class _Scanner:
    line: str
    reading: Reading
    at: int = 0
    when: When = field(default_factory=When)
    opened: list[str] = field(default_factory=list)
    is_range_announced: bool = False

    def scan(self) -> bool:
        """Take as much of the line as belongs to the time; True when there is one."""
        self._skip_weekday_alone()
        self._take_lead()
        while self._take_part():
            pass
        if not (self.when.day or self.when.start):
            return False
        self._take_behind()
        return not self._is_glued()

    def _is_glued(self) -> bool:
        return bool(_GLUED.match(self.line, self.at)) and self.at > 0 and not self.line[self.at - 1].isspace()

    def _take_lead(self) -> None:
        self._skip_markers()
        lead = _LEAD.match(self.line, self.at)
        if lead:
            self.at = lead.end()
            self.is_range_announced = lead[0].strip().lower() in {"from", "between"}

    def _skip_weekday_alone(self) -> None:
        found = _WEEKDAY.match(self.line.lstrip("*_ "))
        rest = self.line.lstrip("*_ ")[found.end() :].lstrip("*_ ") if found else ""
        if found and (not rest or scan_clock(rest, 0)):
            raise Misread(f"“{found[0].strip(' ,:')}” is a weekday without a date: write the date", is_certain=False)

    def _skip_markers(self) -> None:
        """Pass over emphasis, quotes and opening brackets, remembering what has to be closed."""
        while True:
            space = _SPACE.match(self.line, self.at)
            start = space.end() if space else self.at
            marker = _MARKERS.match(self.line, start)
            if marker:
                self._toggle(marker[0])
                self.at = marker.end()
            elif self.opened and self._closes(start):
                self.at = start + len(self.opened.pop())
            else:
                self.at = start
                return

    def _toggle(self, marker: str) -> None:
        if self.opened and self.opened[-1] == marker:
            self.opened.pop()
        else:
            self.opened.append(_CLOSERS.get(marker, marker))

    def _closes(self, at: int) -> bool:
        return self.line.startswith(self.opened[-1], at)

    def _take_part(self) -> bool:
        """One more part of the time, if one stands here; otherwise nothing has moved."""
        before, opened = self.at, list(self.opened)
        if self.when.start and self._take_behind_clock():
            return True
        joined = _JOIN.match(self.line, self.at) if self.when.day or self.when.start else None
        self.at = joined.end() if joined else self.at
        self._skip_markers()
        approx = _APPROX.match(self.line, self.at)
        if approx:
            self.at = approx.end()
            lead = _LEAD.match(self.line, self.at)
            self.at = lead.end() if lead else self.at
        if self._take_day() or self._take_clock() or self._take_unfilled():
            self.when = replace(self.when, is_approximate=self.when.is_approximate or bool(approx))
            return True
        self.at, self.opened = before, opened
        return False

    def _take_day(self) -> bool:
        if self.when.day:
            return False
        found = scan_day(self.line, self.at, near=self.reading.near, day_first=self.reading.day_first)
        if not found:
            return False
        self.when = replace(self.when, day=found[0], notes=self.when.notes + found[0].notes)
        self.at = found[1]
        return True

    def _take_clock(self) -> bool:
        if self.when.start or self.when.is_open:
            return False
        found = scan_clock(self.line, self.at)
        if not found or not self._is_surely_a_clock(*found):
            return False
        clock, self.at = found
        self._add_clock(clock)
        self._take_range(clock)
        return True

    def _add_clock(self, clock: Clock) -> None:
        rough = self.when.is_approximate or clock.is_rough
        self.when = replace(self.when, start=clock, notes=self.when.notes + clock.notes, is_approximate=rough)

    def _is_surely_a_clock(self, clock: Clock, end: int) -> bool:
        """Numbers that may be anything ("1432 requests", "1.17 came out") are a time only beside other signs of one."""
        if clock.style in {"colon", "hour"} or self.when.day or clock.has_meridiem:
            return True
        if _SIGN_OF_A_CLOCK.match(self.line, end) or "h" in clock.written:
            return True
        is_apart = bool(_SET_APART.match(self.line, end))
        if clock.style == "dot":
            return len(clock.written) == 5 or is_apart
        if is_apart and not 1900 <= int(clock.written[:4]) <= 2099:
            return True
        number = clock.written[:4]
        raise Misread(
            f"“{number}” may be a time or a number: write {number[:2]}:{number[2:]} if it is a time", is_certain=False
        )

    def _take_unfilled(self) -> bool:
        found = UNFILLED.match(self.line, self.at)
        if not found or not self.when.day or self.when.start or self.when.is_open:
            return False
        self.at = found.end()
        note = f"“{found[0]}” is no time: only the day is kept"
        self.when = replace(self.when, is_open=True, notes=(*self.when.notes, note))
        return True

    def _take_range(self, start: Clock) -> None:
        """The end of a range, if one stands here."""
        zone = self._zone_here()
        at = zone[1] if zone else self.at
        joined = _RANGE.match(self.line, at)
        if not joined or (joined[0].strip().lower() == "and" and not self.is_range_announced):
            return
        if self._take_end(start, joined.end()):
            self._take_zone_of_range(zone[0] if zone else None)
        elif self._take_unknown_end(joined.end()):
            self.when = replace(self.when, zone=self.when.zone or (zone[0] if zone else None))

    def _take_zone_of_range(self, first: WrittenZone | None) -> None:
        """The one zone of a range, which may be written behind either end or both."""
        second = self._zone_here()
        if second:
            self.at = second[1]
        if first and second and first.written != second[0].written:
            raise Misread("the two ends of the range are in different zones: write them in one")
        self.when = replace(self.when, zone=first or (second[0] if second else None))

    def _zone_here(self) -> tuple[WrittenZone, int] | None:
        return scan_zone(self.line, self.at, minus_is_offset=self._minus_is_offset())

    def _minus_is_offset(self) -> bool:
        """ISO times carry offsets ("T14:32-08:00", "14:32:05-08:00", "14:32 -0800"); otherwise a minus means "to"."""
        written = self.when.start.written if self.when.start else ""
        start = self.at - len(written)
        is_iso = self.line[max(0, start - 1) : start] == "T" or (self.when.day is not None and written.count(":") == 2)
        return is_iso or bool(_SPACED_OFFSET.match(self.line, self.at))

    def _take_end(self, start: Clock, at: int) -> bool:
        day = scan_day(self.line, at, near=self.reading.near, day_first=self.reading.day_first)
        if day:
            joined = _JOIN.match(self.line, day[1])
            at = joined.end() if joined else day[1]
        found = scan_clock(self.line, at, style=start.style)
        if not found or found[0].is_rough or _GLUED.match(self.line, found[1]):
            return False
        end, self.at = found
        if (
            end.has_meridiem
            and not start.has_meridiem
            and end.hour >= 12
            and start.hour < 12
            and start.hour <= end.hour - 12
        ):
            self.when = replace(self.when, start=afternoon(start))
        self.when = replace(self.when, end=end, end_day=day[0] if day else None)
        return True

    def _take_unknown_end(self, at: int) -> bool:
        found = _UNKNOWN_END.match(self.line, at)
        if not found:
            return False
        self.at = found.end()
        self.when = replace(self.when, notes=(*self.when.notes, f"the end of the range, “{found[0]}”, is not a time"))
        return True

    def _take_behind_clock(self) -> bool:
        """A zone or a sign of "about" directly behind the time."""
        closing = self.at
        while self.opened and self.opened[-1] not in "])" and self._closes(self.at):
            self.at += len(self.opened.pop())
        if not self.when.zone:
            zone = self._zone_here()
            if zone:
                self.when, self.at = replace(self.when, zone=zone[0]), zone[1]
                return True
        behind = _APPROX_BEHIND.match(self.line, self.at)
        if behind and not self.when.is_approximate:
            self.when, self.at = replace(self.when, is_approximate=True), behind.end()
            return True
        return self.at != closing

    def _take_behind(self) -> None:
        behind = _APPROX_BEHIND.match(self.line, self.at)
        if behind and not self.when.is_approximate:
            self.when, self.at = replace(self.when, is_approximate=True), behind.end()

    def head(self) -> Head:
        """What was taken, and the rest of the line without the marks that belonged to the time."""
        rest, is_apart, dashes, was_quoted = self.line[self.at :], False, 0, self.line.startswith('"')
        for _ in range(8):
            rest = rest.strip(" \t\u00a0\u202f")
            closed = next((mark for mark in reversed(self.opened) if rest.startswith(mark)), None)
            separator = _SEPARATOR.match(rest)
            if closed:
                self.opened.remove(closed)
                rest = rest[len(closed) :]
                is_apart = is_apart or closed in "])"
            elif separator and dashes < 2:
                rest, is_apart, dashes = rest[separator.end() :], True, dashes + 1
                was_quoted = was_quoted or separator[0] == ","
            else:
                break
        rest = self._without_left_open(rest)
        return Head(self.when, _unquoted(rest) if was_quoted else rest, is_apart)

    def _without_left_open(self, rest: str) -> str:
        for mark in reversed(self.opened):
            rest = rest.replace(mark, "", 1)
        return rest.strip()


def _unquoted(field: str) -> str:
    """A field of comma-separated values without its quotes."""
    is_quoted = len(field) >= 2 and field[0] == field[-1] == '"'
    return field[1:-1].replace('""', '"').strip() if is_quoted else field
