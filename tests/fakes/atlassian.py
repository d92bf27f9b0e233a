"""Atlassian's authorisation server over HTTP: codes are good once, refresh tokens are good once, and it can fail.

Behaves as "OAuth 2.0 (3LO) apps" and "Implementing the Refresh Token Flow" at developer.atlassian.com say.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

CLIENT, SECRET = "debrief-app", "a-client-secret-of-no-worth"
SCOPES = {"read:jira-work", "write:jira-work", "read:jira-user", "offline_access"}
Json = dict[str, Any]


class Atlassian:
    """One app and whoever agreed to it. Use as a context manager; `gateway` of a `JiraServer`."""

    cloud_id = "11223344-a1b2-3b33-c444-def123456789"
    expires_in = 3600

    def __init__(self, *, site: str = "https://jira.example", back: str = "") -> None:
        self.site, self.back = site, back
        self.codes: dict[str, Json] = {}
        self.access: set[str] = set()
        self.refresh: set[str] = set()
        self.asked: list[Json] = []
        """Bodies that came to the token endpoint."""
        self.fault = ""
        """drop-after, or a status, instead of the next answer of the token endpoint."""
        self.before: Callable[[], None] | None = None
        """Called before a token request is carried out."""
        self.agrees = True
        self.ends_the_old_one = True
        """Whether a renewal ends the access token before it too."""
        self.lacks_scope = False
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def __enter__(self) -> Atlassian:
        handler = type("Handler", (_Handler,), {"owner": self})
        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._httpd.daemon_threads = True
        self._thread = threading.Thread(target=self._httpd.serve_forever, args=[0.02], daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._httpd.shutdown()
        self._httpd.server_close()
        self._thread.join(5)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._httpd.server_address[1]}"

    # -- What a Jira asks of it ----------------------------------------------------------------------------------------

    def is_good(self, token: str) -> bool:
        return token in self.access

    def sites(self) -> list[Json]:
        return [{"id": self.cloud_id, "url": self.site, "name": "Ours", "scopes": sorted(SCOPES)}]

    # -- What people and apps ask of it --------------------------------------------------------------------------------

    def consent(self, asked: Json) -> str:
        """Where somebody who agreed is sent; the code of it knows what was asked."""
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert asked["redirect_uri"] == self.back, (asked["redirect_uri"], self.back)
        assert set(asked["scope"].split()) == SCOPES
        if not self.agrees:
            return f"{asked['redirect_uri']}?{urlencode({'error': 'access_denied', 'state': asked['state']})}"
        code = f"code-{next(self._numbers)}"
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def pair(self) -> Json:
        """New tokens; the refresh token before them is good for nothing any more."""
        number = next(self._numbers)
        access, refresh = f"access-{number}-of-no-worth", f"refresh-{number}-of-no-worth"
        self.access = {access} if self.ends_the_old_one else {*self.access, access}
        self.refresh = {refresh}
        return {
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": self.expires_in,
            "token_type": "Bearer",
            "scope": " ".join(sorted(SCOPES)),
        }

    def revoke(self) -> None:
        """Whoever agreed takes it back."""
        self.access, self.refresh = set(), set()

    def token(self, body: Json) -> tuple[int, Json]:
        with self._lock:
            self.asked.append(body)
            if (body.get("client_id"), body.get("client_secret")) != (CLIENT, SECRET):
                return 401, {"error": "access_denied", "error_description": "Unauthorized"}
            if body["grant_type"] == "authorization_code":
                return self._code(body)
            if body["refresh_token"] not in self.refresh:
                return 403, {"error": "invalid_grant", "error_description": "Unknown or invalid refresh token."}
            return 200, self.pair()

    def _code(self, body: Json) -> tuple[int, Json]:
        asked = self.codes.pop(body["code"], None)
        digest = base64.urlsafe_b64encode(hashlib.sha256(body["code_verifier"].encode()).digest()).rstrip(b"=")
        is_right = asked is not None and (asked["redirect_uri"], asked["code_challenge"]) == (
            body["redirect_uri"],
            digest.decode(),
        )
        if not is_right:
            return 403, {"error": "invalid_grant", "error_description": "Invalid authorization code"}
        return 200, self.pair()


class _Handler(BaseHTTPRequestHandler):
    owner: Atlassian
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        """Nothing is printed."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path != "/authorize":
            self._send(404, {})
            return
        self.send_response(302)
        self.send_header("Location", self.owner.consent(dict(parse_qsl(parts.query))))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        owner = self.owner
        if owner.before is not None:
            owner.before()
        fault, owner.fault = owner.fault, ""
        if fault.isdigit():
            self._send(int(fault), {"message": "no"})
            return
        status, answer = owner.token(body) if self.path == "/oauth/token" else (404, {})
        if fault == "drop-after":
            self.close_connection = True
            self.connection.shutdown(2)
            return
        self._send(status, answer)

    def _send(self, status: int, answer: Json) -> None:
        raw = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)
