"""Reviews: somebody is asked, judges, or hands over to somebody else. A review never waits for one on leave."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from django.db import transaction
from django.urls import reverse

from accounts import audit
from accounts.mail import MailNotSent, link_to, send
from accounts.models import User
from postmortems.enums import ParticipantRole, RevisionReason, State, Verdict
from postmortems.models import Participant, Postmortem, Review
from postmortems.reviewing import QUESTIONS
from postmortems.services.postmortem import lock_postmortem, postmortem_was_changed
from postmortems.services.text import keep_revision


class NotInReview(Exception):
    """It has not been handed in, or is published by now."""


class CannotReview(Exception):
    """The person may not see it; the message says what to do."""


class NotWaiting(Exception):
    """The review was handed over to somebody else in the meantime."""


@transaction.atomic
def ask_reviewer(*, postmortem: Postmortem, reviewer: User, by: User, now: datetime) -> Review:
    """Ask for a review of what was handed in; asking twice is harmless. Raises `NotInReview` or `CannotReview`."""
    locked = lock_postmortem(postmortem)
    if locked.state != State.IN_REVIEW or locked.submitted_at is None:
        raise NotInReview
    if not Postmortem.objects.visible_to(reviewer).filter(pk=locked.pk).exists():
        raise CannotReview(f"{reviewer.display_name} may not see this post-mortem. Name them under People first.")
    review, is_new = Review.objects.get_or_create(
        postmortem=locked,
        reviewer=reviewer,
        submitted_at=locked.submitted_at,
        defaults={"asked_by": by, "asked_at": now},
    )
    if not is_new and review.verdict == Verdict.WITHDRAWN:
        review.verdict, review.asked_by, review.asked_at, is_new = Verdict.WAITING, by, now, True
        review.save(update_fields=["verdict", "asked_by", "asked_at"])
    if is_new:
        Participant.objects.get_or_create(postmortem=locked, user=reviewer, role=ParticipantRole.REVIEWER)
        audit.record(by=by, verb="review.asked", obj=locked, person=reviewer.pk)
        postmortem_was_changed(locked, part="review", now=now)
        if reviewer.pk != by.pk:
            transaction.on_commit(partial(_tell_reviewer, review), robust=True)
    return review


@transaction.atomic
def answer_review(
    *, review: Review, answers: Mapping[str, bool], comment: str, approves: bool, now: datetime
) -> Review:
    """Judge: the answers, and approve or ask for changes. Judging again replaces it; the text judged is kept.

    Raises `NotInReview` or `NotWaiting`.
    """
    postmortem = lock_postmortem(review.postmortem)
    locked = Review.objects.select_for_update(of=("self",)).select_related("reviewer").get(pk=review.pk)
    if postmortem.state != State.IN_REVIEW or locked.submitted_at != postmortem.submitted_at:
        raise NotInReview
    if locked.verdict == Verdict.WITHDRAWN:
        raise NotWaiting
    verdict = Verdict.APPROVED if approves else Verdict.CHANGES
    name = f"{'Approved' if approves else 'Read'} by {locked.reviewer.display_name}"
    locked.revision = keep_revision(postmortem, reason=RevisionReason.NAMED, by=locked.reviewer, now=now, name=name)
    locked.answers = {key: bool(answers.get(key)) for key in QUESTIONS}
    locked.comment, locked.verdict, locked.answered_at = comment, verdict, now
    locked.save(update_fields=["revision", "answers", "comment", "verdict", "answered_at"])
    audit.record(by=locked.reviewer, verb=f"review.{verdict}", obj=postmortem)
    postmortem_was_changed(postmortem, part="review", now=now)
    if postmortem.owner_id != locked.reviewer_id:
        locked.postmortem = postmortem
        transaction.on_commit(partial(_tell_owner, locked), robust=True)
    return locked


@transaction.atomic
def hand_over_review(*, review: Review, to: User, by: User, now: datetime) -> Review:
    """Ask somebody else instead, of somebody on leave say. Raises `NotInReview` or `CannotReview`."""
    fresh = ask_reviewer(postmortem=review.postmortem, reviewer=to, by=by, now=now)
    if fresh.pk != review.pk:
        Review.objects.filter(pk=review.pk, verdict=Verdict.WAITING).update(verdict=Verdict.WITHDRAWN)
        audit.record(by=by, verb="review.handed-over", obj=review.postmortem, person=review.reviewer_id)
    return fresh


# -- Mail --------------------------------------------------------------------------------------------------------------


def _title(postmortem: Postmortem) -> str:
    return "a restricted post-mortem" if postmortem.is_restricted else str(postmortem)


def _tell_reviewer(review: Review) -> None:
    link = link_to(reverse("postmortems:review", args=[review.postmortem_id]))
    context = {"person": review.reviewer, "by": review.asked_by, "title": _title(review.postmortem), "link": link}
    _send("review_asked", review.reviewer, f"Your review is asked for: {_title(review.postmortem)}", context)


def _tell_owner(review: Review) -> None:
    postmortem = review.postmortem
    link = link_to(reverse("postmortems:review", args=[postmortem.pk]))
    approves = review.verdict == Verdict.APPROVED
    context = {
        "person": postmortem.owner,
        "reviewer": review.reviewer,
        "title": _title(postmortem),
        "approves": approves,
        "comment": "" if postmortem.is_restricted else review.comment,
        "link": link,
    }
    said = "approves" if approves else "asks for changes"
    _send("review_answered", postmortem.owner, f"{review.reviewer.display_name} {said}: {_title(postmortem)}", context)


def _send(name: str, person: User, subject: str, context: dict[str, object]) -> None:
    try:
        send(name, to=person.email, subject=subject, context=context)
    except MailNotSent:
        return
