"""From draft to published: the moves, their confirmation, and their history."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts.access import Request, opens
from accounts.pages import offer_undo, render_part
from postmortems import rules
from postmortems.enums import State
from postmortems.forms.document import MoveForm
from postmortems.models import Postmortem
from postmortems.reviewing import missing_to_publish
from postmortems.services.state import (
    MOVES,
    MovedMeanwhile,
    MoveNotAllowed,
    ReasonMissing,
    TooLate,
    move_postmortem,
    undo_publication,
)
from postmortems.views.context import state_context

TITLES = {
    State.IN_REVIEW: "Hand in for review",
    State.PUBLISHED: "Publish",
    State.REOPENED: "Reopen",
}


@require_http_methods(["GET", "POST"])
@opens(Postmortem, rules.can_see)
def state(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """GET: the state, or with `?to=` the form of a move. POST: make the move.

    409 when someone else was first; 422 while something is missing and no note says why.
    """
    if request.method == "POST":
        return _move(request, postmortem)
    to = request.GET.get("to", "")
    if to not in MOVES[postmortem.state] or not rules.can_move(request.user, postmortem, to):
        return _state(request, postmortem, 200)
    return _form(request, postmortem, MoveForm(initial={"seen": postmortem.state, "to": to}), to, 200)


def _move(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    form = MoveForm(request.POST)
    to = request.POST.get("to", "")
    if not rules.can_move(request.user, postmortem, to):
        raise PermissionDenied
    if not form.is_valid():
        return _form(request, postmortem, form, to, 422)
    try:
        moved = move_postmortem(postmortem=postmortem, by=request.user, now=timezone.now(), **form.cleaned_data)
    except MovedMeanwhile as conflict:
        return _state(request, conflict.current, 409, note=form.cleaned_data["note"])
    except MoveNotAllowed:
        return _state(request, postmortem, 409)
    except ReasonMissing:
        form.add_error("note", "Say why it may be published like this, or complete it first.")
        return _form(request, postmortem, form, to, 422)
    if moved.is_published:
        undo = reverse("postmortems:publication-undo", args=[moved.pk])
        offer_undo(request, f"{moved.reference} is published. Followers hear of it in a minute.", at=undo)
    url = moved.get_absolute_url()
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)


@require_POST
@opens(Postmortem, rules.can_manage)
def publication_undo(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """Take back what one has just published."""
    try:
        undone = undo_publication(postmortem=postmortem, by=request.user, now=timezone.now())
    except TooLate:
        messages.error(request, "It is too late to undo this: reopen it instead, and say why.")
        return redirect(postmortem)
    messages.success(request, f"{undone.reference} is not published: it is where it was, and nobody was told.")
    return redirect(undone)


def _form(request: Request, postmortem: Postmortem, form: MoveForm, to: str, status: int) -> HttpResponse:
    context = {
        "postmortem": postmortem,
        "form": form,
        "to": to,
        "move_title": TITLES.get(State(to), "Change the state") if to in State.values else "Change the state",
        "missing": missing_to_publish(postmortem, now=timezone.now()) if to == State.PUBLISHED else [],
    }
    return _part(request, postmortem, "postmortems/_state_form.html", context, status)


def _state(request: Request, postmortem: Postmortem, status: int, *, note: str = "") -> HttpResponse:
    context = {**state_context(request, postmortem), "is_conflict": status == 409, "note": note}
    return _part(request, postmortem, "postmortems/_state.html", context, status)


def _part(
    request: Request, postmortem: Postmortem, fragment: str, context: dict[str, Any], status: int
) -> HttpResponse:
    title = f"State of {postmortem.reference}"
    return render_part(request, fragment, context, title=title, back=postmortem.get_absolute_url(), status=status)
