"""Confluence: the connection, the place of a team's pages, and pushing one post-mortem there."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import Request, administrators, opens
from accounts.models import Team
from accounts.rules import can_manage_team
from postmortems import queries, rules
from postmortems.forms.confluence import ConfluenceForm, PlaceForm
from postmortems.models import ConfluenceConnection, ConfluencePage, ConfluencePlace, Postmortem
from postmortems.services import confluence as services
from postmortems.services.confluence import CannotPush, ConnectionFacts
from postmortems.views.context import header_context
from postmortems.wiki.pages import WikiError


@require_http_methods(["GET", "POST"])
@administrators
def confluence_connection(request: Request) -> HttpResponseBase:
    """The one connection."""
    row = ConfluenceConnection.objects.first()
    initial = {"kind": row.kind, "url": row.url, "username": row.username} if row else {}
    form = ConfluenceForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            services.save_connection(facts=ConnectionFacts(**form.cleaned_data), by=request.user, now=timezone.now())
        except CannotPush as error:
            form.add_error("secret", str(error))
        else:
            messages.success(request, "Kept. Managers choose a space on their team’s page; that tries it out.")
            return redirect("postmortems:confluence-connection")
    context = {"form": form, "connection": row}
    return render(request, "postmortems/confluence_connection.html", context, status=422 if form.errors else 200)


@require_POST
@administrators
def confluence_remove(request: Request) -> HttpResponseBase:
    """Forget it; pages that were made stay."""
    services.remove_connection(by=request.user)
    messages.success(request, "Confluence is not connected any more. Pages that were made stay there.")
    return redirect("postmortems:confluence-connection")


@require_http_methods(["GET", "POST"])
@opens(Team, can_manage_team, by="slug")
def confluence_place(request: Request, team: Team) -> HttpResponseBase:
    """Where a team's pages go; it is looked for there before it is kept."""
    row = ConfluencePlace.objects.filter(team=team).first()
    form = PlaceForm(request.POST or None, initial={"space": row.space, "parent": row.parent} if row else {})
    if request.method == "POST" and form.is_valid():
        try:
            services.save_place(team=team, by=request.user, **form.cleaned_data)
        except (CannotPush, WikiError) as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Found there, and kept.")
            return redirect("postmortems:confluence-place", slug=team.slug)
    context = {"form": form, "team": team, "is_connected": ConfluenceConnection.objects.exists()}
    return render(request, "postmortems/confluence_place.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@opens(Postmortem, rules.can_manage)
def confluence_page(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """Its page in Confluence, and what happened with it; POST pushes it."""
    if request.method == "POST":
        try:
            services.ask_push(postmortem=postmortem, by=request.user, now=timezone.now())
        except CannotPush as error:
            messages.error(request, str(error))
        else:
            messages.success(request, "It goes to Confluence as soon as a worker is free.")
        return redirect("postmortems:confluence-page", pk=postmortem.pk)
    context = {
        **header_context(request, postmortem),
        "page": ConfluencePage.objects.filter(postmortem=postmortem).first(),
        "notes": queries.notes_on_push(postmortem),
        **_obstacle(postmortem),
    }
    return render(request, "postmortems/confluence_page.html", context)


def _obstacle(postmortem: Postmortem) -> dict[str, object]:
    try:
        return {"place": services.check_may_go(postmortem), "obstacle": ""}
    except CannotPush as error:
        return {"place": None, "obstacle": str(error)}
