"""Teams: who is on them, and who is invited."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import queries
from accounts.access import Request, administrators, opens, signed_in
from accounts.forms import InvitationForm, MemberForm, RoleForm, TeamForm
from accounts.models import Team, User
from accounts.rules import can_manage_team, can_rename_team, can_see_team
from accounts.services import team as services
from accounts.services.invitation import Invited, invite_people
from accounts.services.team import LastManager, NameTaken, NotOnTheTeam

LAST_MANAGER = "A team needs a manager: make somebody else one first."


@require_GET
@signed_in
def teams(request: Request) -> HttpResponse:
    """All teams of the organisation."""
    return render(request, "accounts/teams.html", {"teams": queries.teams_for_list()})


@require_http_methods(["GET", "POST"])
@administrators
def team_create(request: Request) -> HttpResponseBase:
    """A new team, empty at first."""
    form = TeamForm(request.POST or None)
    if form.is_valid():
        try:
            team = services.create_team(**form.cleaned_data, by=request.user, now=timezone.now())
        except NameTaken:
            form.add_error("name", "Another team has this name.")
        else:
            messages.success(request, f"{team} was created. Now put people on it.")
            return redirect(team)
    return render(request, "accounts/team_create.html", {"form": form}, status=422 if form.errors else 200)


@require_GET
@opens(Team, can_see_team, by="slug")
def team(request: Request, team: Team) -> HttpResponse:
    """Who is on the team; its managers change it here."""
    return _page(request, team)


def _page(request: Request, team: Team, *, status: int = 200, **forms: Any) -> HttpResponse:
    can_manage = can_manage_team(request.user, team)
    context = {
        "team": team,
        "members": queries.members_of(team),
        "can_manage": can_manage,
        "can_rename": can_rename_team(request.user, team),
        "invitations": queries.open_invitations(team) if can_manage else [],
        "now": timezone.now(),
        "team_form": TeamForm(initial={"name": team.name, "description": team.description}),
        "member_form": MemberForm(team=team),
        "invitation_form": InvitationForm(),
        **forms,
    }
    return render(request, "accounts/team.html", context, status=status)


@require_POST
@opens(Team, can_rename_team, by="slug")
def team_rename(request: Request, team: Team) -> HttpResponseBase:
    """Another name or description; the address stays."""
    form = TeamForm(request.POST)
    if form.is_valid():
        try:
            services.rename_team(team=team, **form.cleaned_data, by=request.user, now=timezone.now())
        except NameTaken:
            form.add_error("name", "Another team has this name.")
        else:
            messages.success(request, "Saved.")
            return redirect(team)
    return _page(request, team, status=422, team_form=form)


@require_POST
@opens(Team, can_manage_team, by="slug")
def member_add(request: Request, team: Team) -> HttpResponseBase:
    """Put somebody who is in the organisation already on the team."""
    form = MemberForm(request.POST, team=team)
    if not form.is_valid():
        return _page(request, team, status=422, member_form=form)
    person = form.cleaned_data["person"]
    services.add_members(
        team=team, people=[person], role=form.cleaned_data["role"], by=request.user, now=timezone.now()
    )
    messages.success(request, f"{person} is on the team.")
    return redirect(team)


@require_POST
@opens(Team, can_manage_team, by="slug")
def member_role(request: Request, team: Team, pk: int) -> HttpResponseBase:
    """Make a member a manager, or the reverse."""
    person = get_object_or_404(User, pk=pk)
    form = RoleForm(request.POST)
    if not form.is_valid():
        return _page(request, team, status=422)
    try:
        changed = services.change_role(
            team=team, person=person, role=form.cleaned_data["role"], by=request.user, now=timezone.now()
        )
    except LastManager:
        messages.error(request, LAST_MANAGER)
    except NotOnTheTeam:
        messages.error(request, f"{person} has left the team in the meantime.")
    else:
        messages.success(request, f"{person} is a {changed.get_role_display().lower()} now.")
    return redirect(team)


@require_POST
@opens(Team, can_manage_team, by="slug")
def member_remove(request: Request, team: Team, pk: int) -> HttpResponseBase:
    """Take somebody off the team. Doing it twice is no fault."""
    person = get_object_or_404(User, pk=pk)
    try:
        services.remove_member(team=team, person=person, by=request.user, now=timezone.now())
    except LastManager:
        messages.error(request, LAST_MANAGER)
    except NotOnTheTeam:
        messages.info(request, f"{person} is not on the team any more.")
    else:
        messages.success(request, f"{person} was taken off the team.")
    return redirect(team)


@require_POST
@opens(Team, can_manage_team, by="slug")
def invitation_add(request: Request, team: Team) -> HttpResponseBase:
    """Invite people by e-mail, onto this team."""
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _page(request, team, status=422, invitation_form=form)
    tell(request, invite_people(team=team, by=request.user, now=timezone.now(), **form.cleaned_data))
    return redirect(team)


def tell(request: Request, invited: Invited) -> None:
    """Say what came of inviting people."""
    if invited.mailed:
        messages.success(request, f"Invited: {', '.join(invited.mailed)}.")
    if invited.already_in:
        messages.info(request, f"Already in: {', '.join(invited.already_in)}.")
    if invited.not_mailed:
        messages.error(request, f"The mail could not be sent to {', '.join(invited.not_mailed)}. Send it again later.")
