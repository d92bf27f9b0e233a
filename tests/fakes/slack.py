"""A Slack for tests: a real HTTP server that knows some people and keeps what it is told."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


class FakeSlack:
    """Answers `users.lookupByEmail` and `chat.postMessage` as https://api.slack.com/methods says."""

    def __init__(self, people: dict[str, str]) -> None:
        self.people = people
        """Slack's ids by e-mail address."""
        self.token = "xoxb-test"
        self.told: list[tuple[str, str]] = []
        self.status = 200
        slack = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                slack.answer(self)

            do_GET = do_POST  # noqa: N815  (the name http.server calls)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/api/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0)).decode()
        path, _, query = request.path.partition("?")
        is_json = "json" in request.headers.get("Content-Type", "")
        said = json.loads(body) if is_json and body else {k: v[0] for k, v in parse_qs(body or query).items()}
        answer = self._answer(path.removeprefix("/api/"), said, request.headers.get("Authorization", ""))
        data = json.dumps(answer).encode()
        request.send_response(self.status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def _answer(self, method: str, said: dict[str, Any], authorization: str) -> dict[str, Any]:
        if authorization != f"Bearer {self.token}":
            return {"ok": False, "error": "invalid_auth"}
        if method == "users.lookupByEmail":
            known = self.people.get(said["email"])
            return {"ok": True, "user": {"id": known}} if known else {"ok": False, "error": "users_not_found"}
        self.told.append((said["channel"], said["text"]))
        return {"ok": True, "ts": "1.2", "channel": said["channel"]}
