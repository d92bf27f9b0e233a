"""Changing many actions at once, and taking that back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.models import User
from actions import rules
from actions.enums import FOLLOWING, Status
from actions.models import ActionItem, BulkChange
from actions.owners import may_own
from actions.services.action import AlreadyGone, lock_action, save_action, set_status
from actions.services.link import LinkFacts, add_link, remove_link

MOST = 200
"""Actions in one change: more than a person can look through."""
NOT_YOURS = "is not yours to edit"
UNCHANGED = "says so already"
READ = {"due_on": date.fromisoformat, "look_again_on": date.fromisoformat, "finished_at": datetime.fromisoformat}
KEPT = ("owner_id", "due_on", "priority", "status", "reason", "risk_accepted_by_id", "look_again_on", "finished_at")


class NotUndoable(Exception):
    """It was taken back already, or somebody else made it."""


@dataclass(frozen=True)
class BulkFacts:
    """What changes for all of them; None stays as it is. `evidence` goes with the status "done"."""

    owner: User | None = None
    due_on: date | None = None
    priority: str | None = None
    status: str | None = None
    evidence: LinkFacts | None = None


@dataclass
class BulkResult:
    """What happened: how many changed, and which did not, each with the reason as the rest of a sentence."""

    change: BulkChange | None = None
    changed: int = 0
    left: list[tuple[ActionItem, str]] = field(default_factory=list)


@transaction.atomic
def bulk_edit(*, actions: Iterable[ActionItem], facts: BulkFacts, by: User, now: datetime) -> BulkResult:
    """Change what may be changed of these actions, and say of the others why not.

    An action that is gone is passed over. What was changed can be taken back by `undo_bulk_change`.
    """
    result, before = BulkResult(), {}
    for action in sorted(actions, key=lambda each: each.pk):
        try:
            locked = lock_action(action)
        except AlreadyGone:
            continue
        said = _kept(locked)
        reason = _change(locked, facts, by=by, now=now)
        if reason:
            result.left.append((locked, reason))
        else:
            before[str(locked.pk)] = {"revision": locked.revision, **said}
    if before:
        result.change = BulkChange.objects.create(made_by=by, made_at=now, before=before)
        result.changed = len(before)
    return result


def _kept(action: ActionItem) -> dict[str, Any]:
    values = {name: getattr(action, name) for name in KEPT}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def _change(locked: ActionItem, facts: BulkFacts, *, by: User, now: datetime) -> str:
    """Change one; otherwise why not."""
    if not rules.can_edit(by, locked):
        return NOT_YOURS
    if facts.owner and facts.owner != locked.owner and not may_own(facts.owner, locked.postmortem):
        return f"stays with whom it was: {facts.owner.display_name} may not see it"
    if facts.status and facts.status != locked.status and facts.status not in FOLLOWING[locked.status]:
        return f"is {locked.get_status_display().lower()}, and cannot become {Status(facts.status).label.lower()}"
    wanted = {"owner": facts.owner, "due_on": facts.due_on, "priority": facts.priority}
    names = [name for name, value in wanted.items() if value is not None and getattr(locked, name) != value]
    is_moved = facts.status is not None and facts.status != locked.status
    if not names and not is_moved:
        return UNCHANGED
    _write(locked, {name: wanted[name] for name in names}, facts if is_moved else None, by=by, now=now)
    return ""


def _write(locked: ActionItem, values: dict[str, Any], move: BulkFacts | None, *, by: User, now: datetime) -> None:
    if values:
        for name, value in values.items():
            setattr(locked, name, value)
        save_action(locked, list(values), now=now)
        audit.record(by=by, verb="action.edited", obj=locked, fields=sorted(values), bulk=True)
    if move and move.status:
        set_status(locked, move.status, by=by, now=now)
        if move.status == Status.DONE and move.evidence:
            add_link(action=locked, facts=move.evidence, by=by, now=now)


@transaction.atomic
def undo_bulk_change(*, change: BulkChange, by: User, now: datetime) -> BulkResult:
    """Let the actions say again what they said before; those that somebody changed since stay as they are.

    Evidence that was added goes again. Raises `NotUndoable` the second time, and for anybody but who made it.
    """
    ours = BulkChange.objects.select_for_update().filter(pk=change.pk, made_by=by, undone_at=None).first()
    if ours is None:
        raise NotUndoable
    result = BulkResult()
    for pk, said in sorted(ours.before.items(), key=lambda entry: int(entry[0])):
        try:
            locked = lock_action(ActionItem(pk=int(pk)))
        except AlreadyGone:
            continue
        reason = _restore(locked, said, by=by, now=now)
        if reason:
            result.left.append((locked, reason))
            continue
        for evidence in locked.links.filter(added_by=by, added_at=ours.made_at):
            remove_link(link=evidence, by=by)
        result.changed += 1
    ours.undone_at = now
    ours.save(update_fields=["undone_at"])
    return result


def _restore(locked: ActionItem, said: dict[str, Any], *, by: User, now: datetime) -> str:
    if not rules.can_edit(by, locked):
        return NOT_YOURS
    if locked.revision != said["revision"]:
        return "was changed since"
    for name in KEPT:
        value = said[name]
        setattr(locked, name, READ[name](value) if value and name in READ else value)
    save_action(locked, [name.removesuffix("_id") for name in KEPT], now=now)
    audit.record(by=by, verb="action.edited", obj=locked, fields=sorted(KEPT), undone=True)
    return ""


def chosen_actions(user: User, ids: Sequence[int]) -> list[ActionItem]:
    """Those of `ids` that `user` may see."""
    return list(ActionItem.objects.visible_to(user).filter(pk__in=ids[:MOST]).order_by("pk"))
