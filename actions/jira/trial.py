"""What a mapping would meet in Jira, found out before it is saved: fields, statuses, rights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from actions.enums import SyncState
from actions.jira.answers import NAMES
from actions.jira.client import JiraClient
from actions.jira.mapping import FieldMapping, propose_priorities
from actions.models import JiraMapping
from actions.services.connection import MappingFacts
from actions.tracker import Missing

NEEDED = {
    "BROWSE_PROJECTS": "see the project (“Browse projects”)",
    "CREATE_ISSUES": "create issues (“Create issues”)",
    "EDIT_ISSUES": "edit issues (“Edit issues”)",
}
USEFUL = {
    "ASSIGN_ISSUES": "Owners cannot be set: the account lacks “Assign issues”.",
    "TRANSITION_ISSUES": "Statuses cannot be changed: the account lacks “Transition issues”.",
    "LINK_ISSUES": "The way back to Debrief cannot be shown: the account lacks “Link issues”.",
}
LABELS = {
    "description": "Deliverable",
    "owner": "Owner",
    "due_on": "Due date",
    "priority": "Priority",
    "labels": "Labels",
}
SET_BY_US = {"summary", "project", "issuetype", "reporter", *NAMES.values()}


@dataclass(frozen=True)
class Required:
    """A field of Jira's own that a new issue must have."""

    id: str
    name: str
    kind: str
    """Its type, as Jira's schema has it: "string", "option", "number", "array" and so on."""
    choices: tuple[str, ...] = ()


@dataclass
class Report:
    """What was found. With a problem, nothing can be created."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    project_name: str = ""
    kinds: list[tuple[str, str]] = field(default_factory=list)
    priorities: list[tuple[str, str]] = field(default_factory=list)
    statuses: list[tuple[str, str, str]] = field(default_factory=list)
    """Id, name and category of each."""
    required: list[Required] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Fields of ours that cannot be set there."""
    newest_number: int = 0

    @property
    def known(self) -> dict[str, Any]:
        """What the mapping remembers of it."""
        return {
            "statuses": {key: {"name": name, "category": kind} for key, name, kind in self.statuses},
            "left_out": self.left_out,
        }

    def proposed_priorities(self) -> tuple[dict[str, str], dict[str, str]]:
        """Jira's for each of ours, and ours for each of Jira's."""
        return propose_priorities([{"id": key, "name": name} for key, name in self.priorities])


def examine(client: JiraClient, *, project: str, kind: str, given: Mapping[str, Any]) -> Report:
    """Look at a project as a new issue of type `kind` would; `given` are values for its own fields.

    Without `kind` only the types are found. Raises `TrackerError` when Jira cannot be asked.
    """
    report = Report()
    try:
        about = client.project(project)
    except Missing:
        report.problems.append(f"There is no project {project}, or the account may not see it.")
        return report
    report.project_name = str(about.get("name", project))
    _look_at_rights(client, project, report)
    report.newest_number = client.newest_number(project)
    report.kinds = [
        (str(each["id"]), str(each["name"])) for each in client.issue_types(project) if not each.get("subtask")
    ]
    report.priorities = [(str(each["id"]), str(each["name"])) for each in client.priorities()]
    if kind not in dict(report.kinds):
        return report
    _look_at_statuses(client, project, kind, report)
    _look_at_fields(client, project, kind, given, report)
    return report


def _look_at_rights(client: JiraClient, project: str, report: Report) -> None:
    allowed = client.permissions(project)
    report.problems += [f"The account may not {words}." for name, words in NEEDED.items() if not allowed[name]]
    report.notes += [words for name, words in USEFUL.items() if not allowed[name]]


def _look_at_statuses(client: JiraClient, project: str, kind: str, report: Report) -> None:
    for each in client.statuses(project):
        if str(each["id"]) == kind:
            report.statuses = [
                (str(status["id"]), str(status["name"]), str(status["statusCategory"]["key"]))
                for status in each["statuses"]
            ]
    categories = {category for _, _, category in report.statuses}
    if "done" not in categories:
        report.notes.append("No status of this type of issue ends the work: finished actions stay open in Jira.")


def _look_at_fields(client: JiraClient, project: str, kind: str, given: Mapping[str, Any], report: Report) -> None:
    fields = {str(each.get("fieldId") or each.get("key")): each for each in client.create_fields(project, kind)}
    for ours, label in LABELS.items():
        if NAMES[ours] not in fields:
            report.left_out.append(ours)
            report.notes.append(f"{label} is not on the screen for new issues of this type: it is left out.")
    for name, about in fields.items():
        if not about.get("required") or about.get("hasDefaultValue") or name in SET_BY_US:
            continue
        report.required.append(_required(name, about))
        if not given.get(name):
            report.problems.append(f"Jira requires {about.get('name') or name}: give it a value below.")


def _required(name: str, about: Mapping[str, Any]) -> Required:
    allowed: Sequence[Any] = about.get("allowedValues") or ()
    choices = tuple(str(each.get("value") or each.get("name") or "") for each in allowed if isinstance(each, dict))
    return Required(name, str(about.get("name") or name), str((about.get("schema") or {}).get("type", "")), choices)


@dataclass(frozen=True)
class Effect:
    """What saving a changed mapping would do to the issues that are there."""

    issues: int
    priorities: int
    statuses: int
    labels: int


def effect_of(mapping: JiraMapping, facts: MappingFacts) -> Effect:
    """How many issues would be written to, by field, from what was read of them last. Asks Jira nothing."""
    fresh = FieldMapping(
        priorities=facts.priorities,
        priorities_in=facts.priorities_in,
        statuses=facts.statuses,
        categories={key: each["category"] for key, each in facts.known["statuses"].items()},
        people={},
        labels=facts.labels,
    )
    counts = dict.fromkeys(("priority", "status", "labels"), 0)
    rows = mapping.items.filter(state=SyncState.LINKED).values_list("base", flat=True)
    issues = 0
    for base in rows.iterator():
        issues += 1
        for name in counts:
            agreed = base.get(name)
            counts[name] += bool(agreed and not fresh.agrees(name, agreed["l"], agreed["r"]))
    return Effect(issues, counts["priority"], counts["status"], counts["labels"])


def value_for(required: Required, text: str) -> Any:
    """What somebody typed, as that field wants it. Raises `ValueError` with a sentence."""
    text = text.strip()
    if text.startswith(("{", "[")):
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError(f"{required.name} looks like JSON, but is none.") from error
    match required.kind:
        case "number":
            try:
                return float(text)
            except ValueError as error:
                raise ValueError(f"{required.name} must be a number.") from error
        case "option":
            return {"value": text}
        case "array":
            return [{"value": each.strip()} for each in text.split(",")] if required.choices else text.split(",")
        case _:
            return text
