"""The pages of administrators: people, the office, the audit log. And one's own settings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts import audit
from accounts.enums import Visibility
from accounts.models import AuditEntry, User
from incidents.models import Incident
from tests.factories.postmortems import IncidentFactory, PostmortemFactory
from tests.people import Organisation

pytestmark = pytest.mark.django_db
As = Callable[[User], Client]


@pytest.fixture
def ada(as_user: As, organisation: Organisation) -> Client:
    return as_user(organisation.administrator)


def test_people_are_found_by_name_address_team_and_state(ada: Client, organisation: Organisation) -> None:
    def names(query: str) -> set[str]:
        page = ada.get(f"/administration/people/{query}").content.decode().partition("<main")[2]
        return {word for word in ("Alice", "Bob", "Mallory", "Maya", "Ada") if f"{word} " in page}

    assert names("") == {"Alice", "Bob", "Mallory", "Maya", "Ada"}
    assert names("?q=ALI") == {"Alice"}
    assert names("?q=mallory@example.com") == {"Mallory"}
    assert names("?team=edge") == {"Alice", "Bob", "Maya"}
    assert names("?show=administrators") == {"Ada"}
    assert names("?q=%00&team=nowhere&show=x") == {"Alice", "Bob", "Mallory", "Maya", "Ada"}
    ada.post(f"/administration/people/{organisation.bob.pk}/deactivate/")
    assert names("?show=inactive") == {"Bob"}
    assert "Bob" not in names("")


def test_deactivating_ends_every_session_and_reactivating_starts_none(
    ada: Client, as_user: As, organisation: Organisation
) -> None:
    bob = organisation.bob
    session = as_user(bob)
    ada.post(f"/administration/people/{bob.pk}/deactivate/")
    assert session.get("/session/").status_code == 401
    ada.post(f"/administration/people/{bob.pk}/reactivate/")
    assert session.get("/session/").status_code == 401
    assert as_user(User.objects.get(pk=bob.pk)).get("/session/").status_code == 200


def test_the_office_is_given_and_taken_but_never_left_empty(ada: Client, organisation: Organisation) -> None:
    own = organisation.administrator.pk
    for deed in ("dismiss", "deactivate"):
        page = ada.post(f"/administration/people/{own}/{deed}/", follow=True).content.decode()
        assert "needs an administrator" in page
    ada.post(f"/administration/people/{organisation.alice.pk}/appoint/")
    ada.post(f"/administration/people/{own}/dismiss/")
    assert User.objects.get(pk=organisation.alice.pk).is_administrator
    assert ada.get("/administration/").status_code == 404


def test_a_visit_does_not_change_anything(ada: Client, organisation: Organisation) -> None:
    for deed in ("appoint", "dismiss", "deactivate", "reactivate"):
        assert ada.get(f"/administration/people/{organisation.bob.pk}/{deed}/").status_code == 405


# -- The audit log -----------------------------------------------------------------------------------------------------


def test_every_change_is_in_the_log_with_its_person_time_and_object(ada: Client, organisation: Organisation) -> None:
    ada.post(f"/administration/people/{organisation.alice.pk}/appoint/")
    page = ada.get("/administration/audit/").content.decode()
    assert "Ada Abbott" in page
    assert "Alice Archer" in page
    entry = AuditEntry.objects.get(verb="administrator.appointed")
    assert abs(entry.at - timezone.now()) < timedelta(minutes=1)
    assert entry.request_id
    assert entry.client_address == "127.0.0.1"


def test_a_look_at_something_restricted_is_logged_without_its_title(ada: Client, as_user: As, alice: User) -> None:
    incident = IncidentFactory.create(created_by=alice, visibility=Visibility.RESTRICTED, title="Leaked tokens")
    incident.readers.add(alice)
    assert as_user(alice).get(f"/incidents/{incident.pk}/").status_code == 200
    entry = AuditEntry.objects.get(verb="restricted.viewed")
    assert (entry.actor, entry.object_label) == (alice, incident.reference)
    assert "Leaked tokens" not in ada.get("/administration/audit/").content.decode()


def test_a_look_at_the_postmortem_of_something_restricted_is_logged_the_same(as_user: As, alice: User) -> None:
    incident = IncidentFactory.create(created_by=alice, visibility=Visibility.RESTRICTED, title="Leaked tokens")
    incident.readers.add(alice)
    postmortem = PostmortemFactory.create(incident=incident, owner=alice, title="Leaked tokens")
    assert as_user(alice).get(f"/postmortems/{postmortem.pk}/write/").status_code == 200
    entry = AuditEntry.objects.get(verb="restricted.viewed")
    assert (entry.actor, entry.object_label) == (alice, postmortem.reference)


def test_a_look_at_anything_else_is_not(as_user: As, alice: User) -> None:
    incident = IncidentFactory.create(created_by=alice)
    as_user(alice).get(f"/incidents/{incident.pk}/")
    assert not AuditEntry.objects.filter(verb="restricted.viewed").exists()


def test_the_log_is_filtered_and_nonsense_ignored(ada: Client, organisation: Organisation) -> None:
    alice, bob = organisation.alice, organisation.bob
    incident = IncidentFactory.create(title="Checkout failed")
    audit.record(by=alice, verb="incident.edited", obj=incident)
    audit.record(by=bob, verb="team.renamed", obj=organisation.team)

    def shown(query: str) -> tuple[bool, bool]:
        page = ada.get(f"/administration/audit/{query}").content.decode().partition("<tbody")[2]
        return "Checkout failed" in page, "Edge" in page

    today = timezone.now().astimezone(organisation.administrator.zone).date()
    assert shown("") == (True, True)
    assert shown(f"?person={alice.pk}") == (True, False)
    assert shown("?what=renamed") == (False, True)
    assert shown(f"?object={incident.reference}") == (True, False)
    assert shown(f"?since={today}") == (True, True)
    assert shown(f"?until={today - timedelta(days=1)}") == (False, False)
    assert shown("?person=x&since=yesterday&object=%00") == (True, True)


def test_the_log_cannot_be_rewritten_through_the_application() -> None:
    incident = IncidentFactory.create()
    entry = audit.record(by=None, verb="incident.edited", obj=incident)
    with pytest.raises(Exception, match="append"):
        AuditEntry.objects.filter(pk=entry.pk).update(verb="nothing.happened")


# -- One's own settings ------------------------------------------------------------------------------------------------


def test_times_are_shown_in_the_zone_one_chooses(as_user: As, alice: User) -> None:
    client = as_user(alice)
    IncidentFactory.create(created_by=alice)
    assert "1 Apr 2026, 09:47" in client.get("/incidents/").content.decode()
    client.post("/settings/", {"display_name": "Alice A.", "timezone": "Asia/Tokyo"})
    page = client.get("/incidents/").content.decode()
    assert "1 Apr 2026, 18:47" in page
    assert "Alice A." in page
    assert Incident.objects.get().occurred_at.hour == 9


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"display_name": "", "timezone": "UTC"}, "required"),
        ({"display_name": "A" * 101, "timezone": "UTC"}, "at most 100 characters"),
        ({"display_name": "Alice", "timezone": "Moon/Base"}, "not one of the available choices"),
    ],
)
def test_bad_settings_are_refused(typed: dict[str, Any], said: str, as_user: As, alice: User) -> None:
    answer = as_user(alice).post("/settings/", typed)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    alice.refresh_from_db()
    assert alice.display_name == "Alice Archer"


def test_a_name_is_one_line(as_user: As, alice: User) -> None:
    as_user(alice).post("/settings/", {"display_name": "Alice\r\nBcc: x\x07\t!", "timezone": "UTC"})
    alice.refresh_from_db()
    assert alice.display_name == "Alice Bcc: x !"
