"""Jira, Cloud and Data Center, by the `jira` library: the only file that imports it.

The library knows how to sign in to both deployments. What its methods cannot say exactly goes through its session with
bodies of our own: a created issue carries its marker from the start, a write brings the issue back with its history.
Its retries are off: it would send a creation again after a lost answer, and make a second issue.
Sources: Atlassian's OpenAPI documents for Cloud (v3) and Data Center (v2); "Rate limiting", developer.atlassian.com.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from urllib.parse import quote

import requests
from jira import JIRA
from jira.client import TokenAuth
from jira.exceptions import JIRAError

from accounts.outside import AddressNotAllowed, checked
from actions.jira import adf, answers, wiki
from actions.jira.address import NotAllowed, check_address
from actions.jira.answers import NAMES, OURS, AllRefused, made_of, refusal, time_of
from actions.jira.patch_adf import patched
from actions.tracker import (
    Change,
    Draft,
    Entry,
    Issue,
    Made,
    Missing,
    RemoteLink,
    SignInRefused,
    Step,
    Unreachable,
)

logger = logging.getLogger("debrief.jira")

CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
PROPERTY = "io.debrief.sync"
"""Holds the marker of an issue as a plain string: Data Center takes nothing else when an issue is created."""
METADATA = {"type": "debrief:sync", "description": "Written by Debrief"}
FIELDS = [*NAMES.values(), "updated", "project"]
PAGE = 100
LINK_FIELDS = {"remoteissuelink", "remoteworkitemlink"}
"""What histories call links to elsewhere: Data Center and older entries, and Cloud of late."""
MISSES = 20
"""Numbers in a row without an issue, after which a walk by single requests ends."""


class JiraClient:
    """One Jira, signed in. Implements `actions.tracker.Tracker`; raises `TrackerError`s only."""

    def __init__(
        self,
        url: str,
        *,
        is_cloud: bool,
        username: str = "",
        secret: str,
        account: str = "",
        is_dedicated: bool = False,
        aliases: Mapping[str, str] | None = None,
        renew: Callable[[str], str] | None = None,
    ) -> None:
        """`account` and `is_dedicated` tell which entries of a history are ours where Jira keeps no word of it.

        `renew` gives another secret for one that was refused: it is asked once, and the request made once more.
        """
        check_address(url)
        self._url = url.rstrip("/")
        self._is_cloud = is_cloud
        self._account = account if is_dedicated else ""
        self._aliases = dict(aliases or {})
        self._secret, self._renew = secret, renew
        sign_in: dict[str, Any] = {"basic_auth": (username, secret)} if username else {"token_auth": secret}
        self._jira = JIRA(
            options={"server": self._url},
            get_server_info=False,
            max_retries=0,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            logging=False,
            **sign_in,
        )
        checked(self._jira._session)

    def close(self) -> None:
        self._jira._session.close()

    # -- Issues --------------------------------------------------------------------------------------------------------

    def create(self, draft: Draft) -> Made:
        answer = self._call("POST", "issue", body=self._drafted(draft))
        try:
            return made_of(answer)
        except (KeyError, TypeError) as error:
            raise Unreachable("Jira's answer to a creation could not be read.") from error

    def create_many(self, drafts: Sequence[Draft]) -> list[Made]:
        """At most 50. A draft that Jira refuses does not keep the others from being made."""
        try:
            answer = self._call("POST", "issue/bulk", body={"issueUpdates": [self._drafted(draft) for draft in drafts]})
        except AllRefused as error:
            answer = error.answer
        try:
            errors = answer.get("errors") or []
            refused = {int(error["failedElementNumber"]): refusal(error["elementErrors"]) for error in errors}
            made = iter(answer["issues"])
            return [
                Made(refusal=refused[place]) if place in refused else made_of(next(made))
                for place in range(len(drafts))
            ]
        except (KeyError, TypeError, ValueError, StopIteration) as error:
            raise Unreachable("Jira's answer to a creation could not be read.") from error

    def issue(self, issue_id: str) -> Issue:
        params = {"fields": ",".join(FIELDS), "expand": "changelog", "properties": PROPERTY}
        return self._read(self._call("GET", f"issue/{quote(issue_id, safe='')}", params=params))

    def issues(self, ids: Sequence[str]) -> list[Issue]:
        if not self._is_cloud:
            return list(self._one_by_one(ids))
        body = {"issueIdsOrKeys": list(ids), "fields": FIELDS, "expand": ["changelog"], "properties": [PROPERTY]}
        return [self._read(each) for each in self._call("POST", "issue/bulkfetch", body=body)["issues"]]

    def _one_by_one(self, ids: Sequence[str]) -> Iterator[Issue]:
        for each in ids:
            try:
                yield self.issue(each)
            except Missing:
                continue

    def walk(self, project: str, *, after: int) -> Iterator[Issue]:
        if not self._is_cloud:
            yield from self._walk_one_by_one(project, after)
            return
        while True:
            keys = [f"{project}-{number}" for number in range(after + 1, after + PAGE + 1)]
            found = self.issues(keys)
            yield from found
            if not found:
                return
            after += PAGE

    def _walk_one_by_one(self, project: str, after: int) -> Iterator[Issue]:
        missed, number = 0, after
        while missed < MISSES:
            number += 1
            try:
                yield self.issue(f"{project}-{number}")
                missed = 0
            except Missing:
                missed += 1

    def update(self, issue: Issue, values: Mapping[str, Any]) -> Issue:
        labels = values.get("labels")
        fields = {NAMES[name]: self._wire(name, value, issue) for name, value in values.items() if name != "labels"}
        body: dict[str, Any] = {"historyMetadata": METADATA}
        if fields:
            body["fields"] = fields
        if labels:
            steps = [{"add": each} for each in labels["add"]] + [{"remove": each} for each in labels["remove"]]
            body["update"] = {"labels": steps}
        path = f"issue/{quote(issue.id, safe='')}"
        if not self._is_cloud:
            self._call("PUT", path, body=body, is_answered=False)
            return self.issue(issue.id)
        params = {"returnIssue": "true", "expand": "changelog"}
        return self._read(self._call("PUT", path, params=params, body=body))

    def steps(self, issue_id: str) -> list[Step]:
        path = f"issue/{quote(issue_id, safe='')}/transitions"
        answer = self._call("GET", path, params={"expand": "transitions.fields"})
        return [
            Step(
                id=str(each["id"]),
                name=str(each.get("name", "")),
                to=str(each["to"]["id"]),
                category=str((each["to"].get("statusCategory") or {}).get("key", "")),
                missing=tuple(
                    f"{name}\n{about.get('name') or name}"
                    for name, about in (each.get("fields") or {}).items()
                    if about.get("required") and not about.get("hasDefaultValue")
                ),
            )
            for each in answer["transitions"]
        ]

    def take_step(self, issue_id: str, step: str, fields: Mapping[str, Any] | None = None) -> None:
        body: dict[str, Any] = {"transition": {"id": step}, "historyMetadata": METADATA}
        if fields:
            body["fields"] = dict(fields)
        self._call("POST", f"issue/{quote(issue_id, safe='')}/transitions", body=body, is_answered=False)

    def changed_since(self, project: str, *, minutes: int) -> Iterator[tuple[str, datetime]]:
        jql = f'project = "{project}" AND updated >= -{minutes}m ORDER BY updated ASC'
        if not self._is_cloud:
            yield from self._changed_by_number(jql)
            return
        token = None
        while True:
            body = {
                "jql": jql,
                "fields": ["updated"],
                "maxResults": PAGE,
                **({"nextPageToken": token} if token else {}),
            }
            answer = self._call("POST", "search/jql", body=body)
            yield from ((str(each["id"]), time_of(each["fields"]["updated"])) for each in answer["issues"])
            token = answer.get("nextPageToken")
            if not token:
                return

    def _changed_by_number(self, jql: str) -> Iterator[tuple[str, datetime]]:
        start = 0
        while True:
            body = {"jql": jql, "fields": ["updated"], "maxResults": PAGE, "startAt": start}
            answer = self._call("POST", "search", body=body)
            yield from ((str(each["id"]), time_of(each["fields"]["updated"])) for each in answer["issues"])
            start += len(answer["issues"])
            if not answer["issues"] or start >= int(answer.get("total", 0)):
                return

    def add_link(self, issue_id: str, *, key: str, url: str, title: str) -> str:
        body = {"globalId": key, "object": {"url": url, "title": title[:255]}}
        answer = self._call("POST", f"issue/{quote(issue_id, safe='')}/remotelink", body=body)
        return str(answer.get("id") or "") if isinstance(answer, dict) else ""

    def links(self, issue_id: str) -> list[RemoteLink]:
        found = self._call("GET", f"issue/{quote(issue_id, safe='')}/remotelink")
        try:
            return [
                RemoteLink(
                    id=str(each["id"]),
                    key=str(each.get("globalId") or ""),
                    url=str(each["object"].get("url") or ""),
                    title=str(each["object"].get("title") or ""),
                )
                for each in found
            ]
        except (KeyError, TypeError, AttributeError) as error:
            raise Unreachable("Jira's answer about the links of an issue could not be read.") from error

    # -- What a project is like ----------------------------------------------------------------------------------------

    def myself(self) -> Mapping[str, Any]:
        return cast("Mapping[str, Any]", self._call("GET", "myself"))

    def server(self) -> Mapping[str, Any]:
        return cast("Mapping[str, Any]", self._call("GET", "serverInfo"))

    def project(self, key: str) -> Mapping[str, Any]:
        return cast("Mapping[str, Any]", self._call("GET", f"project/{quote(key, safe='')}"))

    def statuses(self, project: str) -> list[Mapping[str, Any]]:
        """By type of issue, the statuses it can have."""
        return list(self._call("GET", f"project/{quote(project, safe='')}/statuses"))

    def newest_number(self, project: str) -> int:
        """The number of an issue made lately, or 0: a walk need not begin before it. The index may be behind."""
        body = {"jql": f'project = "{project}" ORDER BY created DESC', "fields": ["summary"], "maxResults": 1}
        found = self._call("POST", "search/jql" if self._is_cloud else "search", body=body)["issues"]
        return max((int(str(each["key"]).rpartition("-")[2]) for each in found), default=0)

    def priorities(self) -> list[Mapping[str, Any]]:
        """From the highest down."""
        return list(self._call("GET", "priority"))

    def permissions(self, project: str) -> Mapping[str, bool]:
        params = {"projectKey": project}
        if self._is_cloud:
            params["permissions"] = ",".join(PERMISSIONS)
        answer = self._call("GET", "mypermissions", params=params)["permissions"]
        return {name: bool((answer.get(name) or {}).get("havePermission")) for name in PERMISSIONS}

    def can_browse(self, project: str) -> bool:
        try:
            return self.permissions(project)["BROWSE_PROJECTS"]
        except Missing:
            return False

    def issue_types(self, project: str) -> list[Mapping[str, Any]]:
        answer = self._call(
            "GET", f"issue/createmeta/{quote(project, safe='')}/issuetypes", params={"maxResults": "50"}
        )
        return list(answer.get("issueTypes") or answer.get("values") or [])

    def create_fields(self, project: str, kind: str) -> list[Mapping[str, Any]]:
        """What may and must be said of a new issue."""
        path = f"issue/createmeta/{quote(project, safe='')}/issuetypes/{quote(kind, safe='')}"
        answer = self._call("GET", path, params={"maxResults": "200"})
        return list(answer.get("fields") or answer.get("values") or [])

    def find_person(self, email: str, *, project: str) -> Mapping[str, Any] | None:
        """The one account that can be given issues and whose address is exactly `email`; a likely one is none."""
        params = {"project": project, ("query" if self._is_cloud else "username"): email}
        found = self._call("GET", "user/assignable/search", params=params)
        exact = [each for each in found if str(each.get("emailAddress") or "").casefold() == email.casefold()]
        hidden = [each for each in found if not each.get("emailAddress")]
        if len(exact) == 1:
            return cast("Mapping[str, Any]", exact[0])
        return {**hidden[0], "isLikely": True} if not exact and len(found) == len(hidden) == 1 else None

    def account_of(self, person: Mapping[str, Any]) -> str:
        """How this Jira names a person in fields."""
        return str(person.get("accountId" if self._is_cloud else "name") or "")

    # -- One request ---------------------------------------------------------------------------------------------------

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        is_answered: bool = True,
    ) -> Any:
        """Ask once. What it raises tells whether it was done: only `Unreachable` leaves that open.

        A request whose secret is refused was not carried out, so with a renewed one it is asked again.
        """
        sent: dict[str, Any] = {"params": dict(params or {}), **({"json": body} if body else {})}
        try:
            return self._ask(method, path, sent, is_answered=is_answered)
        except SignInRefused:
            if self._renew is None:
                raise
            renew, self._renew = self._renew, None
            self._jira._session.auth = TokenAuth(renew(self._secret))
            return self._ask(method, path, sent, is_answered=is_answered)

    def _ask(self, method: str, path: str, sent: Mapping[str, Any], *, is_answered: bool) -> Any:
        url = f"{self._url}/rest/api/{3 if self._is_cloud else 2}/{path}"
        begun, status = time.monotonic(), "none"
        try:
            response = self._jira._session.request(method, url, allow_redirects=False, **sent)
            status = str(response.status_code)
            return answers.content(response, is_answered=is_answered)
        except JIRAError as error:
            status = str(error.status_code)
            raise answers.failure(error.response, path) from error
        except AddressNotAllowed as error:
            raise NotAllowed(str(error)) from error
        except requests.RequestException as error:
            raise answers.no_answer(error) from error
        finally:
            milliseconds = (time.monotonic() - begun) * 1000
            logger.info("%s %s %s %.0f ms", method, path.split("?")[0], status, milliseconds)

    # -- Words of Jira -------------------------------------------------------------------------------------------------

    def _drafted(self, draft: Draft) -> dict[str, Any]:
        said = {
            NAMES[name]: self._wire(name, value)
            for name, value in draft.values.items()
            if name != "status" and value not in (None, "", [])
        }
        fields = {**draft.extra, **said, "project": {"key": draft.project}, "issuetype": {"id": draft.kind}}
        marker = {"key": PROPERTY, "value": draft.marker}
        return {"fields": fields, "properties": [marker]}

    def _wire(self, name: str, value: Any, issue: Issue | None = None) -> Any:
        match name:
            case "description":
                if not self._is_cloud:
                    return wiki.to_wiki(value)
                return patched(issue.text if issue else None, value)
            case "owner":
                return None if value is None else {"accountId" if self._is_cloud else "name": self._name(value)}
            case "priority":
                return {"id": value}
            case _:
                return value

    def _name(self, account: str) -> str:
        """Data Center's histories name people by a key that its fields do not take."""
        if self._is_cloud or not account.startswith("JIRAUSER"):
            return account
        if account not in self._aliases:
            self._aliases[account] = str(self._call("GET", "user", params={"key": account})["name"])
        return self._aliases[account]

    def _read(self, raw: Any) -> Issue:
        try:
            return self._issue(raw)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unreachable("Jira's answer about an issue could not be read.") from error

    def _issue(self, raw: Mapping[str, Any]) -> Issue:
        fields = raw["fields"]
        status, owner, priority = fields["status"], fields.get("assignee"), fields.get("priority")
        text = fields.get("description")
        marker = (raw.get("properties") or {}).get(PROPERTY)
        return Issue(
            id=str(raw["id"]),
            key=str(raw["key"]),
            project=str(raw["key"]).rpartition("-")[0],
            updated_at=time_of(fields["updated"]),
            values={
                "title": str(fields.get("summary") or ""),
                "description": adf.to_markdown(text) if self._is_cloud else wiki.from_wiki(text),
                "owner": self.account_of(owner) if owner else None,
                "due_on": fields.get("duedate") or None,
                "priority": str(priority["id"]) if priority else None,
                "status": str(status["id"]),
                "labels": sorted(fields.get("labels") or []),
            },
            entries=self._entries(raw),
            marker=marker if isinstance(marker, str) else "",
            names={
                "owner": str((owner or {}).get("displayName") or ""),
                "priority": str((priority or {}).get("name") or ""),
                "status": str(status.get("name") or ""),
            },
            text=text,
        )

    def _entries(self, raw: Mapping[str, Any]) -> list[Entry]:
        log = raw.get("changelog") or {}
        histories = list(log.get("histories") or [])
        if self._is_cloud and int(log.get("total") or 0) > len(histories):
            histories = list(self._whole_history(str(raw["id"])))
        return sorted((self._entry(each) for each in histories), key=lambda entry: entry.id)

    def _whole_history(self, issue_id: str) -> Iterator[Mapping[str, Any]]:
        start = 0
        while True:
            params = {"startAt": str(start), "maxResults": str(PAGE)}
            page = self._call("GET", f"issue/{quote(issue_id, safe='')}/changelog", params=params)
            yield from page["values"]
            start += len(page["values"])
            if page.get("isLast") or not page["values"]:
                return

    def _entry(self, raw: Mapping[str, Any]) -> Entry:
        author = raw.get("author") or {}
        kept = (raw.get("historyMetadata") or {}).get("type")
        is_ours = kept == METADATA["type"] if kept else bool(self._account) and self.account_of(author) == self._account
        changes = {}
        for item in raw.get("items") or []:
            name = OURS.get(str(item.get("fieldId") or item.get("field") or "").casefold())
            if name:
                changes[name] = Change(self._past(name, item, "from"), self._past(name, item, "to"))
        return Entry(
            id=int(raw["id"]),
            at=time_of(raw["created"]),
            author=str(author.get("displayName") or ""),
            is_ours=is_ours,
            changes=changes,
            links=tuple(_link_of(item) for item in raw.get("items") or [] if _is_about_links(item)),
        )

    def _past(self, name: str, item: Mapping[str, Any], side: str) -> Any:
        """What a field said before or after an entry: some by id, some in words."""
        by_id, words = item.get(side), item.get(f"{side}String")
        match name:
            case "title":
                return words or ""
            case "description":
                return wiki.from_wiki(words)
            case "labels":
                return sorted((words or "").split())
            case "due_on":
                return str(by_id or words)[:10] if by_id or words else None
            case "owner":
                return self._aliases.get(str(by_id), str(by_id)) if by_id else None
            case _:
                return str(by_id) if by_id else None


def _is_about_links(item: Mapping[str, Any]) -> bool:
    return str(item.get("field") or "").casefold() in LINK_FIELDS


def _link_of(item: Mapping[str, Any]) -> str:
    """The number of the link: after it was added or changed, or before it was removed."""
    return str(item.get("to") or item.get("from") or "")


PERMISSIONS = ("BROWSE_PROJECTS", "CREATE_ISSUES", "EDIT_ISSUES", "ASSIGN_ISSUES", "TRANSITION_ISSUES", "LINK_ISSUES")
