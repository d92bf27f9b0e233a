"""Editing an incident in place, through its URLs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.enums import Visibility
from accounts.models import AuditEntry
from incidents.models import Incident
from tests.world import World, build_world

HTMX = {"HX-Request": "true"}


@pytest.fixture
def world(db: None) -> World:
    return build_world()


@pytest.fixture
def incident(world: World) -> Incident:
    found = world.objects[Incident, Visibility.ORGANISATION]
    assert isinstance(found, Incident)
    found.refresh_from_db()
    return found


@pytest.fixture
def bob(world: World) -> Client:
    return world.client("member")


def times(incident: Incident, **typed: str) -> dict[str, str]:
    return {"revision": str(incident.revision), "impact_started_at": "2026-04-01T12:00", **typed}


def test_times_are_saved_and_durations_follow(bob: Client, incident: Incident) -> None:
    url = reverse("incidents:times-edit", args=[incident.pk])
    response = bob.post(url, times(incident, resolved_at="2026-04-01T13:05"), headers=HTMX)
    assert response.status_code == 200
    assert "1 h 05 min" in response.content.decode()
    incident.refresh_from_db()
    assert incident.resolved_at == datetime(2026, 4, 1, 13, 5, tzinfo=UTC)


def test_resolution_before_impact_is_refused_in_words(bob: Client, incident: Incident) -> None:
    url = reverse("incidents:times-edit", args=[incident.pk])
    response = bob.post(url, times(incident, resolved_at="2026-04-01T11:00"), headers=HTMX)
    assert response.status_code == 422
    assert "“Resolved” cannot come before “Impact started”." in response.content.decode()
    incident.refresh_from_db()
    assert incident.resolved_at is None


def test_detection_before_impact_is_allowed(bob: Client, incident: Incident) -> None:
    url = reverse("incidents:times-edit", args=[incident.pk])
    response = bob.post(url, times(incident, detected_at="2026-04-01T09:00"), headers=HTMX)
    assert "3 h before" in response.content.decode()


def test_second_to_save_sees_both_texts_and_loses_nothing(bob: Client, world: World, incident: Incident) -> None:
    url = reverse("incidents:impact-edit", args=[incident.pk])
    stale = str(incident.revision)
    world.client("manager").post(url, {"revision": stale, "impact": "Checkout failed in Europe."}, headers=HTMX)
    response = bob.post(url, {"revision": stale, "impact": "Nobody could pay."}, headers=HTMX)
    page = response.content.decode()
    assert response.status_code == 409
    assert "Checkout failed in Europe." in page
    assert "Nobody could pay." in page
    incident.refresh_from_db()
    assert incident.impact == "Checkout failed in Europe."


def test_saving_mine_after_a_conflict_is_deliberate_and_works(bob: Client, world: World, incident: Incident) -> None:
    url = reverse("incidents:impact-edit", args=[incident.pk])
    stale = str(incident.revision)
    world.client("manager").post(url, {"revision": stale, "impact": "Checkout failed in Europe."}, headers=HTMX)
    conflict = bob.post(url, {"revision": stale, "impact": "Nobody could pay."}, headers=HTMX)
    fresh = str(conflict.context["form"]["revision"].value())
    assert bob.post(url, {"revision": fresh, "impact": "Nobody could pay."}, headers=HTMX).status_code == 200
    incident.refresh_from_db()
    assert incident.impact == "Nobody could pay."


def test_edit_works_without_javascript(bob: Client, incident: Incident) -> None:
    url = reverse("incidents:impact-edit", args=[incident.pk])
    assert "<html" in bob.get(url).content.decode()
    response = bob.post(url, {"revision": str(incident.revision), "impact": "Nobody could pay."})
    assert (response.status_code, response["Location"]) == (302, incident.get_absolute_url())


def test_control_characters_are_removed_and_the_rest_kept(bob: Client, incident: Incident) -> None:
    url = reverse("incidents:impact-edit", args=[incident.pk])
    text = "لم يتمكن أحد من الدفع \x07\x1b🔥\r\nsecond line"
    bob.post(url, {"revision": str(incident.revision), "impact": text}, headers=HTMX)
    incident.refresh_from_db()
    assert incident.impact == "لم يتمكن أحد من الدفع 🔥\nsecond line"


def test_unknown_zone_is_refused(bob: Client, incident: Incident) -> None:
    facts = {"revision": incident.revision, "title": "T", "severity": "SEV1", "team": incident.team_id}
    response = bob.post(
        reverse("incidents:facts-edit", args=[incident.pk]), {**facts, "timezone": "Mars/Olympus"}, headers=HTMX
    )
    assert response.status_code == 422
    assert "Mars/Olympus is not one of the available choices" in response.content.decode()


def test_new_service_is_made_once_whatever_its_case(bob: Client, incident: Incident) -> None:
    url = reverse("incidents:facts-edit", args=[incident.pk])
    for name in ("Checkout API", "checkout api"):
        incident.refresh_from_db()
        facts = {
            "revision": incident.revision,
            "title": "T",
            "severity": "SEV1",
            "team": incident.team_id,
            "timezone": "UTC",
            "new_service": name,
        }
        assert bob.post(url, facts, headers=HTMX).status_code == 200
    assert incident.services.filter(name__iexact="checkout api").count() == 1


def test_change_is_audited_with_field_names_and_without_text(bob: Client, world: World, incident: Incident) -> None:
    url = reverse("incidents:impact-edit", args=[incident.pk])
    bob.post(url, {"revision": str(incident.revision), "impact": "secretword"}, headers=HTMX)
    entry = AuditEntry.objects.get(verb="incident.edited")
    assert (entry.actor, entry.details) == (world.people["member"], {"fields": ["impact"]})


def test_one_megabyte_is_refused_with_a_sentence(bob: Client, incident: Incident) -> None:
    url = reverse("incidents:impact-edit", args=[incident.pk])
    response = bob.post(url, {"revision": str(incident.revision), "impact": "x" * 1_000_000}, headers=HTMX)
    assert response.status_code == 422
    assert "at most 5000 characters" in response.content.decode()


# -- Timeline ----------------------------------------------------------------------------------------------------------


EVENT = {"at": "2026-04-01T14:32", "precision": "exact", "kind": "action", "text": "Rolled back"}


def test_same_event_sent_twice_is_kept_once(bob: Client, incident: Incident) -> None:
    url = reverse("incidents:event-add", args=[incident.pk])
    for _ in range(2):
        assert bob.post(url, EVENT, headers=HTMX).status_code == 200
    assert incident.events.filter(text="Rolled back").count() == 1


def test_event_edited_meanwhile_shows_both_texts(bob: Client, world: World, incident: Incident) -> None:
    edit = reverse("incidents:event-edit", args=[incident.events.get().pk])
    world.client("manager").post(edit, {**EVENT, "text": "Theirs", "revision": "1"}, headers=HTMX)
    response = bob.post(edit, {**EVENT, "text": "Mine", "revision": "1"}, headers=HTMX)
    page = response.content.decode()
    assert response.status_code == 409
    assert "Theirs" in page
    assert "Mine" in page


def test_milestone_is_marked_and_cleared(bob: Client, incident: Incident) -> None:
    event = incident.events.get()
    url = reverse("incidents:event-mark", args=[event.pk])
    marked = []
    for value in ("1", "1", "0"):
        bob.post(url, {"is_milestone": value}, headers=HTMX)
        event.refresh_from_db()
        marked.append(event.is_milestone)
    assert marked == [True, True, False]


def test_silence_of_more_than_fifteen_minutes_is_shown(bob: Client, incident: Incident) -> None:
    url = reverse("incidents:event-add", args=[incident.pk])
    response = bob.post(url, EVENT, headers=HTMX)
    assert "2 h 32 min without a note" in response.content.decode()


def test_quick_line_is_added_in_the_zone_of_the_incident(bob: Client, incident: Incident) -> None:
    Incident.objects.filter(pk=incident.pk).update(timezone="Europe/Paris")
    response = bob.post(
        reverse("incidents:event-quick-add", args=[incident.pk]), {"line": "14:32 rollback started"}, headers=HTMX
    )
    assert response.status_code == 200
    assert incident.events.get(text="rollback started").at == datetime(2026, 4, 1, 12, 32, tzinfo=UTC)


def test_quick_line_that_is_not_understood_stays_in_the_box(bob: Client, incident: Incident) -> None:
    response = bob.post(
        reverse("incidents:event-quick-add", args=[incident.pk]), {"line": "rollback started"}, headers=HTMX
    )
    assert response.status_code == 422
    assert 'value="rollback started"' in response.content.decode()


def test_pasted_lines_are_previewed_and_nothing_is_added_yet(bob: Client, incident: Incident) -> None:
    url = reverse("incidents:timeline-paste", args=[incident.pk])
    lines = "14:32 - alert fires\nno time here, and nothing before\n23:50 escalated\n00:10 recovered"
    before = incident.events.count()
    response = bob.post(url, {"text": lines, "start_on": "2026-04-01", "preview": "1"}, headers=HTMX)
    assert response.context["new_count"] == 3
    assert incident.events.count() == before


def test_pasted_lines_are_added_once_however_often_they_are_sent(bob: Client, incident: Incident) -> None:
    url = reverse("incidents:timeline-paste", args=[incident.pk])
    lines = "14:32 - alert fires\n23:50 escalated\n00:10 recovered"
    for _ in range(2):
        bob.post(url, {"text": lines, "start_on": "2026-04-01", "add": "1"}, headers=HTMX)
    added = incident.events.filter(source="paste").values_list("at", "text")
    assert list(added) == [
        (datetime(2026, 4, 1, 14, 32, tzinfo=UTC), "alert fires"),
        (datetime(2026, 4, 1, 23, 50, tzinfo=UTC), "escalated"),
        (datetime(2026, 4, 2, 0, 10, tzinfo=UTC), "recovered"),
    ]


def test_megabyte_of_lines_is_read(bob: Client, incident: Incident) -> None:
    url = reverse("incidents:timeline-paste", args=[incident.pk])
    line = "14:32 - " + "x" * 990
    text = "\n".join([line] * 995)
    response = bob.post(url, {"text": text, "start_on": "2026-04-01", "preview": "1"}, headers=HTMX)
    assert response.status_code == 200
    assert len(response.context["rows"]) == 995


# -- Creating and listing ----------------------------------------------------------------------------------------------


def test_title_alone_is_enough(bob: Client, incident: Incident) -> None:
    form = {"title": "Nobody could sign in", "severity": "SEV2", "team": incident.team_id, "timezone": "UTC"}
    response = bob.post(reverse("incidents:incident-create"), form)
    made = Incident.objects.get(title="Nobody could sign in")
    assert response["Location"] == made.get_absolute_url()


def test_security_sensitive_incident_starts_restricted(bob: Client, world: World, incident: Incident) -> None:
    form = {
        "title": "Token leaked",
        "severity": "SEV1",
        "team": incident.team_id,
        "timezone": "UTC",
        "is_security_sensitive": "on",
    }
    bob.post(reverse("incidents:incident-create"), form)
    made = Incident.objects.get(title="Token leaked")
    assert made.visibility == Visibility.RESTRICTED
    assert world.client("administrator").get(made.get_absolute_url()).status_code == 404


def test_list_is_filtered_by_what_stands_in_the_url(bob: Client, incident: Incident) -> None:
    incident.severity = "SEV4"
    incident.save(update_fields=["severity"])
    response = bob.get(reverse("incidents:incidents"), {"severity": "SEV4", "team": "edge"})
    assert [row.pk for row in response.context["page"].rows] == [incident.pk]


def test_list_costs_the_same_for_three_rows_as_for_one(bob: Client, incident: Incident) -> None:
    url = reverse("incidents:incidents")
    counts = []
    for _ in range(3):
        with CaptureQueriesContext(connection) as queries:
            bob.get(url)
        counts.append(len(queries))
        extra = Incident.objects.create(
            title="More", team=incident.team, created_by=incident.created_by, occurred_at=incident.occurred_at
        )
        extra.services.set(incident.services.all())
    assert len(set(counts[1:])) == 1
    assert counts[0] == counts[1]


def test_pages_of_the_list_hold_every_row_once(bob: Client, incident: Incident) -> None:
    made = [
        Incident(title=f"N{n}", team=incident.team, created_by=incident.created_by, occurred_at=incident.occurred_at)
        for n in range(120)
    ]
    Incident.objects.bulk_create(made)
    seen: list[int] = []
    cursor = ""
    while True:
        page = bob.get(reverse("incidents:incidents"), {"page": cursor}).context["page"]
        seen += [row.pk for row in page.rows]
        if not page.next_cursor:
            break
        cursor = page.next_cursor
    assert len(seen) == len(set(seen)) == 122
    back = bob.get(reverse("incidents:incidents"), {"page": page.previous_cursor}).context["page"]
    assert [row.pk for row in back.rows] == seen[50:100]
