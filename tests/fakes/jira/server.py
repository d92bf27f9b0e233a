"""The fake Jira over HTTP, with every way an answer can fail to come."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from django.db import connections

from tests.fakes.jira.contract import Contract
from tests.fakes.jira.state import PRIORITIES, SERVICE, STATUSES, Jira, Json, Rejected, Transition, stamp

TOKEN = "a-token-of-no-worth"
PERMISSIONS = ("BROWSE_PROJECTS", "CREATE_ISSUES", "EDIT_ISSUES", "ASSIGN_ISSUES", "TRANSITION_ISSUES", "LINK_ISSUES")


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    body: Any

    @property
    def is_write(self) -> bool:
        is_reading = self.path.endswith(("/bulkfetch", "/search/jql", "/search"))
        return self.method != "GET" and not is_reading


@dataclass
class Fault:
    """What happens instead of an answer. `kind`: drop-before, drop-after, delay, truncate, html, or a status."""

    kind: str
    headers: dict[str, str] = field(default_factory=dict)
    matches: Callable[[Asked], bool] = lambda asked: True


class JiraServer:
    """`Jira` behind a socket on this machine. Use as a context manager."""

    def __init__(self, jira: Jira) -> None:
        self.jira = jira
        self.faults: list[Fault] = []
        self.before: Callable[[Asked], None] | None = None
        """Called before each request is carried out, outside the lock: people edit, other workers run."""
        self.log: list[tuple[Asked, int]] = []
        self.delayed: list[tuple[Any, Asked]] = []
        self.contract = Contract(is_cloud=jira.is_cloud)
        self.lock = threading.RLock()
        self.gateway: Gateway | None = None
        """Atlassian's own door before a Jira Cloud, where tokens of OAuth 2.0 are shown."""
        self.crashes: list[Exception] = []
        """What went wrong in the fake itself, or in `before`."""

    def __enter__(self) -> JiraServer:
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

    def advance(self, by: timedelta) -> None:
        """Let time pass; requests that were held up arrive when theirs has come."""
        with self.lock:
            until = self.jira.now + by
            for due, asked in sorted(self.delayed, key=lambda pair: pair[0]):
                if due <= until:
                    self.jira.now = max(self.jira.now, due)
                    self.delayed.remove((due, asked))
                    self.carry_out(asked)
            self.jira.now = until

    def writes(self) -> list[Asked]:
        return [asked for asked, _ in self.log if asked.is_write]

    def carry_out(self, asked: Asked) -> tuple[int, Any]:
        """Do what was asked; its status and answer."""
        with self.lock:
            self.contract.check_request(asked)
            try:
                status, answer = _Answers(self.jira).answer(asked)
            except Rejected as error:
                status, answer = error.status, error.body
            self.contract.check_answer(asked, status, answer)
            self.log.append((asked, status))
            return status, answer

    def fault_for(self, asked: Asked) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.matches(asked):
                    self.faults.remove(fault)
                    return fault
        return None


class Gateway(Protocol):
    """What stands before a Jira at api.atlassian.com."""

    cloud_id: str
    lacks_scope: bool

    def is_good(self, token: str) -> bool: ...

    def sites(self) -> list[Json]: ...


class _Handler(BaseHTTPRequestHandler):
    owner: JiraServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args: object) -> None:
        """Nothing is printed."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(raw) if raw else None
        asked = Asked(self.command, unquote(parts.path), dict(parse_qsl(parts.query)), body)
        try:
            self._respond(asked)
        except BrokenPipeError:
            self.close_connection = True
        except Exception as error:  # noqa: BLE001  (whatever went wrong in a thread is shown by the test)
            self.owner.crashes.append(error)
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815  (the names that http.server calls)

    def _respond(self, asked: Asked) -> None:
        owner = self.owner
        if owner.gateway is not None:
            found = self._passed(asked, owner.gateway)
            if found is None:
                return
            asked = found
        elif not self._is_signed_in():
            self._send(401, {"errorMessages": ["Unauthorized"], "errors": {}})
            return
        if owner.before is not None:
            owner.before(asked)
            connections.close_all()
        fault = owner.fault_for(asked)
        if fault is None:
            self._send(*owner.carry_out(asked))
        elif fault.kind == "drop-before":
            self._hang_up()
        elif fault.kind == "drop-after":
            owner.carry_out(asked)
            self._hang_up()
        elif fault.kind == "delay":
            owner.delayed.append((owner.jira.now + timedelta(seconds=60), asked))
            self._hang_up()
        elif fault.kind == "truncate":
            status, answer = owner.carry_out(asked)
            self._send_raw(status, json.dumps(answer).encode()[:-10] or b"{", "application/json", {})
        elif fault.kind == "html":
            self._send_raw(400, b"<html><body>Bad Request</body></html>", "text/html", {})
        else:
            self._send(int(fault.kind), {"errorMessages": ["no"], "errors": {}}, fault.headers)

    def _passed(self, asked: Asked, gateway: Gateway) -> Asked | None:
        """What is asked of the Jira behind it; None where it answers itself."""
        prefix = f"/ex/jira/{gateway.cloud_id}"
        if not gateway.is_good(self.headers.get("Authorization", "").removeprefix("Bearer ")):
            self._send(401, {"code": 401, "message": "Unauthorized"})
        elif gateway.lacks_scope:
            self._send(401, {"code": 401, "message": "Unauthorized; scope does not match"})
        elif asked.path == "/oauth/token/accessible-resources":
            self._send(200, gateway.sites())
        elif not asked.path.startswith(f"{prefix}/"):
            self._send(404, {"code": 404, "message": "Not Found"})
        else:
            return replace(asked, path=asked.path.removeprefix(prefix))
        return None

    def _is_signed_in(self) -> bool:
        raw = self.headers.get("Authorization", "")
        basic = "Basic " + base64.b64encode(f"{SERVICE.email}:{TOKEN}".encode()).decode()
        return raw in {basic, f"Bearer {TOKEN}"}

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(2)

    def _send(self, status: int, answer: Any, headers: dict[str, str] | None = None) -> None:
        self._send_raw(
            status, b"" if answer is None else json.dumps(answer).encode(), "application/json", headers or {}
        )

    def _send_raw(self, status: int, raw: bytes, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        if raw or status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(raw)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)


class _Answers:
    """Which request means what."""

    def __init__(self, jira: Jira) -> None:
        self.jira = jira

    def answer(self, asked: Asked) -> tuple[int, Any]:
        for method, pattern, name in ROUTES:
            found = re.fullmatch(rf"/rest/api/(?:2|3|latest)/{pattern}", asked.path)
            if found and asked.method == method:
                return getattr(self, name)(asked, *found.groups())  # type: ignore[no-any-return]
        raise Rejected(404, f"null for uri: {asked.path}")

    # -- Issues --------------------------------------------------------------------------------------------------------

    def create(self, asked: Asked) -> tuple[int, Any]:
        issue = self.jira.create(asked.body["fields"], asked.body.get("properties", ()))
        return 201, {"id": issue.id, "key": issue.key, "self": f"https://jira.example/{issue.id}"}

    def create_bulk(self, asked: Asked) -> tuple[int, Any]:
        made, errors = [], []
        for place, each in enumerate(asked.body["issueUpdates"]):
            try:
                issue = self.jira.create(each["fields"], each.get("properties", ()))
                made.append({"id": issue.id, "key": issue.key, "self": f"https://jira.example/{issue.id}"})
            except Rejected as error:
                errors.append({"status": error.status, "elementErrors": error.body, "failedElementNumber": place})
        return (201 if made else 400), {"issues": made, "errors": errors}

    def show(self, asked: Asked, key: str) -> tuple[int, Any]:
        names = asked.query["fields"].split(",") if asked.query.get("fields") else None
        return 200, self.jira.issue(
            self.jira.find(key),
            names=names,
            expand=asked.query.get("expand", ""),
            properties=asked.query.get("properties", ""),
        )

    def fetch(self, asked: Asked) -> tuple[int, Any]:
        body, found, errors = asked.body, [], []
        for key in body["issueIdsOrKeys"][:100]:
            try:
                found.append(
                    self.jira.issue(
                        self.jira.find(key),
                        names=body.get("fields"),
                        expand=",".join(body.get("expand", ())),
                        properties=",".join(body.get("properties", ())),
                    )
                )
            except Rejected as error:
                errors.append({"id": key, "errorMessage": error.body["errorMessages"][0]})
        return 200, {"issues": found, "issueErrors": errors}

    def edit(self, asked: Asked, key: str) -> tuple[int, Any]:
        issue, body = self.jira.find(key), asked.body
        self.jira.edit(issue, body.get("fields", {}), body.get("update"), metadata=body.get("historyMetadata"))
        if self.jira.is_cloud and asked.query.get("returnIssue") == "true":
            return 200, self.jira.issue(issue, expand=asked.query.get("expand", ""))
        return 204, None

    def delete(self, asked: Asked, key: str) -> tuple[int, Any]:
        self.jira.delete(self.jira.find(key))
        return 204, None

    def history(self, asked: Asked, key: str) -> tuple[int, Any]:
        start, most = int(asked.query.get("startAt", 0)), min(100, int(asked.query.get("maxResults", 100)))
        every = self.jira.find(key).histories
        page = every[start : start + most]
        is_last = start + most >= len(every)
        return 200, {"startAt": start, "maxResults": most, "total": len(every), "isLast": is_last, "values": page}

    def steps(self, asked: Asked, key: str) -> tuple[int, Any]:
        is_detailed = "transitions.fields" in asked.query.get("expand", "")
        return 200, {
            "transitions": [self._step(each, is_detailed) for each in self.jira.transitions(self.jira.find(key))]
        }

    def _step(self, each: Transition, is_detailed: bool) -> Json:
        said: Json = {"id": each.id, "name": each.name, "to": self.jira.status(each.to)}
        if is_detailed:
            said["fields"] = {
                name: {
                    "required": True,
                    "schema": {"type": name, "system": name},
                    "name": name.title(),
                    "key": name,
                    "hasDefaultValue": False,
                    "operations": ["set"],
                }
                for name in each.required
            }
        return said

    def take_step(self, asked: Asked, key: str) -> tuple[int, Any]:
        body = asked.body
        self.jira.move(
            self.jira.find(key),
            str(body["transition"]["id"]),
            body.get("fields", {}),
            metadata=body.get("historyMetadata"),
        )
        return 204, None

    def links(self, asked: Asked, key: str) -> tuple[int, Any]:
        return 200, list(self.jira.find(key).links.values())

    def add_link(self, asked: Asked, key: str) -> tuple[int, Any]:
        issue, body = self.jira.find(key), asked.body
        if "LINK_ISSUES" in self.jira.denied:
            raise Rejected(403, "No Link Issue Permission")
        there = body["object"]
        link = self.jira.show_link(issue, there["url"], there["title"], key=body["globalId"])
        return 201, {"id": link["id"], "self": link["self"]}

    # -- Searching -----------------------------------------------------------------------------------------------------

    def search(self, asked: Asked) -> tuple[int, Any]:
        if self.jira.is_cloud:
            raise Rejected(410, "The requested API has been removed. Use /rest/api/3/search/jql.")
        body = asked.body or asked.query
        start, most = int(body.get("startAt", 0)), int(body.get("maxResults", 50))
        found = self.jira.search(body["jql"])
        names = body.get("fields") or None
        names = names.split(",") if isinstance(names, str) else names
        page = [self.jira.issue(each, names=names) for each in found[start : start + most]]
        return 200, {"startAt": start, "maxResults": most, "total": len(found), "issues": page}

    def search_jql(self, asked: Asked) -> tuple[int, Any]:
        body = asked.body
        start, most = int(body.get("nextPageToken", 0)), int(body.get("maxResults", 50))
        found = self.jira.search(body["jql"])
        page = [self.jira.issue(each, names=body.get("fields", ["id"])) for each in found[start : start + most]]
        is_last = start + most >= len(found)
        return 200, {"issues": page, "isLast": is_last, **({} if is_last else {"nextPageToken": str(start + most)})}

    # -- The site ------------------------------------------------------------------------------------------------------

    def server_info(self, asked: Asked) -> tuple[int, Any]:
        kind = "Cloud" if self.jira.is_cloud else "Server"
        return 200, {
            "baseUrl": "https://jira.example",
            "version": "1001.0.0" if self.jira.is_cloud else "10.3.24",
            "versionNumbers": [1001, 0, 0] if self.jira.is_cloud else [10, 3, 24],
            "deploymentType": kind,
            "buildNumber": 100000,
            "serverTime": stamp(self.jira.now),
            "serverTitle": "Jira",
        }

    def myself(self, asked: Asked) -> tuple[int, Any]:
        return 200, self.jira.person(SERVICE.id)

    def permissions(self, asked: Asked) -> tuple[int, Any]:
        key = asked.query.get("projectKey", "")
        if key not in self.jira.projects or key in self.jira.hidden:
            raise Rejected(404, f"No project could be found with key '{key}'.")
        return 200, {
            "permissions": {
                name: {"id": str(place), "key": name, "name": name.title(), "type": "PROJECT",
                       "description": "", "havePermission": name not in self.jira.denied}
                for place, name in enumerate(PERMISSIONS)
            }
        }  # fmt: skip

    def project(self, asked: Asked, key: str) -> tuple[int, Any]:
        if key not in self.jira.projects or key in self.jira.hidden:
            raise Rejected(404, f"No project could be found with key '{key}'.")
        return 200, {
            "id": self.jira.projects[key],
            "key": key,
            "name": f"Project {key}",
            "self": "https://jira.example/p",
        }

    def statuses(self, asked: Asked, key: str) -> tuple[int, Any]:
        self.project(asked, key)
        every = [self.jira.status(each) for each in STATUSES]
        return 200, [
            {"id": kind, "name": name, "self": "https://jira.example/t", "subtask": False, "statuses": every}
            for kind, name in self.jira.kinds.items()
        ]

    def priorities(self, asked: Asked) -> tuple[int, Any]:
        return 200, [self.jira.priority(each) for each in PRIORITIES]

    def kinds(self, asked: Asked, key: str) -> tuple[int, Any]:
        self.project(asked, key)
        every = [
            {"id": kind, "name": name, "self": "https://jira.example/t", "subtask": False}
            for kind, name in self.jira.kinds.items()
        ]
        return 200, {
            "startAt": 0,
            "maxResults": 50,
            "total": len(every),
            ("issueTypes" if self.jira.is_cloud else "values"): every,
        }

    def create_fields(self, asked: Asked, key: str, kind: str) -> tuple[int, Any]:
        self.project(asked, key)
        every = [self._field(name, name in {"summary"}) for name in sorted(self.jira.screen)]
        every += [{**self._field(name, True), "name": label} for name, label in self.jira.required.items()]
        return 200, {
            "startAt": 0,
            "maxResults": 200,
            "total": len(every),
            ("fields" if self.jira.is_cloud else "values"): every,
        }

    def _field(self, name: str, is_required: bool) -> Json:
        return {
            "fieldId": name,
            "key": name,
            "name": name.title(),
            "required": is_required,
            "hasDefaultValue": False,
            "schema": {"type": "string", "system": name},
            "operations": ["set"],
        }

    def assignable(self, asked: Asked) -> tuple[int, Any]:
        wanted = (asked.query.get("query") or asked.query.get("username") or "").casefold()
        found = [
            each
            for each in self.jira.people.values()
            if each.is_active and wanted.split("@")[0] in each.email.casefold()
        ]
        return 200, [self.jira.person(each.id) for each in found if wanted]

    def user(self, asked: Asked) -> tuple[int, Any]:
        for each in self.jira.people.values():
            if each.key == asked.query.get("key"):
                return 200, self.jira.person(each.id)
        raise Rejected(404, "The user does not exist")


KEY = "([^/]+)"
ROUTES = [
    ("POST", "issue", "create"),
    ("POST", "issue/bulk", "create_bulk"),
    ("POST", "issue/bulkfetch", "fetch"),
    ("GET", f"issue/createmeta/{KEY}/issuetypes", "kinds"),
    ("GET", f"issue/createmeta/{KEY}/issuetypes/{KEY}", "create_fields"),
    ("GET", f"issue/{KEY}", "show"),
    ("PUT", f"issue/{KEY}", "edit"),
    ("DELETE", f"issue/{KEY}", "delete"),
    ("GET", f"issue/{KEY}/changelog", "history"),
    ("GET", f"issue/{KEY}/transitions", "steps"),
    ("POST", f"issue/{KEY}/transitions", "take_step"),
    ("GET", f"issue/{KEY}/remotelink", "links"),
    ("POST", f"issue/{KEY}/remotelink", "add_link"),
    ("GET", "search", "search"),
    ("POST", "search", "search"),
    ("POST", "search/jql", "search_jql"),
    ("GET", "serverInfo", "server_info"),
    ("GET", "myself", "myself"),
    ("GET", "mypermissions", "permissions"),
    ("GET", f"project/{KEY}", "project"),
    ("GET", f"project/{KEY}/statuses", "statuses"),
    ("GET", "priority", "priorities"),
    ("GET", "user/assignable/search", "assignable"),
    ("GET", "user", "user"),
]
