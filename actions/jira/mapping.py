"""What a value of ours means in Jira, and one of Jira's here. Pure; what a team chose stands in `JiraMapping`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from actions.enums import Priority, Status
from actions.jira import adf, wiki
from actions.jira.merge import Unmappable
from actions.tracker import FIELDS

CATEGORIES: Mapping[str, str] = {
    Status.OPEN: "new",
    Status.IN_PROGRESS: "indeterminate",
    Status.DONE: "done",
    Status.WILL_NOT_DO: "done",
}
"""The three kinds of status that every Jira has, whatever its own are called."""
MEANT = {"new": Status.OPEN, "indeterminate": Status.IN_PROGRESS, "done": Status.DONE}
LONGEST_TITLE = 200
LONGEST_LABEL = 50


@dataclass(frozen=True)
class FieldMapping:
    """How the fields of one team's actions are said in one project of Jira."""

    priorities: Mapping[str, str]
    """The id of Jira's priority by ours."""
    priorities_in: Mapping[str, str]
    """Ours by the id of Jira's; several of Jira's may mean one of ours."""
    statuses: Mapping[str, Sequence[str]]
    """Ids of Jira's statuses by ours; where none is named, any of the same category will do."""
    categories: Mapping[str, str]
    """"new", "indeterminate" or "done" by the id of Jira's status."""
    people: Mapping[str, str]
    """Jira's account by the number of a person here."""
    fields: Sequence[str] = FIELDS
    labels: Sequence[str] = ()
    """Those that every issue gets; they mean nothing here."""
    is_wiki: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    """What a person is called, by number, for sentences."""

    def without_people(self, persons: Collection[str]) -> FieldMapping:
        """The same, but these people are nobody here."""
        return replace(self, people={key: each for key, each in self.people.items() if key not in persons})

    # -- There ---------------------------------------------------------------------------------------------------------

    def to_remote(self, name: str, local: Any) -> Any:
        match name:
            case "priority":
                return self._priority(local)
            case "owner":
                return self._account(local)
            case "status":
                return self.goals(local)
            case "labels":
                return sorted({*local, *self.labels})
            case _:
                return local

    def _priority(self, local: str) -> str:
        if local not in self.priorities:
            raise Unmappable(f"{local} has no counterpart in Jira. Choose one under Mapping.")
        return self.priorities[local]

    def _account(self, local: int | None) -> str | None:
        if local is None:
            return None
        if str(local) not in self.people:
            who = self.names.get(str(local), "The owner")
            raise Unmappable(f"{who} is not known in Jira by their mail address. Name their account under People.")
        return self.people[str(local)]

    def goals(self, local: str) -> list[str]:
        """Ids of the statuses that say `local`. Raises `Unmappable`."""
        named = list(self.statuses.get(local, ()))
        if named:
            return named
        taken = {status for ours, each in self.statuses.items() if ours != local for status in each}
        wanted = CATEGORIES[local]
        fitting = [status for status, category in self.categories.items() if category == wanted and status not in taken]
        if not fitting:
            raise Unmappable(f"No status in Jira says “{Status(local).label}”. Choose one under Mapping.")
        return fitting

    # -- Here ----------------------------------------------------------------------------------------------------------

    def to_local(self, name: str, remote: Any, present: Any) -> Any:
        match name:
            case "title":
                return title(remote) or present
            case "priority":
                return self.priorities_in.get(str(remote), present)
            case "owner":
                return self._person(remote)
            case "status":
                return self._status(str(remote), present)
            case "labels":
                return self._labels(remote)
            case "due_on":
                return _day(remote)
            case _:
                return remote

    def _person(self, account: str | None) -> int | None:
        """None also stands for somebody who is not known here."""
        return next((int(person) for person, theirs in self.people.items() if theirs == account), None)

    def _status(self, remote: str, present: str | None) -> str:
        for local, ids in self.statuses.items():
            if remote in ids:
                return local
        category = self.categories.get(remote)
        if category is None:
            raise Unmappable("Jira has a status that was not there when the mapping was made. Test the mapping again.")
        is_refusal = present == Status.WILL_NOT_DO and category == "done" and not self.statuses.get(Status.WILL_NOT_DO)
        return Status.WILL_NOT_DO if is_refusal else MEANT[category]

    def _labels(self, remote: Sequence[str]) -> list[str]:
        return sorted({label for label in remote if len(label) <= LONGEST_LABEL} - set(self.labels))

    # -- Both ----------------------------------------------------------------------------------------------------------

    def agrees(self, name: str, local: Any, remote: Any) -> bool:
        """Whether both say the same already, so that nothing need be written."""
        match name:
            case "description":
                return self.normal(str(local)) == str(remote)
            case "priority":
                return bool(self.priorities_in.get(str(remote)) == local)
            case "status":
                try:
                    return bool(self._status(str(remote), local) == local)
                except Unmappable:
                    return False
            case "labels":
                return self._labels(remote) == sorted(local) and set(self.labels) <= set(remote)
            case _:
                return bool(self.to_local(name, remote, None) == local)

    def normal(self, markdown: str) -> str:
        """How a text of ours comes back from Jira."""
        return wiki.from_wiki(wiki.to_wiki(markdown)) if self.is_wiki else adf.to_markdown(adf.to_adf(markdown))


def title(remote: str) -> str:
    """One line of at most 200 characters."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in remote).split())
    return line if len(line) <= LONGEST_TITLE else line[: LONGEST_TITLE - 1] + "…"


def _day(remote: str | None) -> str | None:
    try:
        return date.fromisoformat(remote).isoformat() if remote else None
    except ValueError as error:
        raise Unmappable("Jira says it is due on something that is no date.") from error


USUAL = {
    Priority.P1: ("high", "highest", "critical", "blocker"),
    Priority.P2: ("medium", "major", "normal"),
    Priority.P3: ("low", "lowest", "minor", "trivial"),
}
"""Names that Jira comes with, for each of ours the one to write first."""


def propose_priorities(theirs: Sequence[Mapping[str, Any]]) -> tuple[dict[str, str], dict[str, str]]:
    """What a mapping begins with: Jira's priorities, from the highest down, spread over our three.

    Returns the one for each of ours, and ours for each.
    """
    ids = [str(each["id"]) for each in theirs]
    if not ids:
        return {}, {}
    named = {str(each["id"]): str(each.get("name", "")).casefold() for each in theirs}
    known = {name: ours for ours, names in USUAL.items() for name in names}
    thirds = (Priority.P1, Priority.P2, Priority.P3)
    meant = {
        each: known.get(named[each], thirds[min(2, place * 3 // len(ids))]).value for place, each in enumerate(ids)
    }
    there: dict[str, str] = {}
    for ours, names in USUAL.items():
        usual = [each for name in names for each in ids if named[each] == name]
        fitting = [each for each in ids if meant[each] == ours]
        there[ours.value] = (usual or fitting or [ids[-1]])[0]
    return there, meant
