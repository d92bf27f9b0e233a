"""What goes out to those who come: the invitation, its changes, that it is off, and the minutes; each once.

The ledger is the attendee's row: what they heard last stands in it. A mail sent again after a crash keeps its
Message-ID, so that mail programs show one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import F, Q
from django.urls import reverse

from accounts.mail import CalendarFile, MailNotSent, link_to, send
from postmortems.enums import MeetingState
from postmortems.meetings.invitation import Guest, Invitation, invitation_file
from postmortems.meetings.queries import minutes_of
from postmortems.models import Attendee, Meeting, Postmortem

LEASE = timedelta(minutes=2)
TRIES_AGAIN = timedelta(minutes=5)
NOT_LATER = timedelta(days=2)
"""What could not be sent for so long after the meeting helps nobody."""

IS_ON = Q(is_invited=True, meeting__state=MeetingState.PLANNED, meeting__invited_at__isnull=False)
TO_INVITE = IS_ON & (Q(told=None) | Q(told__lt=F("meeting__sequence")) | Q(told_off=True))
TO_CALL_OFF = Q(told__isnull=False, told_off=False) & (
    Q(meeting__state=MeetingState.CANCELLED) | Q(is_invited=False, meeting__state=MeetingState.PLANNED)
)
TO_MINUTE = Q(meeting__minutes_at__isnull=False, mailed_minutes_at=None) & (
    Q(is_invited=True) | Q(came_at__isnull=False)
)


def people_to_tell(*, now: datetime) -> list[int]:
    """The attendees who have not heard the latest."""
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    recent = Q(meeting__starts_at__gt=now - NOT_LATER) | Q(meeting__minutes_at__gt=now - NOT_LATER)
    waiting = Attendee.objects.filter(free, recent, TO_INVITE | TO_CALL_OFF | TO_MINUTE, user__is_active=True)
    return list(waiting.order_by("pk").values_list("pk", flat=True))


def tell_attendee(attendee_id: int, *, now: datetime) -> bool:
    """Send one attendee what they have not heard; whether something went out. One of any number of callers sends."""
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    if not Attendee.objects.filter(free, pk=attendee_id).update(leased_until=now + LEASE):
        return False
    row = Attendee.objects.filter(TO_INVITE | TO_CALL_OFF | TO_MINUTE, pk=attendee_id)
    attendee = row.select_related("user", "meeting__postmortem__incident", "meeting__facilitator").first()
    if attendee is None:
        Attendee.objects.filter(pk=attendee_id).update(leased_until=None)
        return False
    is_off = Attendee.objects.filter(TO_CALL_OFF, pk=attendee_id).exists()
    is_minutes = Attendee.objects.filter(TO_MINUTE, pk=attendee_id).exists()
    may_see = Postmortem.objects.visible_to(attendee.user).filter(pk=attendee.postmortem_id).exists()
    try:
        if may_see or is_off:
            _send_minutes(attendee) if is_minutes else _send_invitation(attendee, is_off=is_off, now=now)
    except MailNotSent:
        Attendee.objects.filter(pk=attendee_id).update(leased_until=now + TRIES_AGAIN)
        return False
    heard = {"mailed_minutes_at": now} if is_minutes else {"told": attendee.meeting.sequence, "told_off": is_off}
    Attendee.objects.filter(pk=attendee_id).update(leased_until=None, **heard)
    return may_see or is_off


@dataclass(frozen=True)
class Words:
    """What a mail may say: of what is restricted, only that it is there."""

    title: str
    subject: str


def _words(meeting: Meeting) -> Words:
    postmortem = meeting.postmortem
    if postmortem.is_restricted:
        return Words("a restricted post-mortem", "Review of a restricted post-mortem")
    return Words(str(postmortem), f"Review: {postmortem.title}")


def calendar_of(meeting: Meeting, *, now: datetime, is_off: bool = False) -> bytes:
    """The meeting as a calendar file for everybody on the list."""
    words = _words(meeting)
    rows = meeting.attendees.filter(is_invited=True).select_related("user")
    guests = [Guest(row.user.email, row.user.display_name) for row in rows]
    facilitator = meeting.facilitator
    address = link_to(reverse("postmortems:meeting", args=[meeting.pk]))
    invitation = Invitation(
        uid=meeting.uid,
        sequence=meeting.sequence,
        summary=words.subject,
        description=f"{meeting.get_form_display()} of {words.title}.\nRead it before, and join here: {address}",
        url=address,
        place=meeting.place,
        starts_at=meeting.starts_at,
        ends_at=meeting.ends_at,
        organiser=Guest(facilitator.email, facilitator.display_name),
        guests=guests,
        made_at=now,
    )
    return invitation_file(invitation, host=urlsplit(settings.BASE_URL).hostname or "debrief", is_cancelled=is_off)


def _send_invitation(attendee: Attendee, *, is_off: bool, now: datetime) -> None:
    meeting, person = attendee.meeting, attendee.user
    words = _words(meeting)
    is_change = attendee.told is not None and not attendee.told_off
    subject = f"Called off: {words.subject}" if is_off else f"Changed: {words.subject}" if is_change else words.subject
    context = {
        "person": person,
        "meeting": meeting,
        "title": words.title,
        "starts_at": meeting.starts_at.astimezone(person.zone),
        "ends_at": meeting.ends_at.astimezone(person.zone),
        "zone": person.timezone,
        "is_off": is_off,
        "is_change": is_change,
        "link": link_to(reverse("postmortems:meeting", args=[meeting.pk])),
        "read": link_to(reverse("postmortems:read", args=[meeting.postmortem_id])),
        "account": link_to(reverse("postmortems:perspectives", args=[meeting.postmortem_id])),
    }
    method = "CANCEL" if is_off else "REQUEST"
    calendar = None
    if not meeting.is_in_writing:
        calendar = CalendarFile(method, calendar_of(meeting, now=now, is_off=is_off))
    send(
        "meeting",
        to=person.email,
        subject=subject,
        context=context,
        message_id=f"{meeting.uid}.{meeting.sequence}.{attendee.pk}{'.off' if is_off else ''}",
        calendar=calendar,
    )


def _send_minutes(attendee: Attendee) -> None:
    meeting, person = attendee.meeting, attendee.user
    words = _words(meeting)
    is_restricted = meeting.postmortem.is_restricted
    context = {
        "person": person,
        "title": words.title,
        "held_at": meeting.held_at.astimezone(person.zone),
        "groups": [] if is_restricted else minutes_of(meeting),
        "is_restricted": is_restricted,
        "link": link_to(reverse("postmortems:meeting-minutes", args=[meeting.pk])),
    }
    subject = f"Minutes: {words.subject.removeprefix('Review: ')}"
    send(
        "minutes", to=person.email, subject=subject, context=context, message_id=f"{meeting.uid}.minutes.{attendee.pk}"
    )
