"""What the rows of a spreadsheet would do, and doing it: all of them or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import User
from actions import rules
from actions.models import ActionItem
from actions.owners import may_own
from actions.services.action import ActionFacts, add_action, edit_action, untouched_by
from actions.spreadsheet import Row
from postmortems import rules as postmortem_rules
from postmortems.models import Postmortem


@dataclass
class Planned:
    """What one row would do: change `action`, or add one to `postmortem`; nothing while it has problems."""

    row: Row
    action: ActionItem | None = None
    postmortem: Postmortem | None = None
    facts: ActionFacts | None = None
    changes: list[str] = field(default_factory=list)
    """Names of the columns that would change."""
    twin: str = ""
    """Where the same stands already that this row would add: then it adds nothing."""

    @property
    def is_work(self) -> bool:
        return bool(self.changes or (self.postmortem and not self.twin))

    @property
    def title(self) -> str:
        return self.facts.title if self.facts else self.row.values.get("title", "")

    @property
    def problems(self) -> list[str]:
        return self.row.problems


class PlanFailed(Exception):
    """Something is wrong with a row; nothing was done."""


def plan_rows(rows: Sequence[Row], *, postmortem: Postmortem | None, by: User) -> list[Planned]:
    """What the rows would do for `by`; those that name no post-mortem add to `postmortem`.

    Of an action that is there already, only the columns that the file has are changed.
    """
    known = _known(rows, by)
    planned, seen = [], set()
    for row in rows:
        if row.reference is not None and row.reference in seen:
            row.problems.append(f"ACT-{row.reference} stands there twice")
        seen.add(row.reference)
        planned.append(_plan(row, known, postmortem, by))
    _find_twins(planned, by)
    return planned


def _find_twins(planned: Sequence[Planned], by: User) -> None:
    """Say of each row that would add an action where the same is already: here, or further up in the file."""
    new = [(plan, plan.postmortem.pk, plan.facts) for plan in planned if plan.postmortem and plan.facts]
    rows = untouched_by(by).filter(postmortem__in={pk for _, pk, _ in new}, lessons=None).select_related("owner")
    found = {_same(row.postmortem_id, ActionFacts.of(row)): row.reference for row in rows}
    for plan, pk, facts in new:
        key = _same(pk, facts)
        plan.twin = found.get(key, "")
        found.setdefault(key, f"line {plan.row.line}")


def _same(postmortem_id: int, facts: ActionFacts) -> tuple[object, ...]:
    owner = facts.owner.pk if facts.owner else None
    return postmortem_id, owner, *(str(getattr(facts, each.name)) for each in fields(facts) if each.name != "owner")


@dataclass(frozen=True)
class _Known:
    actions: dict[int, ActionItem]
    postmortems: dict[int, Postmortem]
    people: dict[str, User]


def _known(rows: Sequence[Row], by: User) -> _Known:
    wanted = ActionItem.objects.visible_to(by).select_related("postmortem__incident", "owner")
    actions = wanted.prefetch_related("lessons").in_bulk([row.reference for row in rows if row.reference])
    named = Postmortem.objects.visible_to(by).select_related("incident")
    emails = [row.owner for row in rows if row.owner]
    people = {person.email.lower(): person for person in User.objects.filter(email__in=emails, is_active=True)}
    return _Known(actions, named.in_bulk([row.postmortem for row in rows if row.postmortem]), people)


def _plan(row: Row, known: _Known, postmortem: Postmortem | None, by: User) -> Planned:
    plan = Planned(row)
    if row.reference:
        plan.action = known.actions.get(row.reference)
        if plan.action is None:
            row.problems.append(f"there is no ACT-{row.reference}")
        elif not rules.can_edit(by, plan.action):
            row.problems.append(f"ACT-{row.reference} is not yours to edit")
    else:
        plan.postmortem = known.postmortems.get(row.postmortem) if row.postmortem else postmortem
        if plan.postmortem is None:
            row.problems.append(f"there is no PM-{row.postmortem}" if row.postmortem else "it names no post-mortem")
        elif not postmortem_rules.can_edit(by, plan.postmortem):
            row.problems.append(f"{plan.postmortem.reference} is not yours to edit")
        if "title" not in row.values and not row.problems:
            row.problems.append("it has no title")
    owner = _owner(row, known, plan)
    if not row.problems:
        _fill(plan, {**row.values, **owner})
    return plan


def _owner(row: Row, known: _Known, plan: Planned) -> dict[str, Any]:
    if row.owner is None:
        return {}
    if not row.owner:
        return {"owner": None}
    person = known.people.get(row.owner)
    of = plan.action.postmortem if plan.action else plan.postmortem
    if person is None:
        row.problems.append(f"nobody here is {row.owner}")
    elif of and not may_own(person, of):
        row.problems.append(f"{person.display_name} may not see that post-mortem")
    return {"owner": person}


def _fill(plan: Planned, values: dict[str, Any]) -> None:
    if plan.action is None:
        plan.facts = ActionFacts(**values)
        return
    present = ActionFacts.of(plan.action)
    plan.facts = replace(present, **values)
    names = [each.name for each in fields(ActionFacts) if each.name in values]
    plan.changes = [name.removesuffix("_on") for name in names if getattr(present, name) != values[name]]


@transaction.atomic
def carry_out(planned: Sequence[Planned], *, seen: Mapping[int, int], by: User, now: datetime) -> tuple[int, int]:
    """Do what was planned, all or nothing; how many were added and changed.

    `seen`: of which revision each action was when the person saw what would become of it. Raises `PlanFailed`, and what
    `edit_action` raises.
    """
    if any(plan.problems for plan in planned):
        raise PlanFailed
    added = changed = 0
    for plan in planned:
        if not plan.is_work:
            continue
        assert plan.facts is not None  # noqa: S101  (without problems it is there)
        if plan.postmortem:
            add_action(postmortem=plan.postmortem, facts=plan.facts, by=by, now=now)
            added += 1
        elif plan.action:
            lessons, revision = plan.action.lessons.all(), seen.get(plan.action.pk, 0)
            edit_action(action=plan.action, facts=plan.facts, lessons=lessons, revision=revision, by=by, now=now)
            changed += 1
    return added, changed
