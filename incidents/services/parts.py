"""Adding, changing and deleting the parts of an incident: timeline events, impact figures, communications."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar, cast

from django.db import transaction

from accounts import audit
from accounts.exceptions import EditedMeanwhile
from accounts.models import User
from incidents.models import Communication, ImpactFigure, Incident, Part, TimelineEvent
from incidents.services.incidents import incident_was_changed, lock_incident

AnyPart = TimelineEvent | ImpactFigure | Communication
PartT = TypeVar("PartT", bound=AnyPart)


class AlreadyGone(Exception):
    """The part was deleted by someone else in the meantime."""


@transaction.atomic
def add_event(*, incident: Incident, facts: Mapping[str, Any], by: User, now: datetime) -> TimelineEvent:
    """Put one event on the timeline. Exactly the same event again (a double click) is kept once."""
    lock_incident(incident)
    twin = incident.events.filter(**facts).first()
    return twin or _added(TimelineEvent(incident=incident, created_by=by, **facts), by=by, now=now)


@transaction.atomic
def add_events(
    *, incident: Incident, events: Iterable[TimelineEvent], by: User, now: datetime
) -> tuple[list[TimelineEvent], int]:
    """Put many events on the timeline at once; returns those added, and how many stood there already."""
    lock_incident(incident)
    present = set(incident.events.values_list("at", "text"))
    added: list[TimelineEvent] = []
    skipped = 0
    for event in events:
        if (event.at, event.text) in present:
            skipped += 1
            continue
        present.add((event.at, event.text))
        event.incident, event.created_by = incident, by
        added.append(event)
    TimelineEvent.objects.bulk_create(added)
    if added:
        audit.record(by=by, verb="timeline.pasted", obj=incident, events=len(added))
        incident_was_changed(incident, now=now)
    return added, skipped


@transaction.atomic
def add_figure(*, incident: Incident, facts: Mapping[str, Any], by: User, now: datetime) -> ImpactFigure:
    """State one number of the impact, last in the list; exactly the same again is kept once."""
    lock_incident(incident)
    twin = incident.figures.filter(**facts).first()
    if twin:
        return twin
    last = incident.figures.order_by("-position").values_list("position", flat=True).first()
    return _added(ImpactFigure(incident=incident, position=(last or 0) + 1, **facts), by=by, now=now)


@transaction.atomic
def add_communication(*, incident: Incident, facts: Mapping[str, Any], by: User, now: datetime) -> Communication:
    """Note what was told to whom; exactly the same again is kept once."""
    lock_incident(incident)
    twin = incident.communications.filter(**facts).first()
    return twin or _added(Communication(incident=incident, **facts), by=by, now=now)


@transaction.atomic
def update_part(*, part: PartT, revision: int, changes: Mapping[str, Any], by: User, now: datetime) -> PartT:
    """Write `changes` if nobody saved the part since `revision`.

    Raises `EditedMeanwhile` with the part as it is now, or `AlreadyGone`.
    """
    locked = _locked(part)
    if locked.revision != revision:
        raise EditedMeanwhile(locked)
    changed: list[str] = [name for name, value in changes.items() if getattr(locked, name) != value]
    if not changed:
        return locked
    for name in changed:
        setattr(locked, name, changes[name])
    locked.revision += 1
    locked.save(update_fields=[*changed, "revision"])
    audit.record(by=by, verb=f"{_noun(locked)}.edited", obj=locked, label=_label(locked), fields=sorted(changed))
    incident_was_changed(locked.incident, now=now)
    return locked


@transaction.atomic
def mark_milestone(*, event: TimelineEvent, is_milestone: bool, by: User, now: datetime) -> TimelineEvent:
    """Set or clear the milestone mark; repeating it changes nothing."""
    locked = _locked(event)
    return update_part(part=locked, revision=locked.revision, changes={"is_milestone": is_milestone}, by=by, now=now)


@transaction.atomic
def delete_part(*, part: PartT, by: User, now: datetime) -> None:
    """Take the part away; its loss is in the audit log. Raises `AlreadyGone` when someone else was first."""
    locked = _locked(part)
    incident = locked.incident
    audit.record(by=by, verb=f"{_noun(locked)}.deleted", obj=locked, label=_label(locked))
    locked.delete()
    incident_was_changed(incident, now=now)


def _added(part: PartT, *, by: User, now: datetime) -> PartT:
    part.save(force_insert=True)
    audit.record(by=by, verb=f"{_noun(part)}.added", obj=part, label=_label(part))
    incident_was_changed(part.incident, now=now)
    return part


def _locked(part: PartT) -> PartT:
    rows = type(part)._default_manager.select_for_update(of=("self",)).select_related("incident")
    locked = rows.filter(pk=part.pk).first()
    if locked is None:
        raise AlreadyGone
    return cast("PartT", locked)


def _noun(part: Part) -> str:
    return {"timelineevent": "event", "impactfigure": "figure"}.get(part._meta.model_name or "", "communication")


def _label(part: Part) -> str:
    """The log names a part by its incident and number: its text stays out of the log."""
    return f"{part.incident.reference} {_noun(part)} {part.pk}"
