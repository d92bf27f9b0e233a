"""What an action still lacks to be done by someone, some day. Advice only: nothing here blocks anything."""

from __future__ import annotations

import re
from datetime import date, timedelta

VAGUE_START = re.compile(r"\s*(investigate|look\s+(?:in)?to|look\s+at|explore|think\s+about|consider)\b", re.IGNORECASE)
LONGEST = timedelta(days=45)
"""Actions that run longer drift into a backlog (PRODUCT.md, quality coach)."""

NO_OWNER = "Nobody owns this yet. Name one person: what a team owns, nobody does."
NO_DUE_DATE = "No due date yet. Without one it will wait behind everything that has one."
VAGUE = "This starts with looking, and looking never ends. What will exist when it is done?"
FAR_AWAY = "This runs for more than 45 days. Is there a first step that could be finished sooner?"


def hints(*, title: str, has_owner: bool, due_on: date | None, start_on: date) -> list[str]:
    """What to mend, gently. `start_on` is the day from which 45 days are counted."""
    found = []
    if VAGUE_START.match(title):
        found.append(VAGUE)
    if not has_owner:
        found.append(NO_OWNER)
    if due_on is None:
        found.append(NO_DUE_DATE)
    elif due_on - start_on > LONGEST:
        found.append(FAR_AWAY)
    return found
