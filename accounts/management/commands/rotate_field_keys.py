"""Encrypt every secret anew with the first of FIELD_KEYS."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.secrets import NoKeys, SealedField, Unreadable, reseal


class Command(BaseCommand):
    help = "Encrypt every secret of other systems anew with the first of FIELD_KEYS; then the others can be taken away."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = rotate()
        except (NoKeys, Unreadable) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{count} secrets are encrypted with the first key.")


@transaction.atomic
def rotate() -> int:
    """All or nothing; how many there are. Raises `NoKeys` or `Unreadable`."""
    count = 0
    for model in apps.get_models():
        names = [field.name for field in model._meta.get_fields() if isinstance(field, SealedField)]
        for row in model._default_manager.select_for_update() if names else ():
            filled = [name for name in names if getattr(row, name)]
            for name in filled:
                setattr(row, name, reseal(getattr(row, name)))
            row.save(update_fields=filled)
            count += len(filled)
    return count
