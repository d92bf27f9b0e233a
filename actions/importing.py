"""The action items of an imported file, brought in line with it when it is read again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from accounts import audit
from accounts.models import User
from actions.enums import ActionKind
from actions.models import ActionItem
from actions.owners import possible_owners
from actions.search import index_action
from actions.services.action import save_action
from actions.services.tracking import forget_action, track_action
from incidents.importers.merge import Values, plan
from incidents.importers.parts import keyed
from incidents.services.imports import remember, remembered
from postmortems.models import Lesson, Postmortem

if TYPE_CHECKING:
    from incidents.importers.debrief_json import ActionEntry, IncidentDocument

PART = "actions"


@transaction.atomic
def import_actions(
    *, postmortem: Postmortem, document: IncidentDocument, lessons: Mapping[int, Lesson], by: User, now: datetime
) -> None:
    """Make the actions that `document` names, or bring them up to date; repeating it changes nothing.

    What people changed, added or deleted since stays so. An owner the file names must be a person known here who may
    see the post-mortem; otherwise the action has none yet.
    """
    said = keyed(((entry.text,), _said(entry)) for entry in document.action_items)
    imported = postmortem.action_items.select_for_update(of=("self",)).filter(import_key__isnull=False)
    rows = {row.import_key or "": row for row in imported.select_related("owner").prefetch_related("lessons")}
    numbers = {lesson.pk: number for number, lesson in lessons.items()}
    present = {key: _present(row, numbers) for key, row in rows.items()}
    todo = plan(said=said, present=present, remembered=remembered(postmortem.incident, PART))
    for key, values in todo.create.items():
        _create(postmortem, key, values, lessons, by=by, now=now)
    for key, changes in todo.update.items():
        _update(rows[key], changes, lessons, by=by, now=now)
    for key in todo.delete:
        _delete(rows[key], by=by)
    remember(postmortem.incident, PART, said, now=now)


def _said(entry: ActionEntry) -> dict[str, Any]:
    return {
        "title": entry.text,
        "priority": entry.priority,
        "kind": entry.kind or ActionKind.PREVENT.value,
        "owner": entry.owner.lower() if entry.owner else None,
        "due_on": entry.due_on.isoformat() if entry.due_on else None,
        "lesson": entry.addresses_lesson,
    }


def _present(action: ActionItem, numbers: Mapping[int, int]) -> dict[str, Any]:
    """The action in the words of the file; `numbers` gives each lesson's number there by its pk."""
    served = [numbers.get(lesson.pk, 0) for lesson in action.lessons.all()]
    return {
        "title": action.title,
        "priority": action.priority,
        "kind": action.kind,
        "owner": action.owner.email if action.owner else None,
        "due_on": action.due_on.isoformat() if action.due_on else None,
        "lesson": served[0] if len(served) == 1 else served or None,
    }


def _create(
    postmortem: Postmortem, key: str, values: Values, lessons: Mapping[int, Lesson], *, by: User, now: datetime
) -> None:
    action = ActionItem(postmortem=postmortem, team_id=postmortem.team_id, import_key=key, created_by=by)
    action.created_at = action.updated_at = now
    _set(action, values)
    action.save(force_insert=True)
    _serve(action, values, lessons)
    audit.record(by=by, verb="action.imported", obj=action)
    track_action(action, now=now)
    index_action(action.pk)


def _update(action: ActionItem, changes: Values, lessons: Mapping[int, Lesson], *, by: User, now: datetime) -> None:
    names = _set(action, changes)
    _serve(action, changes, lessons)
    save_action(action, names, now=now)
    audit.record(by=by, verb="action.import-updated", obj=action, fields=sorted(changes))


def _set(action: ActionItem, values: Values) -> list[str]:
    """Set the action's own fields among `values`; returns their names."""
    own = {name: value for name, value in values.items() if name != "lesson"}
    if "due_on" in own:
        own["due_on"] = date.fromisoformat(own["due_on"]) if own["due_on"] else None
    if "owner" in own:
        own["owner"] = possible_owners(action.postmortem).filter(email=own["owner"]).first()
    for name, value in own.items():
        setattr(action, name, value)
    return list(own)


def _serve(action: ActionItem, values: Values, lessons: Mapping[int, Lesson]) -> None:
    """Link the lesson the file names; one that people deleted stays deleted."""
    if "lesson" in values:
        lesson = lessons.get(values["lesson"] or 0)
        action.lessons.set([lesson] if lesson else [])


def _delete(action: ActionItem, *, by: User) -> None:
    audit.record(by=by, verb="action.deleted", obj=action, by_import=True)
    forget_action(action)
    action.delete()
