"""Time zones as people write them behind a time, and clock times that a zone has never or twice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from incidents.timeline_text.parsed import Misread

FURTHEST_MINUTES = 14 * 60


@dataclass(frozen=True)
class WrittenZone:
    """A zone as written. `zone` is None for an abbreviation that says too little by itself ("IST").

    `place` is where the abbreviation is used, so that a label wrong for the season can be pointed out.
    """

    written: str
    zone: tzinfo | None
    place: str | None = None


def _fixed(hours: float) -> timezone:
    return timezone(timedelta(hours=hours))


_ABBREVIATIONS: dict[str, tuple[float, str]] = {
    "BST": (1, "Europe/London"),
    "WET": (0, "Europe/Lisbon"),
    "WEST": (1, "Europe/Lisbon"),
    "CET": (1, "Europe/Berlin"),
    "CEST": (2, "Europe/Berlin"),
    "EET": (2, "Europe/Helsinki"),
    "EEST": (3, "Europe/Helsinki"),
    "MSK": (3, "Europe/Moscow"),
    "SAST": (2, "Africa/Johannesburg"),
    "EST": (-5, "America/New_York"),
    "EDT": (-4, "America/New_York"),
    "CST": (-6, "America/Chicago"),
    "CDT": (-5, "America/Chicago"),
    "MST": (-7, "America/Denver"),
    "MDT": (-6, "America/Denver"),
    "PST": (-8, "America/Los_Angeles"),
    "PDT": (-7, "America/Los_Angeles"),
    "BRT": (-3, "America/Sao_Paulo"),
    "SGT": (8, "Asia/Singapore"),
    "HKT": (8, "Asia/Hong_Kong"),
    "JST": (9, "Asia/Tokyo"),
    "KST": (9, "Asia/Seoul"),
    "AEST": (10, "Australia/Sydney"),
    "AEDT": (11, "Australia/Sydney"),
    "ACST": (9.5, "Australia/Adelaide"),
    "AWST": (8, "Australia/Perth"),
    "NZST": (12, "Pacific/Auckland"),
    "NZDT": (13, "Pacific/Auckland"),
}
_REGIONS = {
    "PT": "America/Los_Angeles",
    "MT": "America/Denver",
    "CT": "America/Chicago",
    "ET": "America/New_York",
}
_NEEDS_SEPARATOR = {"WET", "WEST", *_REGIONS}
"""Also words or names: read as a zone only where the text after it is set apart."""

_NOT_ZONES = frozenset(
    [
        "TEST",
        "HOST",
        "POST",
        "COST",
        "LAST",
        "LIST",
        "BEST",
        "FAST",
        "MOST",
        "MUST",
        "JUST",
        "REST",
        "PAST",
        "DIST",
        "EAST",
        "FIRST",
        "EXIST",
        "TRUST",
        "GHOST",
        "BOOST",
        "BURST",
    ]
)

_OFFSET = re.compile(r"\s?(?:(?:UTC|GMT)\s?)?([+\u2212-])([0-9]{1,2})(?::?([0-9]{2}))?(?![0-9:])")
_NAMED_OFFSET = re.compile(r"\s?(?:UTC|GMT)\s?[+\u2212-]\s?[0-9]")
_UTC = re.compile(r"\s*(UTC|GMT|Zulu)(?![A-Za-z0-9+/-])|Z(?![A-Za-z0-9])", re.IGNORECASE)
_WORD = re.compile(r"\s*([A-Z]{2,5})(?![A-Za-z0-9_/-])")
_IANA = re.compile(r"\s*([A-Z][A-Za-z]{2,14}(?:/[A-Z][A-Za-z_-]{1,20}){1,2})(?![A-Za-z_/-])")
_SET_APART = re.compile(r"[*_`]*\s*(?:[-–—:|,;)\]]|$)")
_LOOKS_LIKE_ZONE = re.compile(r"[A-Z]{1,3}[SD]T")


@cache
def _iana_names() -> frozenset[str]:
    return frozenset(available_timezones())


def named_zone(word: str) -> WrittenZone | None:
    """The zone called `word`: "UTC", "CET", "PT", "Europe/London"; None for any other word."""
    if word.upper() in {"UTC", "GMT", "ZULU", "Z"}:
        return WrittenZone(word, UTC)
    if word in _ABBREVIATIONS:
        hours, place = _ABBREVIATIONS[word]
        return WrittenZone(word, _fixed(hours), place)
    if word in _REGIONS:
        return WrittenZone(word, ZoneInfo(_REGIONS[word]))
    if "/" in word and word in _iana_names():
        return WrittenZone(word, ZoneInfo(word))
    return None


def scan_zone(text: str, at: int, *, minus_is_offset: bool) -> tuple[WrittenZone, int] | None:
    """The zone that starts at `at`, directly behind a time, and where it ends; None where there is none.

    A minus behind a time is an offset only where `minus_is_offset` ("14:32-15:00" is a range). Raises Misread for an
    offset that no place has and for what can only be meant as a zone and is unknown.
    """
    opened = re.compile(r"\s*[(\[]").match(text, at)
    if opened:
        inner = _scan_bare(text, opened.end(), minus_is_offset=True, is_apart=True)
        closed = inner and re.compile(r"\s*(?:time)?[)\]]").match(text, inner[1])
        return (inner[0], closed.end()) if inner and closed else None
    return _scan_bare(text, at, minus_is_offset=minus_is_offset, is_apart=False)


def _scan_bare(text: str, at: int, *, minus_is_offset: bool, is_apart: bool) -> tuple[WrittenZone, int] | None:
    return (
        _scan_offset(text, at, minus_is_offset=minus_is_offset or bool(_NAMED_OFFSET.match(text, at)))
        or _scan_utc(text, at)
        or _scan_iana(text, at)
        or _scan_word(text, at, is_apart=is_apart)
    )


def _scan_offset(text: str, at: int, *, minus_is_offset: bool) -> tuple[WrittenZone, int] | None:
    found = _OFFSET.match(text, at)
    if not found or (found[1] != "+" and not minus_is_offset):
        return None
    if not found[3] and not _NAMED_OFFSET.match(text, at) and len(found[2]) < 2:
        return None
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    if minutes > FURTHEST_MINUTES or int(found[3] or 0) > 59:
        raise Misread(f"“{found[0].strip()}” is not an offset from UTC: at most 14 hours")
    sign = 1 if found[1] == "+" else -1
    return WrittenZone(found[0].strip(), timezone(sign * timedelta(minutes=minutes))), found.end()


def _scan_utc(text: str, at: int) -> tuple[WrittenZone, int] | None:
    found = _UTC.match(text, at)
    return (WrittenZone(found[0].strip(), UTC), found.end()) if found else None


def _scan_iana(text: str, at: int) -> tuple[WrittenZone, int] | None:
    found = _IANA.match(text, at)
    zone = named_zone(found[1]) if found else None
    return (zone, found.end()) if found and zone else None


def _scan_word(text: str, at: int, *, is_apart: bool) -> tuple[WrittenZone, int] | None:
    found = _WORD.match(text, at)
    if not found:
        return None
    word, is_apart = found[1], is_apart or bool(_SET_APART.match(text, found.end()))
    zone = named_zone(word)
    if zone:
        return (zone, found.end()) if is_apart or word not in _NEEDS_SEPARATOR else None
    if is_apart and _LOOKS_LIKE_ZONE.fullmatch(word) and word not in _NOT_ZONES:
        return WrittenZone(word, None), found.end()
    return None


def offset_in_words(offset: timedelta) -> str:
    """An offset as "UTC-08:00"."""
    minutes = int(offset.total_seconds() // 60)
    return f"UTC{'+' if minutes >= 0 else '-'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def day_in_words(day: date) -> str:
    """A day as "1 April 2026"."""
    return f"{day.day} {day:%B %Y}"


def resolved_zone(written: WrittenZone, clock: datetime, default: ZoneInfo) -> tuple[tzinfo, list[str]]:
    """The zone to read the naive `clock` in, with what must be said about it.

    An abbreviation that the default zone itself uses at that time means the default zone. Raises Misread for one that
    is known nowhere or in several places.
    """
    if written.zone is None or written.place:
        if clock.replace(tzinfo=default).tzname() == written.written:
            return default, []
        if written.zone is None:
            raise Misread(f"the zone “{written.written}” is unknown or has several meanings: write it as +05:30")
    return written.zone, _said_of(written, clock)


def _said_of(written: WrittenZone, clock: datetime) -> list[str]:
    if not written.place or written.zone is None:
        return []
    offset = written.zone.utcoffset(None) or timedelta(0)
    said = f"{written.written} read as {written.place} {offset_in_words(offset)}"
    shown = ZoneInfo(written.place).utcoffset(clock) or timedelta(0)
    if shown != offset:
        said += f", although clocks there showed {offset_in_words(shown)} on {day_in_words(clock.date())}"
    return [said]


def instant(clock: datetime, zone: tzinfo, *, not_before: datetime | None = None) -> tuple[datetime, list[str]]:
    """The moment in UTC at which clocks in `zone` show the naive `clock`, with what must be said about it.

    A time that the clocks skipped is read as long after the jump as it lies after its start. Of a time that happens
    twice the first is taken, unless only the second keeps the order after `not_before`.
    """
    first = clock.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = clock.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first == second:
        return first, []
    shown, where = f"{clock:%H:%M}", getattr(zone, "key", str(zone))
    if first.astimezone(zone).replace(tzinfo=None) != clock:
        read = first.astimezone(zone)
        return first, [f"{shown} does not exist on {day_in_words(clock.date())} in {where}: read as {read:%H:%M}"]
    twice = f"{shown} happens twice on {day_in_words(clock.date())} in {where}"
    if not_before and first < not_before <= second:
        return second, [f"{twice}: the second is taken, because the line before is later than the first"]
    return first, [f"{twice}: the first is taken"]
