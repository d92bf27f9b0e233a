"""Due dates in words, in the owner's zone; the query agrees with the rule at every hour."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from accounts.models import Team, User
from actions.due import due, is_overdue
from actions.enums import Status
from actions.filters import overdue
from actions.models import ActionItem
from postmortems.models import Postmortem
from tests.actions.conftest import person
from tests.factories.actions import NOON, make_action

ON = date(2026, 4, 10)


@pytest.mark.parametrize(
    ("today", "text", "tone"),
    [
        (date(2026, 4, 1), "Due in 9 days", "later"),
        (date(2026, 4, 3), "Due in 7 days", "soon"),
        (date(2026, 4, 9), "Due tomorrow", "soon"),
        (date(2026, 4, 10), "Due today", "soon"),
        (date(2026, 4, 11), "Overdue by 1 day", "late"),
        (date(2026, 4, 30), "Overdue by 20 days", "late"),
    ],
)
def test_due_date_in_words(today: date, text: str, tone: str, postmortem: Postmortem) -> None:
    action = make_action(postmortem, due_on=ON)
    now = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
    found = due(action, now=now)
    assert (found.text, found.tone, found.on) == (text, tone, ON)


def test_no_due_date_says_so(action: ActionItem) -> None:
    assert due(action, now=NOON).text == "No due date"


@pytest.mark.parametrize(
    ("status", "text"), [(Status.DONE, "Done on 2 April 2026"), (Status.WILL_NOT_DO, "Dropped on 2 April 2026")]
)
def test_finished_action_is_never_overdue(status: str, text: str, postmortem: Postmortem) -> None:
    finished_at = datetime(2026, 4, 2, 9, tzinfo=UTC)
    action = make_action(postmortem, due_on=ON, status=status, finished_at=finished_at, reason="Switched off.")
    late = datetime(2027, 1, 1, tzinfo=UTC)
    assert due(action, now=late).text == text
    assert not is_overdue(action, now=late)


def test_day_ends_where_the_owner_lives(postmortem: Postmortem) -> None:
    east, west = person("East", timezone="Pacific/Kiritimati"), person("West", timezone="Pacific/Pago_Pago")
    now = datetime(2026, 4, 10, 10, 30, tzinfo=UTC)
    assert is_overdue(make_action(postmortem, due_on=ON, owner=east), now=now)
    assert not is_overdue(make_action(postmortem, due_on=ON, owner=west), now=now)
    assert not is_overdue(make_action(postmortem, due_on=ON, owner=None), now=now)


def test_query_agrees_with_the_rule_at_every_hour(postmortem: Postmortem) -> None:
    zones = ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kolkata", "America/New_York"]
    owners = [None, *(person(f"P{number}", timezone=zone) for number, zone in enumerate(zones))]
    for owner in owners:
        for days in range(-2, 3):
            make_action(postmortem, owner=owner, due_on=ON + timedelta(days=days))
    make_action(postmortem, owner=None, due_on=None)
    make_action(postmortem, due_on=ON - timedelta(days=9), status=Status.DONE, finished_at=NOON)
    actions = list(ActionItem.objects.select_related("owner"))
    for hour in range(0, 72, 1):
        now = datetime(2026, 4, 9, tzinfo=UTC) + timedelta(hours=hour)
        by_rule = {action.pk for action in actions if is_overdue(action, now=now)}
        assert set(ActionItem.objects.filter(overdue(now=now)).values_list("pk", flat=True)) == by_rule


def test_zone_unknown_to_the_database_breaks_nothing(postmortem: Postmortem, team: Team, alice: User) -> None:
    """Days are reckoned in Python: a zone newer than the database server's own list is as good as any."""
    make_action(postmortem, owner=person("New", timezone="America/Coyhaique"), due_on=ON)
    late = datetime(2026, 4, 12, 12, tzinfo=UTC)
    assert ActionItem.objects.filter(overdue(now=late)).count() == 1
