"""Tags put on post-mortems and taken off them, in any state: they are for finding, not for reading."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import User
from incidents.tagging import MOST_TAGS
from postmortems.models import Postmortem, Tag
from postmortems.services.postmortem import lock_postmortem, postmortem_was_changed


class TooManyTags(Exception):
    """More than a post-mortem may have."""


def tags_named(names: Iterable[str]) -> list[Tag]:
    """The tags of these names, as `incidents.tagging.normalised` gave them; made where there is none yet."""
    wanted = set(names)
    Tag.objects.bulk_create((Tag(name=name) for name in sorted(wanted)), ignore_conflicts=True)
    return list(Tag.objects.filter(name__in=wanted))


@transaction.atomic
def add_tags(*, postmortem: Postmortem, names: Collection[str], by: User, now: datetime) -> list[Tag]:
    """Put them on it; those that are there already stay. Returns the new ones. Raises `TooManyTags`."""
    locked = lock_postmortem(postmortem)
    present = set(locked.tags.values_list("name", flat=True))
    new = tags_named(set(names) - present)
    if len(present) + len(new) > MOST_TAGS:
        raise TooManyTags
    if new:
        locked.tags.add(*new)
        audit.record(by=by, verb="postmortem.tagged", obj=locked, tags=[tag.pk for tag in new])
        postmortem_was_changed(locked, part="tags", now=now)
    return new


@transaction.atomic
def remove_tags(*, postmortem: Postmortem, names: Collection[str], by: User, now: datetime) -> None:
    """Take them off it; what is not there is no fault."""
    locked = lock_postmortem(postmortem)
    gone = list(locked.tags.filter(name__in=names))
    if gone:
        locked.tags.remove(*gone)
        audit.record(by=by, verb="postmortem.untagged", obj=locked, tags=[tag.pk for tag in gone])
        postmortem_was_changed(locked, part="tags", now=now)
