"""Actions are found and counted by what their incident is now, whoever changes what at the same time."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import Team, User
from actions.dashboard import NO_SERVICE, Choice, dashboard
from actions.models import ActionItem
from incidents.models import Incident, Service
from postmortems.models import Postmortem
from tests.actions.conftest import signed_in
from tests.factories.actions import NOON, make_action, make_postmortem

HTMX = {"HX-Request": "true"}
SOMEBODY_WAITS = "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
"""For this transaction."""
Change = Callable[[Incident, Service], None]


@pytest.fixture
def dns(team: Team) -> Service:
    return Service.objects.create(name="DNS", slug="dns", team=team)


@pytest.fixture
def cdn(team: Team) -> Service:
    return Service.objects.create(name="CDN", slug="cdn", team=team)


def open_by(by: str, user: User) -> dict[str, int]:
    board = dashboard(user, Choice(by=by), now=NOON)
    return {group.value: group.tally.open for group in board.groups}


def set_severity(incident: Incident, severity: str) -> None:
    Incident.objects.filter(pk=incident.pk).update(severity=severity)


def save_facts(client: Client, incident: Incident, **facts: Any) -> None:
    incident.refresh_from_db()
    same = {"title": "T", "severity": "SEV2", "team": incident.team_id, "timezone": "UTC"}
    url = reverse("incidents:facts-edit", args=[incident.pk])
    answer = client.post(url, {**same, "revision": incident.revision, **facts}, headers=HTMX)
    assert answer.status_code == 200, answer.content.decode()


@pytest.fixture
def three(postmortem: Postmortem, alice: User) -> Incident:
    """The incident of two actions; another action is of another incident."""
    make_action(make_postmortem(owner=alice, team=postmortem.team))
    for number in range(2):
        make_action(postmortem, title=f"Alert when queue {number} is old")
    return postmortem.incident


def test_actions_go_with_the_severity_of_their_incident(three: Incident, alice: User) -> None:
    client = signed_in(alice)
    assert open_by("severity", alice) == {"SEV2": 3}
    save_facts(client, three, severity="SEV1")
    assert open_by("severity", alice) == {"SEV1": 2, "SEV2": 1}
    found = client.get("/actions/", {"severity": "SEV1"}).content.decode()
    assert "Alert when queue 0 is old" in found
    assert "Alert when the queue is old" not in found


def test_actions_go_with_the_services_of_their_incident(
    three: Incident, dns: Service, cdn: Service, alice: User
) -> None:
    client = signed_in(alice)
    assert open_by("service", alice) == {NO_SERVICE: 3}
    save_facts(client, three, services=[dns.pk, cdn.pk])
    assert open_by("service", alice) == {"cdn": 2, "dns": 2, NO_SERVICE: 1}
    save_facts(client, three, services=[cdn.pk], new_service="Queue")
    assert open_by("service", alice) == {"cdn": 2, "queue": 2, NO_SERVICE: 1}
    cdn.delete()
    assert open_by("service", alice) == {"queue": 2, NO_SERVICE: 1}
    save_facts(client, three)
    assert open_by("service", alice) == {NO_SERVICE: 3}


def test_an_action_added_to_an_incident_with_services_has_them(
    postmortem: Postmortem, dns: Service, cdn: Service, alice: User
) -> None:
    postmortem.incident.services.set([dns, cdn])
    make_action(postmortem)
    assert open_by("service", alice) == {"cdn": 1, "dns": 1}


def test_more_services_than_a_form_takes_are_no_error(postmortem: Postmortem, action: ActionItem, alice: User) -> None:
    names = [f"s{number:04}" for number in range(1000)]
    services = Service.objects.bulk_create(Service(name=name, slug=name, team=postmortem.team) for name in names)
    postmortem.incident.services.set(services)
    assert open_by("service", alice)["s0199"] == 1


def test_an_incident_has_fifty_services_at_most(three: Incident, alice: User) -> None:
    names = [f"s{number:04}" for number in range(51)]
    services = Service.objects.bulk_create(Service(name=name, slug=name, team=three.team) for name in names)
    some = {"title": "T", "severity": "SEV2", "team": three.team_id, "timezone": "UTC", "revision": three.revision}
    url = reverse("incidents:facts-edit", args=[three.pk])
    client = signed_in(alice)
    for facts in (
        {"services": [each.pk for each in services]},
        {"services": [each.pk for each in services[:50]], "new_service": "Queue"},
    ):
        answer = client.post(url, {**some, **facts}, headers=HTMX)
        assert answer.status_code == 422
        assert "An incident has at most 50 services." in answer.content.decode()
    assert not three.services.exists()
    save_facts(client, three, services=[each.pk for each in services[:50]])
    assert three.services.count() == 50


def test_an_action_that_is_saved_whole_keeps_nothing_older(action: ActionItem, dns: Service, alice: User) -> None:
    action.refresh_from_db()
    set_severity(action.postmortem.incident, "SEV0")
    action.postmortem.incident.services.set([dns])
    action.title = "Alert when the queue is an hour old"
    action.save()
    assert open_by("severity", alice) == {"SEV0": 1}
    assert open_by("service", alice) == {"dns": 1}


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


def to_sev1(incident: Incident, service: Service) -> None:
    set_severity(incident, "SEV1")


def to_service(incident: Incident, service: Service) -> None:
    incident.services.add(service)


CHANGES = [("severity", to_sev1, {"SEV1": 1}), ("service", to_service, {"dns": 1})]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize("is_added_first", [True, False])
@pytest.mark.parametrize(("by", "change", "counted"), CHANGES)
def test_an_action_added_while_its_incident_changes_goes_with_it(
    by: str, change: Change, counted: dict[str, int], is_added_first: bool, postmortem: Postmortem, dns: Service
) -> None:
    add, change_it = partial(make_action, postmortem), partial(change, postmortem.incident, dns)
    in_turn(add, change_it) if is_added_first else in_turn(change_it, add)
    assert open_by(by, postmortem.owner) == counted


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.parametrize("is_saved_first", [True, False])
@pytest.mark.parametrize(("by", "change", "counted"), CHANGES)
def test_an_action_saved_whole_while_its_incident_changes_goes_with_it(
    by: str, change: Change, counted: dict[str, int], is_saved_first: bool, action: ActionItem, dns: Service
) -> None:
    action.refresh_from_db()
    change_it = partial(change, action.postmortem.incident, dns)
    in_turn(action.save, change_it) if is_saved_first else in_turn(change_it, action.save)
    assert open_by(by, action.postmortem.owner) == counted


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_services_named_at_once_both_count(action: ActionItem, dns: Service, cdn: Service) -> None:
    incident = action.postmortem.incident
    in_turn(lambda: incident.services.add(dns), lambda: incident.services.add(cdn))
    assert open_by("service", action.postmortem.owner) == {"cdn": 1, "dns": 1}
