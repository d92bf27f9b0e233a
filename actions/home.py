"""What action items add to the home page."""

from __future__ import annotations

from datetime import datetime

from django.urls import reverse

from accounts.home import ROWS, Part, Row
from accounts.models import User
from actions import queries


class MyActions(Part):
    """What one has taken on, the most urgent first."""

    key = "actions"
    title = "My actions"
    order = 40
    waits = True
    empty = "You have no unfinished actions."

    def rows(self, user: User, *, now: datetime) -> list[Row]:
        page = queries.actions_waiting(user, now=now, size=ROWS)
        return [
            Row(row.action.get_absolute_url(), row.action.reference, row.action.title, row.due.text, row.due.tone)
            for row in page.rows
        ]

    def url(self) -> str:
        return f"{reverse('actions:actions')}?owner=me"
