"""The coach: findings as somebody types, the readiness panel, and the public page of its rules."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import Request, administrators, opens, public
from accounts.pages import render_part
from postmortems import rules
from postmortems.coach.lessons import check_lesson
from postmortems.coach.review import RULES, check_text
from postmortems.coaching import Placed, findings_in, readiness_of
from postmortems.enums import TimelinePeople
from postmortems.forms.coach import CheckForm, CoachSettingsForm, DismissForm
from postmortems.models import CoachSettings, Dismissal, Postmortem, Section
from postmortems.services import coach as services
from postmortems.services.coach import TooManyDismissals
from postmortems.views.context import text_url


@require_GET
@public
def coach_rules(request: HttpRequest) -> HttpResponse:
    """Every rule with its reason, and sentences with and without it: the short course for new authors."""
    families = [(family, list(each)) for family, each in groupby(RULES.values(), key=lambda rule: rule.family)]
    return render(request, "postmortems/coach_rules.html", {"families": families})


@require_GET
@opens(Postmortem, rules.can_see)
def readiness(request: Request, postmortem: Postmortem) -> HttpResponse:
    """What readers still need, what would make it better, and what was let stand."""
    return _readiness(request, postmortem)


def _readiness(request: Request, postmortem: Postmortem, status: int = 200, **extra: Any) -> HttpResponse:
    can_edit = rules.can_edit(request.user, postmortem) and not postmortem.is_published
    context = {"postmortem": postmortem, "readiness": readiness_of(postmortem), "can_edit": can_edit, **extra}
    title = f"Readiness of {postmortem.reference}"
    return render_part(
        request, "postmortems/_readiness.html", context, title=title, back=text_url(postmortem), status=status
    )


@require_POST
@opens(Section, rules.can_see)
def section_coach(request: Request, section: Section) -> JsonResponse:
    """What the coach says of a text; nothing is saved. Places count UTF-16 units, as browsers do."""
    form = CheckForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"findings": []}, status=422)
    body: str = form.cleaned_data["body"]
    body = body.replace("\r\n", "\n")
    return JsonResponse({"findings": [_as_json(each, body) for each in findings_in(section, body)]})


def _as_json(placed: Placed, body: str) -> dict[str, Any]:
    finding = placed.finding
    return {
        "rule": finding.rule.id,
        "title": finding.rule.title,
        "severity": finding.rule.severity,
        "start": _units(body[: finding.start]),
        "end": _units(body[: finding.end]),
        "quote": placed.quote,
        "what": finding.what,
        "why": finding.rule.why,
        "ask": finding.ask,
    }


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


@require_POST
@opens(Postmortem, rules.can_see)
def lesson_notes(request: Request, postmortem: Postmortem) -> HttpResponse:
    """What the coach says of a lesson while it is typed; nothing is saved."""
    text = request.POST.get("text", "")[:2000]
    found = [*check_lesson(text), *check_text(text, zone_is_said=True)]
    return render(request, "components/coach_notes.html", {"notes": [f"{each.what} {each.ask}" for each in found]})


@require_http_methods(["GET", "POST"])
@opens(Postmortem, rules.can_edit)
def finding_dismiss(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """Let a finding stand, with a reason. GET: its form."""
    form = DismissForm(request.POST or None, initial={name: request.GET.get(name, "")[:300] for name in NAMED})
    if not form.is_bound or not form.is_valid():
        context = {"postmortem": postmortem, "form": form}
        title = "Let a finding stand"
        status = 422 if form.is_bound else 200
        back = text_url(postmortem)
        return render_part(request, "postmortems/_dismiss_form.html", context, title=title, back=back, status=status)
    try:
        services.dismiss_finding(postmortem=postmortem, by=request.user, now=timezone.now(), **form.cleaned_data)
    except TooManyDismissals:
        return _readiness(request, postmortem, 422, problem="Too many findings were let stand: mend some instead.")
    return _readiness(request, postmortem) if request.htmx else redirect(text_url(postmortem))


NAMED = ("rule", "place", "quote")


@require_POST
@opens(Dismissal, rules.can_edit)
def finding_raise(request: Request, dismissal: Dismissal) -> HttpResponseBase:
    """Take it back: the finding is shown again."""
    postmortem = dismissal.postmortem
    services.raise_again(dismissal=dismissal, by=request.user, now=timezone.now())
    return _readiness(request, postmortem) if request.htmx else redirect(text_url(postmortem))


@require_http_methods(["GET", "POST"])
@administrators
def coach_settings(request: Request) -> HttpResponseBase:
    """What the organisation agreed on."""
    row = CoachSettings.objects.first()
    chosen = row.people_in_timelines if row else TimelinePeople.NAMES
    form = CoachSettingsForm(request.POST or None, initial={"people_in_timelines": chosen})
    if form.is_bound and form.is_valid():
        services.agree_on(by=request.user, **form.cleaned_data)
        messages.success(request, "Kept. It counts from now on.")
        return redirect("postmortems:coach-settings")
    return render(request, "postmortems/coach_settings.html", {"form": form}, status=422 if form.errors else 200)
