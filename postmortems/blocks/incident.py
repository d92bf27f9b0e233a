"""Blocks that show what is known of the incident."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from accounts.models import User
from incidents.durations import durations
from incidents.enums import Precision
from incidents.models import Communication, Incident, TimelineEvent
from postmortems.blocks.base import Block, cell, findings_in_row
from postmortems.clock import clock_text, day_text, moment_text
from postmortems.coach import timeline
from postmortems.coach.finding import Finding, Severity
from postmortems.coach.timeline import EventFacts, TimelineFacts
from postmortems.enums import SectionKind, TimelinePeople
from postmortems.models import CoachSettings, Postmortem

MOMENTS = (
    ("impact-start", "Impact started", "impact_started_at"),
    ("detected", "Detected", "detected_at"),
    ("acknowledged", "Acknowledged", "acknowledged_at"),
    ("diagnosed", "Diagnosed", "diagnosed_at"),
    ("mitigated", "Mitigated", "mitigated_at"),
    ("resolved", "Resolved", "resolved_at"),
)


@dataclass(frozen=True)
class Fact:
    """One line of the facts: a label, its text, and what is meant by it."""

    key: str
    label: str
    text: str
    definition: str = ""


def moments_of(incident: Incident) -> list[tuple[str, str, datetime]]:
    """The times that are known: key, label and moment."""
    known = ((key, label, getattr(incident, name)) for key, label, name in MOMENTS)
    return [(key, label, at) for key, label, at in known if at]


def known_moments(incident: Incident) -> list[Fact]:
    """The times that are known, on the incident's clock."""
    return [Fact(key, label, moment_text(at, incident.zone)) for key, label, at in moments_of(incident)]


def known_durations(incident: Incident) -> list[Fact]:
    """The durations that follow from them."""
    return [Fact(d.key, d.label, d.text, d.definition) for d in durations(incident) if d.value is not None]


class FactsBlock(Block):
    """When each step happened, and how long each took."""

    kind = SectionKind.FACTS
    template = "postmortems/blocks/_facts.html"
    panel = "times"

    def context(self, postmortem: Postmortem, user: User | None) -> dict[str, Any]:
        incident = postmortem.incident
        return {
            "incident": incident,
            "moments": known_moments(incident),
            "durations": known_durations(incident),
            "services": list(incident.services.all()),
        }

    def markdown(self, postmortem: Postmortem) -> str:
        incident = postmortem.incident
        services = ", ".join(service.name for service in incident.services.all())
        facts = [
            Fact("severity", "Severity", incident.severity),
            *([Fact("services", "Services", services)] if services else []),
            *known_moments(incident),
            *known_durations(incident),
        ]
        lines = [f"| {cell(fact.label)} | {cell(fact.text)} |" for fact in facts]
        return "\n".join(["| Fact | Value |", "| --- | --- |", *lines])


@dataclass(frozen=True)
class Entry:
    """One event as a reader sees it."""

    event: TimelineEvent
    clock: str
    day: str
    """The date, on the first entry of each day only."""


def entries(incident: Incident) -> list[Entry]:
    """The timeline in order, all on the incident's clock; an event known by its day only has no clock time."""
    rows: list[Entry] = []
    last = ""
    for event in incident.events.all():
        day = day_text(event.at, incident.zone)
        rows.append(Entry(event, clock_text(event.at, incident.zone, event.precision), day if day != last else ""))
        last = day
    return rows


class TimelineBlock(Block):
    """What happened when, on one clock."""

    kind = SectionKind.TIMELINE
    template = "postmortems/blocks/_timeline.html"

    def context(self, postmortem: Postmortem, user: User | None) -> dict[str, Any]:
        return {"entries": entries(postmortem.incident), "zone": postmortem.incident.timezone}

    def markdown(self, postmortem: Postmortem) -> str:
        incident = postmortem.incident
        rows = entries(incident)
        if not rows:
            return ""
        lines = [f"All times are in {incident.timezone}."]
        for row in rows:
            if row.day:
                lines += ["", f"**{row.day}**", ""]
            lines.append(_event_line(row))
        return "\n".join(lines)

    def missing(self, postmortem: Postmortem) -> list[str]:
        if not postmortem.incident.events.exists():
            return ["The timeline is empty."]
        return [finding.what for finding in self.findings(postmortem) if finding.rule.severity == Severity.MUST]

    def findings(self, postmortem: Postmortem) -> list[Finding]:
        incident = postmortem.incident
        events = [
            EventFacts(event.at, event.kind, event.text, event.precision == Precision.EXACT, "timeline")
            for event in incident.events.all()
        ]
        facts = TimelineFacts(
            events, incident.impact_started_at, incident.detected_at, incident.mitigated_at, incident.resolved_at,
            names_not_wanted(postmortem),
        )  # fmt: skip
        return list(timeline.check(facts))


def names_not_wanted(postmortem: Postmortem) -> frozenset[str]:
    """People whose names are not to stand in the timeline: those who took part, where roles are agreed on."""
    agreed = CoachSettings.objects.first()
    if agreed is None or agreed.people_in_timelines == TimelinePeople.NAMES:
        return frozenset()
    incident = postmortem.incident
    people = {*incident.responders.all(), *postmortem.people.all(), postmortem.owner, incident.commander} - {None}
    names = {person.display_name for person in people if person}
    return frozenset(names | {name.split()[0] for name in names if len(name.split()[0]) > 2})


def _event_line(row: Entry) -> str:
    text = row.event.text.replace("\n", "\n  ")
    text = f"**{text}**" if row.event.is_milestone and "\n" not in text else text
    who = f" ({row.event.actor_role})" if row.event.actor_role else ""
    return f"- {row.clock + ' ' if row.clock else ''}{text}{who}"


class ImpactBlock(Block):
    """Who could not do what, in words and in numbers."""

    kind = SectionKind.IMPACT
    template = "postmortems/blocks/_impact.html"

    def context(self, postmortem: Postmortem, user: User | None) -> dict[str, Any]:
        return {"impact": postmortem.incident.impact, "figures": list(postmortem.incident.figures.all())}

    def markdown(self, postmortem: Postmortem) -> str:
        incident = postmortem.incident
        parts = [incident.impact] if incident.impact else []
        rows = [
            f"| {cell(figure.label)} | {cell(figure.value)}{' (estimated)' if figure.is_estimated else ''} "
            f"| {cell(figure.caveat)} |"
            for figure in incident.figures.all()
        ]
        if rows:
            parts.append("\n".join(["| What | How much | Note |", "| --- | --- | --- |", *rows]))
        return "\n\n".join(parts)

    def missing(self, postmortem: Postmortem) -> list[str]:
        incident = postmortem.incident
        return [] if incident.impact.strip() or incident.figures.exists() else ["The impact is not stated."]

    def findings(self, postmortem: Postmortem) -> list[Finding]:
        return findings_in_row(postmortem.incident.impact, SectionKind.IMPACT)


def communication_time(communication: Communication, zone: ZoneInfo) -> str:
    """When it was said; "" where that is not known."""
    at: datetime | None = communication.at
    return moment_text(at, zone, communication.precision) if at else ""


class CommunicationsBlock(Block):
    """What was told to whom."""

    kind = SectionKind.COMMUNICATIONS
    template = "postmortems/blocks/_communications.html"

    def context(self, postmortem: Postmortem, user: User | None) -> dict[str, Any]:
        zone = postmortem.incident.zone
        rows = postmortem.incident.communications.all()
        return {"communications": [(communication_time(row, zone), row) for row in rows]}

    def markdown(self, postmortem: Postmortem) -> str:
        zone = postmortem.incident.zone
        lines = []
        for row in postmortem.incident.communications.all():
            said = ", ".join(filter(None, [row.channel, row.audience, communication_time(row, zone)]))
            lines.append(f"- **{said}**: {row.text.replace(chr(10), chr(10) + '  ')}")
        return "\n".join(lines)
