"""Recording an incident and changing its facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from accounts import audit
from accounts.enums import Visibility
from accounts.exceptions import EditedMeanwhile
from accounts.models import Team, User
from incidents import signals
from incidents.models import Incident, Service
from incidents.search import index_incident

MANY_TO_MANY = ("services", "responders", "readers")


@transaction.atomic
def create_incident(*, title: str, severity: str, team: Team, by: User, now: datetime, **facts: Any) -> Incident:
    """Record an incident. A security-sensitive one starts restricted to the people named on it."""
    many = {name: facts.pop(name) for name in MANY_TO_MANY if name in facts}
    if facts.get("is_security_sensitive"):
        facts.setdefault("visibility", Visibility.RESTRICTED)
    incident = Incident(
        title=title, severity=severity, team=team, created_by=by, created_at=now, updated_at=now, **facts
    )
    incident.occurred_at = incident.impact_started_at or incident.detected_at or now
    incident.save(force_insert=True)
    for name, rows in many.items():
        getattr(incident, name).set(rows)
    audit.record(by=by, verb="incident.created", obj=incident)
    incident_was_changed(incident, now=now)
    return incident


@transaction.atomic
def update_incident(
    *, incident: Incident, revision: int, changes: Mapping[str, Any], by: User, now: datetime
) -> Incident:
    """Write `changes` to the incident's own fields, if nobody saved it since `revision`; raises `EditedMeanwhile`."""
    locked = lock_incident(incident)
    if locked.revision != revision:
        raise EditedMeanwhile(locked)
    changed = [name for name, value in changes.items() if _is_change(locked, name, value)]
    for name in changed:
        if name in MANY_TO_MANY:
            getattr(locked, name).set(changes[name])
        else:
            setattr(locked, name, changes[name])
    if not changed:
        return locked
    locked.occurred_at = locked.impact_started_at or locked.detected_at or locked.created_at
    locked.revision += 1
    locked.updated_at = now
    own = [name for name in changed if name not in MANY_TO_MANY]
    locked.save(update_fields=[*own, "occurred_at", "revision", "updated_at"])
    audit.record(by=by, verb="incident.edited", obj=locked, fields=sorted(changed))
    incident_was_changed(locked, now=now)
    return locked


def _is_change(incident: Incident, name: str, value: Any) -> bool:
    if name in MANY_TO_MANY:
        return {row.pk for row in getattr(incident, name).all()} != {row.pk for row in value}
    return bool(getattr(incident, name) != value)


@transaction.atomic
def override_policy(*, incident: Incident, requirement: str, reason: str, by: User, now: datetime) -> Incident:
    """Let the commander's judgement replace the policy's; an empty `requirement` gives the word back to the policy."""
    locked = lock_incident(incident)
    locked.override_requirement = requirement
    locked.override_reason = reason if requirement else ""
    locked.override_by = by if requirement else None
    locked.override_at = now if requirement else None
    locked.save(update_fields=["override_requirement", "override_reason", "override_by", "override_at"])
    audit.record(by=by, verb="policy.overridden", obj=locked, requirement=requirement or "as the policy says")
    return locked


@transaction.atomic
def set_visibility(
    *, incident: Incident, visibility: str, readers: Iterable[User], by: User, now: datetime
) -> Incident:
    """Decide who may see the incident. Whoever decides stays among its readers: nobody locks themselves out."""
    locked = lock_incident(incident)
    before = locked.visibility
    locked.visibility = visibility
    locked.save(update_fields=["visibility"])
    locked.readers.set({*readers, by} if visibility == Visibility.RESTRICTED else set(readers))
    audit.record(by=by, verb="incident.visibility-set", obj=locked, before=before, after=visibility)
    incident_was_changed(locked, now=now)
    return locked


@transaction.atomic
def name_service(*, name: str, team: Team, by: User) -> Service:
    """The service of this name, whatever its case; made, and owned by `team`, when nobody has named it before."""
    existing = Service.objects.filter(name__iexact=name).first()
    if existing:
        return existing
    service = Service.objects.create(name=name, slug=_free_slug(name), team=team)
    audit.record(by=by, verb="service.created", obj=service)
    return service


def _free_slug(name: str) -> str:
    base = slugify(name)[:100] or "service"
    taken = set(Service.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(slug for slug in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if slug not in taken)


def lock_incident(incident: Incident) -> Incident:
    """The incident as it is now, locked until the transaction ends."""
    return Incident.objects.select_for_update(of=("self",)).get(pk=incident.pk)


def incident_was_changed(incident: Incident, *, now: datetime) -> None:
    """Bring what is derived up to date, and tell the apps above after commit."""
    Incident.objects.filter(pk=incident.pk).update(updated_at=now)
    index_incident(incident.pk)
    transaction.on_commit(lambda: signals.incident_changed.send(sender=Incident, incident=incident))
