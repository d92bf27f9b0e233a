"""Moments as a file writes them: with the offset it used, and no more exact than it claims."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

FIRST_YEAR, LAST_YEAR = 1990, 2100
FURTHEST_OFFSET = timedelta(hours=14)

Precision = Literal["exact", "approximate", "day"]

_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]"
    r"(?::[0-5][0-9](?:\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")


class UnreadableMoment(ValueError):
    """The text is not a moment; the message says why, in words for the author of a file."""


@dataclass(frozen=True)
class Moment:
    """When something happened, as far as the file knows.

    `at` is aware and keeps the offset that was written. With precision "day" it is midnight of that day in the
    document's time zone and only the date is meant. A month alone is "approximate" at its first midnight, and `caveat`
    says so in words for readers ("Only the month is known: December 2020.").
    """

    at: datetime
    precision: Precision
    written: str
    caveat: str = ""

    @property
    def offset(self) -> timedelta:
        """The offset from UTC that the file used, or that holds in the document's zone for a day or month."""
        return self.at.utcoffset() or timedelta(0)


def read_moment(text: str) -> datetime:
    """A date with a time of day and an offset: "2026-04-01T14:32:00+01:00" or with "Z"."""
    found = _MOMENT.fullmatch(text)
    if not found:
        hint = "a day alone is not enough here: " if _DAY.fullmatch(text) else ""
        raise UnreadableMoment(f"{hint}write a date, a time and an offset, as 2026-04-01T14:32:00+01:00")
    if not found[1]:
        raise UnreadableMoment("no time zone: add an offset, as 2026-04-01T14:32:00+01:00, or Z for UTC")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UnreadableMoment(f"there is no such moment ({error})") from error
    if abs(moment.utcoffset() or timedelta(0)) > FURTHEST_OFFSET:
        raise UnreadableMoment("an offset from UTC is at most 14 hours")
    _check_year(moment.year)
    return moment


def read_day(text: str) -> date:
    """A day: "2026-04-01"."""
    if not _DAY.fullmatch(text):
        raise UnreadableMoment("write a day, as 2026-04-01")
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise UnreadableMoment(f"there is no such day ({error})") from error
    _check_year(day.year)
    return day


def read_loose_moment(text: str, *, zone: ZoneInfo) -> Moment:
    """A moment, or a day or a month alone, which are placed at their first midnight in `zone`."""
    if _DAY.fullmatch(text):
        return Moment(_midnight(read_day(text), zone), "day", text)
    if _MONTH.fullmatch(text):
        first = read_day(f"{text}-01")
        return Moment(_midnight(first, zone), "approximate", text, f"Only the month is known: {first:%B %Y}.")
    return Moment(read_moment(text), "exact", text)


def is_month(moment: Moment) -> bool:
    """The file knew only the month."""
    return bool(_MONTH.fullmatch(moment.written))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def _check_year(year: int) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise UnreadableMoment(f"the year must lie between {FIRST_YEAR} and {LAST_YEAR}")
