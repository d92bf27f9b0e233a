"""Due dates in words. A date is meant in the owner's own time zone; without an owner, in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.deadlines import in_words, tone
from actions.enums import Status
from actions.models import ActionItem


@dataclass(frozen=True)
class Due:
    """How an action stands to its due date: `tone` is "late", "soon", "later", "none" or "finished"."""

    text: str
    tone: str
    on: date | None

    @property
    def is_overdue(self) -> bool:
        return self.tone == "late"

    @property
    def html(self) -> SafeString:
        """The day and the words, as every list and page shows them."""
        words = format_html('<span class="due due-{}">{}</span>', self.tone, self.text)
        if self.on is None:
            return words
        day = date_format(self.on, "j M Y")
        return format_html('<time class="num" datetime="{}">{}</time> {}', self.on.isoformat(), day, words)


def today_for(action: ActionItem, *, now: datetime) -> date:
    """The day it is at `now` where the owner of `action` lives."""
    return now.astimezone(action.owner.zone if action.owner else UTC).date()


def is_overdue(action: ActionItem, *, now: datetime) -> bool:
    """Whether the owner's day after the due date has begun and nothing has been settled: see `filters.overdue`."""
    if action.is_finished or action.due_on is None:
        return False
    return action.due_on < today_for(action, now=now)


def due(action: ActionItem, *, now: datetime) -> Due:
    """How `action` stands at `now`, in words that need no colour."""
    if action.is_finished:
        return Due(_finished(action), "finished", action.due_on)
    if action.due_on is None:
        return Due("No due date", "none", None)
    days = (action.due_on - today_for(action, now=now)).days
    return Due(in_words(days), tone(days), action.due_on)


def _finished(action: ActionItem) -> str:
    label = "Done" if action.status == Status.DONE else "Dropped"
    return f"{label} on {date_format(action.finished_at, 'j F Y')}" if action.finished_at else label
