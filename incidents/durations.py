"""Durations derived from an incident's times, each with its definition. Nothing here is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.models import Incident


@dataclass(frozen=True)
class Duration:
    """One derived duration; `value` is None while a time it needs is unknown."""

    key: str
    label: str
    definition: str
    value: timedelta | None

    @property
    def text(self) -> str:
        """In words, as "1 h 05 min"; a reversed order says so."""
        if self.value is None:
            return "not known yet"
        if self.value < timedelta(0):
            return f"{in_words(-self.value)} before"
        return in_words(self.value)


@dataclass(frozen=True)
class _Definition:
    key: str
    label: str
    start: str
    end: str
    definition: str


DEFINITIONS = (
    _Definition(
        "duration", "Duration", "impact_started_at", "resolved_at", "From the first customer impact to full recovery."
    ),
    _Definition(
        "time-to-detect",
        "Time to detect",
        "impact_started_at",
        "detected_at",
        "From the start of the impact (the trigger, not the page) to the moment someone or something noticed.",
    ),
    _Definition(
        "time-to-acknowledge",
        "Time to acknowledge",
        "detected_at",
        "acknowledged_at",
        "From detection to the moment a person took it on.",
    ),
    _Definition(
        "time-to-diagnose",
        "Time to diagnose",
        "detected_at",
        "diagnosed_at",
        "From detection to knowing what to change to stop the impact.",
    ),
    _Definition(
        "time-to-mitigate",
        "Time to mitigate",
        "detected_at",
        "mitigated_at",
        "From detection to the moment customers were no longer hurt, even if the cause was still there.",
    ),
    _Definition(
        "time-to-resolve",
        "Time to resolve",
        "detected_at",
        "resolved_at",
        "From detection to full recovery.",
    ),
)


def durations(incident: Incident) -> list[Duration]:
    """All derived durations of `incident`, known or not, in the order in which an incident passes them."""
    return [
        Duration(d.key, d.label, d.definition, elapsed(getattr(incident, d.start), getattr(incident, d.end)))
        for d in DEFINITIONS
    ]


def elapsed(start: datetime | None, end: datetime | None) -> timedelta | None:
    """Time from `start` to `end`; None while either is unknown, negative where the order is reversed."""
    return end - start if start and end else None


def in_words(span: timedelta) -> str:
    """A length of time as people say it: "45 s", "23 min", "1 h 05 min", "13 d 16 h"."""
    seconds = int(span.total_seconds())
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes:02} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min" if not seconds or minutes >= 10 else f"{minutes} min {seconds:02} s"
    return f"{seconds} s"
