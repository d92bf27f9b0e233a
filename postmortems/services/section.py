"""Sections: their text, every revision of it, and their order."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from uuid import UUID

from django.db import transaction

from accounts import audit
from accounts.exceptions import EditedMeanwhile
from accounts.models import User
from postmortems.enums import RevisionReason, SectionKind
from postmortems.models import Postmortem, Section, SectionRevision
from postmortems.services.order import next_position, swap_with_neighbour
from postmortems.services.postmortem import lock_for_writing, postmortem_was_changed
from postmortems.services.text import edit_texts, restore_texts
from postmortems.services.why import begin_branches


class AlreadyGone(Exception):
    """The section was removed by someone else in the meantime."""


class NotEmpty(Exception):
    """People wrote in this section or commented on it: that is kept, so it stays. Readers see none that is empty."""


def digest(text: str) -> str:
    """Names a text: what a form was written on."""
    return sha256(text.encode()).hexdigest()


@transaction.atomic
def save_section(*, section: Section, seen: str, body: str, by: User, now: datetime) -> Section:
    """Write `body` if the section still says what this person saw (`seen`, its `digest`), and keep it as a revision.

    Saving the same text again changes nothing, whatever was seen: a double click is harmless. Raises
    `EditedMeanwhile` with the section as it is now, `AlreadyPublished` or `AlreadyGone`; nothing is written then.
    """
    postmortem = lock_for_writing(section.postmortem)
    locked = lock_section(section)
    if locked.body == body:
        return locked
    if digest(locked.body) != seen:
        raise EditedMeanwhile(locked)
    edit_texts(postmortem, {locked: body}, reason=RevisionReason.SAVED, by=by, now=now)
    return _was_edited(postmortem, locked, by=by, now=now)


def _was_edited(postmortem: Postmortem, section: Section, *, by: User, now: datetime) -> Section:
    section.refresh_from_db(fields=["revision"])
    audit.record(by=by, verb="section.edited", obj=postmortem, section=str(section.pk), revision=section.revision)
    postmortem_was_changed(postmortem, part="text", now=now)
    return section


def lock_section(section: Section) -> Section:
    """The section as it is now, locked; raises `AlreadyGone`. Lock its post-mortem first."""
    return _locked(section.pk, section.postmortem)


def _locked(pk: UUID, postmortem: Postmortem) -> Section:
    locked = Section.objects.select_for_update(of=("self",)).select_related("updated_by").filter(pk=pk).first()
    if locked is None:
        raise AlreadyGone
    locked.postmortem = postmortem
    return locked


@transaction.atomic
def restore_revision(*, revision: SectionRevision, by: User, now: datetime) -> Section:
    """Say again what `revision` said, as a new revision: what stands there now stays in the history.

    Raises `AlreadyPublished` or `AlreadyGone`.
    """
    postmortem = lock_for_writing(revision.postmortem)
    section = _locked(revision.section_id, revision.postmortem)
    if section.body == revision.body:
        return section
    restore_texts(postmortem, {section: revision}, by=by, now=now)
    return _was_edited(postmortem, section, by=by, now=now)


@transaction.atomic
def add_section(*, postmortem: Postmortem, title: str, kind: str, by: User, now: datetime) -> Section:
    """Put a new, empty section last; raises `AlreadyPublished`."""
    locked = lock_for_writing(postmortem)
    section = append_section(locked, title=title, kind=kind, now=now)
    if kind == SectionKind.WHYS:
        begin_branches(locked, now=now)
    audit.record(by=by, verb="section.added", obj=locked, section=str(section.pk))
    postmortem_was_changed(locked, part="sections", now=now)
    return section


def append_section(postmortem: Postmortem, *, title: str, kind: str = SectionKind.PROSE, now: datetime) -> Section:
    """The row itself, last; the caller has locked the post-mortem."""
    position = next_position(postmortem.sections.all())
    return Section.objects.create(postmortem=postmortem, position=position, kind=kind, title=title, updated_at=now)


@transaction.atomic
def rename_section(*, section: Section, title: str, by: User, now: datetime) -> Section:
    """Give the section another title; raises `AlreadyPublished` or `AlreadyGone`."""
    postmortem = lock_for_writing(section.postmortem)
    locked = lock_section(section)
    if locked.title != title:
        locked.title = title
        locked.save(update_fields=["title"])
        audit.record(by=by, verb="section.renamed", obj=postmortem, section=str(locked.pk))
        postmortem_was_changed(postmortem, part="sections", now=now)
    return locked


@transaction.atomic
def move_section(*, section: Section, up: bool, by: User, now: datetime) -> None:
    """Swap places with the neighbour above or below; at the end of the list nothing happens.

    Raises `AlreadyPublished` or `AlreadyGone`.
    """
    postmortem = lock_for_writing(section.postmortem)
    locked = lock_section(section)
    if not swap_with_neighbour(locked, postmortem.sections.all(), up=up):
        return
    audit.record(by=by, verb="section.moved", obj=postmortem, section=str(locked.pk))
    postmortem_was_changed(postmortem, part="sections", now=now)


@transaction.atomic
def remove_section(*, section: Section, by: User, now: datetime) -> None:
    """Take a section nobody ever wrote in or commented on out of the document; raises `NotEmpty` for any other.

    Raises `AlreadyPublished` or `AlreadyGone` besides.
    """
    postmortem = lock_for_writing(section.postmortem)
    locked = lock_section(section)
    if locked.body.strip() or locked.revisions.exclude(body="").exists() or locked.threads.exists():
        raise NotEmpty
    audit.record(by=by, verb="section.removed", obj=postmortem, section=str(locked.pk))
    locked.delete()
    postmortem_was_changed(postmortem, part="sections", now=now)
