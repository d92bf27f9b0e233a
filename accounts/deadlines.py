"""Deadlines in words that need no colour."""

from __future__ import annotations

SOON = 7
"""Days before a deadline from which it is called close."""


def in_words(days: int) -> str:
    """ "Due tomorrow", for a deadline `days` from today; negative when it has passed."""
    if days < 0:
        return f"Overdue by {_days(-days)}"
    if days == 0:
        return "Due today"
    return "Due tomorrow" if days == 1 else f"Due in {_days(days)}"


def tone(days: int) -> str:
    """ "late", "soon" or "later"."""
    return "late" if days < 0 else "soon" if days <= SOON else "later"


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
