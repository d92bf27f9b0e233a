"""From an incident to its post-mortem, in one click."""

from __future__ import annotations

from django.http import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from accounts.access import Request, opens
from accounts.pages import render_part
from incidents import policy
from incidents import rules as incident_rules
from incidents.models import Incident
from postmortems import queries, rules
from postmortems.forms.document import StartForm
from postmortems.models import Postmortem
from postmortems.services.draft import proposed_template, start_postmortem


@require_http_methods(["GET", "POST"])
@opens(Incident, incident_rules.can_see)
def postmortem_start(request: Request, incident: Incident) -> HttpResponseBase:
    """GET: the way to the post-mortem, or the button that makes one. POST: make it, or find the one made just now."""
    if request.method == "POST" and rules.can_start(request.user, incident):
        return _start(request, incident)
    return _fragment(request, incident, status=403 if request.method == "POST" else 200)


def _start(request: Request, incident: Incident) -> HttpResponseBase:
    form = StartForm(request.POST)
    if not form.is_valid():
        return _fragment(request, incident, status=422)
    postmortem = start_postmortem(
        incident=incident, template=form.cleaned_data["template"], by=request.user, now=timezone.now()
    )
    if not rules.can_see(request.user, postmortem):
        return _fragment(request, incident, status=200)
    url = postmortem.get_absolute_url()
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)


def _fragment(request: Request, incident: Incident, *, status: int) -> HttpResponseBase:
    postmortem = queries.postmortem_of(incident)
    can_start = rules.can_start(request.user, incident)
    context = {
        "incident": incident,
        "postmortem": _if_seen(request, postmortem),
        "can_start": can_start and postmortem is None,
        "is_limited": can_start and postmortem is not None,
        "templates": queries.templates_to_choose() if can_start else [],
        "proposed": proposed_template(policy.recommend(incident).tier) if can_start else None,
    }
    return render_part(
        request,
        "postmortems/_start.html",
        context,
        title=f"Post-mortem of {incident.reference}",
        back=incident.get_absolute_url(),
        status=status,
    )


def _if_seen(request: Request, postmortem: Postmortem | None) -> Postmortem | None:
    return postmortem if postmortem and rules.can_see(request.user, postmortem) else None
