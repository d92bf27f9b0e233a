"""The Five Whys: branches, and whys that are added, said in other words, moved, deleted and brought back."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import F

from accounts import audit
from accounts.exceptions import EditedMeanwhile
from accounts.models import User
from postmortems.enums import BranchKind
from postmortems.models import Branch, Postmortem, Why
from postmortems.services.order import next_position, swap_with_neighbour
from postmortems.services.postmortem import lock_for_writing, postmortem_was_changed

MOST_WHYS = 500
MOST_BRANCHES = 12
DEEPEST = 12
"""Whys below each other. The fifth is rarely needed; the twelfth asks about something else."""
QUESTIONS = {
    BranchKind.CAUSE: "Why did it happen?",
    BranchKind.DETECTION: "Why did it take so long to notice?",
    BranchKind.RECOVERY: "Why did it take so long to end?",
}
"""The branches every analysis begins with (PRODUCT.md, R1)."""


class TooMany(Exception):
    """More than anybody could read. The text says what to do instead."""


class WhyGone(Exception):
    """It, or what it was to hang below, was deleted by someone else in the meantime."""


def begin_branches(postmortem: Postmortem, *, now: datetime) -> None:
    """Ask the three usual questions, unless there are branches already. The caller has locked the post-mortem."""
    if postmortem.branches.exists():
        return
    Branch.objects.bulk_create(
        Branch(postmortem=postmortem, position=at, kind=kind, question=question, created_at=now)
        for at, (kind, question) in enumerate(QUESTIONS.items(), start=1)
    )


# -- Branches ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def add_branch(*, postmortem: Postmortem, question: str, by: User, now: datetime) -> Branch:
    """One more line of questions, last. The same question again is kept once. Raises `TooMany`, `AlreadyPublished`."""
    locked = lock_for_writing(postmortem)
    if twin := locked.branches.filter(question=question).first():
        return twin
    if locked.branches.count() >= MOST_BRANCHES:
        raise TooMany(f"There are {MOST_BRANCHES} branches. Delete one that leads nowhere first.")
    branch = Branch.objects.create(
        postmortem=locked,
        position=next_position(locked.branches.all()),
        kind=BranchKind.OTHER,
        question=question,
        created_at=now,
    )
    _record(branch, "branch.added", locked, by=by, now=now)
    return branch


@transaction.atomic
def ask_branch(*, branch: Branch, revision: int, question: str, by: User, now: datetime) -> Branch:
    """Ask in other words. Raises `EditedMeanwhile`, `WhyGone` or `AlreadyPublished`."""
    postmortem = lock_for_writing(branch.postmortem)
    locked = _locked_branch(branch)
    if locked.question == question:
        return locked
    if locked.revision != revision:
        raise EditedMeanwhile(locked)
    locked.question = question
    locked.revision += 1
    locked.save(update_fields=["question", "revision"])
    _record(locked, "branch.asked", postmortem, by=by, now=now)
    return locked


@transaction.atomic
def delete_branch(*, branch: Branch, by: User, now: datetime) -> bool:
    """Take out a branch in which nobody answered anything; False where somebody did. Those behind it move up."""
    postmortem = lock_for_writing(branch.postmortem)
    locked = Branch.objects.filter(pk=branch.pk).first()
    if locked is None:
        return True
    if locked.whys.standing().exists():
        return False
    locked.postmortem = postmortem
    _record(locked, "branch.deleted", postmortem, by=by, now=now)
    locked.delete()
    postmortem.branches.filter(position__gt=locked.position).update(position=F("position") - 1)
    return True


def _locked_branch(branch: Branch) -> Branch:
    locked = Branch.objects.select_for_update(of=("self",)).filter(pk=branch.pk).first()
    if locked is None:
        raise WhyGone
    locked.postmortem = branch.postmortem
    return locked


# -- Whys --------------------------------------------------------------------------------------------------------------


@transaction.atomic
def add_why(
    *, branch: Branch, below: Why | None = None, beside: Why | None = None, question: str, answer: str, by: User,
    now: datetime,
) -> Why:  # fmt: skip
    """Add a why below another, beside another (right after it), or at the end of the top of its branch.

    The same again in the same place, a double click, is kept once. Raises `WhyGone` when what it was to stand at was
    deleted, `TooMany`, or `AlreadyPublished`.
    """
    postmortem = lock_for_writing(branch.postmortem)
    locked = _locked_branch(branch)
    parent = _standing(below) if below else _standing(beside).parent if beside else None
    siblings = locked.whys.standing().filter(parent=parent)
    if twin := siblings.filter(question=question, answer=answer).first():
        return twin
    if postmortem.whys.standing().count() >= MOST_WHYS:
        raise TooMany(f"There are {MOST_WHYS} whys. Nobody can follow more: say the rest in the text.")
    if _depth(parent) >= DEEPEST:
        raise TooMany(f"This is {DEEPEST} whys deep. Begin a new branch with what you found.")
    position = beside.position + 1 if beside else next_position(siblings)
    siblings.filter(position__gte=position).update(position=F("position") + 1)
    why = Why.objects.create(
        branch=locked, postmortem=postmortem, parent=parent, position=position, question=question, answer=answer,
        created_by=by, created_at=now,
    )  # fmt: skip
    _record(why, "why.added", postmortem, by=by, now=now)
    return why


@transaction.atomic
def update_why(*, why: Why, revision: int, question: str, answer: str, by: User, now: datetime) -> Why:
    """Say it in other words, if nobody did since `revision`.

    Raises `EditedMeanwhile`, `WhyGone` or `AlreadyPublished`.
    """
    postmortem = lock_for_writing(why.postmortem)
    locked = _standing(why)
    if (locked.question, locked.answer) == (question, answer):
        return locked
    if locked.revision != revision:
        raise EditedMeanwhile(locked)
    locked.question, locked.answer = question, answer
    locked.revision += 1
    locked.save(update_fields=["question", "answer", "revision"])
    _record(locked, "why.edited", postmortem, by=by, now=now)
    return locked


@transaction.atomic
def move_why(*, why: Why, direction: str, by: User, now: datetime) -> Why:
    """Move it with all below it: "up" or "down" among those beside it, "in" below the one before, "out" beside its own.

    Where there is no such place, nothing happens. Raises `WhyGone`, `TooMany` or `AlreadyPublished`.
    """
    postmortem = lock_for_writing(why.postmortem)
    locked = _standing(why)
    siblings = locked.branch.whys.standing().filter(parent=locked.parent)
    before = siblings.filter(position__lt=locked.position).last()
    if direction in {"up", "down"}:
        if swap_with_neighbour(locked, siblings, up=direction == "up"):
            _record(locked, "why.moved", postmortem, by=by, now=now)
        return locked
    if direction == "in" and before is not None:
        if _depth(before) + _height(locked) > DEEPEST:
            raise TooMany(f"It would be more than {DEEPEST} whys deep.")
        locked.parent, locked.position = before, next_position(before.below.standing())
    elif direction == "out" and locked.parent is not None:
        parent = locked.parent
        rows = locked.branch.whys.standing().filter(parent=parent.parent, position__gt=parent.position)
        rows.update(position=F("position") + 1)
        locked.parent, locked.position = parent.parent, parent.position + 1
    else:
        return locked
    locked.save(update_fields=["parent", "position"])
    _record(locked, "why.moved", postmortem, by=by, now=now)
    return locked


@transaction.atomic
def delete_why(*, why: Why, by: User, now: datetime) -> int:
    """Delete it with all below it; how many. `restore_why` brings them back. Deleting it twice is harmless."""
    postmortem = lock_for_writing(why.postmortem)
    rows = _with_all_below(why)
    count = Why.objects.filter(pk__in=rows, removed_at=None).update(removed_at=now, removed_with=uuid.uuid4())
    if count:
        _record(why, "why.deleted", postmortem, by=by, now=now)
    return count


@transaction.atomic
def restore_why(*, why: Why, by: User, now: datetime) -> int:
    """Bring back what was deleted with `why`; how many. Raises `WhyGone` when what it hung below is gone by now."""
    postmortem = lock_for_writing(why.postmortem)
    fresh = Why.objects.select_related("parent").get(pk=why.pk)
    if fresh.removed_with is None:
        return 0
    if fresh.parent and fresh.parent.removed_at and fresh.parent.removed_with != fresh.removed_with:
        raise WhyGone
    rows = Why.objects.filter(postmortem=postmortem, removed_with=fresh.removed_with)
    count = rows.update(removed_at=None, removed_with=None)
    _record(why, "why.restored", postmortem, by=by, now=now)
    return count


def _standing(why: Why) -> Why:
    rows = Why.objects.standing().select_for_update(of=("self",)).select_related("parent", "branch")
    locked = rows.filter(pk=why.pk).first()
    if locked is None:
        raise WhyGone
    return locked


def _depth(why: Why | None) -> int:
    """How many whys a new one below `why` would have above it."""
    depth = 0
    while why is not None:
        depth, why = depth + 1, why.parent
    return depth


def _with_all_below(why: Why) -> list[int]:
    found, level = [why.pk], [why.pk]
    while level:
        level = list(Why.objects.standing().filter(parent__in=level).values_list("pk", flat=True))
        found += level
    return found


def _height(why: Why) -> int:
    """How many levels it takes, itself included."""
    height, level = 0, [why.pk]
    while level:
        height, level = height + 1, list(Why.objects.standing().filter(parent__in=level).values_list("pk", flat=True))
    return height


def _record(row: Branch | Why, verb: str, postmortem: Postmortem, *, by: User, now: datetime) -> None:
    """The log names the post-mortem only: what was said stays out of it. Pages fetch the branches, or only the whys."""
    audit.record(by=by, verb=verb, obj=postmortem, row=row.pk)
    postmortem_was_changed(postmortem, part="whys" if isinstance(row, Branch) else "why", now=now)
