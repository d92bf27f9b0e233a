"""The plan of a review: when, how, who runs it and who comes; changed and called off with everybody told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from accounts import audit
from accounts.exceptions import EditedMeanwhile
from accounts.models import User
from postmortems import rules
from postmortems.collab.bus import announce_change
from postmortems.enums import AttendeeKind, MeetingForm, MeetingState, ParticipantRole
from postmortems.meetings.agenda import AGENDA
from postmortems.models import AgendaItem, Attendee, Meeting, Postmortem
from postmortems.services.participants import add_participant
from postmortems.services.postmortem import lock_postmortem, postmortem_was_changed

MOST_INVITED = 50


class PlannedAlready(Exception):
    """There is a review ahead already, or one is running."""


class OverAlready(Exception):
    """The meeting has ended or was called off."""


class CannotCome(Exception):
    """Somebody may not see the post-mortem: name them on it first."""

    def __init__(self, people: list[User]) -> None:
        names = ", ".join(person.display_name for person in people)
        super().__init__(f"{names} may not see this post-mortem. Name them under People first.")


@dataclass(frozen=True)
class Plan:
    """What people decide about a review. Of one in writing, `starts_at` is when it ends."""

    form: str
    starts_at: datetime
    minutes: int
    place: str
    facilitator: User
    note_taker: User | None = None
    action_tracker: User | None = None
    responders: Iterable[User] = field(default_factory=list)
    stakeholders: Iterable[User] = field(default_factory=list)

    @property
    def roles(self) -> list[User]:
        return [person for person in (self.facilitator, self.note_taker, self.action_tracker) if person]

    def guests(self) -> dict[User, str]:
        """Everybody who comes, once, with why."""
        found: dict[User, str] = dict.fromkeys(self.stakeholders, AttendeeKind.STAKEHOLDER)
        found |= dict.fromkeys(self.responders, AttendeeKind.RESPONDER)
        return found | dict.fromkeys(self.roles, AttendeeKind.ROLE)


def plan_meeting(*, postmortem: Postmortem, plan: Plan, by: User, now: datetime) -> Meeting:
    """Plan the review. Nobody is told before `invite`. Raises `PlannedAlready` or `CannotCome`.

    Who runs it may write in the post-mortem from then on.
    """
    try:
        return _planned(postmortem, plan, by=by, now=now)
    except IntegrityError as error:
        raise PlannedAlready from error


@transaction.atomic
def _planned(postmortem: Postmortem, plan: Plan, *, by: User, now: datetime) -> Meeting:
    _check_guests(postmortem, plan)
    meeting = Meeting.objects.create(postmortem=postmortem, planned_by=by, planned_at=now, **_facts(plan))
    _write_agenda(meeting)
    _write_guests(meeting, plan)
    _name_those_who_run_it(postmortem, plan, by=by, now=now)
    audit.record(by=by, verb="meeting.planned", obj=postmortem, meeting=meeting.pk)
    postmortem_was_changed(postmortem, part="meeting", now=now)
    return meeting


@transaction.atomic
def change_plan(*, meeting: Meeting, revision: int, plan: Plan, by: User, now: datetime) -> Meeting:
    """Plan it otherwise; who was invited hears of it. Raises `EditedMeanwhile`, `OverAlready` or `CannotCome`."""
    lock_postmortem(meeting.postmortem)
    locked = lock_meeting(meeting)
    if not locked.is_ahead:
        raise OverAlready
    if locked.revision != revision:
        raise EditedMeanwhile(locked)
    _check_guests(locked.postmortem, plan)
    facts = _facts(plan)
    has_other_form = locked.form != facts["form"]
    for name, value in facts.items():
        setattr(locked, name, value)
    locked.revision += 1
    locked.sequence += 1
    locked.save(update_fields=[*facts, "revision", "sequence"])
    if has_other_form:
        locked.agenda.all().delete()
        _write_agenda(locked)
    _write_guests(locked, plan)
    _name_those_who_run_it(locked.postmortem, plan, by=by, now=now)
    audit.record(by=by, verb="meeting.changed", obj=locked.postmortem, meeting=locked.pk)
    postmortem_was_changed(locked.postmortem, part="meeting", now=now)
    return locked


@transaction.atomic
def cancel_meeting(*, meeting: Meeting, by: User, now: datetime) -> None:
    """Call it off; who was invited hears of it. Twice is harmless; raises `OverAlready` once it has begun."""
    lock_postmortem(meeting.postmortem)
    locked = lock_meeting(meeting)
    if locked.state == MeetingState.CANCELLED:
        return
    if not locked.is_ahead:
        raise OverAlready
    locked.state = MeetingState.CANCELLED
    locked.sequence += 1
    locked.save(update_fields=["state", "sequence"])
    audit.record(by=by, verb="meeting.cancelled", obj=locked.postmortem, meeting=locked.pk)
    postmortem_was_changed(locked.postmortem, part="meeting", now=now)


@transaction.atomic
def invite(*, meeting: Meeting, by: User, now: datetime) -> bool:
    """Have the invitations sent; False when they were already. Raises `OverAlready`."""
    locked = lock_meeting(meeting)
    if not locked.is_ahead:
        raise OverAlready
    if locked.invited_at:
        return False
    locked.invited_at = now
    locked.save(update_fields=["invited_at"])
    audit.record(by=by, verb="meeting.invited", obj=locked.postmortem, meeting=locked.pk)
    announce(locked)
    return True


def lock_meeting(meeting: Meeting) -> Meeting:
    """The meeting as it is now, locked until the transaction ends. Who needs both locks its post-mortem first."""
    rows = Meeting.objects.select_for_update(of=("self",)).select_related("postmortem__incident", "current")
    return rows.get(pk=meeting.pk)


def announce(meeting: Meeting, part: str = "meeting", **detail: Any) -> None:
    """After commit, tell open pages that the meeting is another, or `part` of it; `detail` is shown at once."""
    postmortem_id = meeting.postmortem_id
    transaction.on_commit(lambda: announce_change(postmortem_id, part, detail))


def _facts(plan: Plan) -> dict[str, object]:
    is_short = plan.form == MeetingForm.WRITING
    return {
        "form": plan.form,
        "starts_at": plan.starts_at,
        "minutes": 0 if is_short else plan.minutes,
        "place": plan.place,
        "facilitator": plan.facilitator,
        "note_taker": plan.note_taker,
        "action_tracker": plan.action_tracker,
    }


def _check_guests(postmortem: Postmortem, plan: Plan) -> None:
    shown = Postmortem.objects.filter(pk=postmortem.pk)
    blind = [person for person in list(plan.guests())[:MOST_INVITED] if not shown.visible_to(person).exists()]
    if blind:
        raise CannotCome(blind)


def _write_agenda(meeting: Meeting) -> None:
    AgendaItem.objects.bulk_create(
        AgendaItem(meeting=meeting, postmortem_id=meeting.postmortem_id, position=at, step=step, minutes=minutes)
        for at, (step, minutes) in enumerate(AGENDA[meeting.form].items(), start=1)
    )


def _write_guests(meeting: Meeting, plan: Plan) -> None:
    """Whoever is no longer on the list stays in the ledger: they are told that it is off for them."""
    guests = dict(list(plan.guests().items())[:MOST_INVITED])
    meeting.attendees.exclude(user__in=guests).update(is_invited=False)
    for person, kind in guests.items():
        Attendee.objects.update_or_create(
            meeting=meeting,
            user=person,
            defaults={"kind": kind, "is_invited": True},
            create_defaults={"kind": kind, "postmortem_id": meeting.postmortem_id},
        )


def _name_those_who_run_it(postmortem: Postmortem, plan: Plan, *, by: User, now: datetime) -> None:
    for person in plan.roles:
        if not rules.can_edit(person, postmortem):
            is_facilitator = person == plan.facilitator
            role = ParticipantRole.FACILITATOR if is_facilitator else ParticipantRole.CONTRIBUTOR
            add_participant(postmortem=postmortem, person=person, role=role, by=by, now=now)
