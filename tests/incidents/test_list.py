"""The list of incidents, and recording a new one, through their URLs."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.enums import Visibility
from accounts.models import Team, User
from incidents.models import Incident
from tests.factories.postmortems import STARTED, IncidentFactory, ServiceFactory

pytestmark = pytest.mark.django_db
As = Callable[[User], Client]
LINK = re.compile(r'href="/incidents/(\d+)/"')


def listed(client: Client, query: str = "") -> list[int]:
    page = client.get(f"/incidents/{query}")
    assert page.status_code == 200
    return [int(pk) for pk in LINK.findall(page.content.decode())]


def record(client: Client, team: Team, **typed: str) -> Incident:
    answer = client.post(
        "/incidents/new/", {"title": "Slow search", "severity": "SEV2", "team": team.pk, "timezone": "UTC", **typed}
    )
    assert answer.status_code == 302, answer.content.decode()
    return Incident.objects.get()


# -- The list ----------------------------------------------------------------------------------------------------------


def test_every_incident_is_met_once_walking_through_the_pages_and_back(as_user: As, alice: User) -> None:
    team = Team.objects.first()
    at_once = [STARTED + timedelta(minutes=n // 3) for n in range(120)]
    made = [IncidentFactory.create(team=team, created_by=alice, occurred_at=at).pk for at in at_once]
    client, query, met = as_user(alice), "", []
    for _ in range(3):
        met.append(listed(client, query))
        page = client.get(f"/incidents/{query}").content.decode()
        forward = re.search(r'rel="next" href="([^"]+)"', page)
        query = html.unescape(forward[1]) if forward else ""
    assert query == ""
    assert sorted(pk for page in met for pk in page) == sorted(made)
    assert met[0] == sorted(made, reverse=True)[:50]


def test_a_page_costs_the_same_number_of_queries_however_many_rows(as_user: As, alice: User) -> None:
    team, client = Team.objects.first(), as_user(alice)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            listed(client)
        return len(captured)

    IncidentFactory.create(team=team, created_by=alice, commander=alice).services.add(ServiceFactory.create())
    one = queries()
    for _ in range(40):
        IncidentFactory.create(team=team, created_by=alice, commander=alice).services.add(ServiceFactory.create())
    assert queries() == one


def test_filters_choose_and_nonsense_is_ignored(as_user: As, alice: User, team: Team) -> None:
    service = ServiceFactory.create(slug="search")
    searched = IncidentFactory.create(team=team, severity="SEV1")
    searched.services.add(service)
    other = IncidentFactory.create(severity="SEV3", resolved_at=None)
    mitigated = IncidentFactory.create(severity="SEV3", resolved_at=None, mitigated_at=STARTED + timedelta(hours=1))
    client = as_user(alice)
    assert listed(client, "?severity=SEV1") == [searched.pk]
    assert listed(client, "?service=search") == [searched.pk]
    assert listed(client, f"?team={team.slug}") == [searched.pk]
    assert listed(client, "?phase=ongoing") == [other.pk]
    assert listed(client, "?phase=mitigated") == [mitigated.pk]
    assert listed(client, "?phase=resolved") == [searched.pk]
    for nonsense in ("?severity=SEV9", "?team=%00", "?phase=over", "?page=abc", "?service=nowhere"):
        assert len(listed(client, nonsense)) == 3, nonsense


def test_an_empty_list_says_what_to_do(as_user: As, alice: User) -> None:
    page = as_user(alice).get("/incidents/").content.decode()
    assert "/incidents/new/" in page.partition("<main")[2]
    IncidentFactory.create(severity="SEV4")
    page = as_user(alice).get("/incidents/?severity=SEV1").content.decode()
    assert "filter" in page.partition("<main")[2].lower()


# -- A new one ---------------------------------------------------------------------------------------------------------


def test_a_title_is_enough(as_user: As, alice: User, team: Team) -> None:
    incident = record(as_user(alice), team)
    assert (incident.title, incident.created_by, incident.team) == ("Slow search", alice, team)
    assert abs(incident.occurred_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_start_is_read_in_the_zone_that_was_chosen(as_user: As, alice: User, team: Team) -> None:
    incident = record(as_user(alice), team, timezone="Europe/Berlin", impact_started_at="2026-07-01T12:00")
    assert incident.impact_started_at == datetime(2026, 7, 1, 10, 0, tzinfo=UTC)


def test_a_security_sensitive_one_is_restricted_at_once(as_user: As, alice: User, bob: User, team: Team) -> None:
    incident = record(as_user(alice), team, is_security_sensitive="on")
    assert incident.visibility == Visibility.RESTRICTED
    assert listed(as_user(alice)) == [incident.pk]
    assert listed(as_user(bob)) == []


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("title", "", "This field is required"),
        ("title", "nul\x00", "Null characters are not allowed"),
        ("title", "x" * 201, "at most 200 characters"),
        ("severity", "SEV9", "not one of the available choices"),
        ("team", "999999", "not one of the available choices"),
        ("timezone", "Europe/Atlantis", "not one of the available choices"),
        ("impact_started_at", "2026-02-30T12:00", "Enter a date and a time"),
        ("impact_started_at", "0001-01-01T00:00", "year"),
        ("impact_started_at", "2026-03-29T02:30", "does not exist"),
    ],
)
def test_bad_input_is_refused_in_words_and_what_was_typed_stays(
    field: str, value: str, said: str, as_user: As, alice: User, team: Team
) -> None:
    typed = {"title": "Slow search", "severity": "SEV2", "team": team.pk, "timezone": "Europe/Berlin"}
    answer = as_user(alice).post("/incidents/new/", {**typed, field: value})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page, re.findall(r'class="field-error[^>]*>(.{0,200})', page, re.DOTALL)
    assert field == "title" or "Slow search" in page
    assert not Incident.objects.exists()


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("Check\x1bout\x07 fai\u200bled", "Checkout fai\u200bled"),
        ("الدفع لا يعمل 🔥 ﷽", "الدفع لا يعمل 🔥 ﷽"),
        ("  spaces  ", "spaces"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_odd_titles_are_kept_without_control_characters(
    title: str, kept: str, as_user: As, alice: User, team: Team
) -> None:
    assert record(as_user(alice), team, title=title).title == kept


def test_the_chosen_filters_stay_chosen(as_user: As, alice: User) -> None:
    page = as_user(alice).get("/incidents/?severity=SEV1&phase=resolved").content.decode()
    assert re.search(r'<option value="SEV1"[^>]* selected', page)
    assert re.search(r'<option value="resolved"[^>]* selected', page)
