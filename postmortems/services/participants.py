"""Who takes part, who owns it, and who may see it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import User
from incidents import rules as incident_rules
from postmortems.collab import store
from postmortems.enums import ParticipantRole
from postmortems.models import Participant, Postmortem
from postmortems.services.postmortem import lock_postmortem, postmortem_was_changed


class OwnerStays(Exception):
    """A post-mortem always has an owner: it can be handed over, not left alone."""


class NotActive(Exception):
    """The person no longer works here: nothing can be handed to them."""


@transaction.atomic
def add_participant(*, postmortem: Postmortem, person: User, role: str, by: User, now: datetime) -> bool:
    """Name `person` on the post-mortem; the same role twice is kept once.

    A post-mortem is never seen without its incident: who could not see that one is named there as a reader, and True
    is returned so that the page can say so.
    """
    locked = lock_postmortem(postmortem)
    _, is_new = Participant.objects.get_or_create(postmortem=locked, user=person, role=role)
    opened = open_incident_to(locked, person, by=by)
    if is_new:
        audit.record(by=by, verb="participant.added", obj=locked, person=person.pk, role=role)
        postmortem_was_changed(locked, part="people", now=now)
    return opened


def open_incident_to(postmortem: Postmortem, person: User, *, by: User) -> bool:
    """Let `person` see the incident if they could not; True when that was needed."""
    incident = postmortem.incident
    if incident_rules.can_see(person, incident):
        return False
    incident.readers.add(person)
    audit.record(by=by, verb="incident.reader-added", obj=incident, person=person.pk)
    return True


@transaction.atomic
def remove_participant(*, participant: Participant, by: User, now: datetime) -> None:
    """Take one role from one person; twice is harmless. What they may see of the incident stays as it is."""
    locked = lock_postmortem(participant.postmortem)
    deleted, _ = Participant.objects.filter(pk=participant.pk).delete()
    if deleted:
        store.rights_changed(locked.pk)
        audit.record(by=by, verb="participant.removed", obj=locked, person=participant.user_id, role=participant.role)
        postmortem_was_changed(locked, part="people", now=now)


@transaction.atomic
def hand_over(*, postmortem: Postmortem, to: User, by: User, now: datetime) -> Postmortem:
    """Make `to` the owner; the former owner stays as a contributor. Raises `NotActive`."""
    locked = lock_postmortem(postmortem)
    if not to.is_active:
        raise NotActive
    if locked.owner_id == to.pk:
        return locked
    former = locked.owner
    Participant.objects.get_or_create(postmortem=locked, user=former, role=ParticipantRole.CONTRIBUTOR)
    locked.owner = to
    locked.save(update_fields=["owner"])
    store.rights_changed(locked.pk)
    open_incident_to(locked, to, by=by)
    audit.record(by=by, verb="postmortem.handed-over", obj=locked, before=former.pk, after=to.pk)
    postmortem_was_changed(locked, part="people", now=now)
    return locked


@transaction.atomic
def set_visibility(*, postmortem: Postmortem, visibility: str, by: User, now: datetime) -> Postmortem:
    """Decide who may see it. Whoever decides stays named on it: nobody locks themselves out by a click."""
    locked = lock_postmortem(postmortem)
    if locked.visibility == visibility:
        return locked
    before = locked.visibility
    locked.visibility = visibility
    locked.save(update_fields=["visibility"])
    store.rights_changed(locked.pk)
    if locked.owner_id != by.pk and not locked.participants.filter(user=by).exists():
        Participant.objects.create(postmortem=locked, user=by, role=ParticipantRole.READER)
    audit.record(by=by, verb="postmortem.visibility-set", obj=locked, before=before, after=visibility)
    postmortem_was_changed(locked, part="people", now=now)
    return locked
