"""What the end of a meeting wrote into the section of debrief notes, kept in step while its lines are corrected."""

from __future__ import annotations

from datetime import datetime

from accounts.models import User
from postmortems.enums import CaptureKind, RevisionReason
from postmortems.models import Meeting, Postmortem
from postmortems.services.text import edit_texts

SUMMARISED = {
    CaptureKind.DECISION: "Decided",
    CaptureKind.QUESTION: "Still asked",
    CaptureKind.PARKING: "Parked",
    CaptureKind.NOTE: "Noted",
}
"""What has no row of its own in the document."""
Said = tuple[str, str]
"""The kind of a captured line, and its text."""


def item_of(text: str) -> str:
    """A captured line as an item of a list."""
    return f"- {' '.join(text.split())}"


def follow_correction(
    meeting: Meeting,
    postmortem: Postmortem,
    *,
    before: tuple[str, str],
    after: tuple[str, str],
    by: User,
    now: datetime,
) -> None:
    """Let the notes say of a line what it says now. What people wrote instead of it stays.

    The caller has locked the post-mortem for writing.
    """
    notes = postmortem.sections.filter(pk=meeting.notes_id).first() if meeting.notes_id else None
    if notes is None:
        return
    body = _corrected(notes.body, before, after)
    if body != notes.body:
        edit_texts(postmortem, {notes: body}, reason=RevisionReason.SAVED, by=by, now=now)


def _corrected(body: str, before: Said, after: Said) -> str:
    kind, text = after
    title = SUMMARISED.get(CaptureKind(kind))
    lines = body.split("\n")
    at = lines.index(item_of(before[1])) if before[0] in SUMMARISED and item_of(before[1]) in lines else None
    if at is not None and kind == before[0]:
        lines[at] = item_of(text)
        return "\n".join(lines)
    if at is not None:
        del lines[at]
    is_new = title and (at is not None or before[0] not in SUMMARISED)
    return "\n".join([*lines, "", f"{title}:", "", item_of(text)]) if is_new else "\n".join(lines)
