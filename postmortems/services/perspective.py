"""Perspectives: who is asked, what they write for themselves, and when they share it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial

from django.db import transaction

from accounts import audit
from accounts.exceptions import EditedMeanwhile
from accounts.mail import MailNotSent, link_to, send
from accounts.models import User
from postmortems.models import Perspective, Postmortem
from postmortems.services.postmortem import postmortem_was_changed

MOST_ASKED = 50


class NothingToShare(Exception):
    """There are no words yet."""


class CannotSee(Exception):
    """The person may not see the post-mortem: name them on it first."""

    def __init__(self, person: User) -> None:
        super().__init__(f"{person.display_name} may not see this post-mortem. Name them under People first.")


@transaction.atomic
def ask_for_perspectives(*, postmortem: Postmortem, people: Iterable[User], by: User, now: datetime) -> int:
    """Ask people what they saw; how many were not asked before. They are told by mail. Raises `CannotSee`."""
    locked = Postmortem.objects.select_for_update(of=("self",), no_key=True).get(pk=postmortem.pk)
    asked = 0
    for person in list(people)[:MOST_ASKED]:
        if not Postmortem.objects.visible_to(person).filter(pk=locked.pk).exists():
            raise CannotSee(person)
        row, is_new = Perspective.objects.get_or_create(
            postmortem=locked, person=person, defaults={"asked_by": by, "asked_at": now}
        )
        if is_new:
            asked += 1
            if person.pk != by.pk:
                transaction.on_commit(partial(_tell, row), robust=True)
    if asked:
        audit.record(by=by, verb="perspectives.asked", obj=postmortem, people=asked)
        postmortem_was_changed(postmortem, part="perspectives", now=now)
    return asked


def _tell(perspective: Perspective) -> None:
    """A mail that names the document only to those whom it may be named in mail."""
    postmortem = perspective.postmortem
    context = {
        "person": perspective.person,
        "by": perspective.asked_by,
        "title": "a restricted post-mortem" if postmortem.is_restricted else str(postmortem),
        "link": link_to(f"/postmortems/{postmortem.pk}/perspectives/"),
    }
    try:
        send("perspective", to=perspective.person.email, subject="What did you see?", context=context)
    except MailNotSent:
        return


@transaction.atomic
def write_perspective(*, perspective: Perspective, revision: int, text: str, now: datetime) -> Perspective:
    """Keep what its person wrote, for them alone while it is not shared. Raises `EditedMeanwhile` (another window).

    Neither the log nor the search learns a word; what was shared and loses its last word is shared no more.
    """
    locked = Perspective.objects.select_for_update(of=("self",)).get(pk=perspective.pk)
    if locked.text == text:
        return locked
    if locked.revision != revision:
        raise EditedMeanwhile(locked)
    locked.text, locked.answered_at = text, now if text else None
    locked.shared_at = locked.shared_at if text else None
    locked.revision += 1
    locked.save(update_fields=["text", "answered_at", "shared_at", "revision"])
    postmortem_was_changed(locked.postmortem, part="perspectives", now=now)
    return locked


@transaction.atomic
def share_perspective(*, perspective: Perspective, is_shared: bool, by: User, now: datetime) -> None:
    """Let the post-mortem's readers read it, or take it back. Twice is harmless; raises `NothingToShare`."""
    locked = Perspective.objects.select_for_update(of=("self",)).get(pk=perspective.pk)
    if (locked.shared_at is not None) == is_shared:
        return
    if is_shared and not locked.text:
        raise NothingToShare
    locked.shared_at = now if is_shared else None
    locked.save(update_fields=["shared_at"])
    verb = "perspective.shared" if is_shared else "perspective.taken-back"
    audit.record(by=by, verb=verb, obj=locked.postmortem)
    postmortem_was_changed(locked.postmortem, part="perspectives", now=now)
