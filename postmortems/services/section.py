"""Sections: their text, every revision of it, and their order."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Max

from accounts import audit
from accounts.exceptions import EditedMeanwhile
from accounts.models import User
from postmortems.models import Postmortem, Section, SectionRevision
from postmortems.services.postmortem import lock_for_writing, postmortem_was_changed


class AlreadyGone(Exception):
    """The section was removed by someone else in the meantime."""


class NotEmpty(Exception):
    """People wrote in this section: its history is kept, so it stays. Readers do not see it while it is empty."""


@transaction.atomic
def save_section(*, section: Section, revision: int, body: str, by: User, now: datetime) -> Section:
    """Write `body` if nobody saved the section since `revision`, and keep it as a revision of its own.

    Saving the same text again changes nothing, however old `revision` is: a double click is harmless. Raises
    `EditedMeanwhile` with the section as it is now, `AlreadyPublished` or `AlreadyGone`; nothing is written then.
    """
    postmortem = lock_for_writing(section.postmortem)
    locked = lock_section(section)
    if locked.body == body:
        return locked
    if locked.revision != revision:
        raise EditedMeanwhile(locked)
    write_section(locked, body=body, by=by, now=now)
    audit.record(by=by, verb="section.edited", obj=postmortem, section=str(locked.pk), revision=locked.revision)
    postmortem_was_changed(postmortem, now=now)
    return locked


def write_section(section: Section, *, body: str, by: User | None, now: datetime) -> None:
    """Write `body` to a section that the caller has locked, and keep it as a revision."""
    section.body = body
    section.revision += 1
    section.updated_by = by
    section.updated_at = now
    section.save(update_fields=["body", "revision", "updated_by", "updated_at"])
    keep_revision(section, by=by, now=now)


def keep_revision(section: Section, *, by: User | None, now: datetime) -> SectionRevision:
    """Keep what the section says now under its revision number."""
    return SectionRevision.objects.create(
        section=section,
        postmortem_id=section.postmortem_id,
        number=section.revision,
        body=section.body,
        saved_by=by,
        saved_at=now,
    )


def lock_section(section: Section) -> Section:
    """The section as it is now, locked; raises `AlreadyGone`. Lock its post-mortem first."""
    locked = Section.objects.select_for_update(of=("self",)).select_related("updated_by").filter(pk=section.pk).first()
    if locked is None:
        raise AlreadyGone
    locked.postmortem = section.postmortem
    return locked


@transaction.atomic
def restore_revision(*, revision: SectionRevision, by: User, now: datetime) -> Section:
    """Say again what `revision` said, as a new revision: what stands there now stays in the history."""
    section = lock_section(revision.section)
    return save_section(section=section, revision=section.revision, body=revision.body, by=by, now=now)


@transaction.atomic
def add_section(*, postmortem: Postmortem, title: str, kind: str, by: User, now: datetime) -> Section:
    """Put a new, empty section last; raises `AlreadyPublished`."""
    locked = lock_for_writing(postmortem)
    last = locked.sections.aggregate(last=Max("position"))["last"] or 0
    section = Section.objects.create(postmortem=locked, position=last + 1, kind=kind, title=title, updated_at=now)
    audit.record(by=by, verb="section.added", obj=locked, section=str(section.pk))
    postmortem_was_changed(locked, now=now)
    return section


@transaction.atomic
def rename_section(*, section: Section, title: str, by: User, now: datetime) -> Section:
    """Give the section another title; raises `AlreadyPublished` or `AlreadyGone`."""
    postmortem = lock_for_writing(section.postmortem)
    locked = lock_section(section)
    if locked.title != title:
        locked.title = title
        locked.save(update_fields=["title"])
        audit.record(by=by, verb="section.renamed", obj=postmortem, section=str(locked.pk))
        postmortem_was_changed(postmortem, now=now)
    return locked


@transaction.atomic
def move_section(*, section: Section, up: bool, by: User, now: datetime) -> None:
    """Swap places with the neighbour above or below; at the end of the list nothing happens."""
    postmortem = lock_for_writing(section.postmortem)
    locked = lock_section(section)
    others = postmortem.sections.filter(position__lt=locked.position).order_by("-position")
    if not up:
        others = postmortem.sections.filter(position__gt=locked.position).order_by("position")
    neighbour = others.first()
    if neighbour is None:
        return
    neighbour.position, locked.position = locked.position, neighbour.position
    neighbour.save(update_fields=["position"])
    locked.save(update_fields=["position"])
    audit.record(by=by, verb="section.moved", obj=postmortem, section=str(locked.pk))
    postmortem_was_changed(postmortem, now=now)


@transaction.atomic
def remove_section(*, section: Section, by: User, now: datetime) -> None:
    """Take a block, or a section nobody ever wrote in, out of the document; raises `NotEmpty` for any other."""
    postmortem = lock_for_writing(section.postmortem)
    locked = lock_section(section)
    if locked.body.strip() or locked.revisions.exclude(body="").exists():
        raise NotEmpty
    audit.record(by=by, verb="section.removed", obj=postmortem, section=str(locked.pk))
    locked.delete()
    postmortem_was_changed(postmortem, now=now)
