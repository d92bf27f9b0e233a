"""Many lines at once: what was understood is shown before anything is added."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import Request, opens
from accounts.forms import without_control_characters
from accounts.pages import render_part
from incidents import queries, rules
from incidents.forms import PasteForm
from incidents.models import Incident, TimelineEvent
from incidents.services import parts as services
from incidents.timeline_text import ParsedEvent, ParsedTimeline, parse_timeline
from incidents.views.context import page_context
from incidents.views.parts import show_panel


@require_http_methods(["GET", "POST"])
@opens(Incident, rules.can_edit)
def timeline_paste(request: Request, incident: Incident) -> HttpResponseBase:
    """GET shows the form; POST with `preview` shows what was understood; POST with `add` puts it on the timeline."""
    initial = {"start_on": queries.default_event_day(incident)}
    form = PasteForm(request.POST if request.method == "POST" else None, initial=initial)
    if not form.is_bound:
        return _page(request, incident, form, None, status=200)
    if not form.is_valid():
        return _page(request, incident, form, None, status=422)
    parsed = parse_timeline(
        without_control_characters(form.cleaned_data["text"]),
        zone=incident.zone,
        start_on=form.cleaned_data["start_on"],
    )
    if "add" not in request.POST or not parsed.entries:
        return _page(request, incident, form, parsed, status=200 if parsed.entries else 422)
    events = _events(parsed, incident.zone)
    services.add_events(incident=incident, events=events, by=request.user, now=timezone.now())
    return show_panel(request, incident, "timeline")


def _events(parsed: ParsedTimeline, zone: ZoneInfo) -> list[TimelineEvent]:
    return [
        TimelineEvent(at=entry.at, precision=entry.precision, kind=entry.kind, text=_told(entry, zone), source="paste")
        for entry in parsed.entries
    ]


def _told(entry: ParsedEvent, zone: ZoneInfo) -> str:
    """The text of the event; the end of a range, for which an event has no place of its own, stands behind it."""
    if entry.ends_at is None:
        return entry.text
    begin, end = entry.at.astimezone(zone), entry.ends_at.astimezone(zone)
    until = f"{end:%H:%M}" if end.date() == begin.date() else f"{end:%H:%M} on {end.day} {end:%B}"
    return f"{entry.text} (until {until})"


def _page(
    request: Request, incident: Incident, form: PasteForm, parsed: ParsedTimeline | None, *, status: int
) -> HttpResponse:
    present = set(incident.events.values_list("at", "text")) if parsed else set()
    events = _events(parsed, incident.zone) if parsed else []
    rows = [
        (event, entry.notes, (event.at, event.text) in present)
        for event, entry in zip(events, parsed.entries if parsed else [], strict=True)
    ]
    context = {
        "incident": incident,
        "form": form,
        "parsed": parsed,
        "rows": rows,
        "new_count": sum(not is_present for _, _, is_present in rows),
    }
    title = f"Paste a timeline · {incident.reference}"
    return render_part(
        request, "incidents/_paste.html", context, title=title, back=incident.get_absolute_url(), status=status
    )


@require_POST
@opens(Incident, rules.can_edit)
def event_quick_add(request: Request, incident: Incident) -> HttpResponseBase:
    """One typed line, as "14:32 rollback started"; a line that is not understood stays in the box with the reason."""
    line = without_control_characters(request.POST.get("line", "")).strip()
    day: date = queries.default_event_day(incident)
    parsed = parse_timeline(line, zone=incident.zone, start_on=day)
    if parsed.entries and not parsed.rejected:
        services.add_events(
            incident=incident, events=_events(parsed, incident.zone), by=request.user, now=timezone.now()
        )
        return show_panel(request, incident, "timeline")
    reason = parsed.rejected[0].reason if parsed.rejected else "Start with a time, as “14:32 rollback started”."
    context = {**page_context(request, incident), "quick_line": line, "quick_error": reason}
    title = f"Timeline of {incident.reference}"
    return render_part(
        request, "incidents/_timeline.html", context, title=title, back=incident.get_absolute_url(), status=422
    )
