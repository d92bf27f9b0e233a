"""A Confluence for tests: a real HTTP server with pages, properties and files, that can be told to fail.

Cloud answers by version 2 of the interface, and by version 1 for files; Data Center by version 1 alone. What either
refuses is refused as theirs is: a title twice in a space, a version that is not the next one.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Answer = tuple[int, Any]


@dataclass
class StoredPage:
    id: str
    space: str
    parent: str
    title: str
    body: str
    version: int = 1
    properties: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Fault:
    """What happens once to the next request that fits.

    Answered instead ("refuse"), done and its answer lost ("lose"), done late ("slow") or done twice ("repeat").
    """

    method: str
    path: str
    how: str
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


class FakeConfluence:
    """One site. `spaces` by key; pages by id; every request that came in is kept."""

    def __init__(self, kind: str = "cloud") -> None:
        self.kind = kind
        self.token = "token-1"
        self.user = "bot@example.com"
        self.spaces = {"OPS": "7001"}
        self.pages: dict[str, StoredPage] = {"100": StoredPage("100", "OPS", "", "Post-mortems", "")}
        self.faults: list[Fault] = []
        self.asked: list[tuple[str, str]] = []
        self.lock = threading.Lock()
        confluence = self

        class Handler(BaseHTTPRequestHandler):
            def _any(self) -> None:
                confluence.answer(self)

            do_GET = do_POST = do_PUT = _any  # noqa: N815  (the names http.server calls)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=[0.02], daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def fail(self, method: str, path: str, how: str = "refuse", **more: Any) -> None:
        self.faults.append(Fault(method, path, how, **more))

    @property
    def made(self) -> list[StoredPage]:
        """The pages that were not there at first."""
        return [page for page in self.pages.values() if page.id != "100"]

    # -- HTTP ----------------------------------------------------------------------------------------------------------

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        parts = urlsplit(request.path)
        self.asked.append((request.command, parts.path))
        fault = self._fault(request.command, parts.path)
        headers: dict[str, str] = {}
        if fault and fault.how == "slow":
            time.sleep(fault.seconds)
        if fault and fault.how == "refuse":
            status, said, headers = fault.status, {"message": "Refused for the test."}, fault.headers
        else:
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            for _ in range(2 if fault and fault.how == "repeat" else 1):
                with self.lock:
                    status, said = self._do(request, unquote(parts.path), query, body)
        if fault and fault.how == "lose":
            request.close_connection = True
            return
        data = json.dumps(said).encode()
        request.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(data))}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(data)

    def _fault(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.method == method and re.search(fault.path, path):
                self.faults.remove(fault)
                return fault
        return None

    def _do(self, request: BaseHTTPRequestHandler, path: str, query: dict[str, str], body: bytes) -> Answer:
        if not self._is_signed_in(request.headers.get("Authorization", "")):
            return 401, {"message": "Unauthorized"}
        if path.startswith("/wiki/api/v2/") and self.kind == "cloud":
            return self._v2(request.command, path.removeprefix("/wiki/api/v2/"), query, json.loads(body or b"{}"))
        prefix = "/wiki/rest/api/" if self.kind == "cloud" else "/rest/api/"
        if not path.startswith(prefix):
            return 404, {"message": "No such address"}
        rest = path.removeprefix(prefix)
        if match := re.fullmatch(r"content/(\d+)/child/attachment", rest):
            return self._files(request, match[1], query, body)
        if self.kind == "cloud":
            return 410, {"message": "Use version 2"}
        return self._v1(request.command, rest, query, json.loads(body or b"{}"))

    def _is_signed_in(self, authorization: str) -> bool:
        if self.kind == "cloud":
            return authorization == "Basic " + base64.b64encode(f"{self.user}:{self.token}".encode()).decode()
        return authorization == f"Bearer {self.token}"

    # -- What both do --------------------------------------------------------------------------------------------------

    def _files(self, request: BaseHTTPRequestHandler, page_id: str, query: dict[str, str], body: bytes) -> Answer:
        page = self.pages.get(page_id)
        if page is None:
            return 404, {"message": "No such content"}
        if request.command == "GET":
            start = int(query.get("start", 0))
            names = list(page.files)[start : start + int(query.get("limit", 25))]
            return 200, {"results": [{"id": f"att{n}", "title": name} for n, name in enumerate(names)]}
        if request.headers.get("X-Atlassian-Token") not in {"no-check", "nocheck"}:
            return 403, {"message": "XSRF check failed"}
        kind = request.headers.get("Content-Type", "")
        for part in message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body).get_payload():
            name = part.get_filename()  # type: ignore[union-attr]
            if not name:
                continue
            if name in page.files:
                return 400, {"message": f"Cannot add a new attachment with same file name as an existing one: {name}"}
            page.files[name] = part.get_payload(decode=True)  # type: ignore[union-attr,assignment]
        return 200, {"results": []}

    def _make(self, space: str, parent: str, title: str, body: str) -> StoredPage | None:
        if any(page.space == space and page.title == title for page in self.pages.values()):
            return None
        page = StoredPage(str(1000 + len(self.pages)), space, parent, title, body)
        self.pages[page.id] = page
        return page

    def _rewrite(self, page: StoredPage, said: dict[str, Any], body: str) -> bool:
        if said["version"]["number"] != page.version + 1:
            return False
        page.title, page.body, page.version = said["title"], body, page.version + 1
        return True

    # -- Version 2 -----------------------------------------------------------------------------------------------------

    def _v2(self, method: str, path: str, query: dict[str, str], said: dict[str, Any]) -> Answer:
        if path == "spaces":
            found = [key for key in self.spaces if key == query["keys"]]
            return 200, {"results": [{"id": self.spaces[key], "key": key} for key in found]}
        if path == "pages":
            return self._v2_pages(method, query, said)
        match = re.fullmatch(r"pages/(\d+)(/properties)?", path)
        page = self.pages.get(match[1]) if match else None
        if match is None or page is None:
            return 404, {"errors": [{"status": 404, "title": "Not Found"}]}
        if match[2]:
            return self._v2_properties(method, page, query, said)
        if method == "PUT" and not self._rewrite(page, said, said["body"]["value"]):
            return 409, {"errors": [{"status": 409, "title": "Version must be incremented"}]}
        return 200, self._v2_shown(page)

    def _v2_pages(self, method: str, query: dict[str, str], said: dict[str, Any]) -> Answer:
        keys = {number: key for key, number in self.spaces.items()}
        if method == "GET":
            space = keys[query["space-id"]]
            found = [page for page in self.pages.values() if (page.space, page.title) == (space, query["title"])]
            return 200, {"results": [self._v2_shown(page) for page in found]}
        page = self._make(keys[said["spaceId"]], said.get("parentId", ""), said["title"], said["body"]["value"])
        if page is None:
            title = "A page with this title already exists: A page already exists with the same TITLE in this space"
            return 400, {"errors": [{"status": 400, "title": title}]}
        return 200, self._v2_shown(page)

    def _v2_properties(self, method: str, page: StoredPage, query: dict[str, str], said: dict[str, Any]) -> Answer:
        if method == "POST":
            if said["key"] in page.properties:
                return 409, {"errors": [{"status": 409, "title": "The key exists"}]}
            page.properties[said["key"]] = said["value"]
            return 200, said
        found = [{"key": key, "value": value} for key, value in page.properties.items() if key == query["key"]]
        return 200, {"results": found}

    def _v2_shown(self, page: StoredPage) -> dict[str, Any]:
        return {
            "id": page.id,
            "title": page.title,
            "version": {"number": page.version},
            "body": {"storage": {"value": page.body}},
            "_links": {"webui": f"/spaces/{page.space}/pages/{page.id}", "base": f"{self.url}/wiki"},
        }

    # -- Version 1 -----------------------------------------------------------------------------------------------------

    def _v1(self, method: str, path: str, query: dict[str, str], said: dict[str, Any]) -> Answer:
        if match := re.fullmatch(r"space/(.+)", path):
            return (200, {"key": match[1]}) if match[1] in self.spaces else (404, {"message": "No space"})
        if path == "content":
            return self._v1_content(method, query, said)
        match = re.fullmatch(r"content/(\d+)(?:/property(?:/(.+))?)?", path)
        page = self.pages.get(match[1]) if match else None
        if match is None or page is None:
            return 404, {"message": "No content found"}
        if "/property" in path:
            if method == "POST":
                page.properties[said["key"]] = said["value"]
                return 200, said
            known = match[2] in page.properties
            return (200, {"value": page.properties[match[2]]}) if known else (404, {"message": "No property"})
        if method == "PUT" and not self._rewrite(page, said, said["body"]["storage"]["value"]):
            return 409, {"message": "Version must be incremented on update."}
        return 200, self._v1_shown(page, query)

    def _v1_content(self, method: str, query: dict[str, str], said: dict[str, Any]) -> Answer:
        if method == "GET":
            wanted = (query["spaceKey"], query["title"])
            found = [page for page in self.pages.values() if (page.space, page.title) == wanted]
            return 200, {"results": [self._v1_shown(page, query) for page in found]}
        parent = said["ancestors"][0]["id"] if said.get("ancestors") else ""
        page = self._make(said["space"]["key"], parent, said["title"], said["body"]["storage"]["value"])
        if page is None:
            return 400, {"message": "A page with this title already exists: a page already exists with the title"}
        return 200, self._v1_shown(page, query)

    def _v1_shown(self, page: StoredPage, query: dict[str, str]) -> dict[str, Any]:
        expanded = query.get("expand", "").split(",")
        return {
            "id": page.id,
            "title": page.title,
            **({"version": {"number": page.version}} if "version" in expanded else {}),
            **({"body": {"storage": {"value": page.body}}} if "body.storage" in expanded else {}),
            "_links": {"webui": f"/display/{page.space}/{page.id}", "base": self.url},
        }
