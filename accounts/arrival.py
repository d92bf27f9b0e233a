"""What an import means for those who are told things: nobody is told again of what lies before it."""

from __future__ import annotations

from datetime import date, datetime, tzinfo

from accounts.models import Arrival


def arrived_at() -> datetime | None:
    """When everything here was imported; None where it grew."""
    return Arrival.objects.values_list("at", flat=True).first()


def since(moment: datetime) -> datetime:
    """`moment`, or the import of everything here if that was later."""
    return max(moment, arrived_at() or moment)


def is_day_after(day: date, zone: tzinfo, import_at: datetime | None) -> bool:
    """Whether a person's day in `zone` began after the import at `import_at`, if there was one."""
    return import_at is None or day > import_at.astimezone(zone).date()
