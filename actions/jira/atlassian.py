"""Atlassian's authorisation server: where somebody agrees that Debrief may use a Jira Cloud, and tokens are renewed.

Sources: "OAuth 2.0 (3LO) apps" and "Implementing the Refresh Token Flow", developer.atlassian.com; RFC 6749 (the
framework), RFC 7636 (a code is of no use to whoever did not ask for it).
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from django.conf import settings

from accounts.outside import AddressNotAllowed, checked_session
from actions.jira import answers
from actions.jira.address import NotAllowed, check_address
from actions.services.grant import Tokens
from actions.tracker import Refused, SignInRefused, Throttled, Unreachable

logger = logging.getLogger("debrief.jira")

SCOPES = ("read:jira-work", "write:jira-work", "read:jira-user", "offline_access")
"""All that Debrief asks of a Jira; with the last it can renew its tokens by itself."""
CONNECT_SECONDS, READ_SECONDS = 5.0, 15.0
CLOUD_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
SPENT = "Atlassian does not accept the code or token any more: it was used already, taken back, or is too old."
SHORTEST = 120
"""Seconds. A token that is good for less would be renewed at every request."""


class GrantRefused(SignInRefused):
    """The code or refresh token is not good any more: somebody has to agree again."""


@dataclass(frozen=True)
class App:
    """The app as Atlassian knows it."""

    client_id: str
    client_secret: str


@dataclass(frozen=True)
class Question:
    """What somebody is asked at Atlassian. `state` and `verifier` stay in the session of whoever asked."""

    state: str
    verifier: str

    @classmethod
    def new(cls) -> Question:
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(48))

    def address(self, app_id: str, *, back: str) -> str:
        """Where they are asked; `back` is where they are sent afterwards."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "audience": urlsplit(settings.ATLASSIAN_API_URL).hostname,
            "client_id": app_id,
            "scope": " ".join(SCOPES),
            "redirect_uri": back,
            "state": self.state,
            "response_type": "code",
            "prompt": "consent",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{settings.ATLASSIAN_AUTH_URL.rstrip('/')}/authorize?{urlencode(asked)}"


def tokens_for_code(app: App, code: str, *, verifier: str, back: str) -> Tokens:
    """What the code is worth: it is taken once. Raises `TrackerError`."""
    asked = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}
    return _tokens(app, asked)


def renewed_tokens(app: App, refresh_token: str) -> Tokens:
    """A new pair for a refresh token, which is good for nothing from then on. Raises `TrackerError`."""
    return _tokens(app, {"grant_type": "refresh_token", "refresh_token": refresh_token})


def api_url_of(access_token: str, site_url: str) -> str:
    """Where the Jira at `site_url` is asked with this token. Raises `TrackerError`."""
    base = settings.ATLASSIAN_API_URL.rstrip("/")
    found = _asked("GET", f"{base}/oauth/token/accessible-resources", token=access_token)
    if not isinstance(found, list):
        raise Unreachable("Atlassian's answer about its sites could not be read.")
    sites = {_host(str(each.get("url"))): str(each.get("id")) for each in found if isinstance(each, dict)}
    cloud_id = sites.get(_host(site_url), "")
    if not CLOUD_ID.fullmatch(cloud_id):
        seen = ", ".join(sorted(filter(None, sites)))[:300] or "none"
        raise Refused(f"Whoever agreed did not give Debrief {_host(site_url)}. Sites it was given: {seen}.")
    return f"{base}/ex/jira/{cloud_id}"


def _host(address: str) -> str:
    return (urlsplit(address).netloc or "").casefold()


def _tokens(app: App, asked: Mapping[str, str]) -> Tokens:
    body = {**asked, "client_id": app.client_id, "client_secret": app.client_secret}
    answer = _asked("POST", f"{settings.ATLASSIAN_AUTH_URL.rstrip('/')}/oauth/token", body=body)
    try:
        access, seconds = str(answer["access_token"]), int(answer["expires_in"])
        refresh = str(answer.get("refresh_token") or "")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unreachable("Atlassian's answer with the tokens could not be read.") from error
    if not refresh:
        raise Refused("Atlassian gave no refresh token. The app must be allowed “offline_access”.")
    return Tokens(access, refresh, max(seconds, SHORTEST))


def _asked(method: str, url: str, *, body: Mapping[str, str] | None = None, token: str = "") -> Any:
    """One request, under the same rules of where Debrief may go as any to a Jira. No secret of it is logged."""
    check_address(url)
    begun, status = time.monotonic(), "none"
    with checked_session() as session:
        headers = {"Accept": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        try:
            response = session.request(
                method, url, json=body, headers=headers, allow_redirects=False, timeout=(CONNECT_SECONDS, READ_SECONDS)
            )
            status = str(response.status_code)
        except AddressNotAllowed as error:
            raise NotAllowed(str(error)) from error
        except requests.RequestException as error:
            raise answers.no_answer(error, who="Atlassian") from error
        finally:
            logger.info("%s %s %s %.0f ms", method, urlsplit(url).path, status, (time.monotonic() - begun) * 1000)
    if response.status_code == 200:
        return answers.content(response, is_answered=True)
    raise _failure(response)


def _failure(response: requests.Response) -> Exception:
    """Which failure it is. Only one that names itself was surely no renewal."""
    try:
        said = response.json()
    except ValueError:
        said = None
    code = str(said.get("error", "")) if isinstance(said, dict) else ""
    if response.status_code == 429:
        return Throttled("Atlassian asks us to be slower.", wait=answers.wait_of(response))
    if code == "invalid_grant":
        return GrantRefused(SPENT)
    if code in {"invalid_client", "unauthorized_client", "access_denied"}:
        return SignInRefused("Atlassian does not know the app by this client id and secret.")
    if response.status_code == 401:
        return SignInRefused("Atlassian does not accept the token.")
    if 400 <= response.status_code < 500 and code:
        return Refused(f"Atlassian refused: {code[:100]}.")
    return Unreachable(f"Atlassian answered {response.status_code}.")
