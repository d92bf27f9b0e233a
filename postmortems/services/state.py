"""The way of a post-mortem: draft, in review, published, reopened. Each move is kept with who, when and why."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from accounts import audit
from accounts.models import User
from postmortems.collab import store
from postmortems.enums import NewsKind, NewsState, RevisionReason, State, TidingsKind
from postmortems.models import News, Postmortem, StateChange, Tidings
from postmortems.reviewing import missing_to_publish
from postmortems.services.postmortem import lock_postmortem, postmortem_was_changed
from postmortems.services.text import keep_revision

MOVES: dict[str, tuple[State, ...]] = {
    State.DRAFT: (State.IN_REVIEW,),
    State.IN_REVIEW: (State.PUBLISHED,),
    State.PUBLISHED: (State.REOPENED,),
    State.REOPENED: (State.IN_REVIEW,),
}


UNDONE_WITHIN = timedelta(seconds=50)
"""How long a publication can be undone: less than `following.SETTLES` by more than clocks differ: nobody was told."""


class TooLate(Exception):
    """It cannot be undone any more, by this person: people may have been told, or somebody went on from it."""


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


@transaction.atomic
def undo_publication(*, postmortem: Postmortem, by: User, now: datetime) -> Postmortem:
    """Take a publication back: state, dates and what was approved are as they were before it, and nobody is told.

    Only by who published, `UNDONE_WITHIN` after it, while nothing else was done. Raises `TooLate`.
    """
    locked = lock_postmortem(postmortem)
    change = locked.state_changes.filter(undone_at=None).first()
    is_ours = change is not None and change.to_state == State.PUBLISHED and change.changed_by_id == by.pk
    if not is_ours or change is None or not locked.is_published or now - change.changed_at > UNDONE_WITHIN:
        raise TooLate
    change.undone_at = now
    change.save(update_fields=["undone_at"])
    earlier = locked.state_changes.filter(undone_at=None, to_state=State.PUBLISHED).first()
    locked.state, locked.published_at = change.from_state, earlier.changed_at if earlier else None
    locked.save(update_fields=["state", "published_at"])
    Tidings.objects.filter(postmortem=locked, kind=TidingsKind.PUBLISHED, sent_at=None).delete()
    News.objects.filter(postmortem=locked, kind=NewsKind.PUBLISHED, state=NewsState.WAITING).delete()
    store.rights_changed(locked.pk)
    audit.record(by=by, verb="postmortem.publication-undone", obj=locked)
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
