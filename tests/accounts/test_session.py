"""A session that ends in the middle of an edit: the text survives, and only its writer is offered it again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from tests.factories.accounts import PASSWORD, with_password

pytestmark = pytest.mark.django_db
As = Callable[[User], Client]
WORDS = "Written when the session had ended"
FORM = "/incidents/new/"


def end_session(client: Client) -> None:
    """As when it runs out: the browser keeps its other cookies."""
    client.session.flush()
    del client.cookies["sessionid"]


def working(client: Client, person: User) -> Client:
    """A browser in which `person` is signed in and has seen a page."""
    client.force_login(with_password(person))
    client.get("/")
    return client


def sign_in(client: Client, person: User) -> str:
    client.post("/accounts/login/", {"login": person.email, "password": PASSWORD})
    return client.get("/teams/").content.decode()


def test_a_form_posted_too_late_is_offered_again_and_can_be_sent(client: Client, alice: User) -> None:
    working(client, alice)
    end_session(client)
    answer = client.post(FORM, {"title": WORDS}, headers={"Referer": f"http://testserver{FORM}"})
    assert answer.headers["Location"] == "/accounts/login/?next=/incidents/new/"
    page = sign_in(client, alice)
    assert WORDS in page
    assert f'action="{FORM}"' in page
    team = alice.teams.get()
    sent = client.post(FORM, {"title": WORDS, "severity": "SEV2", "team": team.pk, "timezone": "UTC"})
    assert sent.status_code == 302
    assert "signed out before this was saved" not in client.get("/teams/").content.decode()


def test_it_stays_offered_until_it_is_dismissed(client: Client, alice: User) -> None:
    working(client, alice)
    end_session(client)
    client.post(FORM, {"title": WORDS})
    assert WORDS in sign_in(client, alice)
    assert WORDS in client.get("/incidents/").content.decode()
    assert client.post("/session/kept/dismiss/").status_code == 302
    assert WORDS not in client.get("/teams/").content.decode()


def test_nobody_else_is_offered_it(client: Client, alice: User, bob: User) -> None:
    working(client, alice)
    end_session(client)
    client.post(FORM, {"title": WORDS})
    assert WORDS not in sign_in(client, with_password(bob))


def test_nothing_is_kept_after_signing_out(client: Client, alice: User) -> None:
    working(client, alice)
    client.post("/accounts/logout/")
    client.post(FORM, {"title": WORDS})
    assert WORDS not in sign_in(client, alice)


def test_nothing_is_kept_for_a_stranger(client: Client) -> None:
    client.post(FORM, {"title": WORDS})
    assert "kept_post" not in client.session


def test_a_forged_name_of_the_writer_is_not_believed(client: Client, alice: User) -> None:
    client.cookies["debrief-last-user"] = f"{alice.pk}:forged"
    client.post(FORM, {"title": WORDS})
    assert "kept_post" not in client.session


def test_passwords_and_floods_are_not_kept(client: Client, alice: User) -> None:
    working(client, alice)
    end_session(client)
    client.post("/settings/", {"password": "hunter2-hunter2", "display_name": WORDS})
    assert "hunter2" not in str(client.session["kept_post"])
    client.post(FORM, {"title": "x" * 1_200_000})
    assert "xxx" not in str(client.session["kept_post"])


def test_htmx_is_told_that_the_session_ended(client: Client) -> None:
    answer = client.post(FORM, {"title": WORDS}, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Trigger"]) == (401, "debrief:signed-out")


def test_a_page_can_ask_who_is_signed_in(client: Client, as_user: As, alice: User) -> None:
    assert client.get("/session/").json() == {"user": None}
    answer = as_user(alice).get("/session/").json()
    assert answer["user"] == alice.pk
    assert len(answer["csrf_token"]) == 64


def test_signing_out_everywhere_ends_every_session(as_user: As, alice: User, bob: User) -> None:
    here, there, other = as_user(alice), as_user(alice), as_user(bob)
    here.post("/settings/sessions/end/")
    assert [client.get("/session/").status_code for client in (here, there, other)] == [401, 401, 200]
