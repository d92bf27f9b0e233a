"""A meeting while it runs: its steps and its clock, who steers, who is there, and how it ends.

Every screen shows what stands in the row, so it survives a closed laptop: whoever takes over goes on from there.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from accounts import audit
from accounts.models import User
from incidents.models import TimelineEvent
from postmortems.enums import AttendeeKind, MeetingState, RevisionReason
from postmortems.meetings.agenda import clock_of
from postmortems.models import AgendaItem, Attendee, Meeting, Postmortem, Section
from postmortems.services.debrief_notes import SUMMARISED, item_of
from postmortems.services.meeting import OverAlready, announce, lock_meeting
from postmortems.services.postmortem import lock_for_writing, postmortem_was_changed
from postmortems.services.section import append_section
from postmortems.services.text import edit_texts, keep_revision

NOTES = "Debrief notes"
EXTRA = timedelta(minutes=2)
LONGEST = 240
"""Minutes a step may be given."""


class NotRunning(Exception):
    """The meeting has not begun, or is over."""


class SomebodyElseSteers(Exception):
    """Another person has the meeting in hand; take it over first."""

    def __init__(self, person: User | None) -> None:
        super().__init__(f"{person.display_name if person else 'Nobody'} leads now. Take over to lead yourself.")


class NothingToWalk(Exception):
    """There is no agenda: a review in writing has no meeting mode."""


@transaction.atomic
def start_meeting(*, meeting: Meeting, by: User, now: datetime) -> Meeting:
    """Begin: the first step is up, its clock runs, and `by` leads. A second start changes nothing.

    Raises `OverAlready`, `NothingToWalk` or `AlreadyPublished`.
    """
    postmortem = lock_for_writing(meeting.postmortem)
    locked = lock_meeting(meeting)
    if locked.is_running:
        return locked
    if not locked.is_ahead:
        raise OverAlready
    locked.current = locked.agenda.first()
    if locked.current is None:
        raise NothingToWalk
    keep_revision(postmortem, reason=RevisionReason.NAMED, by=by, now=now, name="Before the review meeting")
    locked.notes = notes_section(postmortem, now=now)
    locked.state, locked.steered_by, locked.started_at, locked.clock_since = MeetingState.RUNNING, by, now, now
    locked.revision += 1
    locked.save(
        update_fields=["current", "notes", "state", "steered_by", "started_at", "clock_since", "revision"]
    )  # fmt: skip
    audit.record(by=by, verb="meeting.started", obj=postmortem, meeting=locked.pk)
    postmortem_was_changed(postmortem, part="meeting", now=now)
    return locked


def notes_section(postmortem: Postmortem, *, now: datetime) -> Section:
    """The section of the debrief notes, added when there is none. The caller has locked the post-mortem."""
    section = postmortem.sections.filter(title=NOTES).first() or append_section(postmortem, title=NOTES, now=now)
    section.postmortem = postmortem
    return section


# -- Leading -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def go_to_step(*, meeting: Meeting, item: AgendaItem, by: User, now: datetime) -> Meeting:
    """Take everybody to a step. The one that is up already stays as it is, so a double click goes on once only."""
    locked = _lock_led_by(by, meeting)
    if item.meeting_id != locked.pk or locked.current_id == item.pk:
        return locked
    _stop_clock(locked, now=now)
    locked.current, locked.clock_since = item, now
    return _steered(locked, ["current", "clock_since"])


@transaction.atomic
def run_clock(*, meeting: Meeting, is_running: bool, by: User, now: datetime) -> Meeting:
    """Let the clock of the step run, or stand. Twice is harmless."""
    locked = _lock_led_by(by, meeting)
    if (locked.clock_since is not None) == is_running:
        return locked
    if is_running:
        locked.clock_since = now
    else:
        _stop_clock(locked, now=now)
    return _steered(locked, ["clock_since"])


@transaction.atomic
def extend_step(*, meeting: Meeting, by: User) -> Meeting:
    """Give the step two minutes more: of those meant for it, or of now when it is over them."""
    locked = _lock_led_by(by, meeting)
    item = locked.current
    if item:
        item.minutes = min(LONGEST, item.minutes + int(EXTRA.total_seconds() // 60))
        item.save(update_fields=["minutes"])
    return _steered(locked, [])


@transaction.atomic
def point_at(*, meeting: Meeting, event: TimelineEvent | None, by: User) -> Meeting:
    """Show everybody which event of the timeline is talked about."""
    locked = _lock_led_by(by, meeting)
    if event and event.incident_id != locked.postmortem.incident_id:
        return locked
    locked.event = event
    return _steered(locked, ["event"])


@transaction.atomic
def take_over(*, meeting: Meeting, by: User) -> Meeting:
    """Lead from now on, from where it is. Raises `NotRunning`."""
    locked = lock_meeting(meeting)
    if not locked.is_running:
        raise NotRunning
    if locked.steered_by_id == by.pk:
        return locked
    locked.steered_by = by
    audit.record(by=by, verb="meeting.taken-over", obj=locked.postmortem, meeting=locked.pk)
    return _steered(locked, ["steered_by"])


def _lock_led_by(person: User, meeting: Meeting) -> Meeting:
    """The running meeting, locked; raises `NotRunning` or `SomebodyElseSteers`."""
    locked = lock_meeting(meeting)
    if not locked.is_running:
        raise NotRunning
    if locked.steered_by_id != person.pk:
        raise SomebodyElseSteers(locked.steered_by)
    return locked


def _stop_clock(meeting: Meeting, *, now: datetime) -> None:
    item = meeting.current
    if item and meeting.clock_since:
        item.spent = clock_of(spent=item.spent, minutes=item.minutes, since=meeting.clock_since, now=now).spent
        item.save(update_fields=["spent"])
    meeting.clock_since = None


def _steered(meeting: Meeting, changed: list[str]) -> Meeting:
    meeting.revision += 1
    meeting.save(update_fields=[*changed, "revision"])
    step = meeting.current.step if meeting.current else ""
    announce(meeting, revision=meeting.revision, step=step, event=meeting.event_id)
    return meeting


# -- Who is there ------------------------------------------------------------------------------------------------------


@transaction.atomic
def mark_came(*, meeting: Meeting, person: User, came: bool, now: datetime) -> bool:
    """Note that `person` is or was there, invited or not; whether that was new. Raises `NotRunning`."""
    locked = lock_meeting(meeting)
    if not locked.is_running:
        raise NotRunning
    row, _ = Attendee.objects.get_or_create(
        meeting=locked,
        user=person,
        defaults={"postmortem": locked.postmortem, "is_invited": False, "kind": AttendeeKind.STAKEHOLDER},
    )
    if (row.came_at is not None) == came:
        return False
    row.came_at = now if came else None
    row.save(update_fields=["came_at"])
    announce(locked)
    return True


# -- The end -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def end_meeting(*, meeting: Meeting, by: User, now: datetime) -> Meeting:
    """Close it: what was decided and parked goes into the debrief notes, and a revision is kept. Twice is harmless.

    Raises `NotRunning`, `SomebodyElseSteers` or `AlreadyPublished`.
    """
    if Meeting.objects.filter(pk=meeting.pk, state=MeetingState.ENDED).exists():
        return meeting
    postmortem = lock_for_writing(meeting.postmortem)
    locked = _lock_led_by(by, meeting)
    _stop_clock(locked, now=now)
    locked.state, locked.ended_at = MeetingState.ENDED, now
    locked.revision += 1
    locked.save(update_fields=["state", "ended_at", "clock_since", "revision"])
    notes = notes_section(postmortem, now=now)
    body = "\n\n".join(filter(None, (notes.body.rstrip(), _summary(locked, by=by))))
    edit_texts(postmortem, {notes: body}, reason=RevisionReason.SAVED, by=by, now=now)
    name = f"After the review meeting of {now.astimezone(by.zone):%-d %B %Y}"
    keep_revision(postmortem, reason=RevisionReason.NAMED, by=by, now=now, name=name)
    audit.record(by=by, verb="meeting.ended", obj=postmortem, meeting=locked.pk)
    postmortem_was_changed(postmortem, part="meeting", now=now)
    return locked


def _summary(meeting: Meeting, *, by: User) -> str:
    """What was captured and stands nowhere else in the document, as Markdown."""
    began = meeting.held_at.astimezone(by.zone)
    came = [row.user.display_name for row in meeting.attendees.exclude(came_at=None).select_related("user")]
    head = f"**Review meeting of {began:%-d %B %Y, %H:%M %Z}**"
    parts = [f"{head}, with {', '.join(came)}." if came else f"{head}."]
    for kind, title in SUMMARISED.items():
        rows = meeting.captures.filter(kind=kind, settled_at=None)
        if rows:
            parts.append("\n".join([f"{title}:", "", *(item_of(row.text) for row in rows)]))
    return "\n\n".join(parts)


@transaction.atomic
def send_minutes(*, meeting: Meeting, by: User, now: datetime) -> bool:
    """Have the minutes mailed to whoever was invited or came; False when they were already. Raises `NotRunning`."""
    locked = lock_meeting(meeting)
    if locked.state != MeetingState.ENDED:
        raise NotRunning
    if locked.minutes_at:
        return False
    locked.minutes_at = now
    locked.save(update_fields=["minutes_at"])
    audit.record(by=by, verb="meeting.minutes-sent", obj=locked.postmortem, meeting=locked.pk)
    announce(locked)
    return True
