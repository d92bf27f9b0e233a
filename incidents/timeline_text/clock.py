"""Dates and times of day as people write them. Every pattern is anchored and bounded: cost is linear in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from incidents.timeline_text.parsed import Misread
from incidents.timeline_text.zones import day_in_words

FIRST_YEAR, LAST_YEAR = 1990, 2100

Style = Literal["colon", "dot", "compact", "hour"]


@dataclass(frozen=True)
class Clock:
    """A time of day. Hour 24 is midnight at the end of the day. `is_rough`: the minutes are not known ("14:??")."""

    hour: int
    minute: int
    second: int
    style: Style
    written: str
    is_rough: bool = False
    has_meridiem: bool = False
    notes: tuple[str, ...] = ()

    @property
    def since_midnight(self) -> timedelta:
        return timedelta(hours=self.hour, minutes=self.minute, seconds=self.second)


@dataclass(frozen=True)
class Day:
    """A date. `is_firm`: written with its year, so nothing else can be meant."""

    day: date
    is_firm: bool
    notes: tuple[str, ...] = ()


_MERIDIEM = r"(?:[ \t\u00a0\u202f]?([AaPp])\.?[Mm]\b\.?)?"
_COLON = re.compile(r"([0-9]{1,2})[:\u2236]([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]{1,9})?)?(?![0-9]|:[0-9])" + _MERIDIEM)
_DOT = re.compile(r"([0-9]{1,2})\.([0-9]{2})(?![0-9%]|\.[0-9])" + _MERIDIEM)
_LETTER_H = re.compile(r"([0-9]{1,2})[hH]([0-9]{2})(?![0-9A-Za-z])")
_COMPACT = re.compile(r"([0-9]{2})([0-9]{2})(?![0-9]|[.,][0-9])(?:[ ]?(?:hrs|hours|h)\b)?")
_HOUR = re.compile(r"([0-9]{1,2})[ \u00a0\u202f]?([AaPp])\.?[Mm]\b\.?")
_ROUGH = re.compile(r"([0-9]{1,2}):(?:\?\?|xx|XX)")

UNFILLED = re.compile(
    r"(?:HH:mm|hh:mm|HH:MM|--:--|\?\?:\?\?|xx:xx|XX:XX|(?:[Tt]ime )?(?:TBC|TBA|TBD|[Uu]nknown))(?![A-Za-z0-9])"
)
"""What templates and people leave where a time belongs."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_WEEKDAY = r"(?:(?:mon|tue|tues|wed|wednes|thu|thur|thurs|fri|sat|satur|sun)(?:day)?\b\.?,?[ \t]{1,3})?"
_YEAR = r"(?:,?[ \t-]{1,3}([0-9]{4})\b(?!:))?"

_YEAR_FIRST = re.compile(_WEEKDAY + r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})(?![0-9?])", re.IGNORECASE)
_YEAR_LAST = re.compile(
    _WEEKDAY + r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})(?![0-9?]|[-/.:][0-9])", re.IGNORECASE
)
_DAY_MONTH = re.compile(
    _WEEKDAY + r"([0-9]{1,2})(?:st|nd|rd|th)?[ \t-]{1,2}(?:of[ \t])?" + _MONTH + _YEAR, re.IGNORECASE
)
_MONTH_DAY = re.compile(_WEEKDAY + _MONTH + r"[ \t]{1,2}([0-9]{1,2})(?:st|nd|rd|th)?\b(?!:)" + _YEAR, re.IGNORECASE)
_NO_DATE = re.compile(r"[0-9?]{2,6}(?:/[0-9?]{2})?[-/][0-9?]{1,2}[-/][0-9?]{1,4}")


def scan_clock(text: str, at: int, *, style: Style | None = None) -> tuple[Clock, int] | None:
    """The time of day at `at` and where it ends; only of `style`, where one is given. Raises Misread for "14:75"."""
    for found_style, pattern in (("colon", _COLON), ("dot", _DOT), ("colon", _LETTER_H)):
        found = pattern.match(text, at)
        if found and style in {None, found_style}:
            meridiem = found[found.re.groups] if pattern is not _LETTER_H else None
            second = found[3] if pattern is _COLON else None
            clock = _clock(found, int(found[1]), int(found[2]), int(second or 0), meridiem, found_style)
            return clock, found.end()
    return _scan_rare(text, at, style)


def _scan_rare(text: str, at: int, style: Style | None) -> tuple[Clock, int] | None:
    rough = _ROUGH.match(text, at)
    if rough and style in {None, "colon"} and int(rough[1]) < 24:
        note = f"“{rough[0]}”: the minutes are not known, taken as about {int(rough[1]):02}:00"
        return Clock(int(rough[1]), 0, 0, "colon", rough[0], is_rough=True, notes=(note,)), rough.end()
    hour = _HOUR.match(text, at)
    if hour and style in {None, "hour", "colon"}:
        return _clock(hour, int(hour[1]), 0, 0, hour[2], "hour"), hour.end()
    compact = _COMPACT.match(text, at)
    if compact and style in {None, "compact"}:
        return _clock(compact, int(compact[1]), int(compact[2]), 0, None, "compact"), compact.end()
    return None


def _clock(found: re.Match[str], hour: int, minute: int, second: int, meridiem: str | None, style: str) -> Clock:
    written = found[0].strip()
    if minute > 59 or second > 60 or hour > 24 or (hour == 24 and (minute or second)):
        raise Misread(f"“{written}” is not a time of day", is_certain=style in {"colon", "hour"})
    notes: tuple[str, ...] = (f"“{written}” read as {hour:02}:{minute:02}",) if style in {"dot", "compact"} else ()
    if meridiem:
        hour, said = _with_meridiem(hour, meridiem.lower(), written)
        notes += said
    if hour == 24:
        notes += ("24:00 is midnight at the end of the day",)
    known: Style = (
        "dot" if style == "dot" else "compact" if style == "compact" else "hour" if style == "hour" else "colon"
    )
    return Clock(hour, minute, min(second, 59), known, written, has_meridiem=bool(meridiem), notes=notes)


def _with_meridiem(hour: int, meridiem: str, written: str) -> tuple[int, tuple[str, ...]]:
    if hour > 12 or hour == 0:
        if (meridiem == "p") != (hour > 12):
            raise Misread(f"“{written}” contradicts itself: write it with 24 hours or with am and pm")
        return hour, (f"“{written}” read with 24 hours",)
    return hour % 12 + (12 if meridiem == "p" else 0), ()


def afternoon(clock: Clock) -> Clock:
    """`clock` moved to the afternoon: the "2:32" of "2:32–2:40 pm"."""
    note = f"“{clock.written}” read as pm, as the end of the range"
    return Clock(
        clock.hour % 12 + 12, clock.minute, clock.second, clock.style, clock.written, has_meridiem=True, notes=(note,)
    )


def scan_day(text: str, at: int, *, near: date, day_first: bool) -> tuple[Day, int] | None:
    """The date at `at` and where it ends. A date without a year is the one closest to `near`. Raises Misread for a
    date that does not exist.
    """
    found = _YEAR_FIRST.match(text, at)
    if found:
        return Day(_date(int(found[1]), int(found[3]), int(found[4]), found[0]), is_firm=True), found.end()
    found = _YEAR_LAST.match(text, at)
    if found and not _looks_like_version(found):
        return _numbered_day(found, day_first=day_first), found.end()
    found = _DAY_MONTH.match(text, at)
    if found:
        return _worded_day(found, found[1], found[2], near), found.end()
    found = _MONTH_DAY.match(text, at)
    if found:
        return _worded_day(found, found[2], found[1], near), found.end()
    wrong = _NO_DATE.match(text, at)
    if wrong and ("?" in wrong[0] or len(wrong[0]) >= 8):
        raise Misread(f"“{wrong[0]}” is not a date", is_certain=False)
    return None


def _looks_like_version(found: re.Match[str]) -> bool:
    return found[2] == "." and len(found[4]) == 2


def _numbered_day(found: re.Match[str], *, day_first: bool) -> Day:
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    year += 2000 if year < 100 else 0
    written = found[0].strip()
    is_ambiguous = first <= 12 and second <= 12 and first != second and found[2] != "."
    puts_day_first = found[2] == "." or (day_first if is_ambiguous else first > 12 or second <= 12)
    day, month = (first, second) if puts_day_first else (second, first)
    read = _date(year, month, day, written)
    how = "day first" if puts_day_first else "month first"
    notes: tuple[str, ...] = (f"“{written}” read as {day_in_words(read)} ({how})",) if is_ambiguous else ()
    return Day(read, is_firm=len(found[4]) == 4, notes=notes)


def _worded_day(found: re.Match[str], day: str, month: str, near: date) -> Day:
    number = _MONTHS.index(month[:3].lower()) + 1
    written, year = found[0].strip(), found[3]
    if year:
        return Day(_date(int(year), number, int(day), written), is_firm=True)
    read = _closest(number, int(day), near, written)
    return Day(read, is_firm=False, notes=(f"“{written}” without a year: taken as {day_in_words(read)}",))


def _closest(month: int, day: int, near: date, written: str) -> date:
    dates: list[date] = []
    for year in (near.year - 1, near.year, near.year + 1):
        try:
            dates.append(date(year, month, day))
        except ValueError:
            continue
    if not dates:
        raise Misread(f"there is no “{written}”", is_certain=False)
    return min(dates, key=lambda candidate: abs(candidate - near))


def _date(year: int, month: int, day: int, written: str) -> date:
    written = written.strip()
    try:
        read = date(year, month, day)
    except ValueError as error:
        raise Misread(f"there is no day “{written}”") from error
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise Misread(f"“{written}”: the year must lie between {FIRST_YEAR} and {LAST_YEAR}")
    return read
