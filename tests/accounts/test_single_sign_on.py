"""Single sign-on, against an OpenID Connect provider that answers on this machine."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from accounts.models import User
from tests.factories.accounts import with_password

pytestmark = pytest.mark.django_db
NIA = {"sub": "nia-1", "email": "nia@example.org", "email_verified": True, "name": "Nia New"}


class Provider(HTTPServer):
    """Vouches for one person; remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.person: dict[str, Any] = dict(NIA)
        self.asked: list[dict[str, list[str]]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    """Discovery, the exchange of a code, and who the person is."""

    server: Provider

    def do_GET(self) -> None:
        if self.path.startswith("/.well-known/"):
            names = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
            self._answer({"issuer": self.server.address, **{name: f"{self.server.address}/{name}" for name in names}})
        else:
            self._answer(self.server.person)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.asked.append(parse_qs(body))
        self._answer({"access_token": "a-token", "token_type": "Bearer"})

    def _answer(self, data: dict[str, Any]) -> None:
        content = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Be silent."""


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    server = Provider()
    thread = Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    app = {"provider_id": "oidc", "name": "Acme login", "client_id": "debrief", "secret": "s"}
    app["settings"] = {"server_url": server.address}  # type: ignore[assignment]
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def come_in(client: Client, **forged: str) -> Any:
    sent = client.post("/accounts/oidc/oidc/login/")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(sent.headers["Location"]).query).items()}
    assert asked["client_id"] == "debrief"
    assert asked["code_challenge_method"] == "S256"
    answer = {"code": "a-code", "state": asked["state"], **forged}
    return client.get("/accounts/oidc/oidc/login/callback/", answer)


def signed_in(client: Client) -> User | None:
    return User.objects.filter(pk=client.get("/session/").json()["user"]).first()


def test_the_sign_in_page_offers_it(client: Client, provider: Provider) -> None:
    assert "Acme login" in client.get("/accounts/login/").content.decode()


def test_whoever_the_provider_vouches_for_comes_in_with_name_and_address(client: Client, provider: Provider) -> None:
    assert come_in(client).headers["Location"] == "/"
    person = signed_in(client)
    assert person
    assert (person.email, person.display_name) == ("nia@example.org", "Nia New")
    assert provider.asked[0]["code"] == ["a-code"]
    assert len(base64.urlsafe_b64decode(provider.asked[0]["code_verifier"][0] + "==")) >= 32
    assert not person.has_usable_password()
    again = Client()
    come_in(again)
    assert signed_in(again) == person


def test_a_verified_address_that_is_known_is_the_same_person(client: Client, provider: Provider, alice: User) -> None:
    with_password(alice)
    provider.person["email"] = alice.email
    come_in(client)
    assert signed_in(client) == alice


def test_an_unverified_address_does_not_take_over_an_account(client: Client, provider: Provider, alice: User) -> None:
    with_password(alice)
    provider.person.update(email=alice.email, email_verified=False)
    come_in(client)
    assert signed_in(client) is None


def test_an_answer_nobody_asked_for_is_refused(client: Client, provider: Provider) -> None:
    answer = come_in(client, state="forged")
    assert answer.status_code in {200, 401, 403}
    assert signed_in(client) is None
    assert not User.objects.filter(email="nia@example.org").exists()


def test_whoever_was_deactivated_stays_out(client: Client, provider: Provider) -> None:
    come_in(client)
    User.objects.filter(email="nia@example.org").update(is_active=False)
    other = Client()
    come_in(other)
    assert signed_in(other) is None


def test_a_provider_that_cannot_be_reached_is_a_page_that_says_so(client: Client, settings: Any) -> None:
    app = {"provider_id": "oidc", "name": "x", "client_id": "x", "secret": "s"}
    app["settings"] = {"server_url": "http://127.0.0.1:9"}  # type: ignore[assignment]
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
    page = client.post("/accounts/oidc/oidc/login/", follow=True).content.decode()
    assert "Single sign-on cannot be reached" in page
    assert 'name="password"' in page
