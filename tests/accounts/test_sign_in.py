"""Signing in, signing up, getting a new password: allauth, set up our way, through its URLs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

from accounts.models import User
from tests.factories.accounts import PASSWORD, with_password

pytestmark = pytest.mark.django_db
NEW = {"email": "new@example.org", "password1": PASSWORD, "display_name": "Nia New", "timezone": "Europe/Rome"}


@pytest.fixture(autouse=True)
def _calm(settings: Any) -> None:
    """Each test has its own address, so that the limits of one do not reach the next."""
    settings.ACCOUNT_RATE_LIMITS = {"login": "60/m/ip", "login_failed": "20/m/ip,5/5m/key"}


def sign_in(client: Client, email: str, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/accounts/login/", {"login": email, "password": password, **more}, REMOTE_ADDR=address(email))


def address(email: str) -> str:
    return f"127.0.{sum(map(ord, email)) % 250}.{len(email)}"


def is_signed_in(client: Client) -> bool:
    return client.get("/session/").status_code == 200


def link_in(message: Any) -> str:
    found = re.search(r"https?://[^/\s]+(/\S+)", str(message.body))
    assert found, message.body
    return found[1]


# -- In and out --------------------------------------------------------------------------------------------------------


def test_the_right_password_lets_one_in_whatever_the_case_of_the_address(client: Client, alice: User) -> None:
    with_password(alice)
    answer = sign_in(client, "ALICE@example.com")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert is_signed_in(client)


def test_a_wrong_password_and_an_unknown_address_sound_the_same(client: Client, bob: User) -> None:
    with_password(bob)
    wrong = sign_in(client, bob.email, "wrong horse battery")
    unknown = sign_in(client, "nobody@example.com", "wrong horse battery")
    said = [re.findall(r"<li>([^<]+)</li>", answer.content.decode()) for answer in (wrong, unknown)]
    assert said[0] == said[1] != []
    assert not is_signed_in(client)


def test_whoever_was_deactivated_stays_out(client: Client, mallory: User) -> None:
    with_password(mallory)
    mallory.is_active = False
    mallory.save()
    sign_in(client, mallory.email)
    assert not is_signed_in(client)


def test_guessing_is_stopped_after_five_wrong_passwords(client: Client, manager: User) -> None:
    with_password(manager)
    for _ in range(5):
        sign_in(client, manager.email, "wrong horse battery")
    answer = sign_in(client, manager.email)
    assert "Too many" in answer.content.decode()
    assert not is_signed_in(client)


def test_the_way_back_leads_only_to_this_site(client: Client, alice: User) -> None:
    with_password(alice)
    assert sign_in(client, alice.email, next="https://evil.example/").headers["Location"] == "/"
    client.logout()
    assert sign_in(client, alice.email, next="/teams/").headers["Location"] == "/teams/"


def test_signing_out_asks_for_a_post(client: Client, alice: User) -> None:
    client.force_login(alice)
    client.get("/accounts/logout/")
    assert is_signed_in(client)
    assert client.post("/accounts/logout/").status_code == 302
    assert not is_signed_in(client)


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(client: Client, alice: User) -> None:
    with_password(alice)
    cookie = sign_in(client, alice.email).cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


# -- Sign-up -----------------------------------------------------------------------------------------------------------


def test_sign_up_is_closed_unless_a_domain_is_named(client: Client) -> None:
    page = client.get("/accounts/signup/").content.decode()
    assert "invite" in page
    client.post("/accounts/signup/", NEW)
    assert not User.objects.filter(email=NEW["email"]).exists()
    assert "/accounts/signup/" not in client.get("/accounts/login/").content.decode()


def test_an_address_of_a_named_domain_may_sign_up_once_it_is_verified(client: Client, settings: Any) -> None:
    settings.SIGNUP_DOMAINS = ["Example.org"]
    assert "/accounts/signup/" in client.get("/accounts/login/").content.decode()
    assert client.post("/accounts/signup/", NEW).status_code == 302
    person = User.objects.get(email=NEW["email"])
    assert (person.display_name, person.timezone) == ("Nia New", "Europe/Rome")
    assert not is_signed_in(client)
    sign_in(client, person.email)
    assert not is_signed_in(client)
    client.post(link_in(mail.outbox[0]))
    assert EmailAddress.objects.get(user=person).verified
    sign_in(client, person.email)
    assert is_signed_in(client)


@pytest.mark.parametrize("email", ["new@evil.example", "new@example.org.evil.example", "new@sub.example.org"])
def test_other_domains_are_refused_in_words(email: str, client: Client, settings: Any) -> None:
    settings.SIGNUP_DOMAINS = ["example.org"]
    page = client.post("/accounts/signup/", {**NEW, "email": email}).content.decode()
    assert "Ask a colleague for an invitation" in page
    assert not User.objects.filter(email=email).exists()


def test_signing_up_does_not_tell_who_is_here(client: Client, settings: Any, bob: User) -> None:
    settings.SIGNUP_DOMAINS = ["example.org", "example.com"]
    known = client.post("/accounts/signup/", {**NEW, "email": bob.email})
    other = {**NEW, "email": "another@example.org"}  # allauth mails an address once in three minutes
    new = Client().post("/accounts/signup/", other)
    assert (known.status_code, known.headers["Location"]) == (new.status_code, new.headers["Location"])
    assert [message.to for message in mail.outbox] == [[bob.email], [other["email"]]]


# -- A new password ----------------------------------------------------------------------------------------------------


def test_a_forgotten_password_is_replaced_by_mail(client: Client, alice: User) -> None:
    with_password(alice)
    client.post("/accounts/password/reset/", {"email": alice.email})
    answer = client.get(link_in(mail.outbox[0]), follow=True)
    form = answer.redirect_chain[-1][0]
    weak = client.post(form, {"password1": "short", "password2": "short"})
    assert "at least 12 characters" in weak.content.decode()
    client.post(form, {"password1": "a new and longer one", "password2": "a new and longer one"})
    client.logout()
    sign_in(client, alice.email)
    assert not is_signed_in(client)
    sign_in(client, alice.email, "a new and longer one")
    assert is_signed_in(client)


def test_asking_for_a_new_password_does_not_tell_who_is_here(client: Client, bob: User) -> None:
    with_password(bob)
    known = client.post("/accounts/password/reset/", {"email": bob.email})
    unknown = client.post("/accounts/password/reset/", {"email": "nobody@example.com"})
    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])


@pytest.mark.parametrize(
    "path",
    ["login/", "signup/", "password/reset/", "password/reset/done/", "confirm-email/", "inactive/", "logout/"],
)
def test_the_pages_wear_our_dress(path: str, client: Client) -> None:
    page = client.get(f"/accounts/{path}", follow=True).content.decode()
    assert 'class="entrance"' in page
    assert "app." in page


@pytest.mark.parametrize("path", ["email/", "password/change/"])
def test_so_do_those_of_a_person(path: str, client: Client, alice: User) -> None:
    with_password(alice)
    client.force_login(alice)
    page = client.get(f"/accounts/{path}").content.decode()
    assert 'class="rail"' in page
