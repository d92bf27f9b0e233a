"""Gives each event its day: the one on its line, the heading above it, or the one that keeps the times in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

from incidents.timeline_text.clock import FIRST_YEAR, LAST_YEAR, Clock
from incidents.timeline_text.head import When
from incidents.timeline_text.parsed import Misread
from incidents.timeline_text.zones import WrittenZone, day_in_words, instant, resolved_zone

SLIP = timedelta(hours=1)
"""Times that run backwards by no more are lines out of order; by more, the next day."""

FEWEST_NEWEST_FIRST = 3


@dataclass(frozen=True)
class Dated:
    """An event's moments in UTC, its zone as written and what was assumed."""

    at: datetime
    ends_at: datetime | None
    zone: str | None
    notes: tuple[str, ...]


@dataclass
class Calendar:
    """Walks down the lines and remembers the day and the moment reached.

    A clock time alone belongs to the day reached. Where it runs backwards by more than an hour it belongs to the next
    day; where a run of lines only runs backwards it is read from newest to oldest, all on one day.
    """

    zone: ZoneInfo
    day: date
    last: datetime | None = None
    last_zone: tuple[str | None, timedelta | None] = (None, None)
    is_newest_first: bool = field(default=False)

    def turn_to(self, day: date) -> None:
        """A heading names the day for the lines that follow."""
        self.day, self.last = day, None

    def start_run(self, whens: Sequence[When]) -> None:
        """`whens` follow each other up to the next date; see which way they run."""
        self.is_newest_first = runs_backwards([when.start for when in whens if when.start])

    def dated(self, when: When, zone: WrittenZone | None) -> Dated:
        """The moments of `when`, read in `zone` where it names none itself. Raises Misread for what cannot be."""
        written = when.zone or zone
        if when.start is None:
            return self._whole_day(when, written)
        day, notes = self._day_of(when, when.start, written)
        place, said = self._zone(written, day, when.start)
        at, doubts = instant(_clock_on(day, when.start), place, not_before=self.last)
        ends_at, ends = self._end(when, day, at, place)
        self.day, self.last, self.last_zone = day, at, _named(written, at, place)
        all_notes = (*when.notes, *notes, *said, *doubts, *ends)
        return Dated(at, ends_at, written.written if written else None, all_notes)

    def _whole_day(self, when: When, written: WrittenZone | None) -> Dated:
        day = when.day.day if when.day else self.day
        place, _ = self._zone(written, day, None)
        at, _ = instant(datetime.combine(day, time()), place)
        self.turn_to(day)
        return Dated(at, None, written.written if written else None, when.notes)

    def _zone(self, written: WrittenZone | None, day: date, clock: Clock | None) -> tuple[tzinfo, list[str]]:
        if written is None:
            return self.zone, []
        return resolved_zone(written, _clock_on(day, clock) if clock else datetime.combine(day, time(12)), self.zone)

    def _day_of(self, when: When, clock: Clock, written: WrittenZone | None) -> tuple[date, list[str]]:
        if when.day:
            return when.day.day, []
        if self.last is None:
            return self.day, []
        place, _ = self._zone(written, self.day, clock)
        same = instant(_clock_on(self.day, clock), place, not_before=self.last)[0]
        if self._is_other_zone(_named(written, same, place)):
            return self._closest_day(clock, place)
        if same >= self.last:
            return self.day, []
        if self.is_newest_first:
            return self.day, ["the lines run from newest to oldest: taken as the same day"]
        if same >= self.last - SLIP:
            return self.day, ["earlier than the line before: taken as the same day, out of order"]
        return _checked(self.day + timedelta(days=1)), [_NEXT_DAY]

    def _is_other_zone(self, zone: tuple[str | None, timedelta | None]) -> bool:
        return zone[0] != self.last_zone[0] and zone[1] != self.last_zone[1]

    def _closest_day(self, clock: Clock, place: tzinfo) -> tuple[date, list[str]]:
        """Between zones the date may differ though the moment follows: the first day that keeps the order."""
        floor = (self.last or datetime.min.replace(tzinfo=UTC)) - SLIP
        for step in (-1, 0, 1):
            day = self.day + timedelta(days=step)
            if instant(_clock_on(day, clock), place)[0] >= floor:
                return _checked(day), [] if step == 0 else [
                    f"taken as {day_in_words(day)}, in order after the line before"
                ]
        return _checked(self.day + timedelta(days=2)), [_NEXT_DAY]

    def _end(self, when: When, day: date, at: datetime, place: tzinfo) -> tuple[datetime | None, list[str]]:
        if when.end is None:
            return None, []
        end_day = when.end_day.day if when.end_day else day
        ends_at, doubts = instant(_clock_on(end_day, when.end), place, not_before=at)
        if ends_at < at and when.end_day:
            raise Misread("the range ends before it starts")
        if ends_at < at:
            ends_at, doubts = instant(_clock_on(_checked(end_day + timedelta(days=1)), when.end), place)
            doubts = [*doubts, "the range ends on the next day"]
        return ends_at, list(doubts)


_NEXT_DAY = "no date on the line: taken as the next day, because the time runs backwards"


def runs_backwards(clocks: Sequence[Clock]) -> bool:
    """At least three times, none later than the one before and not all the same."""
    times = [clock.since_midnight for clock in clocks]
    falls = [before - after for before, after in pairwise(times)]
    return len(times) >= FEWEST_NEWEST_FIRST and all(fall >= timedelta(0) for fall in falls) and any(falls)


def _named(written: WrittenZone | None, at: datetime, place: tzinfo) -> tuple[str | None, timedelta | None]:
    return (written.written if written else None), at.astimezone(place).utcoffset()


def _clock_on(day: date, clock: Clock) -> datetime:
    """The naive datetime that clocks show; hour 24 is midnight at the end of the day."""
    return datetime.combine(day, time()) + clock.since_midnight


def _checked(day: date) -> date:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise Misread(f"the days counted up to here lie outside {FIRST_YEAR} to {LAST_YEAR}")
    return day
