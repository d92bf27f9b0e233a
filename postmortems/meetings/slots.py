"""When to meet: slots two to five days after resolution, in the working hours of those who come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

FIRST, IDEAL, LAST = timedelta(days=1), timedelta(days=2), timedelta(days=5)
"""After resolution. Two days are ideal: facts are in and memory is fresh (PRODUCT.md, F1); a day is the least."""
LEAST_NOTICE = timedelta(hours=2)
BEGINS, ENDS = 9, 17
"""The working hours of everybody, on their own clock."""
EVERY = timedelta(minutes=30)
MOST = 4
APART = timedelta(hours=4)
"""Slots proposed beside each other leave so much between them: half an hour later is no other choice."""


@dataclass(frozen=True)
class LocalTime:
    """A slot on one person's clock."""

    at: datetime
    fits: bool
    """Within working hours, on a working day."""


@dataclass(frozen=True)
class Slot:
    """A time to meet, as everybody's clock shows it, in the order of the zones given."""

    starts_at: datetime
    local: list[LocalTime]

    @property
    def misfits(self) -> int:
        """For how many it lies outside their working hours."""
        return sum(not each.fits for each in self.local)


def on_clock(starts_at: datetime, minutes: int, zone: ZoneInfo) -> LocalTime:
    """A meeting on the clock of `zone`, and whether it lies within a working day there."""
    begins = starts_at.astimezone(zone)
    ends = (starts_at + timedelta(minutes=minutes)).astimezone(zone)
    last = ends.hour * 60 + ends.minute
    fits = begins.weekday() < 5 and begins.hour >= BEGINS and begins.date() == ends.date() and last <= ENDS * 60
    return LocalTime(begins, fits)


def slot_at(starts_at: datetime, minutes: int, zones: Sequence[ZoneInfo]) -> Slot:
    return Slot(starts_at, [on_clock(starts_at, minutes, zone) for zone in zones])


def proposed_slots(resolved_at: datetime, zones: Sequence[ZoneInfo], *, minutes: int, now: datetime) -> list[Slot]:
    """At most four slots that suit most people, the best first: close to two days after resolution.

    Later than five days after it only where the days before leave no choice.
    """
    first = max(resolved_at + FIRST, now + LEAST_NOTICE)
    at, last = _rounded_up(first), resolved_at + LAST
    found: list[Slot] = []
    while at <= max(last, first + LAST):
        found.append(slot_at(at, minutes, zones))
        at += EVERY
    fewest = min(slot.misfits for slot in found)
    best = sorted((slot for slot in found if slot.misfits == fewest), key=lambda slot: abs(_late(slot, resolved_at)))
    in_time = _spread(slot for slot in best if slot.starts_at <= last)
    return in_time if len(in_time) > 1 else _spread(best)


def _spread(slots: Iterable[Slot]) -> list[Slot]:
    """The first few that lie apart."""
    chosen: list[Slot] = []
    for slot in slots:
        if len(chosen) < MOST and all(abs(slot.starts_at - each.starts_at) >= APART for each in chosen):
            chosen.append(slot)
    return chosen


def _late(slot: Slot, resolved_at: datetime) -> timedelta:
    return slot.starts_at - (resolved_at + IDEAL)


def _rounded_up(at: datetime) -> datetime:
    past = timedelta(minutes=at.minute % 30, seconds=at.second, microseconds=at.microsecond)
    return at.astimezone(UTC) + (EVERY - past if past else timedelta())
