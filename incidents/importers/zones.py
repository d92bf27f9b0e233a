"""Which time zone the people of a file lived by, told from the offsets they wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from incidents.importers.debrief_json import IncidentDocument

LIKELY = (
    "UTC",
    "America/Los_Angeles",
    "America/New_York",
    "Europe/London",
    "Europe/Paris",
    "America/Chicago",
    "America/Denver",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Asia/Singapore",
    "Europe/Helsinki",
    "Africa/Johannesburg",
    "Africa/Lagos",
    "America/Sao_Paulo",
    "Asia/Dubai",
    "Asia/Karachi",
    "Asia/Dhaka",
    "Asia/Jakarta",
    "Pacific/Auckland",
    "America/Halifax",
    "Asia/Kathmandu",
    "Pacific/Honolulu",
)
"""Zones in which many people work, those tried first that share their offsets with others."""


def likely_zone(document: IncidentDocument) -> ZoneInfo:
    """The zone the file names; else the first likely one that fits every offset in it; else UTC."""
    if document.timezone != "UTC":
        return ZoneInfo(document.timezone)
    return fitting_zone(moments(document))


def fitting_zone(found: Iterable[datetime]) -> ZoneInfo:
    """The first likely zone whose clocks showed, at each moment, the offset it was written with; else UTC."""
    offsets = [(moment, moment.utcoffset()) for moment in found]
    for name in LIKELY:
        zone = ZoneInfo(name)
        if all(moment.astimezone(zone).utcoffset() == offset for moment, offset in offsets):
            return zone
    return ZoneInfo("UTC")


def moments(document: IncidentDocument) -> Iterator[datetime]:
    """Every moment of the file that was written with a time of day, so with an offset."""
    times = (
        document.started_at,
        document.detected_at,
        document.acknowledged_at,
        document.diagnosed_at,
        document.mitigated_at,
        document.resolved_at,
        document.closed_at,
    )
    yield from (moment for moment in times if moment)
    told = [*(entry.at for entry in document.timeline), *(entry.at for entry in document.communications)]
    yield from (moment.at for moment in told if moment and ":" in moment.written)
