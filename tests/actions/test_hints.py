"""Gentle hints about what an action lacks."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from actions.hints import hints
from postmortems.coach.actions import FAR, LOOKING, NO_DATE, NO_OWNER

TODAY = date(2026, 4, 1)


def found(title: str = "Alert on old queues", *, has_owner: bool = True, days: int | None = 14) -> list[str]:
    due_on = None if days is None else TODAY + timedelta(days=days)
    return hints(title=title, has_owner=has_owner, due_on=due_on, start_on=TODAY)


def test_complete_action_gets_no_hint() -> None:
    assert found() == []


@pytest.mark.parametrize(
    "title",
    ["Investigate the queue", "investigate why", "Look into retries", "  look  into it", "Look at logs", "Explore X"],
)
def test_vague_start_is_pointed_out(title: str) -> None:
    assert found(title) == [f"{LOOKING.what} {LOOKING.ask}"]


@pytest.mark.parametrize("title", ["Write the result of what we investigate", "Investigator role: name one", "Lookup"])
def test_only_the_start_counts(title: str) -> None:
    assert found(title) == []


def test_missing_owner_and_date_are_pointed_out() -> None:
    assert found(has_owner=False, days=None) == [f"{rule.what} {rule.ask}" for rule in (NO_OWNER, NO_DATE)]


def test_45_days_are_fine_and_46_are_far() -> None:
    assert found(days=45) == []
    assert found(days=46) == [f"{FAR.what} {FAR.ask}"]
