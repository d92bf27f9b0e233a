"""Keeping filters under a name."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from actions.models import SavedView

MOST = 30


class TooManyViews(Exception):
    """More than anybody finds again."""


@transaction.atomic
def save_view(*, person: User, of: str, name: str, query: str) -> SavedView:
    """Keep `query` under `name`; the same name again means what it says now. Raises `TooManyViews`."""
    others = SavedView.objects.filter(person=person, of=of).exclude(name=name)
    if others.count() >= MOST:
        raise TooManyViews
    return SavedView.objects.update_or_create(person=person, of=of, name=name, defaults={"query": query})[0]


def remove_view(*, view: SavedView) -> None:
    """Forget it; repeating it changes nothing."""
    SavedView.objects.filter(pk=view.pk).delete()
