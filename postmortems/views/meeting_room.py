"""Meeting mode: one address, one state in the row, and a fragment of it on every screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import Request, opens
from accounts.exceptions import EditedMeanwhile
from accounts.pages import render_part
from postmortems import rules
from postmortems.captures import CannotCapture
from postmortems.coach.review import check_text
from postmortems.enums import Step
from postmortems.forms.meeting import CameForm, ClockForm, CorrectionForm, LineForm, PointForm, SettledForm, StepForm
from postmortems.meetings import queries
from postmortems.meetings.agenda import GUIDES
from postmortems.meetings.lines import parse_line
from postmortems.models import Capture, Meeting
from postmortems.queries import outline_of
from postmortems.services import capture as captures
from postmortems.services import meeting_room as services
from postmortems.services.capture import CaptureGone
from postmortems.services.meeting import OverAlready
from postmortems.services.meeting_room import NothingToWalk, NotRunning, SomebodyElseSteers
from postmortems.services.postmortem import AlreadyPublished
from postmortems.views.context import comments_context, section_context

PUBLISHED = "The post-mortem is published: reopen it before its meeting begins."
OVER = "The meeting is over."


@require_GET
@opens(Meeting, rules.can_see)
def meeting(request: Request, meeting: Meeting) -> HttpResponseBase:
    """The room while it runs, with `?projector` for a wall; before, the plan; afterwards, the minutes."""
    if meeting.ended_at:
        return redirect("postmortems:meeting-minutes", pk=meeting.pk)
    if not meeting.is_running:
        return redirect("postmortems:review-meeting", pk=meeting.postmortem_id)
    return _room(request, meeting)


def _room(request: Request, meeting: Meeting) -> HttpResponse:
    meeting = queries.with_its_room(meeting)
    postmortem = meeting.postmortem
    sections = [chapter.section for chapter in outline_of(postmortem)]
    works_on = queries.steps_of_sections(sections)
    present = _now(request, meeting)
    notes = next((section for section in sections if section.pk == meeting.notes_id), None)
    steps = [
        {
            "item": shown.item,
            "guide": GUIDES[Step(shown.step)],
            "sections": [section_context(section) for section in works_on.get(shown.step, [])],
        }
        for shown in present["agenda"]
    ]
    is_projected = "projector" in request.GET
    context = {
        **present,
        **comments_context(request, postmortem),
        "steps": steps,
        "may_come": rules.can_come(request.user, meeting) and not is_projected,
        "is_projected": is_projected,
        **({"theme": "dark"} if is_projected else {}),
        "closing": queries.closing_of(meeting),
        "notes": section_context(notes) if notes else None,
    }
    return render(request, "postmortems/meeting.html", context)


def _now(request: Request, meeting: Meeting, **extra: Any) -> dict[str, Any]:
    """What every screen shows of the meeting as it is at this moment."""
    now = timezone.now()
    agenda = queries.agenda_of(meeting, now=now)
    at = next((index for index, shown in enumerate(agenda) if shown.is_current), 0)
    can_edit = rules.can_edit(request.user, meeting.postmortem)
    return {
        "meeting": meeting,
        "postmortem": meeting.postmortem,
        "incident": meeting.postmortem.incident,
        "can_edit": can_edit,
        "leads": meeting.steered_by_id == request.user.pk,
        "agenda": agenda,
        "current": agenda[at] if agenda else None,
        "before": agenda[at - 1] if agenda and at else None,
        "after": agenda[at + 1] if at + 1 < len(agenda) else None,
        "captures": queries.captures_of(meeting)[::-1],
        "expected": queries.expected_at(meeting),
        **extra,
    }


@require_GET
@opens(Meeting, rules.can_see)
def meeting_now(request: Request, meeting: Meeting) -> HttpResponse:
    """The fragment that follows: the step, the clock, the lines."""
    return _state(request, meeting, 200)


@require_GET
@opens(Meeting, rules.can_see)
def meeting_closing(request: Request, meeting: Meeting) -> HttpResponse:
    """What is still loose."""
    meeting = queries.with_its_room(meeting)
    can_edit = rules.can_edit(request.user, meeting.postmortem)
    context = {"meeting": meeting, "closing": queries.closing_of(meeting), "can_edit": can_edit}
    title, back = f"Still loose in {meeting.postmortem.reference}", meeting.get_absolute_url()
    return render_part(request, "postmortems/_closing.html", context, title=title, back=back)


def _state(request: Request, meeting: Meeting, status: int, **extra: Any) -> HttpResponse:
    meeting = queries.with_its_room(meeting)
    context = _now(request, meeting, **extra)
    title = f"Review of {meeting.postmortem.reference}"
    back = meeting.get_absolute_url()
    return render_part(request, "postmortems/_meeting_now.html", context, title=title, back=back, status=status)


def _answered(request: Request, meeting: Meeting) -> HttpResponseBase:
    return _state(request, meeting, 200) if request.htmx else redirect(meeting)


def _led(request: Request, meeting: Meeting, change: Callable[..., Meeting], **what: Any) -> HttpResponseBase:
    """Change the meeting for everybody; 409 with how it stands when it is not this person's to change now."""
    try:
        change(meeting=meeting, by=request.user, **what)
    except (NotRunning, SomebodyElseSteers) as error:
        return _state(request, meeting, 409, problem=str(error) or OVER)
    return _answered(request, meeting)


# -- Leading -----------------------------------------------------------------------------------------------------------


@require_POST
@opens(Meeting, rules.can_edit)
def meeting_start(request: Request, meeting: Meeting) -> HttpResponseBase:
    """Begin."""
    try:
        services.start_meeting(meeting=meeting, by=request.user, now=timezone.now())
    except OverAlready:
        messages.warning(request, OVER)
    except NothingToWalk:
        messages.warning(request, "A review in writing has no meeting mode: comment in the document.")
    except AlreadyPublished:
        messages.warning(request, PUBLISHED)
    return redirect(meeting)


@require_POST
@opens(Meeting, rules.can_edit)
def meeting_step(request: Request, meeting: Meeting) -> HttpResponseBase:
    """Take everybody to a step."""
    form = StepForm(request.POST, meeting)
    if not form.is_valid():
        return _state(request, meeting, 422, problem="There is no such step.")
    return _led(request, meeting, services.go_to_step, item=form.cleaned_data["item"], now=timezone.now())


@require_POST
@opens(Meeting, rules.can_edit)
def meeting_clock(request: Request, meeting: Meeting) -> HttpResponseBase:
    """Let the clock run, or stand."""
    form = ClockForm(request.POST)
    form.is_valid()
    is_running = form.cleaned_data["is_running"]
    return _led(request, meeting, services.run_clock, is_running=is_running, now=timezone.now())


@require_POST
@opens(Meeting, rules.can_edit)
def meeting_extend(request: Request, meeting: Meeting) -> HttpResponseBase:
    """Two minutes more."""
    return _led(request, meeting, services.extend_step)


@require_POST
@opens(Meeting, rules.can_edit)
def meeting_point(request: Request, meeting: Meeting) -> HttpResponseBase:
    """Show everybody which event is talked about."""
    form = PointForm(request.POST, meeting)
    if not form.is_valid():
        return _state(request, meeting, 422, problem="That event is no longer on the timeline.")
    return _led(request, meeting, services.point_at, event=form.cleaned_data["event"])


@require_POST
@opens(Meeting, rules.can_edit)
def meeting_lead(request: Request, meeting: Meeting) -> HttpResponseBase:
    """Take over."""
    return _led(request, meeting, services.take_over)


@require_POST
@opens(Meeting, rules.can_edit)
def meeting_end(request: Request, meeting: Meeting) -> HttpResponseBase:
    """Close it; every screen goes on to the minutes."""
    try:
        services.end_meeting(meeting=meeting, by=request.user, now=timezone.now())
    except (NotRunning, SomebodyElseSteers) as error:
        return _state(request, meeting, 409, problem=str(error) or OVER)
    except AlreadyPublished:
        return _state(request, meeting, 409, problem=PUBLISHED)
    return redirect("postmortems:meeting-minutes", pk=meeting.pk)


@require_POST
@opens(Meeting, rules.can_come)
def meeting_came(request: Request, meeting: Meeting) -> HttpResponseBase:
    """Note who is there: oneself, or for those who write, anybody."""
    form = CameForm(request.POST)
    if not form.is_valid():
        return _state(request, meeting, 422, problem="Nobody by that name works here.")
    person = form.cleaned_data["person"] or request.user
    if person != request.user and not rules.can_edit(request.user, meeting):
        return _state(request, meeting, 403, problem="Only those who write may note that others are there.")
    if not rules.can_see(person, meeting):
        return _state(request, meeting, 422, problem=f"{person} may not see this post-mortem.")
    is_there = form.cleaned_data["came"] or person == request.user
    try:
        services.mark_came(meeting=meeting, person=person, came=is_there, now=timezone.now())
    except NotRunning:
        return _state(request, meeting, 409, problem=OVER)
    return _answered(request, meeting)


# -- Capturing ---------------------------------------------------------------------------------------------------------


@require_POST
@opens(Meeting, rules.can_edit)
def capture_add(request: Request, meeting: Meeting) -> HttpResponseBase:
    """Keep a line, and make of it what it says it is."""
    form = LineForm(request.POST)
    if not form.is_valid():
        return _said(request, meeting, form, 422)
    line = parse_line(form.cleaned_data["line"])
    if not meeting.is_running:
        form.add_error("line", OVER)
        return _said(request, meeting, form, 409)
    try:
        captures.capture_line(meeting=meeting, line=line, by=request.user, now=timezone.now())
    except CannotCapture as error:
        form.add_error("line", str(error))
        return _said(request, meeting, form, 422)
    except AlreadyPublished:
        form.add_error("line", PUBLISHED)
        return _said(request, meeting, form, 409)
    if not request.htmx:
        return redirect(meeting)
    return _said(request, meeting, LineForm(), 200, line=line, nudges=_nudges(line.text))


def _said(request: Request, meeting: Meeting, form: LineForm, status: int, **extra: Any) -> HttpResponse:
    """What became of the line, beside the form it was typed into: the stream comes to every screen by itself."""
    context = {"meeting": meeting, "line_form": form, **extra}
    title, back = "Capture", meeting.get_absolute_url()
    return render_part(request, "postmortems/_capture_said.html", context, title=title, back=back, status=status)


def _nudges(text: str) -> list[str]:
    """What the coach would ask about blame: said to whoever captured it, and to nobody else."""
    found = check_text(text, zone_is_said=True)
    return [each.ask for each in found if each.rule.family == "Blame"][:1]


@require_http_methods(["GET", "POST"])
@opens(Capture, rules.can_edit)
def capture_edit(request: Request, capture: Capture) -> HttpResponseBase:
    """Correct a line in its place; after the meeting, on a page of its own that leads back to the minutes."""
    meeting = capture.meeting
    show = _afterwards if meeting.ended_at else _state
    if request.method == "GET":
        [shown] = queries.captures_of(queries.with_its_room(meeting), [capture])
        typed = {"line": f"{capture.kind}: {shown.text}", "revision": capture.revision}
        return show(request, meeting, 200, correcting=capture, correction=CorrectionForm(initial=typed))
    form = CorrectionForm(request.POST)
    if not form.is_valid():
        return show(request, meeting, 422, correcting=capture, correction=form)
    said = form.cleaned_data
    try:
        captures.correct_capture(
            capture=capture, revision=said["revision"], line=parse_line(said["line"]), by=request.user,
            now=timezone.now(),
        )  # fmt: skip
    except EditedMeanwhile:
        capture.refresh_from_db()
        again = CorrectionForm({"line": said["line"], "revision": capture.revision})
        again.add_error("line", f"Somebody made it “{capture.text}” meanwhile. Save to keep yours.")
        return show(request, meeting, 409, correcting=capture, correction=again)
    except CaptureGone:
        return show(request, meeting, 409, problem=f"Somebody took that line away. You wrote: {said['line']}")
    except (CannotCapture, AlreadyPublished) as error:
        form.add_error("line", str(error) or PUBLISHED)
        return show(request, meeting, 422, correcting=capture, correction=form)
    return redirect("postmortems:meeting-minutes", pk=meeting.pk) if meeting.ended_at else _answered(request, meeting)


def _afterwards(request: Request, meeting: Meeting, status: int, **extra: Any) -> HttpResponse:
    """The form of a line once the meeting is over, or what is wrong with it."""
    back = reverse("postmortems:meeting-minutes", args=[meeting.pk])
    context = {"meeting": meeting, "back": back, **extra}
    title = "Correct a line"
    return render_part(request, "postmortems/_capture_correction.html", context, title=title, back=back, status=status)


@require_POST
@opens(Capture, rules.can_edit)
def capture_remove(request: Request, capture: Capture) -> HttpResponseBase:
    """Take a line away."""
    meeting = capture.meeting
    try:
        captures.remove_capture(capture=capture, by=request.user, now=timezone.now())
    except (CannotCapture, AlreadyPublished) as error:
        return _state(request, meeting, 409, problem=str(error) or PUBLISHED)
    return _answered(request, meeting)


@require_POST
@opens(Capture, rules.can_edit)
def capture_settle(request: Request, capture: Capture) -> HttpResponseBase:
    """What was parked has been dealt with, or not."""
    form = SettledForm(request.POST)
    form.is_valid()
    meeting = capture.meeting
    try:
        captures.settle_capture(
            capture=capture, is_settled=form.cleaned_data["is_settled"], by=request.user, now=timezone.now()
        )  # fmt: skip
    except CaptureGone:
        return _state(request, meeting, 409, problem="Somebody took that line away.")
    return _answered(request, meeting)
