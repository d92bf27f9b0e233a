"""Every change to an action item: atomic, locked, audited."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import date, datetime

from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.exceptions import EditedMeanwhile
from accounts.models import User
from actions.enums import FOLLOWING, UNFINISHED, ActionKind, Horizon, Priority, Status
from actions.models import ActionItem
from actions.search import index_action
from actions.services.tracking import forget_action, track_action, track_change
from postmortems.collab.bus import announce_change
from postmortems.models import Lesson, Postmortem


class AlreadyGone(Exception):
    """The action was deleted by someone else in the meantime."""


class NotAllowedNow(Exception):
    """The action cannot go from its status to the one asked for; `current` is the action as it is."""

    def __init__(self, current: ActionItem, status: str) -> None:
        super().__init__(f"{current.get_status_display()} cannot become {Status(status).label}.")
        self.current = current


@dataclass(frozen=True)
class ActionFacts:
    """What people decide about an action."""

    title: str
    deliverable: str = ""
    owner: User | None = None
    due_on: date | None = None
    priority: str = Priority.P2
    kind: str = ActionKind.PREVENT
    horizon: str = Horizon.IMMEDIATE
    impact: int | None = None
    effort: int | None = None
    labels: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, action: ActionItem) -> ActionFacts:
        """What was decided about `action` so far."""
        return cls(**{each.name: getattr(action, each.name) for each in fields(cls)})


@dataclass(frozen=True)
class Refusal:
    """Why an action will not be done, who accepts the risk of that, and when they look again."""

    reason: str
    accepted_by: User | None = None
    look_again_on: date | None = None


@transaction.atomic
def add_action(
    *, postmortem: Postmortem, facts: ActionFacts, lessons: Iterable[Lesson] = (), by: User, now: datetime
) -> ActionItem:
    """Add an action to `postmortem`. The same again while the first is untouched (a double click) is kept once."""
    Postmortem.objects.select_for_update(of=("self",)).get(pk=postmortem.pk)
    chosen = list(lessons)
    twin = _untouched_twin(postmortem, facts, chosen, by)
    if twin:
        return twin
    action = ActionItem(postmortem=postmortem, team_id=postmortem.team_id, created_by=by, **_values(facts))
    action.created_at = action.updated_at = action.due_set_at = now
    action.save(force_insert=True)
    action.lessons.set(chosen)
    audit.record(by=by, verb="action.added", obj=action)
    track_action(action, now=now)
    action_was_changed(action)
    return action


def _untouched_twin(postmortem: Postmortem, facts: ActionFacts, lessons: list[Lesson], by: User) -> ActionItem | None:
    twins = untouched_by(by).filter(postmortem=postmortem, **_values(facts))
    wanted = {lesson.pk for lesson in lessons}
    return next((twin for twin in twins if {lesson.pk for lesson in twin.lessons.all()} == wanted), None)


def untouched_by(person: User) -> QuerySet[ActionItem]:
    """What `person` added, as it was added: the same again is not added twice."""
    return ActionItem.objects.filter(created_by=person, revision=1, import_key=None)


def _values(facts: ActionFacts) -> dict[str, object]:
    return {field.name: getattr(facts, field.name) for field in fields(facts)}


@transaction.atomic
def edit_action(
    *, action: ActionItem, facts: ActionFacts, lessons: Iterable[Lesson], revision: int, by: User, now: datetime
) -> ActionItem:
    """Write what was decided, if nobody saved the action since `revision`.

    Raises `EditedMeanwhile` with the action as it is now, or `AlreadyGone`.
    """
    locked = lock_action(action, revision=revision)
    chosen = set(lessons)
    changed = [name for name, value in _values(facts).items() if getattr(locked, name) != value]
    names = list(changed)
    if chosen != set(locked.lessons.all()):
        locked.lessons.set(chosen)
        names.append("lessons")
    if not names:
        return locked
    for name in changed:
        setattr(locked, name, getattr(facts, name))
    return _saved(locked, changed, names=names, by=by, now=now)


@transaction.atomic
def edit_deliverable(*, action: ActionItem, deliverable: str, revision: int, by: User, now: datetime) -> ActionItem:
    """Let the owner write what came of it. Raises as `edit_action` does."""
    locked = lock_action(action, revision=revision)
    if locked.deliverable == deliverable:
        return locked
    locked.deliverable = deliverable
    return _saved(locked, ["deliverable"], names=["deliverable"], by=by, now=now)


@transaction.atomic
def retitle_action(*, action: ActionItem, title: str, revision: int, by: User, now: datetime) -> ActionItem:
    """Call it otherwise. Raises as `edit_action` does."""
    locked = lock_action(action, revision=revision)
    if locked.title == title:
        return locked
    locked.title = title
    return _saved(locked, ["title"], names=["title"], by=by, now=now)


@transaction.atomic
def place_action(
    *, action: ActionItem, impact: int | None, effort: int | None, revision: int, by: User, now: datetime
) -> ActionItem:
    """Say how much the action helps and costs. Raises as `edit_action` does."""
    locked = lock_action(action, revision=revision)
    if (locked.impact, locked.effort) == (impact, effort):
        return locked
    locked.impact, locked.effort = impact, effort
    return _saved(locked, ["impact", "effort"], names=["impact", "effort"], by=by, now=now)


@transaction.atomic
def change_status(
    *, action: ActionItem, status: str, revision: int, by: User, now: datetime, refusal: Refusal | None = None
) -> ActionItem:
    """Move the action to `status`; "will not do" keeps its `refusal`, and reopening forgets it.

    Asking for the status it has already changes nothing, but another's refusal is not passed over for one that came
    first. Raises `EditedMeanwhile`, `AlreadyGone`, or `NotAllowedNow`.
    """
    locked = lock_action(action)
    is_too_late = locked.revision != revision
    is_other = status == Status.WILL_NOT_DO and refusal not in (None, _refusal_of(locked))
    if locked.status == status and not (is_other and is_too_late):
        return locked
    if is_too_late:
        raise EditedMeanwhile(locked)
    if status not in FOLLOWING[locked.status]:
        raise NotAllowedNow(locked, status)
    return set_status(locked, status, by=by, now=now, refusal=refusal)


def _refusal_of(action: ActionItem) -> Refusal:
    return Refusal(action.reason, action.risk_accepted_by, action.look_again_on)


def set_status(
    locked: ActionItem,
    status: str,
    *,
    by: User | None,
    now: datetime,
    refusal: Refusal | None = None,
    is_from_tracker: bool = False,
) -> ActionItem:
    """Write the status of an action that the caller has locked, with all that goes with it."""
    before = locked.status
    locked.status = status
    kept = refusal if refusal and status == Status.WILL_NOT_DO else Refusal("")
    locked.reason, locked.risk_accepted_by, locked.look_again_on = kept.reason, kept.accepted_by, kept.look_again_on
    locked.finished_at = None if status in UNFINISHED else now
    names = ["status", "reason", "risk_accepted_by", "look_again_on", "finished_at"]
    saved = save_action(locked, names, now=now, is_from_tracker=is_from_tracker)
    audit.record(by=by, verb="action.status-changed", obj=saved, before=before, after=status)
    return saved


@transaction.atomic
def serve_lesson(*, action: ActionItem, lesson: Lesson, serves: bool, by: User, now: datetime) -> None:
    """Say that the action serves the lesson, or that it does not. Twice is harmless; raises `AlreadyGone`."""
    locked = lock_action(action)
    if serves == locked.lessons.filter(pk=lesson.pk).exists():
        return
    if serves:
        locked.lessons.add(lesson)
    else:
        locked.lessons.remove(lesson)
    _saved(locked, [], names=["lessons"], by=by, now=now)


@transaction.atomic
def delete_action(*, action: ActionItem, by: User, now: datetime) -> None:
    """Take the action away; that it existed stays in the audit log. Raises `AlreadyGone`."""
    locked = lock_action(action)
    audit.record(by=by, verb="action.deleted", obj=locked, status=locked.status)
    forget_action(locked)
    locked.delete()


def lock_action(action: ActionItem, *, revision: int | None = None) -> ActionItem:
    """The action as it is now, locked until the transaction ends; with `revision`, only if it still has that one."""
    rows = ActionItem.objects.select_for_update(of=("self",)).select_related("postmortem__incident", "owner")
    locked = rows.filter(pk=action.pk).first()
    if locked is None:
        raise AlreadyGone
    if revision is not None and locked.revision != revision:
        raise EditedMeanwhile(locked)
    return locked


def _saved(action: ActionItem, changed: list[str], *, names: list[str], by: User, now: datetime) -> ActionItem:
    saved = save_action(action, changed, now=now)
    audit.record(by=by, verb="action.edited", obj=saved, fields=sorted(names))
    return saved


def save_action(action: ActionItem, changed: list[str], *, now: datetime, is_from_tracker: bool = False) -> ActionItem:
    """Write these fields of an action that the caller has locked, and have Jira told unless it told us."""
    action.revision += 1
    action.updated_at = now
    names = [*changed, "revision", "updated_at"]
    if {"owner", "due_on"} & set(changed):
        action.due_set_at = now
        names.append("due_set_at")
    action.save(update_fields=names)
    if not is_from_tracker:
        track_change(action, changed, now=now)
    action_was_changed(action)
    return action


def action_was_changed(action: ActionItem) -> None:
    """Bring what is derived from the action up to date, and tell open pages of its post-mortem after commit."""
    index_action(action.pk)
    transaction.on_commit(lambda: announce_change(action.postmortem_id, "actions"))
