"""The post-mortem itself: its lock, its title, and what follows from any change to it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.exceptions import EditedMeanwhile
from accounts.models import User
from postmortems.collab.bus import announce_change
from postmortems.models import Postmortem
from postmortems.search import index_postmortem
from postmortems.services.text import bring_up_to_date


class AlreadyPublished(Exception):
    """The text is published: it must be reopened before anyone changes it."""


def lock_postmortem(postmortem: Postmortem) -> Postmortem:
    """The post-mortem as it is now, locked until the transaction ends; its sections say what was typed by now."""
    locked = Postmortem.objects.select_for_update(of=("self",)).select_related("incident").get(pk=postmortem.pk)
    bring_up_to_date(locked)
    return locked


def lock_for_writing(postmortem: Postmortem) -> Postmortem:
    """As `lock_postmortem`; raises `AlreadyPublished` when its text may not change."""
    locked = lock_postmortem(postmortem)
    if locked.is_published:
        raise AlreadyPublished
    return locked


def postmortem_was_changed(postmortem: Postmortem, *, part: str, now: datetime) -> None:
    """Bring what is derived from the post-mortem up to date, and tell open pages after commit which part to look at."""
    Postmortem.objects.filter(pk=postmortem.pk).update(updated_at=now)
    index_postmortem(postmortem.pk)
    transaction.on_commit(lambda: announce_change(postmortem.pk, part))


@transaction.atomic
def rename_postmortem(*, postmortem: Postmortem, revision: int, title: str, by: User, now: datetime) -> Postmortem:
    """Give it another title, if nobody did since `revision`; raises `EditedMeanwhile` or `AlreadyPublished`."""
    locked = lock_for_writing(postmortem)
    if locked.title == title:
        return locked
    if locked.revision != revision:
        raise EditedMeanwhile(locked)
    locked.title = title
    locked.revision += 1
    locked.save(update_fields=["title", "revision"])
    audit.record(by=by, verb="postmortem.renamed", obj=locked)
    postmortem_was_changed(locked, part="title", now=now)
    return locked
