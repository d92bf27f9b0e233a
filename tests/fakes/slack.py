"""A Slack for tests: a real HTTP server that knows some people and channels, and keeps what it is told."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


class FakeSlack:
    """Answers `users.lookupByEmail`, `chat.postMessage` and incoming webhooks as https://api.slack.com says."""

    def __init__(self, people: dict[str, str]) -> None:
        self.people = people
        """Slack's ids by e-mail address."""
        self.channels: dict[str, str] = {}
        """What is wrong with each channel, as Slack says it; "" where nothing is."""
        self.hooks: dict[str, tuple[int, str]] = {}
        """What the webhook of each path answers, once it took the message where that is 200."""
        self.messages: list[tuple[str, dict[str, Any]]] = []
        """Everything that was taken, whole: where to, and what."""
        self.loses_answers = False
        self.retry_after = ""
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
        threading.Thread(target=self.server.serve_forever, args=[0.02], daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0)).decode()
        path, _, query = request.path.partition("?")
        is_json = "json" in request.headers.get("Content-Type", "")
        said = json.loads(body) if is_json and body else {k: v[0] for k, v in parse_qs(body or query).items()}
        status, data = self.status, b""
        if path in self.hooks:
            status, words = self._hook(path, said)
            data = words.encode()
        else:
            answer = self._answer(path.removeprefix("/api/"), said, request.headers.get("Authorization", ""))
            data = json.dumps(answer).encode()
        if self.loses_answers:
            request.close_connection = True
            return
        request.send_response(status)
        request.send_header("Content-Type", "text/html" if path in self.hooks else "application/json")
        if self.retry_after:
            request.send_header("Retry-After", self.retry_after)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def _answer(self, method: str, said: dict[str, Any], authorization: str) -> dict[str, Any]:
        if authorization != f"Bearer {self.token}":
            return {"ok": False, "error": "invalid_auth"}
        if method == "users.lookupByEmail":
            known = self.people.get(said["email"])
            return {"ok": True, "user": {"id": known}} if known else {"ok": False, "error": "users_not_found"}
        if fault := self._fault(said["channel"]):
            return {"ok": False, "error": fault}
        self.told.append((said["channel"], said["text"]))
        blocks = said.get("blocks", [])
        self.messages.append(
            (said["channel"], {**said, "blocks": json.loads(blocks) if isinstance(blocks, str) else blocks})
        )
        return {"ok": True, "ts": "1.2", "channel": said["channel"]}

    def _fault(self, channel: str) -> str:
        if self.retry_after:
            return "ratelimited"
        known = dict.fromkeys(self.people.values(), "") | self.channels
        return known.get(channel, "channel_not_found")

    def _hook(self, path: str, said: dict[str, Any]) -> tuple[int, str]:
        status, words = self.hooks[path]
        if status == 200:
            self.messages.append((path, said))
        return status, words
