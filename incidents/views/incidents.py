"""The list of incidents, a new one, and the page of one with its panels of facts."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import Request, opens, signed_in
from incidents import queries, rules
from incidents.forms import IncidentCreateForm, IncidentFilterForm
from incidents.models import Incident
from incidents.services import incidents as services
from incidents.views.context import page_context
from incidents.zones import chosen_zone


@require_GET
@signed_in
def incidents(request: Request) -> HttpResponse:
    form = IncidentFilterForm(request.GET)
    page = queries.incidents_for_list(request.user, form.filters(), cursor=request.GET.get("page", ""))
    template = "incidents/_incidents.html" if request.htmx else "incidents/incidents.html"
    return render(request, template, {"form": form, "page": page})


@require_http_methods(["GET", "POST"])
@signed_in
def incident_create(request: Request) -> HttpResponseBase:
    zone = chosen_zone(request.POST.get("timezone"), default=request.user.zone)
    form = IncidentCreateForm(
        request.POST or None, zone=zone, initial={"timezone": zone.key, "team": request.user.teams.first()}
    )
    if request.method == "POST" and form.is_valid():
        incident = services.create_incident(by=request.user, now=timezone.now(), **form.cleaned_data)
        return redirect(incident)
    return render(request, "incidents/incident_create.html", {"form": form}, status=422 if form.is_bound else 200)


@require_GET
@opens(Incident, rules.can_see)
def incident(request: Request, incident: Incident) -> HttpResponse:
    return render(request, "incidents/incident.html", page_context(request, incident))
