"""Lines captured in a meeting: each becomes the right thing at once, and is corrected in its place."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from accounts import audit
from accounts.exceptions import EditedMeanwhile
from accounts.models import User
from incidents.services.incidents import lock_incident
from postmortems.captures import CannotCapture, maker_of
from postmortems.enums import CaptureKind
from postmortems.meetings.lines import Line
from postmortems.meetings.queries import captures_of
from postmortems.models import Capture, Meeting, Postmortem
from postmortems.rules import can_correct_lines
from postmortems.services.debrief_notes import follow_correction
from postmortems.services.meeting import announce
from postmortems.services.postmortem import lock_for_writing

MOST_CAPTURES = 1_000
LONGEST = 2_000
TWICE_WITHIN = timedelta(seconds=10)


class CaptureGone(Exception):
    """Somebody took the line away in the meantime."""


@transaction.atomic
def capture_line(*, meeting: Meeting, line: Line, by: User, now: datetime) -> Capture:
    """Keep a line and make what it says it is. The same again within ten seconds, a double click, is kept once.

    Raises `CannotCapture` or `AlreadyPublished`; nothing is kept then.
    """
    if not line.text:
        raise CannotCapture("Write something after the colon.")
    if len(line.text) > LONGEST:
        raise CannotCapture(f"That is too long: at most {LONGEST:,} characters.")
    postmortem = _lock(meeting.postmortem, line.kind)
    same = Capture.objects.filter(
        meeting=meeting, kind=line.kind, text=line.text, created_by=by, created_at__gt=now - TWICE_WITHIN
    )
    if twin := same.first():
        return twin
    if meeting.captures.count() >= MOST_CAPTURES:
        raise CannotCapture(f"There are {MOST_CAPTURES:,} lines. Write the rest into the notes.")
    maker = maker_of(line.kind)
    made = maker.make(postmortem, line, by=by, now=now) if maker else None
    capture = Capture.objects.create(
        meeting=meeting, postmortem=postmortem, kind=line.kind, text=line.text, made=made, created_by=by, created_at=now
    )
    _announce(capture, line.kind)
    return capture


@transaction.atomic
def correct_capture(*, capture: Capture, revision: int, line: Line, by: User, now: datetime) -> Capture:
    """Say it in other words, or make it something else: then what it had become is taken away.

    After the meeting, its facilitator and note-taker still do, until the minutes are sent. Raises `EditedMeanwhile`
    when somebody corrected it since `revision`, `CaptureGone`, `CannotCapture` or `AlreadyPublished`.
    """
    if not line.text or len(line.text) > LONGEST:
        raise CannotCapture(f"Write something, of at most {LONGEST:,} characters.")
    postmortem = _lock(capture.postmortem, capture.kind, line.kind)
    locked = _locked(capture)
    _check_may_correct(locked.meeting, by)
    if (locked.kind, locked.text) == (line.kind, line.text) and not line.at:
        return locked
    if locked.revision != revision:
        raise EditedMeanwhile(locked)
    before, text = locked.kind, locked.text
    former, maker = maker_of(before), maker_of(line.kind)
    if former and former is maker and locked.made and (not line.at or former.moves_in_place):
        former.rewrite(postmortem, locked.made, line, by=by, now=now)
    else:
        made = maker.make(postmortem, line, by=by, now=now) if maker else None
        if former and locked.made and (locked.kind, locked.made) != (line.kind, made):
            former.remove(postmortem, locked.made, by=by, now=now)
        locked.made = made
    locked.kind, locked.text, locked.settled_at = CaptureKind(line.kind), line.text, None
    locked.revision += 1
    locked.save(update_fields=["kind", "text", "made", "settled_at", "revision"])
    if locked.meeting.ended_at:
        said = (locked.kind, locked.text)
        follow_correction(locked.meeting, postmortem, before=(before, text), after=said, by=by, now=now)
        audit.record(by=by, verb="capture.corrected", obj=postmortem, kind=locked.kind)
    _announce(locked, before, line.kind)
    return locked


@transaction.atomic
def remove_capture(*, capture: Capture, by: User, now: datetime) -> None:
    """Take the line away, and what it had become. Twice is harmless; raises `CannotCapture` or `AlreadyPublished`."""
    postmortem = _lock(capture.postmortem, capture.kind)
    locked = Capture.objects.filter(pk=capture.pk).select_related("meeting").first()
    if locked is None:
        return
    _check_is_running(locked.meeting)
    maker = maker_of(locked.kind)
    if maker and locked.made:
        maker.remove(postmortem, locked.made, by=by, now=now)
    audit.record(by=by, verb="capture.removed", obj=postmortem, kind=locked.kind)
    key = locked.pk
    locked.delete()
    announce(locked.meeting, removed=key)
    announce(locked.meeting, "parking")


@transaction.atomic
def settle_capture(*, capture: Capture, is_settled: bool, by: User, now: datetime) -> None:
    """What was parked or asked has been dealt with, or is open again. Twice is harmless."""
    locked = _locked(capture)
    if (locked.settled_at is not None) == is_settled:
        return
    locked.settled_at = now if is_settled else None
    locked.save(update_fields=["settled_at"])
    _announce(locked, locked.kind)


def _lock(postmortem: Postmortem, *kinds: str) -> Postmortem:
    """The post-mortem, locked for writing; where events are at stake its incident first, as imports lock them."""
    if CaptureKind.EVENT in kinds:
        lock_incident(postmortem.incident)
    return lock_for_writing(postmortem)


def _announce(capture: Capture, *kinds: str) -> None:
    """Show the line on every screen at once; and what is left for the end, when it waits for that."""
    [shown] = captures_of(capture.meeting, [capture])
    line = {
        "id": capture.pk,
        "kind": capture.kind,
        "label": " ".join(filter(None, (capture.get_kind_display(), shown.label))),
        "text": shown.text,
        "by": capture.created_by.display_name,
    }
    announce(capture.meeting, line=line)
    if {CaptureKind.PARKING, CaptureKind.QUESTION} & set(kinds):
        announce(capture.meeting, "parking")


def _check_is_running(meeting: Meeting) -> None:
    """Afterwards others go on with what the lines became: it is changed in its place, not from here."""
    if not meeting.is_running:
        raise CannotCapture("The meeting is over: change it in the document.")


def _check_may_correct(meeting: Meeting, by: User) -> None:
    if meeting.is_running:
        return
    if meeting.minutes_at:
        raise CannotCapture("The minutes were sent: change it in the document.")
    if not can_correct_lines(by, meeting):
        raise CannotCapture("The meeting is over: whoever ran it or took its notes corrects its lines.")


def _locked(capture: Capture) -> Capture:
    rows = Capture.objects.select_for_update(of=("self",)).select_related("meeting__postmortem__incident", "created_by")
    locked = rows.filter(pk=capture.pk).first()
    if locked is None:
        raise CaptureGone
    return locked
