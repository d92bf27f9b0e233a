"""Actions are found and counted by the severity that their incident has now, whoever changes what at the same time."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.urls import reverse

from accounts.models import User
from actions.dashboard import Choice, dashboard
from actions.models import ActionItem
from incidents.models import Incident
from postmortems.models import Postmortem
from tests.actions.conftest import signed_in
from tests.factories.actions import NOON, make_action, make_postmortem

HTMX = {"HX-Request": "true"}
SOMEBODY_WAITS = "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
"""For this transaction."""


def open_by_severity(user: User) -> dict[str, int]:
    board = dashboard(user, Choice(by="severity"), now=NOON)
    return {group.value: group.tally.open for group in board.groups}


def set_severity(incident: Incident, severity: str) -> None:
    Incident.objects.filter(pk=incident.pk).update(severity=severity)


def test_actions_go_with_the_severity_of_their_incident(postmortem: Postmortem, alice: User) -> None:
    make_action(make_postmortem(owner=alice, team=postmortem.team))
    for number in range(2):
        make_action(postmortem, title=f"Alert when queue {number} is old")
    client, incident = signed_in(alice), postmortem.incident
    assert open_by_severity(alice) == {"SEV2": 3}
    facts = {"title": "T", "severity": "SEV1", "team": incident.team_id, "timezone": "UTC"}
    url = reverse("incidents:facts-edit", args=[incident.pk])
    assert client.post(url, {**facts, "revision": incident.revision}, headers=HTMX).status_code == 200
    assert open_by_severity(alice) == {"SEV1": 2, "SEV2": 1}
    found = client.get("/actions/", {"severity": "SEV1"}).content.decode()
    assert "Alert when queue 0 is old" in found
    assert "Alert when the queue is old" not in found


def test_an_action_that_is_saved_whole_keeps_no_older_severity(action: ActionItem, alice: User) -> None:
    action.refresh_from_db()
    set_severity(action.postmortem.incident, "SEV0")
    action.title = "Alert when the queue is an hour old"
    action.save()
    assert open_by_severity(alice) == {"SEV0": 1}


def in_turn(first: Callable[[], object], second: Callable[[], object]) -> None:
    """Do `second` in another transaction while that of `first` is open; it is committed when `second` waits for it."""

    def apart() -> None:
        try:
            second()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            first()
            other = pool.submit(apart)
            wait_until_somebody_waits(other)
        other.result(10)


def wait_until_somebody_waits(other: Future[None]) -> None:
    ends = time.monotonic() + 10
    with connection.cursor() as cursor:
        while not other.done():
            cursor.execute(SOMEBODY_WAITS)
            if cursor.fetchone():
                return
            assert time.monotonic() < ends, "nobody waits, and nobody comes to an end"
            time.sleep(0.01)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize("is_added_first", [True, False])
def test_an_action_added_while_the_severity_changes_has_the_new_one(
    is_added_first: bool, postmortem: Postmortem, alice: User
) -> None:
    def add() -> None:
        make_action(postmortem)

    def change() -> None:
        set_severity(postmortem.incident, "SEV1")

    in_turn(add, change) if is_added_first else in_turn(change, add)
    assert open_by_severity(alice) == {"SEV1": 1}


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize("is_saved_first", [True, False])
def test_an_action_saved_whole_while_the_severity_changes_has_the_new_one(
    is_saved_first: bool, postmortem: Postmortem, alice: User
) -> None:
    action = make_action(postmortem)
    action.refresh_from_db()

    def change() -> None:
        set_severity(postmortem.incident, "SEV1")

    in_turn(action.save, change) if is_saved_first else in_turn(change, action.save)
    assert open_by_severity(alice) == {"SEV1": 1}
