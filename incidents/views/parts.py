"""Adding, editing and deleting timeline events, impact figures and communications, in place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import Request, opens
from accounts.conflict import save_form
from accounts.pages import after_change, render_part
from incidents import rules
from incidents.forms import CommunicationForm, EventForm, FigureForm
from incidents.models import Communication, ImpactFigure, Incident, TimelineEvent
from incidents.services import parts as services
from incidents.views.context import page_context
from incidents.views.panels import announced

AnyPart = TimelineEvent | ImpactFigure | Communication


@dataclass(frozen=True)
class Kind:
    """How one kind of part is written: its noun, the panel it stands in, its form and the service that adds it."""

    noun: str
    panel: str
    form: Callable[..., forms.Form]
    is_zoned: bool
    add: Callable[..., AnyPart]

    def bound_form(self, incident: Incident, data: Mapping[str, Any] | None, initial: dict[str, Any]) -> forms.Form:
        zoned = {"zone": incident.zone} if self.is_zoned else {}
        return self.form(data, initial=initial, **zoned)

    def facts_of(self, part: AnyPart) -> dict[str, Any]:
        names: Mapping[str, Any] = getattr(self.form, "base_fields")  # noqa: B009
        return {name: getattr(part, name) for name in names}


EVENT = Kind("event", "timeline", EventForm, True, services.add_event)
FIGURE = Kind("figure", "impact", FigureForm, False, services.add_figure)
COMMUNICATION = Kind("communication", "communications", CommunicationForm, True, services.add_communication)
KIND_OF: dict[type[AnyPart], Kind] = {TimelineEvent: EVENT, ImpactFigure: FIGURE, Communication: COMMUNICATION}


def add_part(request: Request, incident: Incident, kind: Kind) -> HttpResponseBase:
    """Show an empty form, or add the part and show its panel."""
    form = kind.bound_form(incident, request.POST if request.method == "POST" else None, _first_guess(incident, kind))
    action = reverse(f"incidents:{kind.noun}-add", args=[incident.pk])
    if not form.is_bound or not form.is_valid():
        return _form(request, incident, kind, form, action=action)
    facts = {name: value for name, value in form.cleaned_data.items() if name != "revision"}
    kind.add(incident=incident, facts=facts, by=request.user, now=timezone.now())
    return show_panel(request, incident, kind.panel)


def _first_guess(incident: Incident, kind: Kind) -> dict[str, Any]:
    if kind is not EVENT:
        return {}
    last = incident.events.order_by("-at", "-pk").first()
    return {"at": last.at if last else incident.occurred_at}


def edit_part(request: Request, part: AnyPart) -> HttpResponseBase:
    """Show the part's form, or save it; someone who saved first is shown beside the person's own input."""
    kind, incident = KIND_OF[type(part)], part.incident
    action = reverse(f"incidents:{kind.noun}-edit", args=[part.pk])
    sent = request.POST if request.method == "POST" else None

    def form_of(data: Mapping[str, Any] | None) -> forms.Form:
        return kind.bound_form(incident, data, kind.facts_of(part))

    try:
        attempt = save_form(sent, form_of, lambda form: _save(request, part, dict(form.cleaned_data)), row=part)
    except services.AlreadyGone:
        add = reverse(f"incidents:{kind.noun}-add", args=[incident.pk])
        return _form(request, incident, kind, form_of(sent), action=add, gone=True)
    if attempt.saved:
        return show_panel(request, incident, kind.panel)
    return _form(request, incident, kind, attempt.form, action=action, part=part, theirs=attempt.theirs)


def _save(request: Request, part: AnyPart, changes: dict[str, Any]) -> AnyPart:
    revision = changes.pop("revision") or 0
    return services.update_part(part=part, revision=revision, changes=changes, by=request.user, now=timezone.now())


def _form(
    request: Request, incident: Incident, kind: Kind, form: forms.Form, *, action: str, **more: Any
) -> HttpResponse:
    is_conflict = more.get("theirs") or "gone" in more
    status = 409 if is_conflict else 422 if form.is_bound else 200
    context = {"incident": incident, "form": form, "kind": kind, "action": action, **more}
    title = f"{'Edit' if 'part' in more else 'Add'} {kind.noun} · {incident.reference}"
    return render_part(
        request, "incidents/_part_form.html", context, title=title, back=incident.get_absolute_url(), status=status
    )


def show_panel(request: Request, incident: Incident, panel: str) -> HttpResponseBase:
    """Answer a change with the panel it happened in."""
    incident.refresh_from_db()
    to = f"{incident.get_absolute_url()}#incident-{panel}"
    return announced(after_change(request, f"incidents/_{panel}.html", page_context(request, incident), to=to))


def delete_part(request: Request, part: AnyPart) -> HttpResponseBase:
    """Delete the part; that someone else was first changes nothing for this person."""
    incident, panel = part.incident, KIND_OF[type(part)].panel
    try:
        services.delete_part(part=part, by=request.user, now=timezone.now())
    except services.AlreadyGone:
        return show_panel(request, incident, panel)
    return show_panel(request, incident, panel)


@require_http_methods(["GET", "POST"])
@opens(Incident, rules.can_edit)
def event_add(request: Request, incident: Incident) -> HttpResponseBase:
    return add_part(request, incident, EVENT)


@require_http_methods(["GET", "POST"])
@opens(TimelineEvent, rules.can_edit)
def event_edit(request: Request, event: TimelineEvent) -> HttpResponseBase:
    return edit_part(request, event)


@require_POST
@opens(TimelineEvent, rules.can_edit)
def event_delete(request: Request, event: TimelineEvent) -> HttpResponseBase:
    return delete_part(request, event)


@require_POST
@opens(TimelineEvent, rules.can_edit)
def event_mark(request: Request, event: TimelineEvent) -> HttpResponseBase:
    """Set or clear the milestone mark, as the button says."""
    is_milestone = request.POST.get("is_milestone") == "1"
    services.mark_milestone(event=event, is_milestone=is_milestone, by=request.user, now=timezone.now())
    return show_panel(request, event.incident, "timeline")


@require_http_methods(["GET", "POST"])
@opens(Incident, rules.can_edit)
def figure_add(request: Request, incident: Incident) -> HttpResponseBase:
    return add_part(request, incident, FIGURE)


@require_http_methods(["GET", "POST"])
@opens(ImpactFigure, rules.can_edit)
def figure_edit(request: Request, figure: ImpactFigure) -> HttpResponseBase:
    return edit_part(request, figure)


@require_POST
@opens(ImpactFigure, rules.can_edit)
def figure_delete(request: Request, figure: ImpactFigure) -> HttpResponseBase:
    return delete_part(request, figure)


@require_http_methods(["GET", "POST"])
@opens(Incident, rules.can_edit)
def communication_add(request: Request, incident: Incident) -> HttpResponseBase:
    return add_part(request, incident, COMMUNICATION)


@require_http_methods(["GET", "POST"])
@opens(Communication, rules.can_edit)
def communication_edit(request: Request, communication: Communication) -> HttpResponseBase:
    return edit_part(request, communication)


@require_POST
@opens(Communication, rules.can_edit)
def communication_delete(request: Request, communication: Communication) -> HttpResponseBase:
    return delete_part(request, communication)
