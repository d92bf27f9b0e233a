"""Searching action items: the search column, and what a result shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F, QuerySet

from accounts.models import User
from accounts.search import Source
from actions.models import ActionItem

INDEX_ALL = """
UPDATE actions_actionitem a SET search =
    setweight(to_tsvector('english', a.title || ' ACT-' || a.id), 'A') ||
    setweight(to_tsvector('english', array_to_string(a.labels, ' ')), 'B') ||
    setweight(to_tsvector('english', a.deliverable), 'C')
"""
INDEX = f"{INDEX_ALL}WHERE a.id = %s"


def index_action(pk: int) -> None:
    """Bring the search column of one action up to date, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(INDEX, [pk])


def index_all() -> None:
    """Bring the search column of every action up to date, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(INDEX_ALL)


class ActionSource(Source):
    """Title and deliverable of action items."""

    kind = "action"
    label = "Actions"
    icon = "list-checks"
    letters = "ACT"
    facts = {
        "severity": "postmortem__incident__severity",
        "service": "postmortem__incident__services",
        "team": "team",
        "tag": "postmortem__tags__name",
        "since": "created_at__gte",
        "until": "created_at__lt",
    }

    def visible(self, user: User) -> QuerySet[ActionItem]:
        return ActionItem.objects.visible_to(user)

    def joined(self, rows: QuerySet[ActionItem]) -> QuerySet[Any]:
        return rows.select_related("team", "owner").defer("search").annotate(words=F("deliverable"))

    def described(self, row: ActionItem) -> tuple[datetime | None, list[str]]:
        owner = row.owner.display_name if row.owner else "Nobody yet"
        return row.created_at, [row.get_status_display(), owner, str(row.team)]
