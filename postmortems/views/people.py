"""Who takes part in a post-mortem, who owns it, and who may see it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts.access import Request, opens
from postmortems import queries, rules
from postmortems.forms.document import OwnerForm, ParticipantForm, VisibilityForm
from postmortems.models import Participant, Postmortem
from postmortems.services import participants as services
from postmortems.services.participants import NotActive
from postmortems.views.context import header_context


@require_GET
@opens(Postmortem, rules.can_see)
def people(request: Request, postmortem: Postmortem) -> HttpResponse:
    """The people, with the forms that change them for whoever is in charge."""
    return _people(request, queries.with_its_incident(postmortem), status=200)


@require_POST
@opens(Postmortem, rules.can_manage)
def participant_add(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """Name one more person; says so when that opened the incident to them."""
    form = ParticipantForm(request.POST)
    if not form.is_valid():
        return _people(request, postmortem, status=422, participant_form=form)
    person = form.cleaned_data["person"]
    opened = services.add_participant(postmortem=postmortem, by=request.user, now=timezone.now(), **form.cleaned_data)
    also = f" They can see {postmortem.incident.reference} as well now." if opened else ""
    return _changed(request, postmortem, notice=f"{person} takes part.{also}")


@require_POST
@opens(Participant, rules.can_manage)
def participant_remove(request: Request, participant: Participant) -> HttpResponseBase:
    """Take one role from one person."""
    services.remove_participant(participant=participant, by=request.user, now=timezone.now())
    return _changed(request, participant.postmortem, notice=f"{participant.user} was removed.")


@require_POST
@opens(Postmortem, rules.can_manage)
def owner_change(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """Hand the post-mortem over; the former owner stays as a contributor."""
    form = OwnerForm(request.POST)
    if not form.is_valid():
        return _people(request, postmortem, status=422, owner_form=form)
    owner = form.cleaned_data["owner"]
    try:
        services.hand_over(postmortem=postmortem, to=owner, by=request.user, now=timezone.now())
    except NotActive:
        form.add_error("owner", "This person no longer works here.")
        return _people(request, postmortem, status=422, owner_form=form)
    return _changed(request, postmortem, notice=f"{owner} owns this post-mortem now.")


@require_POST
@opens(Postmortem, rules.can_manage)
def visibility_change(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """Decide who may see it."""
    form = VisibilityForm(request.POST)
    if not form.is_valid():
        return _people(request, postmortem, status=422, visibility_form=form)
    changed = services.set_visibility(
        postmortem=postmortem, by=request.user, now=timezone.now(), visibility=form.cleaned_data["visibility"]
    )
    return _changed(request, postmortem, notice=f"Visible to: {changed.get_visibility_display()}.")


def _changed(request: Request, postmortem: Postmortem, *, notice: str) -> HttpResponseBase:
    """The people as they are now; whoever took away their own right to see it is led to the list."""
    postmortem = queries.with_its_incident(postmortem)
    if not rules.can_see(request.user, postmortem):
        url = reverse("postmortems:postmortems")
        return HttpResponseClientRedirect(url) if request.htmx else redirect(url)
    if request.htmx:
        return _people(request, postmortem, status=200, notice=notice)
    return redirect("postmortems:people", pk=postmortem.pk)


def _people(request: Request, postmortem: Postmortem, *, status: int, **extra: Any) -> HttpResponse:
    context = {
        "postmortem": postmortem,
        "can_manage": rules.can_manage(request.user, postmortem),
        "participants": queries.participants_of(postmortem),
        "participant_form": ParticipantForm(),
        "owner_form": OwnerForm(),
        "visibility_form": VisibilityForm(initial={"visibility": postmortem.visibility}),
        **extra,
    }
    if request.htmx:
        return render(request, "postmortems/_people.html", context, status=status)
    page = {**header_context(request, postmortem), **context}
    return render(request, "postmortems/people.html", page, status=status)
