"""What an action still lacks to be done by someone, some day, as its form and its page say it. Nothing here blocks."""

from __future__ import annotations

from datetime import date

from postmortems.coach.actions import ActionFacts, check_action


def hints(*, title: str, has_owner: bool, due_on: date | None, start_on: date) -> list[str]:
    """What to mend, gently. `start_on` is the day from which 45 days are counted."""
    found = check_action(ActionFacts(title, has_owner, due_on, start_on))
    return [f"{finding.what} {finding.ask}" for finding in found]
