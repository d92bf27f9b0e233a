"""Teams: who may make and change them, and that none is left without a manager."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.enums import TeamRole
from accounts.models import AuditEntry, Membership, Team, User

pytestmark = pytest.mark.django_db
As = Callable[[User], Client]


def role_of(person: User, team: Team) -> str | None:
    return Membership.objects.filter(user=person, team=team).values_list("role", flat=True).first()


def test_an_administrator_makes_a_team(as_user: As, organisation: Any) -> None:
    client = as_user(organisation.administrator)
    answer = client.post("/teams/new/", {"name": "Payments & Billing", "description": "Money."})
    assert answer.headers["Location"] == "/teams/payments-billing/"
    assert AuditEntry.objects.filter(verb="team.created").exists()
    again = client.post("/teams/new/", {"name": "PAYMENTS & billing"})
    assert again.status_code == 422
    assert "Another team has this name" in again.content.decode()


@pytest.mark.parametrize(("name", "slug"), [("New", "new-2"), ("???", "team"), ("Ünïcode Ops", "unicode-ops")])
def test_every_name_gets_an_address_of_its_own(name: str, slug: str, as_user: As, organisation: Any) -> None:
    as_user(organisation.administrator).post("/teams/new/", {"name": name})
    assert Team.objects.get(name=name).slug == slug


def test_renaming_keeps_the_address(as_user: As, organisation: Any, team: Team) -> None:
    client = as_user(organisation.administrator)
    client.post("/teams/edge/rename/", {"name": "Front door", "description": ""})
    assert "Front door" in client.get("/teams/edge/").content.decode()
    assert client.post("/teams/edge/rename/", {"name": "identity"}).status_code == 422


def test_a_manager_adds_promotes_and_removes(as_user: As, manager: User, mallory: User, team: Team) -> None:
    client = as_user(manager)
    client.post("/teams/edge/members/add/", {"person": mallory.pk, "role": "member"})
    assert role_of(mallory, team) == TeamRole.MEMBER
    client.post(f"/teams/edge/members/{mallory.pk}/role/", {"role": "manager"})
    assert role_of(mallory, team) == TeamRole.MANAGER
    client.post(f"/teams/edge/members/{mallory.pk}/remove/")
    assert role_of(mallory, team) is None
    again = client.post(f"/teams/edge/members/{mallory.pk}/remove/", follow=True)
    assert "not on the team any more" in again.content.decode()


def test_a_team_keeps_a_manager(as_user: As, manager: User, team: Team, organisation: Any) -> None:
    client = as_user(manager)
    for address, typed in ((f"{manager.pk}/role/", {"role": "member"}), (f"{manager.pk}/remove/", {})):
        page = client.post(f"/teams/edge/members/{address}", typed, follow=True).content.decode()
        assert "needs a manager" in page
    assert role_of(manager, team) == TeamRole.MANAGER
    as_user(organisation.administrator).post(f"/teams/edge/members/{manager.pk}/remove/")
    assert role_of(manager, team) is None


@pytest.mark.parametrize("who", ["bob", "mallory"])
def test_nobody_else_changes_a_team(who: str, as_user: As, organisation: Any, team: Team) -> None:
    client = as_user(getattr(organisation, who))
    other = organisation.administrator
    assert client.get("/teams/edge/").status_code == 200
    assert client.post("/teams/new/", {"name": "Mine"}).status_code == 404
    for path, typed in (
        ("/teams/edge/rename/", {"name": "Mine"}),
        ("/teams/edge/members/add/", {"person": other.pk, "role": "manager"}),
        (f"/teams/edge/members/{organisation.bob.pk}/role/", {"role": "manager"}),
        (f"/teams/edge/members/{organisation.alice.pk}/remove/", {}),
    ):
        assert client.post(path, typed).status_code == 403, path
    assert role_of(organisation.bob, team) == TeamRole.MEMBER


@pytest.mark.parametrize("typed", [{}, {"person": "999999", "role": "member"}, {"person": "x", "role": "king"}])
def test_a_bad_choice_is_explained(typed: dict[str, str], as_user: As, manager: User) -> None:
    assert as_user(manager).post("/teams/edge/members/add/", typed).status_code == 422
