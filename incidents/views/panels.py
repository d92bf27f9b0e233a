"""The panels of an incident's page, each shown alone and edited in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import Http404, HttpResponse, HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import HttpResponseClientRefresh, trigger_client_event

from accounts.access import Request, opens
from accounts.conflict import save_form
from accounts.pages import after_change, render_part
from incidents import rules
from incidents.forms import FactsForm, ImpactForm, OverrideForm, TimesForm, VisibilityForm
from incidents.models import Incident
from incidents.services import incidents as services
from incidents.views.context import page_context

SHOWN = {"facts", "times", "policy", "impact", "timeline", "communications", "readers"}


@require_GET
@opens(Incident, rules.can_see)
def panel(request: Request, incident: Incident, panel: str) -> HttpResponse:
    """One panel as it is now: what "Cancel" and a change elsewhere on the page bring back."""
    if panel not in SHOWN:
        raise Http404
    return render_part(
        request,
        f"incidents/_{panel}.html",
        page_context(request, incident),
        title=f"{incident.reference} · {panel}",
        back=incident.get_absolute_url(),
    )


@dataclass(frozen=True)
class Panel:
    """How one panel is edited: its form, bound or filled from the incident, and the service that saves it."""

    name: str
    title: str
    form: Callable[[Request, Incident, Mapping[str, Any] | None], forms.Form]
    save: Callable[[Request, Incident, dict[str, Any]], Incident]


def edit_panel(request: Request, incident: Incident, panel: Panel) -> HttpResponseBase:
    """Show the panel's form, or save it and show the panel."""
    zone, sent = incident.timezone, request.POST if request.method == "POST" else None
    attempt = save_form(
        sent,
        lambda data: panel.form(request, incident, data),
        lambda form: panel.save(request, incident, dict(form.cleaned_data)),
        row=incident,
    )
    saved = attempt.saved
    if saved is None:
        return _form(request, incident, panel, attempt.form, theirs=attempt.theirs)
    if request.htmx and saved.timezone != zone:
        return HttpResponseClientRefresh()
    response = after_change(
        request, f"incidents/_{panel.name}.html", page_context(request, saved), to=saved.get_absolute_url()
    )
    return announced(response)


def announced(response: HttpResponseBase) -> HttpResponseBase:
    """Tell the other panels of the page that the incident changed, so that they fetch themselves again."""
    if isinstance(response, HttpResponse) and response.status_code == 200:
        trigger_client_event(response, "debrief:incident-changed")
    return response


def _form(
    request: Request, incident: Incident, panel: Panel, form: forms.Form, *, theirs: list[tuple[str, str]]
) -> HttpResponse:
    status = 409 if theirs else 422 if form.is_bound else 200
    context = {"incident": incident, "form": form, "panel": panel, "theirs": theirs}
    title = f"{panel.title} of {incident.reference}"
    return render_part(
        request, "incidents/_panel_form.html", context, title=title, back=incident.get_absolute_url(), status=status
    )


# -- The panels --------------------------------------------------------------------------------------------------------


def _facts_form(request: Request, incident: Incident, data: Mapping[str, Any] | None) -> FactsForm:
    elsewhere = {"new_service", "services", "responders", "repeat_of"}
    initial = {name: getattr(incident, name) for name in FactsForm.base_fields if name not in elsewhere}
    initial["services"] = list(incident.services.all())
    initial["responders"] = list(incident.responders.all())
    initial["repeat_of"] = incident.repeat_of.reference if incident.repeat_of else ""
    return FactsForm(data, incident=incident, user=request.user, initial=initial)


def _save_facts(request: Request, incident: Incident, facts: dict[str, Any]) -> Incident:
    if name := facts.pop("new_service").strip():
        service = services.name_service(name=name, team=facts["team"], by=request.user)
        facts["services"] = [*facts["services"], service]
    return _save(request, incident, facts)


def _save(request: Request, incident: Incident, facts: dict[str, Any]) -> Incident:
    return services.update_incident(
        incident=incident, revision=facts.pop("revision"), changes=facts, by=request.user, now=timezone.now()
    )


def _times_form(request: Request, incident: Incident, data: Mapping[str, Any] | None) -> TimesForm:
    initial = {name: getattr(incident, name) for name in TimesForm.base_fields}
    return TimesForm(data, zone=incident.zone, initial=initial)


def _impact_form(request: Request, incident: Incident, data: Mapping[str, Any] | None) -> ImpactForm:
    return ImpactForm(data, initial={"impact": incident.impact, "revision": incident.revision})


def _override_form(request: Request, incident: Incident, data: Mapping[str, Any] | None) -> OverrideForm:
    return OverrideForm(
        data, initial={"requirement": incident.override_requirement, "reason": incident.override_reason}
    )


def _save_override(request: Request, incident: Incident, facts: dict[str, Any]) -> Incident:
    return services.override_policy(incident=incident, by=request.user, now=timezone.now(), **facts)


def _readers_form(request: Request, incident: Incident, data: Mapping[str, Any] | None) -> VisibilityForm:
    return VisibilityForm(data, initial={"visibility": incident.visibility, "readers": list(incident.readers.all())})


def _save_readers(request: Request, incident: Incident, facts: dict[str, Any]) -> Incident:
    return services.set_visibility(incident=incident, by=request.user, now=timezone.now(), **facts)


FACTS = Panel("facts", "Facts", _facts_form, _save_facts)
TIMES = Panel("times", "Times", _times_form, _save)
IMPACT = Panel("impact", "Impact", _impact_form, _save)
POLICY = Panel("policy", "Post-mortem policy", _override_form, _save_override)
READERS = Panel("readers", "Who may see it", _readers_form, _save_readers)


@require_http_methods(["GET", "POST"])
@opens(Incident, rules.can_edit)
def facts_edit(request: Request, incident: Incident) -> HttpResponseBase:
    return edit_panel(request, incident, FACTS)


@require_http_methods(["GET", "POST"])
@opens(Incident, rules.can_edit)
def times_edit(request: Request, incident: Incident) -> HttpResponseBase:
    return edit_panel(request, incident, TIMES)


@require_http_methods(["GET", "POST"])
@opens(Incident, rules.can_edit)
def impact_edit(request: Request, incident: Incident) -> HttpResponseBase:
    return edit_panel(request, incident, IMPACT)


@require_http_methods(["GET", "POST"])
@opens(Incident, rules.can_manage)
def policy_override(request: Request, incident: Incident) -> HttpResponseBase:
    return edit_panel(request, incident, POLICY)


@require_http_methods(["GET", "POST"])
@opens(Incident, rules.can_manage)
def readers_edit(request: Request, incident: Incident) -> HttpResponseBase:
    return edit_panel(request, incident, READERS)
