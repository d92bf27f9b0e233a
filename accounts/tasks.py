"""Background work of accounts: names and limits; what is done is in the services."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from accounts.services import export as exports

LONGEST = 6 * 3600
"""Seconds: a large organisation takes longer than other work may."""


@shared_task(name="accounts.tasks.make_export", time_limit=LONGEST)
def make_export(export_id: str) -> None:
    """Make an archive that an administrator asked for; repeating it makes none."""
    exports.make_export(UUID(export_id), now=timezone.now())


@shared_task(name="accounts.tasks.sweep_exports")
def sweep_exports() -> None:
    """Delete archives whose time is over, and ask again for those that nobody makes."""
    exports.sweep_exports(now=timezone.now())
