"""The history of the whole text: moments that people name, and the way back to one."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import User
from postmortems import queries
from postmortems.enums import RevisionReason
from postmortems.models import Postmortem, Revision
from postmortems.services.postmortem import lock_for_writing, lock_postmortem, postmortem_was_changed
from postmortems.services.text import keep_revision, restore_texts


@transaction.atomic
def name_revision(*, postmortem: Postmortem, name: str, by: User, now: datetime) -> Revision:
    """Keep what the text says now under a name. The same name twice in a row (a double click) is kept once."""
    locked = lock_postmortem(postmortem)
    last = locked.revisions.first()
    if last and last.name == name and not locked.sections.filter(is_kept=False).exists():
        return last
    revision = keep_revision(locked, reason=RevisionReason.NAMED, by=by, now=now, name=name)
    assert revision is not None  # noqa: S101  (a named one is kept in any case)
    audit.record(by=by, verb="revision.named", obj=locked, revision=revision.number)
    return revision


@transaction.atomic
def restore_revision(*, revision: Revision, by: User, now: datetime) -> bool:
    """Let every section say again what it said then, as a new revision; False when they all say so already.

    It is an edit like any other: who is typing keeps their cursor, and what stands there now stays in the history.
    Sections that came later keep their text. Raises `AlreadyPublished`.
    """
    postmortem = lock_for_writing(revision.postmortem)
    then = queries.sections_at(revision)
    sections = postmortem.sections.select_for_update().filter(pk__in=then)
    kept = {section: then[section.pk] for section in sections if section.body != queries.body_of(then[section.pk])}
    if not kept:
        return False
    restore_texts(postmortem, kept, by=by, now=now)
    audit.record(by=by, verb="revision.restored", obj=postmortem, revision=revision.number)
    postmortem_was_changed(postmortem, part="text", now=now)
    return True
