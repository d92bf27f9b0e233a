"""A recording's transcript: its lines kept beside the meeting, and what people make of them."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import User
from postmortems.enums import CaptureKind, RevisionReason
from postmortems.meetings.lines import Line
from postmortems.meetings.transcripts import Spoken, read_transcript
from postmortems.models import Capture, Meeting, Section, TranscriptLine
from postmortems.services.capture import capture_line
from postmortems.services.meeting import announce, lock_meeting
from postmortems.services.meeting_room import notes_section
from postmortems.services.postmortem import lock_for_writing, postmortem_was_changed
from postmortems.services.text import edit_texts


class TranscriptThere(Exception):
    """The meeting has a transcript of which people have made something: it is not replaced."""


@transaction.atomic
def import_transcript(*, meeting: Meeting, text: str, by: User, now: datetime) -> int:
    """Keep what was said; how many lines. The same file again replaces it, while nobody has worked with it.

    Raises `NotATranscript` or `TranscriptThere`.
    """
    spoken = read_transcript(text)
    locked = lock_meeting(meeting)
    if locked.transcript.exclude(capture=None).exists():
        raise TranscriptThere
    locked.transcript.all().delete()
    TranscriptLine.objects.bulk_create(_row(locked, at, each) for at, each in enumerate(spoken, start=1))
    audit.record(by=by, verb="transcript.imported", obj=locked.postmortem, meeting=locked.pk, lines=len(spoken))
    announce(locked)
    return len(spoken)


def _row(meeting: Meeting, position: int, said: Spoken) -> TranscriptLine:
    return TranscriptLine(
        meeting=meeting,
        postmortem_id=meeting.postmortem_id,
        position=position,
        at=said.at,
        speaker=said.speaker,
        text=said.text,
    )


@transaction.atomic
def capture_transcript_line(*, line: TranscriptLine, said: Line, by: User, now: datetime) -> Capture:
    """Make something of a line, in a person's words. What is a note is quoted in the debrief notes.

    A line of which something was made stays what it is. Raises `CannotCapture` or `AlreadyPublished`.
    """
    lock_for_writing(line.postmortem)
    meeting = lock_meeting(line.meeting)
    locked = TranscriptLine.objects.select_for_update(of=("self",)).get(pk=line.pk)
    if locked.capture_id:
        return Capture.objects.get(pk=locked.capture_id)
    capture = capture_line(meeting=meeting, line=said, by=by, now=now)
    if said.kind == CaptureKind.NOTE:
        _quote(meeting, locked, said.text, by=by, now=now)
    locked.capture = capture
    locked.save(update_fields=["capture"])
    return capture


def _quote(meeting: Meeting, line: TranscriptLine, text: str, *, by: User, now: datetime) -> None:
    postmortem = lock_for_writing(meeting.postmortem)
    notes: Section = notes_section(postmortem, now=now)
    when = f"{line.at} " if line.at is not None else ""
    who = f"**{when}{line.speaker}:** " if line.speaker else f"**{when.strip()}** " if when else ""
    body = "\n".join(filter(None, (notes.body.rstrip(), f"- {who}{text}")))
    edit_texts(postmortem, {notes: body}, reason=RevisionReason.SAVED, by=by, now=now)
    postmortem_was_changed(postmortem, part="text", now=now)
