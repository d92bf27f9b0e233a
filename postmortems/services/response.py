"""What people say of the response: one text for each of its parts."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.exceptions import EditedMeanwhile
from accounts.models import User
from postmortems.models import Postmortem, ResponseNote
from postmortems.services.postmortem import lock_for_writing, postmortem_was_changed


@transaction.atomic
def write_response(
    *, postmortem: Postmortem, aspect: str, revision: int, text: str, by: User, now: datetime
) -> ResponseNote | None:
    """Write what is said of `aspect`, if nobody did since `revision` (0: nothing was said); no text deletes it.

    Raises `EditedMeanwhile` with the note as it is now, or `AlreadyPublished`.
    """
    locked = lock_for_writing(postmortem)
    note = locked.response_notes.filter(aspect=aspect).first()
    if (note.text if note else "") == text:
        return note
    if (note.revision if note else 0) != revision:
        raise EditedMeanwhile(note or ResponseNote(postmortem=locked, aspect=aspect, text="", revision=0))
    audit.record(by=by, verb="response.edited", obj=locked, aspect=aspect)
    postmortem_was_changed(locked, part="response", now=now)
    if not text:
        locked.response_notes.filter(aspect=aspect).delete()
        return None
    note = note or ResponseNote(postmortem=locked, aspect=aspect, revision=0)
    note.text, note.updated_by, note.updated_at = text, by, now
    note.revision += 1
    note.save()
    return note
