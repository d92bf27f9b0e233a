"""Who may do what with an incident. `can_see` is the twin of `IncidentQuerySet.visible_to`."""

from __future__ import annotations

from accounts.access import is_manager, is_member, may_see
from accounts.models import User
from incidents.models import Incident, Part


def can_see(user: User, subject: Incident | Part) -> bool:
    """Whether `user` may see the incident, or the part of one."""
    incident = subject.guarded_by
    return may_see(user, incident.visibility, incident.team, is_named=lambda: is_named(user, incident))


def is_named(user: User, incident: Incident) -> bool:
    """Whether `user` stands on the incident by name: commander, creator, responder, or invited to read."""
    if user.pk in {incident.commander_id, incident.created_by_id}:
        return True
    return incident.responders.filter(pk=user.pk).exists() or incident.readers.filter(pk=user.pk).exists()


def can_edit(user: User, subject: Incident | Part) -> bool:
    """Those who were there and those who own it: team, commander, responders, creator, administrators."""
    incident = subject.guarded_by
    if not can_see(user, incident):
        return False
    return user.is_administrator or is_member(user, incident.team) or _took_part(user, incident)


def can_manage(user: User, subject: Incident | Part) -> bool:
    """Who decides about readers and overrides the policy: commander, creator, the team's managers, administrators."""
    incident = subject.guarded_by
    if not can_see(user, incident):
        return False
    in_charge = user.pk in {incident.commander_id, incident.created_by_id}
    return in_charge or user.is_administrator or is_manager(user, incident.team)


def _took_part(user: User, incident: Incident) -> bool:
    if user.pk in {incident.commander_id, incident.created_by_id}:
        return True
    return incident.responders.filter(pk=user.pk).exists()
