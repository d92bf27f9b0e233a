"""The way of a post-mortem: draft, in review, published, reopened. Each move is kept with who, when and why."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import User
from postmortems.collab import store
from postmortems.enums import RevisionReason, State
from postmortems.models import Postmortem, StateChange
from postmortems.reviewing import missing_to_publish
from postmortems.services.postmortem import lock_postmortem, postmortem_was_changed
from postmortems.services.text import keep_revision

MOVES: dict[str, tuple[State, ...]] = {
    State.DRAFT: (State.IN_REVIEW,),
    State.IN_REVIEW: (State.PUBLISHED,),
    State.PUBLISHED: (State.REOPENED,),
    State.REOPENED: (State.IN_REVIEW,),
}


class MovedMeanwhile(Exception):
    """Someone else was first: the post-mortem is no longer in the state this person saw."""

    def __init__(self, current: Postmortem) -> None:
        super().__init__(f"{current.reference} is {current.state} by now")
        self.current = current


class MoveNotAllowed(Exception):
    """There is no such move from this state."""


class ReasonMissing(Exception):
    """Something that readers need is missing, and nobody said why it may stay so."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__(f"{len(missing)} things are missing")
        self.missing = missing


@transaction.atomic
def move_postmortem(*, postmortem: Postmortem, seen: str, to: str, note: str, by: User, now: datetime) -> Postmortem:
    """Move the post-mortem from the state its person saw to another.

    Publishing something incomplete, or before its review is over, needs a note that says why. Raises
    `MovedMeanwhile`, `MoveNotAllowed` or `ReasonMissing`; nothing is written then.
    """
    locked = lock_postmortem(postmortem)
    if locked.state != seen:
        raise MovedMeanwhile(locked)
    if to not in MOVES[locked.state]:
        raise MoveNotAllowed
    if to == State.PUBLISHED and not note.strip() and (missing := missing_to_publish(locked, now=now)):
        raise ReasonMissing(missing)
    write_state(locked, to=State(to), note=note, by=by, now=now)
    postmortem_was_changed(locked, part="state", now=now)
    return locked


def write_state(postmortem: Postmortem, *, to: State, note: str, by: User, now: datetime) -> None:
    """Write the new state of a post-mortem that the caller has locked, and keep who did it."""
    before = postmortem.state
    keep_revision(postmortem, reason=RevisionReason.STATE, by=None, now=now)
    store.rights_changed(postmortem.pk)
    postmortem.state = to
    if to == State.IN_REVIEW:
        postmortem.submitted_at = now
    if to == State.PUBLISHED:
        postmortem.published_at = now
    postmortem.save(update_fields=["state", "submitted_at", "published_at"])
    StateChange.objects.create(
        postmortem=postmortem, from_state=before, to_state=to, note=note.strip()[:500], changed_by=by, changed_at=now
    )
    audit.record(by=by, verb=f"postmortem.{_VERBS[to]}", obj=postmortem, before=before)


_VERBS = {
    State.DRAFT: "withdrawn",
    State.IN_REVIEW: "submitted",
    State.PUBLISHED: "published",
    State.REOPENED: "reopened",
}
