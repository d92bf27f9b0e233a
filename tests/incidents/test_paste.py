"""Pasting many lines, and adding one: shown first, then added, nothing dropped, nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEntry, Team, User
from incidents.models import Incident, TimelineEvent
from tests.factories.postmortems import IncidentFactory

pytestmark = pytest.mark.django_db
As = Callable[[User], Client]
HTMX = {"HX-Request": "true"}
LINES = "10:02 - alert fires\n\nnot understood, this one\n23:50-00:10 failover\n00:20 over"


@pytest.fixture
def incident(alice: User, team: Team) -> Incident:
    return IncidentFactory.create(created_by=alice, team=team, timezone="Europe/Berlin")


def paste(client: Client, incident: Incident, text: str, button: str = "preview", **more: str) -> Any:
    typed = {"text": text, "start_on": "2026-04-01", button: "1", **more}
    return client.post(f"/incidents/{incident.pk}/timeline/paste/", typed, headers=HTMX)


def test_the_form_proposes_the_day_of_the_incident(as_user: As, alice: User, incident: Incident) -> None:
    page = as_user(alice).get(f"/incidents/{incident.pk}/timeline/paste/").content.decode()
    assert 'value="2026-04-01"' in page


def test_a_preview_shows_what_was_understood_and_what_was_not_and_adds_nothing(
    as_user: As, alice: User, incident: Incident
) -> None:
    page = paste(as_user(alice), incident, LINES).content.decode()
    assert "3 events understood" in page
    assert "1 line not understood" in page
    assert "not understood, this one" in page
    assert "no time on this line" in page
    assert "taken as the next day" in page
    assert "failover (until 00:10 on 2 April)" in page
    assert not TimelineEvent.objects.exists()


def test_adding_puts_the_events_on_the_timeline_once(as_user: As, alice: User, incident: Incident) -> None:
    client = as_user(alice)
    for _ in range(2):
        assert paste(client, incident, LINES, "add").status_code == 200
    assert list(incident.events.values_list("at", "text", "kind", "source")) == [
        (datetime(2026, 4, 1, 8, 2, tzinfo=UTC), "alert fires", "detection", "paste"),
        (datetime(2026, 4, 1, 21, 50, tzinfo=UTC), "failover (until 00:10 on 2 April)", "other", "paste"),
        (datetime(2026, 4, 1, 22, 20, tzinfo=UTC), "over", "other", "paste"),
    ]
    assert AuditEntry.objects.filter(verb="timeline.pasted").count() == 1
    assert "already on the timeline" in paste(client, incident, LINES).content.decode()


def test_the_text_stays_in_the_box_when_nothing_was_understood(as_user: As, alice: User, incident: Incident) -> None:
    for button in ("preview", "add"):
        answer = paste(as_user(alice), incident, "nothing\nto see", button)
        assert answer.status_code == 422
        assert "nothing\nto see</textarea>" in answer.content.decode()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"text": ""}, "required"),
        ({"text": "10:00 x" * 150_000}, "at most 1000000 characters"),
        ({"start_on": "yesterday"}, "Enter a valid date"),
        ({"start_on": "0001-01-01"}, "The year must lie between 1990 and 2100"),
        ({"text": "10:00 \x00"}, "Null characters"),
    ],
)
def test_bad_input_is_explained(typed: dict[str, str], said: str, as_user: As, alice: User, incident: Incident) -> None:
    answer = paste(as_user(alice), incident, **{"text": "10:00 alert", **typed})
    assert answer.status_code == 422
    assert said in answer.content.decode()


def test_hostile_lines_are_shown_as_text(as_user: As, alice: User, incident: Incident) -> None:
    page = paste(as_user(alice), incident, "10:00 <img src=x onerror=alert(1)>\n<b>no time</b>").content.decode()
    assert "<img src=x" not in page
    assert "<b>no time" not in page


def test_one_line_is_added_at_once(as_user: As, alice: User, incident: Incident) -> None:
    answer = as_user(alice).post(
        f"/incidents/{incident.pk}/timeline/quick-add/", {"line": "14:32 rollback started"}, headers=HTMX
    )
    assert answer.status_code == 200
    assert incident.events.get().text == "rollback started"
    assert incident.events.get().at == datetime(2026, 4, 1, 12, 32, tzinfo=UTC)


def test_a_line_that_is_not_understood_stays_in_the_box(as_user: As, alice: User, incident: Incident) -> None:
    answer = as_user(alice).post(
        f"/incidents/{incident.pk}/timeline/quick-add/", {"line": "rollback started"}, headers=HTMX
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="rollback started"' in page
    assert not incident.events.exists()
