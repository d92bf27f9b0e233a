"""Moments as a post-mortem shows them: all on one clock, that of the incident, which is named."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from incidents.enums import Precision


def moment_text(at: datetime, zone: ZoneInfo, precision: str = Precision.EXACT, *, names_zone: bool = True) -> str:
    """As "14:32 UTC on 5 April 2022"; only the date where only the day is known, "about" where it is approximate."""
    local = at.astimezone(zone)
    day = f"{local.day} {local:%B %Y}"
    if precision == Precision.DAY:
        return day
    about = "about " if precision == Precision.APPROXIMATE else ""
    clock = f"{local:%H:%M} {local:%Z}" if names_zone else f"{local:%H:%M}"
    return f"{about}{clock} on {day}"


def clock_text(at: datetime, zone: ZoneInfo, precision: str = Precision.EXACT) -> str:
    """The time of day alone, for a list that states the day and the zone once; "" where only the day is known."""
    if precision == Precision.DAY:
        return ""
    about = "about " if precision == Precision.APPROXIMATE else ""
    return f"{about}{at.astimezone(zone):%H:%M}"


def day_text(at: datetime, zone: ZoneInfo) -> str:
    """The date in words, as "Tuesday 5 April 2022"."""
    local = at.astimezone(zone)
    return f"{local:%A} {local.day} {local:%B %Y}"
