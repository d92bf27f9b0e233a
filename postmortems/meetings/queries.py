"""What the pages of a meeting read: the plan, the room, its lines, what is loose at the end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from accounts.models import User
from accounts.paging import Page, page_of
from incidents.models import Incident
from postmortems.blocks import missing_for_publication
from postmortems.captures import LooseEnd, loose_ends_of, maker_of
from postmortems.enums import OPEN_MEETINGS, CaptureKind, DefenceLayer, MeetingState, SectionKind
from postmortems.meetings.agenda import Clock, clock_of, step_of
from postmortems.meetings.slots import LocalTime, on_clock
from postmortems.models import AgendaItem, Attendee, Capture, Meeting, Postmortem, Section, TranscriptLine

MISSED_AFTER = timedelta(hours=4)
"""After it should have ended, a meeting that nobody began is no longer ahead."""


def meeting_of(postmortem: Postmortem) -> Meeting | None:
    """The review that is ahead or running, else the last one."""
    rows = _with_people(postmortem.meetings.all())
    ahead = rows.filter(state__in=OPEN_MEETINGS).first()
    return ahead or rows.exclude(state=MeetingState.CANCELLED).first()


def with_its_room(meeting: Meeting) -> Meeting:
    """The meeting with everything its pages read, in one query."""
    return _with_people(Meeting.objects.filter(pk=meeting.pk)).get()


def _with_people(rows: QuerySet[Meeting]) -> QuerySet[Meeting]:
    return rows.select_related(
        "postmortem__incident__team", "postmortem__team", "postmortem__owner", "facilitator", "note_taker",
        "action_tracker", "steered_by", "current",
    ).defer("postmortem__search", "postmortem__incident__search")  # fmt: skip


def meetings_ahead(user: User, *, now: datetime) -> QuerySet[Meeting]:
    """Reviews that `user` may see and that are running or to come, the next first."""
    is_ahead = Q(state=MeetingState.RUNNING) | Q(state=MeetingState.PLANNED, starts_at__gt=now - MISSED_AFTER)
    rows = Meeting.objects.visible_to(user).filter(is_ahead).select_related("postmortem__incident", "facilitator")
    return rows.defer("postmortem__search", "postmortem__incident__search").order_by("starts_at", "pk")


def meetings_for_list(user: User, *, cursor: str) -> Page[Meeting]:
    """One page of the reviews that are over, the latest first."""
    rows = (
        Meeting.objects.visible_to(user)
        .filter(state=MeetingState.ENDED)
        .select_related("postmortem__incident", "facilitator")
        .defer("postmortem__search", "postmortem__incident__search")
    )
    return page_of(rows, order=("starts_at", "pk"), cursor=cursor)


# -- The plan ----------------------------------------------------------------------------------------------------------


def over_at(incident: Incident) -> datetime:
    """When the incident was over, or began where nobody said so: from then the days to its review are counted."""
    return incident.resolved_at or incident.occurred_at


def proposed_responders(incident: Incident) -> list[User]:
    """Who was there: the commander and the responders."""
    people = {person.pk: person for person in incident.responders.filter(is_active=True)}
    if incident.commander and incident.commander.is_active:
        people.setdefault(incident.commander.pk, incident.commander)
    return sorted(people.values(), key=lambda person: person.display_name)


@dataclass(frozen=True)
class ShownAttendee:
    """Somebody on the list, and the meeting on their clock."""

    row: Attendee
    local: LocalTime

    @property
    def news(self) -> str:
        """How far the invitation is."""
        if self.row.told is None:
            return "goes out within a minute" if self.row.meeting.invited_at else "not invited yet"
        return "invited" if self.row.told >= self.row.meeting.sequence else "hears of the change within a minute"


def attendees_of(meeting: Meeting) -> list[ShownAttendee]:
    """Everybody on the list, with the time on their own clock."""
    rows = meeting.attendees.filter(is_invited=True).select_related("user")
    shown = []
    for row in rows:
        row.meeting = meeting
        shown.append(ShownAttendee(row, on_clock(meeting.starts_at, meeting.minutes, row.user.zone)))
    return shown


@dataclass(frozen=True)
class Check:
    """One line of the preparation checklist; it ticks itself."""

    words: str
    is_done: bool
    url: str = ""


def checklist(meeting: Meeting | None, postmortem: Postmortem) -> list[Check]:
    """What is to be ready before people meet, as far as the data can tell."""
    incident = postmortem.incident
    kinds = set(incident.events.values_list("kind", flat=True))
    has_timeline = {"detection", "recovery"} <= kinds and incident.events.count() > 2
    asked = postmortem.perspectives.count()
    answered = postmortem.perspectives.exclude(answered_at=None).count()
    page = incident.get_absolute_url()
    checks = [
        Check("The timeline reaches from detection to recovery", has_timeline, f"{page}#incident-timeline"),
        Check("The impact is a number", incident.figures.exists(), f"{page}#incident-impact"),
        Check("A graph shows it", postmortem.metrics.exists() or not _shows(postmortem, SectionKind.METRICS)),
        Check("The summary is written", "The summary is empty." not in missing_for_publication(postmortem)),
        Check(
            f"Perspectives: {answered} of {asked} written" if asked else "Responders were asked what they saw",
            asked > 0 and answered == asked,
            f"/postmortems/{postmortem.pk}/perspectives/",
        ),
    ]  # fmt: skip
    if meeting:
        checks.append(Check("Invitations are sent", meeting.invited_at is not None))
    return checks


def _shows(postmortem: Postmortem, kind: str) -> bool:
    return postmortem.sections.filter(kind=kind).exists()


# -- The room ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ShownItem:
    """A step of the agenda, with its clock."""

    item: AgendaItem
    clock: Clock
    is_current: bool

    @property
    def step(self) -> str:
        return self.item.step


def agenda_of(meeting: Meeting, *, now: datetime) -> list[ShownItem]:
    """The steps in order, each with how long it has taken."""
    shown = []
    for item in meeting.agenda.all():
        is_current = item.pk == meeting.current_id
        since = meeting.clock_since if is_current else None
        shown.append(
            ShownItem(item, clock_of(spent=item.spent, minutes=item.minutes, since=since, now=now), is_current)
        )
    return shown


@dataclass(frozen=True)
class ShownCapture:
    """A captured line as it stands now: what it became, or that this was deleted since."""

    row: Capture
    label: str
    text: str
    is_gone: bool
    layer: str = ""
    """Of a factor: the layer of defence it is on."""

    @property
    def layers(self) -> list[DefenceLayer]:
        """Where a factor that nobody placed may go."""
        return [each for each in DefenceLayer if each != self.layer] if self.layer == DefenceLayer.PROCESS else []

    @property
    def layer_name(self) -> str:
        return DefenceLayer(self.layer).label if self.layer else ""


def captures_of(meeting: Meeting, rows: Iterable[Capture] | None = None) -> list[ShownCapture]:
    """The lines in order. One query for each kind among them, however many there are."""
    found = list(meeting.captures.select_related("created_by") if rows is None else rows)
    keys: defaultdict[str, list[int]] = defaultdict(list)
    for row in found:
        if row.made:
            keys[row.kind].append(row.made)
    makers = ((kind, maker_of(kind), made) for kind, made in keys.items())
    read = {kind: maker.read(meeting.postmortem, made) for kind, maker, made in makers if maker}
    return [_shown(row, read.get(row.kind, {}).get(row.made or 0)) for row in found]


def _shown(row: Capture, made: object) -> ShownCapture:
    label, text = getattr(made, "label", ""), getattr(made, "text", row.text)
    return ShownCapture(row, label, text, bool(row.made) and made is None, getattr(made, "layer", ""))


def steps_of_sections(sections: Iterable[Section]) -> dict[str, list[Section]]:
    """The sections that each step works on."""
    found: defaultdict[str, list[Section]] = defaultdict(list)
    for section in sections:
        step = step_of(section.kind, section.title)
        if step:
            found[step].append(section)
    return dict(found)


@dataclass(frozen=True)
class Closing:
    """What is still loose when a meeting closes."""

    actions: list[LooseEnd]
    parked: list[ShownCapture]

    @property
    def is_tidy(self) -> bool:
        return not self.actions and not self.parked


def closing_of(meeting: Meeting) -> Closing:
    """Actions without owner or date; what was parked or asked and nobody dealt with."""
    kinds = [CaptureKind.PARKING, CaptureKind.QUESTION]
    rows = meeting.captures.filter(kind__in=kinds, settled_at=None).select_related("created_by")
    return Closing(loose_ends_of(meeting.postmortem), captures_of(meeting, rows))


def came_to(meeting: Meeting) -> list[Attendee]:
    return list(meeting.attendees.exclude(came_at=None).select_related("user"))


def expected_at(meeting: Meeting) -> list[Attendee]:
    """Everybody who was invited or came, for ticking off."""
    rows = meeting.attendees.filter(Q(is_invited=True) | Q(came_at__isnull=False))
    return list(rows.select_related("user"))


MINUTED = [CaptureKind.DECISION, CaptureKind.ACTION, CaptureKind.LESSON, CaptureKind.FACTOR, CaptureKind.QUESTION,
           CaptureKind.PARKING]  # fmt: skip


def minutes_of(meeting: Meeting) -> list[tuple[str, list[ShownCapture]]]:
    """What came of the meeting, by kind; kinds of which there is nothing are left out."""
    shown = [each for each in captures_of(meeting) if not each.is_gone]
    groups = [(kind.label, [each for each in shown if each.row.kind == kind]) for kind in MINUTED]
    return [(label, rows) for label, rows in groups if rows]


def transcript_of(meeting: Meeting) -> list[TranscriptLine]:
    return list(meeting.transcript.select_related("capture"))
