"""Invitations: mailed, followed once, sent again, withdrawn, out of date, in the wrong hands."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import Invitation, Team, User
from tests.factories.accounts import PASSWORD

pytestmark = pytest.mark.django_db
As = Callable[[User], Client]
WHO = {"display_name": "Nia New", "timezone": "Europe/Rome", "password": PASSWORD}


def invite(client: Client, emails: str = "nia@example.org", team: str = "edge", role: str = "member") -> Any:
    return client.post(f"/teams/{team}/invitations/add/", {"emails": emails, "role": role})


def link(number: int = -1) -> str:
    found = re.search(r"https?://[^/\s]+(/invitations/\S+)", str(mail.outbox[number].body))
    assert found
    return found[1]


@pytest.fixture
def invited(as_user: As, manager: User) -> str:
    """The link that Nia got."""
    invite(as_user(manager))
    return link()


def test_the_link_in_the_mail_lets_a_new_person_in_once(client: Client, invited: str, team: Team) -> None:
    assert mail.outbox[0].to == ["nia@example.org"]
    assert "Maya Mason" in mail.outbox[0].subject
    page = client.get(invited).content.decode()
    assert "nia@example.org" in page
    assert client.post(invited, WHO).headers["Location"] == "/"
    nia = User.objects.get(email="nia@example.org")
    assert (nia.display_name, nia.timezone, list(nia.teams.all())) == ("Nia New", "Europe/Rome", [team])
    assert client.get("/session/").json()["user"] == nia.pk
    again = Client()
    assert again.get(invited).status_code == 410
    assert again.post(invited, WHO).status_code == 410
    assert again.post("/accounts/login/", {"login": nia.email, "password": PASSWORD}).status_code == 302


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("password", "short", "at least 12 characters"),
        ("password", "password1234", "too common"),
        ("password", "nia@example.org", "too similar"),
        ("display_name", "", "required"),
        ("timezone", "Mars/Olympus", "not one of the available choices"),
    ],
)
def test_bad_answers_are_explained(field: str, value: str, said: str, client: Client, invited: str) -> None:
    answer = client.post(invited, {**WHO, field: value})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not User.objects.filter(email="nia@example.org").exists()


def test_a_link_ends_after_seven_days(client: Client, invited: str) -> None:
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = client.get(invited)
    assert answer.status_code == 410
    assert client.post(invited, WHO).status_code == 410


def test_sending_it_again_ends_the_first_link(client: Client, as_user: As, manager: User, invited: str) -> None:
    as_user(manager).post(f"/invitations/{Invitation.objects.get().pk}/resend/")
    assert client.get(invited).status_code == 404
    assert client.get(link()).status_code == 200


def test_inviting_the_same_address_again_leaves_one_open_link(
    client: Client, as_user: As, manager: User, invited: str
) -> None:
    invite(as_user(manager), " NIA@example.org ,nia@EXAMPLE.org")
    assert len(mail.outbox) == 2
    assert client.get(invited).status_code == 410
    assert client.get(link()).status_code == 200


def test_a_withdrawn_one_leads_nowhere(client: Client, as_user: As, manager: User, invited: str) -> None:
    as_user(manager).post(f"/invitations/{Invitation.objects.get().pk}/withdraw/")
    assert client.get(invited).status_code == 410
    assert client.post(invited, WHO).status_code == 410


def test_somebody_with_an_account_joins_by_one_button(as_user: As, manager: User, mallory: User, team: Team) -> None:
    invite(as_user(manager), mallory.email)
    assert "Sign in" in Client().get(link()).content.decode()
    client = as_user(mallory)
    assert "Join" in client.get(link()).content.decode()
    client.post(link())
    assert team.memberships.filter(user=mallory).exists()


def test_another_person_cannot_use_it(as_user: As, invited: str, mallory: User, team: Team) -> None:
    client = as_user(mallory)
    assert client.get(invited).status_code == 403
    assert client.post(invited, WHO).status_code == 403
    assert not team.memberships.filter(user=mallory).exists()


def test_those_who_are_in_already_get_no_mail(as_user: As, manager: User, bob: User) -> None:
    page = as_user(manager)
    invite(page, bob.email.upper())
    assert mail.outbox == []
    assert "Already in" in page.get("/teams/edge/").content.decode()


def test_a_member_may_not_invite_nor_a_manager_of_another_team(as_user: As, bob: User, manager: User) -> None:
    assert invite(as_user(bob)).status_code == 403
    assert invite(as_user(manager), team="identity").status_code == 403
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("emails", "said"),
    [
        ("", "required"),
        ("not an address", "Not an e-mail address"),
        ("a@example.org\nb@example.org\n@", "Not an e-mail address: @"),
        (" ".join(f"p{n}@example.org" for n in range(51)), "at most 50"),
        ("x" * 10_001, "at most 10000"),
    ],
)
def test_bad_addresses_are_named_and_nobody_is_mailed(emails: str, said: str, as_user: As, manager: User) -> None:
    answer = invite(as_user(manager), emails)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert mail.outbox == []


def test_a_name_cannot_smuggle_lines_into_a_mail(as_user: As, manager: User) -> None:
    client = as_user(manager)
    client.post("/settings/", {"display_name": "Maya\r\nBcc: all@example.com", "timezone": "UTC"})
    invite(client)
    assert "\n" not in mail.outbox[0].subject
    assert mail.outbox[0].bcc == []


def test_the_organisation_invites_without_a_team(as_user: As, organisation: Any, client: Client) -> None:
    administrator = as_user(organisation.administrator)
    administrator.post("/administration/people/invite/", {"emails": "nia@example.org", "role": "member", "team": ""})
    client.post(link(), WHO)
    assert User.objects.get(email="nia@example.org").teams.count() == 0


def test_a_guessed_link_is_a_page_that_says_so(client: Client) -> None:
    assert client.get("/invitations/abcdef/").status_code == 404
