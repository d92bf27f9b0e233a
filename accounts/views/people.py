"""The people of the organisation, for administrators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts import queries
from accounts.access import Request, administrators
from accounts.forms import OrganisationInvitationForm, PeopleFilterForm
from accounts.models import User
from accounts.queries import PeopleFilters
from accounts.services import person as services
from accounts.services.invitation import invite_people
from accounts.services.person import LastAdministrator
from accounts.views.teams import tell


@require_GET
@administrators
def administration(request: Request) -> HttpResponse:
    """Where everything an administrator decides is found."""
    return render(request, "accounts/administration.html")


@require_GET
@administrators
def people(request: Request) -> HttpResponse:
    """Everyone, by name; and who is invited."""
    return _page(request, OrganisationInvitationForm())


def _page(request: Request, invitation_form: OrganisationInvitationForm, *, status: int = 200) -> HttpResponse:
    form = PeopleFilterForm(request.GET)
    form.is_valid()
    filters = PeopleFilters(**{name: value for name, value in form.cleaned_data.items() if value})
    context = {
        "form": form,
        "page": queries.people_for_list(filters, cursor=request.GET.get("page", "")),
        "invitation_form": invitation_form,
        "invitations": queries.open_invitations(),
        "now": timezone.now(),
    }
    return render(request, "accounts/people.html", context, status=status)


@require_POST
@administrators
def people_invite(request: Request) -> HttpResponseBase:
    """Invite people to the organisation, onto a team or none yet."""
    form = OrganisationInvitationForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    tell(request, invite_people(by=request.user, now=timezone.now(), **form.cleaned_data))
    return redirect("accounts:people")


@require_GET
@administrators
def person(request: Request, pk: int) -> HttpResponse:
    """One person: teams, office, whether they may sign in."""
    shown = get_object_or_404(User, pk=pk)
    memberships = shown.memberships.select_related("team")
    return render(request, "accounts/person.html", {"person": shown, "memberships": memberships})


def _change(request: Request, pk: int, change: Callable[..., Any], said: str) -> HttpResponseBase:
    shown = get_object_or_404(User, pk=pk)
    try:
        change(person=shown, by=request.user, now=timezone.now())
    except LastAdministrator:
        messages.error(request, "The organisation needs an administrator: make somebody else one first.")
    else:
        messages.success(request, said.format(shown))
    return redirect("accounts:home") if request.user.pk == pk else redirect("accounts:person", pk=pk)


@require_POST
@administrators
def administrator_appoint(request: Request, pk: int) -> HttpResponseBase:
    return _change(request, pk, services.appoint_administrator, "{} is an administrator now.")


@require_POST
@administrators
def administrator_dismiss(request: Request, pk: int) -> HttpResponseBase:
    return _change(request, pk, services.dismiss_administrator, "{} is no administrator any more.")


@require_POST
@administrators
def person_deactivate(request: Request, pk: int) -> HttpResponseBase:
    """They can no longer sign in, and are signed out at once."""
    return _change(request, pk, services.deactivate_person, "{} can no longer sign in.")


@require_POST
@administrators
def person_reactivate(request: Request, pk: int) -> HttpResponseBase:
    return _change(request, pk, services.reactivate_person, "{} can sign in again.")
