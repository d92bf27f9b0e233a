"""What goes to the fake Jira and comes from it, held against Atlassian's own description of the interface.

Where the descriptions are not at hand nothing is checked, and `is_checked` says so. Where they contradict their own
examples, or leave out what the real thing answers, they are corrected, each with its reason. Formats are not checked:
Jira writes times as 2026-04-01T12:00:00.000+0000, which is no "date-time" of JSON Schema, as real captures show.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from tests.reference import REFERENCE

if TYPE_CHECKING:
    from tests.fakes.jira.server import Asked

FILES = {
    True: (REFERENCE / "jira" / "swagger-v3.v3.json", "/rest/api/3/"),
    False: (REFERENCE / "jira" / "dc" / "jira-software-dc-10.3-openapi.json", "/api/2/"),
}
UNDOCUMENTED = {
    # The guide of Data Center and every client use it; the description leaves it out.
    ("GET", "issue/{issueIdOrKey}/transitions"): {"expand"},
    # Named in the guides; the description has only what it calls `username`.
    ("GET", "user"): {"key"},
}


class Drifted(AssertionError):
    """The fake, or Debrief, says something that Jira would not."""


class Contract:
    """The description of one deployment. Faults found are kept in `faults`."""

    def __init__(self, *, is_cloud: bool) -> None:
        self.is_cloud = is_cloud
        self.faults: list[str] = []
        self.checked = 0
        self.is_checked = FILES[is_cloud][0].exists()

    def check_request(self, asked: Asked) -> None:
        if not self.is_checked or asked.path.startswith("/rest/api/latest/"):
            return
        template, operation = self._operation(asked)
        if operation is None:
            self.faults.append(f"{asked.method} {asked.path} is not an operation of Jira")
            return
        known = {each.get("name") for each in operation.get("parameters", ()) if each.get("in") == "query"}
        unknown = set(asked.query) - known - UNDOCUMENTED.get((asked.method, template), set())
        if unknown:
            self.faults.append(f"{asked.method} {template}: unknown in the query: {sorted(unknown)}")
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        if asked.body is not None and "schema" in content:
            self._check(f"{asked.method} {template} body", content["schema"], asked.body, is_closed=True)

    def check_answer(self, asked: Asked, status: int, answer: Any) -> None:
        if not self.is_checked or asked.path.startswith("/rest/api/latest/"):
            return
        template, operation = self._operation(asked)
        if operation is None or status >= 400 or answer is None:
            return
        responses = operation["responses"]
        content = (responses.get(str(status)) or {}).get("content", {}).get("application/json", {})
        if "schema" in content:
            self._check(f"{asked.method} {template} {status}", content["schema"], answer)

    def _operation(self, asked: Asked) -> tuple[str, Any]:
        path = re.sub(r"^/rest/api/[23]/", "", asked.path)
        for template, pattern, operations in _templates(self.is_cloud):
            if pattern.fullmatch(path) and asked.method.lower() in operations:
                return template, operations[asked.method.lower()]
        return path, None

    def _check(self, where: str, schema: Any, value: Any, *, is_closed: bool = False) -> None:
        self.checked += 1
        validator = _validator(self.is_cloud, json.dumps(schema, sort_keys=True), isinstance(value, list))
        for error in validator.iter_errors(value):
            self.faults.append(f"{where}: {'/'.join(map(str, error.instance_path))}: {error.message[:300]}")
            return


@cache
def _document(is_cloud: bool) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(FILES[is_cloud][0].read_text())
    _correct(document, is_cloud)
    return document


@cache
def _templates(is_cloud: bool) -> list[tuple[str, re.Pattern[str], dict[str, Any]]]:
    prefix = FILES[is_cloud][1]
    found = []
    for path, operations in _document(is_cloud)["paths"].items():
        if path.startswith(prefix):
            template = path.removeprefix(prefix)
            found.append((template, re.compile(re.sub(r"\{[^}]+\}", "[^/]+", template)), operations))
    return sorted(found, key=lambda each: each[0].count("{"))


@cache
def _validator(is_cloud: bool, schema: str, is_list: bool) -> Any:
    wanted = json.loads(schema)
    if is_list and wanted.get("type") != "array":
        # Several operations answer a list and reference what one of its items is.
        wanted = {"type": "array", "items": wanted}
    return jsonschema_rs.Draft4Validator(
        {**wanted, "components": _document(is_cloud)["components"]}, validate_formats=False
    )


def _correct(document: dict[str, Any], is_cloud: bool) -> None:
    schemas = document["components"]["schemas"]
    _open_nullable(document)
    # Its own examples have words and numbers there; the description says objects only.
    details = schemas["IssueUpdateDetails" if is_cloud else "IssueUpdateBean"]
    details["properties"]["fields"] = {"type": "object"}
    if is_cloud:
        for name in ("from", "to", "fromString", "toString"):
            # Every real history has entries without an id, and fields that were empty before.
            schemas["ChangeDetails"]["properties"][name] = {"type": ["string", "null"]}
    else:
        # Its values are of every type; the description says objects only.
        schemas["IssueBean"]["properties"]["fields"] = {"type": "object"}
        for name in ("from", "to", "fromString", "toString"):
            schemas["ChangeItemBean"]["properties"][name] = {"type": ["string", "null"]}


def _open_nullable(node: Any) -> None:
    """OpenAPI 3.0 says `nullable`, JSON Schema a second type."""
    if isinstance(node, dict):
        if node.pop("nullable", False) and isinstance(node.get("type"), str):
            node["type"] = [node["type"], "null"]
        for each in node.values():
            _open_nullable(each)
    elif isinstance(node, list):
        for each in node:
            _open_nullable(each)
