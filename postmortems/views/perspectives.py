"""Perspectives: one's own account, who has answered, and what was shared."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import Request, opens
from accounts.exceptions import EditedMeanwhile
from postmortems import queries, rules
from postmortems.forms.perspective import AskForm, PerspectiveForm
from postmortems.models import Perspective, Postmortem
from postmortems.services import perspective as services
from postmortems.services.perspective import CannotSee, NothingToShare
from postmortems.views.context import header_context


@require_GET
@opens(Postmortem, rules.can_see)
def perspectives(request: Request, postmortem: Postmortem) -> HttpResponse:
    """One's own account, who has answered, and what was shared."""
    return _page(request, postmortem)


def _page(request: Request, postmortem: Postmortem, status: int = 200, **extra: Any) -> HttpResponse:
    postmortem = queries.with_its_incident(postmortem)
    seen = queries.perspectives_for(postmortem, request.user)
    own = seen.own
    initial = {"text": own.text, "revision": own.revision} if own else {}
    context = {
        **header_context(request, postmortem),
        "seen": seen,
        "form": PerspectiveForm(initial=initial),
        "ask_form": AskForm(initial={"people": seen.proposed}),
        **extra,
    }
    return render(request, "postmortems/perspectives.html", context, status=status)


@require_POST
@opens(Postmortem, rules.can_edit)
def perspectives_ask(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """Ask people what they saw."""
    form = AskForm(request.POST)
    if not form.is_valid():
        return _page(request, postmortem, 422, ask_form=form)
    try:
        asked = services.ask_for_perspectives(
            postmortem=postmortem, people=form.cleaned_data["people"], by=request.user, now=timezone.now()
        )
    except CannotSee as error:
        form.add_error("people", str(error))
        return _page(request, postmortem, 422, ask_form=form)
    messages.success(request, f"Asked: {asked}." if asked else "They were asked already.")
    return redirect("postmortems:perspectives", pk=postmortem.pk)


@require_http_methods(["POST"])
@opens(Perspective, rules.can_write_perspective)
def perspective_write(request: Request, perspective: Perspective) -> HttpResponseBase:
    """Keep one's own account; with `share`, let the readers read it, with `withdraw`, no more."""
    form = PerspectiveForm(request.POST)
    if not form.is_valid():
        return _page(request, perspective.postmortem, 422, form=form)
    said = form.cleaned_data
    try:
        services.write_perspective(
            perspective=perspective, revision=said["revision"], text=said["text"].strip(), now=timezone.now()
        )
        if "share" in request.POST or "withdraw" in request.POST:
            services.share_perspective(
                perspective=perspective, is_shared="share" in request.POST, by=request.user, now=timezone.now()
            )
    except EditedMeanwhile:
        perspective.refresh_from_db()
        again = PerspectiveForm({"text": said["text"], "revision": perspective.revision})
        return _page(request, perspective.postmortem, 409, form=again, theirs=perspective.text)
    except NothingToShare:
        form.add_error("text", "Write something first: there is nothing to share yet.")
        return _page(request, perspective.postmortem, 422, form=form)
    messages.success(request, _told(request))
    return redirect("postmortems:perspectives", pk=perspective.postmortem_id)


def _told(request: Request) -> str:
    if "share" in request.POST:
        return "Shared with everybody who may see the post-mortem."
    return "Taken back: it is yours alone." if "withdraw" in request.POST else "Kept."
