"""What the pages of incidents read, all joins included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import Team, User
from accounts.paging import Page, page_of
from incidents.durations import in_words
from incidents.enums import EventKind, Phase, Precision
from incidents.models import Incident, PolicyRule, Service, TimelineEvent

UNEXPLAINED = timedelta(minutes=15)
"""A longer silence in the timeline is pointed out: readers cannot tell waiting from forgetting."""


TIMES = {
    "impact_started_at": "Impact started",
    "detected_at": "Detected",
    "acknowledged_at": "Acknowledged",
    "diagnosed_at": "Diagnosed",
    "mitigated_at": "Mitigated",
    "resolved_at": "Resolved",
    "closed_at": "Closed",
}
FLAGS = {
    "is_customer_facing": "Customers were affected",
    "is_near_miss": "Near miss",
    "is_slo_breach": "Service level objective breached",
    "is_emergency_escalation": "Emergency escalation",
    "is_security_sensitive": "Security-sensitive",
}


IN_PHASE: Mapping[str, Q] = {
    Phase.ONGOING: Q(resolved_at=None, mitigated_at=None),
    Phase.MITIGATED: Q(resolved_at=None, mitigated_at__isnull=False),
    Phase.RESOLVED: Q(resolved_at__isnull=False),
}
"""`Incident.phase` for the database."""


@dataclass(frozen=True)
class IncidentFilters:
    """What a person chose to see; empty means everything."""

    severity: str = ""
    team: Team | None = None
    service: Service | None = None
    phase: str = ""

    def apply(self, rows: QuerySet[Incident]) -> QuerySet[Incident]:
        if self.severity:
            rows = rows.filter(severity=self.severity)
        if self.team:
            rows = rows.filter(team=self.team)
        if self.service:
            rows = rows.filter(services=self.service)
        return rows.filter(IN_PHASE[self.phase]) if self.phase else rows


def incidents_for_list(user: User, filters: IncidentFilters, *, cursor: str) -> Page[Incident]:
    """One page of the incidents `user` may see, latest first."""
    rows = Incident.objects.visible_to(user).select_related("team", "commander").prefetch_related("services")
    return page_of(filters.apply(rows).defer("search"), order=("occurred_at", "pk"), cursor=cursor)


@dataclass(frozen=True)
class TimelineRow:
    """One line of the timeline: an event, preceded by a new day or by a silence that nothing explains."""

    event: TimelineEvent
    new_day: date | None
    silence: str


@dataclass(frozen=True)
class Timeline:
    """The timeline of one incident in its own zone, and what it still lacks."""

    rows: list[TimelineRow]
    missing: list[str] = field(default_factory=list)


EXPECTED = (
    (EventKind.TRIGGER, "the trigger"),
    (EventKind.DETECTION, "how it was detected"),
    (EventKind.RECOVERY, "the recovery"),
)


def timeline_of(incident: Incident) -> Timeline:
    """The events in order, with days, silences of more than 15 minutes while it lasted, and what is missing."""
    events = list(incident.events.all())
    silences = _silences(incident, events)
    rows: list[TimelineRow] = []
    day: date | None = None
    for event in events:
        event.incident = incident
        on = event.at.astimezone(incident.zone).date()
        rows.append(TimelineRow(event, on if on != day else None, silences.get(event.pk, "")))
        day = on
    kinds = {event.kind for event in events}
    return Timeline(rows, [words for kind, words in EXPECTED if events and kind not in kinds])


def _silences(incident: Incident, events: list[TimelineEvent]) -> dict[int, str]:
    """Silences before an event, by its pk: only between timed events, and only until the incident was mitigated."""
    timed = [event for event in events if event.precision != Precision.DAY]
    until = incident.mitigated_at or incident.resolved_at
    since = incident.impact_started_at
    return {
        after.pk: in_words(after.at - before.at)
        for before, after in pairwise(timed)
        if after.at - before.at > UNEXPLAINED
        and (until is None or before.at < until)
        and (since is None or before.at >= since)
    }


def incident_for_page(incident: Incident, *, user: User, can_edit: bool) -> dict[str, Any]:
    """What the panels of the incident's page show."""
    return {
        "incident": incident,
        "timeline": timeline_of(incident),
        "figures": list(incident.figures.all()),
        "communications": list(incident.communications.all()),
        "services": list(incident.services.all()),
        "responders": list(incident.responders.all()),
        "readers": list(incident.readers.all()),
        "repeat_of": _seen_repeat(incident, user),
        "flags": [label for name, label in FLAGS.items() if getattr(incident, name)],
        "moments": [(label, getattr(incident, name)) for name, label in TIMES.items()],
        "can_edit": can_edit,
    }


def _seen_repeat(incident: Incident, user: User) -> Incident | None:
    """The incident this one repeats, if `user` may know of it."""
    if incident.repeat_of_id is None:
        return None
    return Incident.objects.visible_to(user).filter(pk=incident.repeat_of_id).first()


def policy_rules() -> QuerySet[PolicyRule]:
    return PolicyRule.objects.select_related("service")


def default_event_day(incident: Incident) -> date:
    """The day meant by a time typed without one: that of the last event, else of the incident, else today."""
    last = incident.events.order_by("-at", "-pk").first()
    moment = last.at if last else incident.occurred_at
    return moment.astimezone(incident.zone).date()
