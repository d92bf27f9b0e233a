"""The review of a post-mortem: who is asked, what they say, and what changed since."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.access import Request, opens
from postmortems import queries, rules
from postmortems.enums import State, Verdict
from postmortems.forms.review import ReviewerForm, VerdictForm
from postmortems.models import Postmortem, Review
from postmortems.reviewing import QUESTIONS, proposed_reviewers, standing_of
from postmortems.services import review as services
from postmortems.services.review import CannotReview, NotInReview, NotWaiting
from postmortems.views.context import header_context

NOT_IN_REVIEW = "It is not in review (any more): what you wrote is below."


@require_GET
@opens(Postmortem, rules.can_see)
def review(request: Request, postmortem: Postmortem) -> HttpResponse:
    """How far the review is; the form, for whoever was asked."""
    return _page(request, postmortem, 200)


def _page(request: Request, postmortem: Postmortem, status: int, **extra: Any) -> HttpResponse:
    postmortem = queries.with_its_incident(postmortem)
    now = timezone.now()
    standing = standing_of(postmortem, now=now)
    own = next((each for each in standing.reviews if each.reviewer_id == request.user.pk), None)
    is_open = postmortem.state == State.IN_REVIEW
    form = None
    if own and is_open:
        given = {**own.answers, "comment": own.comment}
        form = VerdictForm(initial=given)
    context = {
        **header_context(request, postmortem),
        "standing": standing,
        "shown": [(each, [(QUESTIONS[key], each.answers.get(key)) for key in QUESTIONS]) for each in standing.reviews],
        "own": own,
        "form": form,
        "is_open": is_open,
        "is_over": standing.open_until is not None and standing.open_until <= now,
        "proposed": proposed_reviewers(postmortem, now=now) if is_open else [],
        "reviewer_form": ReviewerForm(),
        "changed": _changed_since(standing.reviews),
        **extra,
    }
    return render(request, "postmortems/review.html", context, status=status)


def _changed_since(reviews: list[Review]) -> set[int]:
    """The reviews after which the text became another."""
    judged = [each for each in reviews if each.revision and each.verdict != Verdict.WAITING]
    return {each.pk for each in judged if each.revision and queries.differs_since(each.revision)}


@require_POST
@opens(Postmortem, rules.can_edit)
def review_ask(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """Ask somebody to review it."""
    form = ReviewerForm(request.POST)
    if not form.is_valid():
        return _page(request, postmortem, 422, reviewer_form=form)
    reviewer = form.cleaned_data["reviewer"]
    try:
        services.ask_reviewer(postmortem=postmortem, reviewer=reviewer, by=request.user, now=timezone.now())
    except CannotReview as error:
        form.add_error("reviewer", str(error))
        return _page(request, postmortem, 422, reviewer_form=form)
    except NotInReview:
        messages.warning(request, "Hand it in for review first.")
    else:
        messages.success(request, f"{reviewer} is asked.")
    return redirect("postmortems:review", pk=postmortem.pk)


@require_POST
@opens(Review, rules.can_answer_review)
def review_answer(request: Request, review: Review) -> HttpResponseBase:
    """Judge it."""
    form = VerdictForm(request.POST)
    if not form.is_valid():
        return _page(request, review.postmortem, 422, form=form, own=review)
    try:
        services.answer_review(
            review=review,
            answers=form.answers,
            comment=form.cleaned_data["comment"].strip(),
            approves=form.cleaned_data["verdict"] == "approve",
            now=timezone.now(),
        )
    except (NotInReview, NotWaiting):
        form.add_error(None, NOT_IN_REVIEW)
        return _page(request, review.postmortem, 409, form=form, own=review)
    messages.success(request, "Thank you: its owner hears of it.")
    return redirect("postmortems:review", pk=review.postmortem_id)


@require_POST
@opens(Review, rules.can_hand_over_review)
def review_hand_over(request: Request, review: Review) -> HttpResponseBase:
    """Ask somebody else instead."""
    form = ReviewerForm(request.POST)
    if not form.is_valid():
        return _page(request, review.postmortem, 422, reviewer_form=form)
    to = form.cleaned_data["reviewer"]
    try:
        services.hand_over_review(review=review, to=to, by=request.user, now=timezone.now())
    except CannotReview as error:
        form.add_error("reviewer", str(error))
        return _page(request, review.postmortem, 422, reviewer_form=form)
    except NotInReview:
        messages.warning(request, "It is not in review any more.")
    else:
        messages.success(request, f"{to} is asked instead.")
    return redirect("postmortems:review", pk=review.postmortem_id)
