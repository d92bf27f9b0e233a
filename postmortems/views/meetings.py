"""Review meetings before and after: the list, the plan, the invitation, the minutes, the transcript."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import Request, opens, signed_in
from accounts.exceptions import EditedMeanwhile
from accounts.models import User
from incidents.models import Incident
from postmortems import rules
from postmortems.captures import CannotCapture
from postmortems.enums import OPEN_MEETINGS, MeetingState
from postmortems.forms.meeting import LineForm, PlanForm, TranscriptForm, plan_of
from postmortems.meetings import queries
from postmortems.meetings.agenda import MINUTES, MOST_ATTENDEES, proposed_form
from postmortems.meetings.lines import parse_line
from postmortems.meetings.queries import ShownAttendee
from postmortems.meetings.slots import LAST, Slot, proposed_slots
from postmortems.meetings.transcripts import NotATranscript
from postmortems.models import Meeting, Postmortem, TranscriptLine
from postmortems.queries import with_its_incident
from postmortems.services import meeting as services
from postmortems.services import meeting_room as room_services
from postmortems.services import transcript as transcript_services
from postmortems.services.invitation import calendar_of
from postmortems.services.meeting import CannotCome, OverAlready, PlannedAlready
from postmortems.services.meeting_room import NotRunning
from postmortems.services.postmortem import AlreadyPublished
from postmortems.services.transcript import TranscriptThere
from postmortems.views.context import header_context


@require_GET
@signed_in
def meetings(request: Request) -> HttpResponse:
    """What is ahead, and what is over."""
    now = timezone.now()
    context = {
        "ahead": list(queries.meetings_ahead(request.user, now=now)[:50]),
        "page": queries.meetings_for_list(request.user, cursor=request.GET.get("page", "")),
    }
    return render(request, "postmortems/meetings.html", context)


@require_GET
@opens(Postmortem, rules.can_see)
def review_meeting(request: Request, postmortem: Postmortem) -> HttpResponse:
    """The meeting of a post-mortem: its plan, or the form that makes one."""
    return _overview(request, postmortem, 200)


def _overview(request: Request, postmortem: Postmortem, status: int, **extra: Any) -> HttpResponse:
    postmortem = with_its_incident(postmortem)
    meeting = queries.meeting_of(postmortem)
    is_open = meeting is not None and meeting.state in OPEN_MEETINGS
    attendees = queries.attendees_of(meeting) if meeting else []
    context = {
        **header_context(request, postmortem),
        "meeting": meeting,
        "is_open": is_open,
        "attendees": attendees,
        "warnings": _warnings(meeting, attendees) if meeting else [],
        "checks": queries.checklist(meeting if is_open else None, postmortem),
        "past": postmortem.meetings.filter(state=MeetingState.ENDED).select_related("facilitator"),
        **extra,
    }
    if not is_open and "plan" not in context and context["can_edit"]:
        context.update(_new_plan(request, postmortem))
    return render(request, "postmortems/review_meeting.html", context, status=status)


def _new_plan(request: Request, postmortem: Postmortem) -> dict[str, Any]:
    """A plan to begin with: the right size, the responders, the best slot on the clock of whoever plans."""
    incident, me = postmortem.incident, request.user
    size = proposed_form(postmortem.tier, is_customer_facing=incident.is_customer_facing)
    responders = queries.proposed_responders(incident)
    may_lead = me.pk != incident.commander_id
    people = list(dict.fromkeys([*([me] if may_lead else []), *responders]))
    slots = _slots(incident, people, MINUTES[size])
    initial = {
        "form": size,
        "starts_at": slots[0].starts_at,
        "minutes": MINUTES[size] or None,
        "facilitator": me.pk if may_lead else None,
        "responders": [person.pk for person in responders],
    }
    return _plan_context(PlanForm(zone=me.zone, initial=initial), people, slots)


def _typed_plan(form: PlanForm, postmortem: Postmortem) -> dict[str, Any]:
    """The plan as it was typed, with slots for everybody chosen so far."""
    people = form.people()
    return _plan_context(form, people, _slots(postmortem.incident, people, form.minutes_meant()))


def _plan_context(form: PlanForm, people: list[User], slots: list[Slot]) -> dict[str, Any]:
    """The form, with slots side by side on the clocks of `people`."""
    table = [(person, [slot.local[at] for slot in slots]) for at, person in enumerate(people)]
    return {"plan": form, "slots": slots, "slot_table": table}


def _slots(incident: Incident, people: list[User], minutes: int) -> list[Slot]:
    zones = [person.zone for person in people]
    return proposed_slots(queries.over_at(incident), zones, minutes=minutes or 30, now=timezone.now())


def _warnings(meeting: Meeting, attendees: list[ShownAttendee]) -> list[str]:
    """What to think about again; none of it forbids anything."""
    incident = meeting.postmortem.incident
    found = []
    if incident.commander_id == meeting.facilitator_id:
        found.append("The facilitator was the incident commander: someone who was not in charge asks freer questions.")
    count = len(attendees)
    if count > MOST_ATTENDEES and not meeting.is_in_writing:
        found.append(
            f"{count} people are invited. Beyond {MOST_ATTENDEES}, few of them speak: send the others the minutes."
        )
    if meeting.starts_at > queries.over_at(incident) + LAST:
        found.append("It is more than five days after the incident: ask for perspectives now, while people remember.")
    misfits = sum(not each.local.fits for each in attendees)
    if misfits and not meeting.is_in_writing:
        found.append(f"It lies outside the working hours of {misfits} of {count}.")
    return found


def _only_looks(request: Request) -> bool:
    return "propose" in request.POST or "slot" in request.POST


def _with_slot(request: Request) -> QueryDict:
    """What was typed, with the slot that was taken."""
    data = request.POST.copy()
    if "slot" in data:
        data["starts_at"], data["starts_at_fold"] = str(data["slot"]), "0"
    return data


@require_POST
@opens(Postmortem, rules.can_edit)
def meeting_plan(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """Plan a review; with `propose` only look for slots that suit those chosen, with `slot` take one of them."""
    postmortem = with_its_incident(postmortem)
    form = PlanForm(_with_slot(request), zone=request.user.zone)
    if _only_looks(request):
        return _overview(request, postmortem, 200, **_typed_plan(form, postmortem))
    if not form.is_valid():
        return _overview(request, postmortem, 422, **_typed_plan(form, postmortem))
    now = timezone.now()
    try:
        meeting = services.plan_meeting(postmortem=postmortem, plan=form.plan(), by=request.user, now=now)
        if "invite" in request.POST:
            services.invite(meeting=meeting, by=request.user, now=now)
    except CannotCome as error:
        form.add_error(None, str(error))
        return _overview(request, postmortem, 422, **_typed_plan(form, postmortem))
    except PlannedAlready:
        messages.warning(request, "Somebody planned the review in the meantime: this is their plan.")
    return redirect("postmortems:review-meeting", pk=postmortem.pk)


@require_http_methods(["GET", "POST"])
@opens(Meeting, rules.can_edit)
def meeting_edit(request: Request, meeting: Meeting) -> HttpResponseBase:
    """Plan it otherwise."""
    meeting = queries.with_its_room(meeting)
    postmortem = meeting.postmortem
    if request.method == "GET":
        form = PlanForm(zone=request.user.zone, initial=plan_of(meeting))
        people = [each.row.user for each in queries.attendees_of(meeting)]
        plan = _plan_context(form, people, _slots(postmortem.incident, people, meeting.minutes))
        return _overview(request, postmortem, 200, **plan, changing=meeting)
    form = PlanForm(_with_slot(request), zone=request.user.zone)
    if _only_looks(request):
        return _again(request, meeting, form, 200)
    if not form.is_valid():
        return _again(request, meeting, form, 422)
    try:
        services.change_plan(
            meeting=meeting, revision=form.cleaned_data["revision"] or 0, plan=form.plan(), by=request.user,
            now=timezone.now(),
        )  # fmt: skip
    except CannotCome as error:
        form.add_error(None, str(error))
        return _again(request, meeting, form, 422)
    except EditedMeanwhile:
        return _changed_meanwhile(request, meeting)
    except OverAlready:
        messages.warning(request, "It has begun, or was called off, in the meantime.")
    else:
        messages.success(request, "Changed. Who was invited hears of it." if meeting.invited_at else "Changed.")
    return redirect("postmortems:review-meeting", pk=postmortem.pk)


def _again(request: Request, meeting: Meeting, form: PlanForm, status: int) -> HttpResponse:
    plan = _typed_plan(form, meeting.postmortem)
    return _overview(request, meeting.postmortem, status, **plan, changing=meeting)


def _changed_meanwhile(request: Request, meeting: Meeting) -> HttpResponse:
    """What this person typed stays in the form; saving again is then deliberate."""
    meeting = queries.with_its_room(meeting)
    data = _with_slot(request)
    data["revision"] = str(meeting.revision)
    form = PlanForm(data, zone=request.user.zone)
    form.is_valid()
    form.add_error(None, "Somebody changed the plan while you did. Theirs is above; yours is here: save to keep yours.")
    return _again(request, meeting, form, 409)


@require_POST
@opens(Meeting, rules.can_edit)
def meeting_cancel(request: Request, meeting: Meeting) -> HttpResponseBase:
    """Call it off."""
    try:
        services.cancel_meeting(meeting=meeting, by=request.user, now=timezone.now())
    except OverAlready:
        messages.warning(request, "It has begun already: end it instead.")
    else:
        messages.success(request, "Called off. Who was invited hears of it.")
    return redirect("postmortems:review-meeting", pk=meeting.postmortem_id)


@require_POST
@opens(Meeting, rules.can_edit)
def meeting_invite(request: Request, meeting: Meeting) -> HttpResponseBase:
    """Send the invitations."""
    try:
        is_new = services.invite(meeting=meeting, by=request.user, now=timezone.now())
    except OverAlready:
        messages.warning(request, "It has begun, or was called off, in the meantime.")
    else:
        messages.success(request, "The invitations go out now." if is_new else "They were sent already.")
    return redirect("postmortems:review-meeting", pk=meeting.postmortem_id)


@require_GET
@opens(Meeting, rules.can_see)
def meeting_calendar(request: Request, meeting: Meeting) -> HttpResponse:
    """The meeting as a file for one's own calendar."""
    content = calendar_of(queries.with_its_room(meeting), now=timezone.now())
    response = HttpResponse(content, content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="review-PM-{meeting.postmortem_id}.ics"'
    return response


# -- Afterwards --------------------------------------------------------------------------------------------------------


@require_GET
@opens(Meeting, rules.can_see)
def meeting_minutes(request: Request, meeting: Meeting) -> HttpResponse:
    """What came of it."""
    return _minutes(request, meeting, TranscriptForm(), 200)


def _minutes(request: Request, meeting: Meeting, form: TranscriptForm, status: int, **extra: Any) -> HttpResponse:
    meeting = queries.with_its_room(meeting)
    context = {
        **header_context(request, meeting.postmortem),
        "meeting": meeting,
        "groups": queries.minutes_of(meeting),
        "can_correct": rules.can_correct_lines(request.user, meeting),
        "closing": queries.closing_of(meeting),
        "came": queries.came_to(meeting),
        "agenda": queries.agenda_of(meeting, now=timezone.now()),
        "transcript": queries.transcript_of(meeting),
        "transcript_form": form,
        **extra,
    }
    return render(request, "postmortems/minutes.html", context, status=status)


@require_POST
@opens(Meeting, rules.can_edit)
def minutes_send(request: Request, meeting: Meeting) -> HttpResponseBase:
    """Mail the minutes to everybody who was invited or came."""
    try:
        is_new = room_services.send_minutes(meeting=meeting, by=request.user, now=timezone.now())
    except NotRunning:
        messages.warning(request, "The meeting is not over yet.")
    else:
        messages.success(request, "The minutes go out now." if is_new else "They were sent already.")
    return redirect("postmortems:meeting-minutes", pk=meeting.pk)


@require_POST
@opens(Meeting, rules.can_edit)
def transcript_import(request: Request, meeting: Meeting) -> HttpResponseBase:
    """Read in what was said."""
    form = TranscriptForm(request.POST, request.FILES)
    if not form.is_valid():
        return _minutes(request, meeting, form, 422)
    try:
        count = transcript_services.import_transcript(
            meeting=meeting, text=form.cleaned_data["text"], by=request.user, now=timezone.now()
        )
    except NotATranscript as error:
        form.add_error(None, str(error))
        return _minutes(request, meeting, form, 422)
    except TranscriptThere:
        form.add_error(None, "People have worked with the transcript that is here: it is not replaced.")
        return _minutes(request, meeting, form, 409)
    messages.success(request, f"Read in: {count} lines.")
    return redirect("postmortems:meeting-minutes", pk=meeting.pk)


@require_http_methods(["GET", "POST"])
@opens(TranscriptLine, rules.can_edit)
def transcript_line(request: Request, line: TranscriptLine) -> HttpResponseBase:
    """GET: the line, with `?edit` the form that makes something of it. POST: make it."""
    if request.method == "GET":
        form = LineForm(initial={"line": f"note: {line.text}"}) if "edit" in request.GET else None
        return _transcript_line(request, line, form, 200)
    form = LineForm(request.POST)
    if not form.is_valid():
        return _transcript_line(request, line, form, 422)
    try:
        transcript_services.capture_transcript_line(
            line=line, said=parse_line(form.cleaned_data["line"]), by=request.user, now=timezone.now()
        )
    except CannotCapture as error:
        form.add_error("line", str(error))
        return _transcript_line(request, line, form, 422)
    except AlreadyPublished:
        form.add_error("line", "The post-mortem is published: reopen it first.")
        return _transcript_line(request, line, form, 409)
    line.refresh_from_db()
    return _transcript_line(request, line, None, 200)


def _transcript_line(request: Request, line: TranscriptLine, form: LineForm | None, status: int) -> HttpResponse:
    if not request.htmx:
        return _minutes(request, line.meeting, TranscriptForm(), status, line_form=form, line_of=line)
    context = {"line": line, "line_form": form, "line_of": line, "can_edit": True}
    return render(request, "postmortems/_transcript_line.html", context, status=status)
