"""What a Jira knows: projects, issues and their history. No HTTP here."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.fakes.jira.adf_text import wiki_of

Json = dict[str, Any]


class Rejected(Exception):
    """An answer that says no."""

    def __init__(self, status: int, *messages: str, **errors: str) -> None:
        super().__init__(status, messages, errors)
        self.status = status
        self.body: Json = {"errorMessages": list(messages), "errors": errors}


@dataclass
class Person:
    """An account. On Data Center it is named in fields by `name`, and in histories by `key`."""

    id: str
    name: str
    email: str = ""
    is_active: bool = True
    is_email_hidden: bool = False

    @property
    def key(self) -> str:
        return f"JIRAUSER{self.id}"


@dataclass
class Transition:
    id: str
    name: str
    to: str
    required: tuple[str, ...] = ()


@dataclass
class Issue:
    id: str
    key: str
    project: str
    kind: str
    fields: Json
    status: str
    created: datetime
    updated: datetime
    properties: Json = field(default_factory=dict)
    histories: list[Json] = field(default_factory=list)
    links: dict[str, Json] = field(default_factory=dict)
    versions: list[tuple[datetime, str]] = field(default_factory=list)
    is_deleted: bool = False


STATUSES = {
    "10": ("To Do", "new"),
    "11": ("Backlog", "new"),
    "20": ("In Progress", "indeterminate"),
    "21": ("In Review", "indeterminate"),
    "30": ("Done", "done"),
    "31": ("Won't Do", "done"),
}
WORKFLOW = {
    "10": [Transition("101", "Start", "20"), Transition("102", "Put back", "11")],
    "11": [Transition("111", "Take up", "10")],
    "20": [Transition("201", "Ask for review", "21"), Transition("202", "Stop", "10"), Transition("203", "Drop", "31")],
    "21": [Transition("211", "Close", "30"), Transition("212", "Send back", "20")],
    "30": [Transition("301", "Reopen", "20")],
    "31": [Transition("311", "Reopen", "10")],
}
PRIORITIES = {"1": "Highest", "2": "High", "3": "Medium", "4": "Low", "5": "Lowest"}
SCREEN = {"summary", "description", "assignee", "duedate", "priority", "labels"}
SERVICE = Person("900", "debrief-bot", "bot@example.com")


class Jira:
    """One site. `now` is its clock, moved by whoever tests."""

    def __init__(self, *, is_cloud: bool = True, now: datetime | None = None) -> None:
        self.is_cloud = is_cloud
        self.now = now or datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
        self.people = {each.id: each for each in (SERVICE, Person("1", "ann", "ann@jira.example"))}
        self.projects: dict[str, str] = {"OPS": "10000", "WEB": "10001"}
        self.hidden: set[str] = set()
        self.denied: set[str] = set()
        self.kinds = {"10100": "Task", "10101": "Bug"}
        self.required: dict[str, str] = {}
        """Other fields an issue must have, by id, with their names."""
        self.screen = set(SCREEN)
        self.workflow = copy.deepcopy(WORKFLOW)
        self.first_status = "10"
        self.issues: dict[str, Issue] = {}
        self.keys: dict[str, str] = {}
        self.numbers = dict.fromkeys(self.projects, 0)
        self.lag = timedelta(seconds=30)
        self.events: list[Json] = []
        self._ids = 20000
        self._histories = 50000
        self._link_ids = itertools.count()
        self.keeps_metadata = True

    # -- Looking -------------------------------------------------------------------------------------------------------

    def find(self, id_or_key: str) -> Issue:
        """An issue by its id, its key, or a key it had before it was moved."""
        issue = self.issues.get(self.keys.get(id_or_key, id_or_key))
        if issue is None or issue.is_deleted or issue.project in self.hidden:
            raise Rejected(404, "Issue does not exist or you do not have permission to see it.")
        return issue

    def marked(self, marker: str) -> list[Issue]:
        """All issues that ever carried this marker."""
        return [each for each in self.issues.values() if each.properties.get("io.debrief.sync") == marker]

    # -- Creating ------------------------------------------------------------------------------------------------------

    def create(self, fields: Mapping[str, Any], properties: Iterable[Json] = (), by: str = SERVICE.id) -> Issue:
        project = (fields.get("project") or {}).get("key", "")
        if project not in self.projects or project in self.hidden:
            raise Rejected(400, project="valid project is required")
        if "CREATE_ISSUES" in self.denied:
            raise Rejected(403, "You do not have permission to create issues in this project.")
        self.numbers[project] += 1
        kind = str((fields.get("issuetype") or {}).get("id", ""))
        if kind not in self.kinds:
            raise Rejected(400, issuetype="Specify a valid issue type")
        given = {name: value for name, value in fields.items() if name not in {"project", "issuetype"}}
        missing = {name: f"{label} is required." for name, label in self.required.items() if not given.get(name)}
        if not str(given.get("summary") or "").strip():
            missing["summary"] = "You must specify a summary of the issue."
        if missing:
            raise Rejected(400, **missing)
        checked = self._checked(given)
        self._ids += 1
        key = f"{project}-{self.numbers[project]}"
        default: Json = {
            "summary": "",
            "description": None,
            "assignee": None,
            "duedate": None,
            "priority": "3",
            "labels": [],
        }
        issue = Issue(
            id=str(self._ids), key=key, project=project, kind=kind, fields={**default, **checked},
            status=self.first_status, created=self.now, updated=self.now,
            properties={each["key"]: each["value"] for each in properties},
        )  # fmt: skip
        self.issues[issue.id] = issue
        self.keys[key] = issue.id
        self._changed(issue, "jira:issue_created", by, None)
        return issue

    def _checked(self, fields: Mapping[str, Any]) -> Json:
        """The fields as they are kept. One at fault refuses all."""
        errors: dict[str, str] = {}
        kept: Json = {}
        for name, value in fields.items():
            try:
                kept[name] = self._kept(name, value)
            except Rejected as error:
                errors.update(error.body["errors"])
        if errors:
            raise Rejected(400, **errors)
        return kept

    def _kept(self, name: str, value: Any) -> Any:
        if name not in self.screen and name not in self.required:
            raise Rejected(
                400, **{name: f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."}
            )
        match name:
            case "summary":
                if "\n" in value or len(value) > 255 or not value.strip():
                    raise Rejected(400, summary="The summary is invalid because it contains newline characters.")
            case "assignee":
                return self._assignee(value)
            case "priority":
                if str((value or {}).get("id")) not in PRIORITIES:
                    raise Rejected(400, priority="The priority selected is invalid.")
                return str(value["id"])
            case "duedate":
                if value is not None:
                    date.fromisoformat(value)
            case "labels":
                self._check_labels(value)
            case "description":
                self._check_description(value)
        return value

    def _check_labels(self, labels: Iterable[str]) -> None:
        if any(" " in label or not label or len(label) > 255 for label in labels):
            raise Rejected(400, labels="The label contains spaces which is invalid.")

    def _check_description(self, value: Any) -> None:
        is_document = isinstance(value, dict) and value.get("type") == "doc" and value.get("version") == 1
        if value is not None and (not is_document if self.is_cloud else not isinstance(value, str)):
            raise Rejected(400, description="Operation value must be an Atlassian Document (see the document format)")

    def _assignee(self, value: Any) -> str | None:
        if value is None:
            return None
        wanted = value.get("accountId" if self.is_cloud else "name")
        found = [each for each in self.people.values() if (each.id if self.is_cloud else each.name) == wanted]
        if not found or not found[0].is_active:
            raise Rejected(400, assignee=f"User '{wanted}' cannot be assigned issues.")
        return found[0].id

    # -- Changing ------------------------------------------------------------------------------------------------------

    def edit(
        self,
        issue: Issue,
        fields: Mapping[str, Any],
        update: Mapping[str, Any] | None = None,
        by: str = SERVICE.id,
        metadata: Json | None = None,
    ) -> None:
        """Write fields as they come over the wire, and the history of it."""
        if "EDIT_ISSUES" in self.denied and by == SERVICE.id:
            raise Rejected(403, "You do not have permission to edit issues in this project.")
        new = self._checked(fields)
        for step in (update or {}).get("labels", ()):
            labels = new.setdefault("labels", list(issue.fields["labels"]))
            (verb, label), *rest = step.items()
            if rest or verb not in {"add", "remove"}:
                raise Rejected(400, labels="one verb a step")
            self._check_labels([label])
            if verb == "add" and label not in labels:
                labels.append(label)
            elif verb == "remove" and label in labels:
                labels.remove(label)
        items = [self._item(name, issue.fields.get(name), value) for name, value in new.items()]
        changed = [item for item, name in zip(items, new, strict=True) if issue.fields.get(name) != new[name]]
        issue.fields.update(copy.deepcopy(new))
        if changed:
            self._history(issue, changed, by, metadata)

    def _item(self, name: str, before: Any, after: Any) -> Json:
        item: Json = {"field": name, "fieldtype": "jira", "fieldId": name}
        if not self.is_cloud:
            del item["fieldId"]
        for side, value in (("from", before), ("to", after)):
            item[side], item[f"{side}String"] = self._said(name, value)
        return item

    def _said(self, name: str, value: Any) -> tuple[str | None, str | None]:
        """How a history names a value: by id, and in words."""
        match name:
            case "assignee":
                person = self.people[value] if value else None
                return (person.id if self.is_cloud else person.key, person.name) if person else (None, None)
            case "priority":
                return value, PRIORITIES[value]
            case "status":
                return value, STATUSES[value][0]
            case "labels":
                return None, " ".join(value or [])
            case "duedate":
                return value, f"{value} 00:00:00.0" if value else None
            case "description":
                return None, wiki_of(value) if isinstance(value, dict) else value
            case _:
                return None, value

    def _history(self, issue: Issue, items: list[Json], by: str, metadata: Json | None) -> None:
        self._histories += 1
        entry: Json = {
            "id": str(self._histories),
            "author": self.person(by),
            "created": stamp(self.now),
            "items": items,
        }
        if metadata and self.keeps_metadata:
            entry["historyMetadata"] = metadata
        issue.histories.append(entry)
        self._changed(issue, "jira:issue_updated", by, entry)

    def _changed(self, issue: Issue, event: str, by: str, entry: Json | None) -> None:
        issue.updated = self.now
        issue.versions.append((self.now, issue.project))
        body: Json = {
            "timestamp": int(self.now.timestamp() * 1000),
            "webhookEvent": event,
            "user": self.person(by),
            "issue": self.issue(issue),
        }
        if entry:
            body["changelog"] = {"id": entry["id"], "items": entry["items"]}
            body["issue_event_type_name"] = "issue_updated"
        self.events.append(body)

    def transitions(self, issue: Issue) -> list[Transition]:
        return [] if "TRANSITION_ISSUES" in self.denied else self.workflow[issue.status]

    def move(
        self, issue: Issue, step: str, fields: Mapping[str, Any], by: str = SERVICE.id, metadata: Json | None = None
    ) -> None:
        """Take a step of the workflow."""
        found = [each for each in self.transitions(issue) if each.id == step]
        if not found:
            raise Rejected(400, "It seems that you have tried to perform a workflow operation that is not valid.")
        missing = {name: f"{name} is required." for name in found[0].required if not fields.get(name)}
        if missing:
            raise Rejected(400, **missing)
        item = self._item("status", issue.status, found[0].to)
        issue.status = found[0].to
        self._history(issue, [item], by, metadata)

    def set_status(self, issue: Issue, status: str, by: str = "1") -> None:
        """As a person does, by whatever way there is."""
        if issue.status != status:
            item = self._item("status", issue.status, status)
            issue.status = status
            self._history(issue, [item], by, None)

    def relocate(self, issue: Issue, project: str) -> None:
        """Move to another project; the old key goes on leading here."""
        self.numbers[project] += 1
        old, issue.key = issue.key, f"{project}-{self.numbers[project]}"
        issue.project = project
        self.keys[issue.key] = issue.id
        item: Json = {
            "field": "Key",
            "fieldtype": "jira",
            "from": None,
            "fromString": old,
            "to": None,
            "toString": issue.key,
        }
        self._history(issue, [item], "1", None)

    def delete(self, issue: Issue) -> None:
        issue.is_deleted = True
        self.events.append({"webhookEvent": "jira:issue_deleted", "issue": self.issue(issue), "user": self.person("1")})

    # -- Links to elsewhere --------------------------------------------------------------------------------------------

    def show_link(self, issue: Issue, url: str, title: str, *, key: str | None = None, by: str = SERVICE.id) -> Json:
        """Show a link at the issue; the same key again replaces it. Both are in the history, as real ones have it."""
        found = next((each for each in issue.links.values() if key and each.get("globalId") == key), None)
        number = found["id"] if found else 10000 + next(self._link_ids)
        before = found["object"] if found else None
        link: Json = {
            "id": number,
            "self": f"https://jira.example/link/{number}",
            "object": {"url": url, "title": title},
        }
        issue.links[str(number)] = {**link, "globalId": key} if key else link
        if before != link["object"]:
            self._history(issue, [self._link_item(None, (str(number), title))], by, None)
        return issue.links[str(number)]

    def hide_link(self, issue: Issue, number: int, by: str = "1") -> None:
        link = issue.links.pop(str(number))
        self._history(issue, [self._link_item((str(number), link["object"]["title"]), None)], by, None)

    def _link_item(self, before: tuple[str, str] | None, after: tuple[str, str] | None) -> Json:
        name, kind = ("RemoteWorkItemLink", "work item") if self.is_cloud else ("RemoteIssueLink", "issue")
        item: Json = {"field": name, "fieldtype": "jira"}
        for side, said in (("from", before), ("to", after)):
            item[side] = said[0] if said else None
            item[f"{side}String"] = f'This {kind} links to "{said[1]}"' if said else None
        return item

    # -- Saying --------------------------------------------------------------------------------------------------------

    def person(self, key: str | None) -> Json | None:
        if key is None:
            return None
        each = self.people[key]
        about: Json = {
            "displayName": each.name.title(),
            "active": each.is_active,
            "self": f"https://jira.example/{key}",
        }
        if each.email and not each.is_email_hidden:
            about["emailAddress"] = each.email
        if self.is_cloud:
            return {**about, "accountId": each.id, "accountType": "atlassian", "timeZone": "Etc/UTC"}
        return {**about, "name": each.name, "key": each.key, "timeZone": "Etc/UTC"}

    def issue(
        self, issue: Issue, *, names: Iterable[str] | None = None, expand: str = "", properties: str = ""
    ) -> Json:
        """An issue as it is answered."""
        fields: Json = {
            "summary": issue.fields["summary"],
            "description": issue.fields["description"],
            "assignee": self.person(issue.fields["assignee"]),
            "duedate": issue.fields["duedate"],
            "priority": self.priority(issue.fields["priority"]),
            "labels": list(issue.fields["labels"]),
            "status": self.status(issue.status),
            "created": stamp(issue.created),
            "updated": stamp(issue.updated),
            "project": {"id": self.projects[issue.project], "key": issue.project},
            "issuetype": {"id": issue.kind, "name": self.kinds[issue.kind]},
        }
        wanted = set(names) if names is not None else set(fields)
        answer: Json = {
            "id": issue.id,
            "key": issue.key,
            "self": f"https://jira.example/rest/api/2/issue/{issue.id}",
            "fields": {name: value for name, value in fields.items() if name in wanted or "*all" in wanted},
        }
        if "changelog" in expand.split(","):
            latest = list(reversed(issue.histories))
            page = latest[:100] if self.is_cloud else list(issue.histories)
            answer["changelog"] = {
                "startAt": 0, "maxResults": len(page), "total": len(latest), "histories": copy.deepcopy(page)
            }  # fmt: skip
        if properties:
            kept = {name: issue.properties[name] for name in properties.split(",") if name in issue.properties}
            answer["properties"] = copy.deepcopy(kept)
        return copy.deepcopy(answer)

    def priority(self, key: str) -> Json:
        return {"id": key, "name": PRIORITIES[key], "self": f"https://jira.example/priority/{key}"}

    def status(self, key: str) -> Json:
        name, category = STATUSES[key]
        ids = {"new": 2, "indeterminate": 4, "done": 3}
        return {
            "id": key,
            "name": name,
            "self": f"https://jira.example/status/{key}",
            "statusCategory": {"id": ids[category], "key": category, "name": category.title()},
        }

    # -- Searching -----------------------------------------------------------------------------------------------------

    def search(self, jql: str) -> list[Issue]:
        """What the index knows by now, of the two questions Debrief asks."""
        newest = re.fullmatch(r'project = "([A-Z]+)" ORDER BY created DESC', jql)
        if newest:
            made = [each for each in self.issues.values() if each.project == newest[1] and not each.is_deleted]
            return sorted(
                (each for each in made if each.created <= self.now - self.lag), key=lambda each: -int(each.id)
            )
        asked = re.fullmatch(r'project = "([A-Z]+)" AND updated >= -(\d+)m ORDER BY updated ASC', jql)
        if not asked:
            raise Rejected(400, f"Error in the JQL Query: {jql}")
        since = (self.now - timedelta(minutes=int(asked[2]))).replace(second=0, microsecond=0)
        seen: list[tuple[datetime, Issue]] = []
        for issue in self.issues.values():
            known = [(at, project) for at, project in issue.versions if at <= self.now - self.lag]
            if known and known[-1][1] == asked[1] and known[-1][0] >= since and not issue.is_deleted:
                seen.append((known[-1][0], issue))
        return [issue for _, issue in sorted(seen, key=lambda pair: (pair[0], pair[1].id))]


def stamp(at: datetime) -> str:
    """As Jira writes times."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000"
