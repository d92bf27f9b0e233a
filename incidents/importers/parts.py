"""A document as rows: for each part of an incident its values by import key, in plain JSON. No database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from incidents.importers.debrief_json import IncidentDocument, Moment
from incidents.importers.merge import Values
from incidents.importers.moments import read_loose_moment

TIMES = ("detected_at", "acknowledged_at", "diagnosed_at", "mitigated_at", "resolved_at", "closed_at")


def stamp(moment: datetime | None) -> str | None:
    """A moment as it is remembered and compared: in UTC, as text."""
    return moment.astimezone(UTC).isoformat() if moment else None


def moment_of(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def facts(document: IncidentDocument, zone: ZoneInfo) -> dict[str, Any]:
    """What the file says of the incident itself.

    A file that tells how customers were hurt is about an incident that customers felt, unless it says otherwise.
    """
    said = document.customer_facing
    return {
        "title": document.title,
        "severity": document.severity,
        "timezone": zone.key,
        "impact_started_at": stamp(document.started_at),
        **{name: stamp(getattr(document, name)) for name in TIMES},
        "is_customer_facing": bool(document.customer_impact.text) if said is None else said,
        "is_near_miss": bool(document.near_miss),
        "is_security_sensitive": bool(document.security_sensitive),
        "third_party": document.third_party,
        "summary": document.summary,
        "impact": document.customer_impact.text,
        "services": sorted(document.services, key=str.casefold),
    }


def events(document: IncidentDocument, zone: ZoneInfo) -> dict[str, Values]:
    """The timeline: an event is the same one while its time as written and its text stay the same."""
    rows = []
    for entry in document.timeline:
        moment = placed(entry.at, zone)
        values = {
            "at": stamp(moment.at),
            "precision": entry.at.precision,
            "kind": entry.kind,
            "actor_role": entry.actor_role,
            "text": f"{entry.text} {moment.caveat}".rstrip(),
            "is_milestone": entry.kind == "milestone",
        }
        rows.append(((entry.at.written, entry.text), values))
    return keyed(rows)


def figures(document: IncidentDocument) -> dict[str, Values]:
    """The numbers of the impact: one is the same while its label stays the same."""
    found = document.customer_impact.figures
    return keyed(
        ((figure.label,), {"label": figure.label, "value": figure.value, "position": position})
        for position, figure in enumerate(found, start=1)
    )


def communications(document: IncidentDocument, zone: ZoneInfo) -> dict[str, Values]:
    """What was told: one is the same while its channel and text stay the same."""
    rows = []
    for entry in document.communications:
        moment = placed(entry.at, zone) if entry.at else None
        values = {
            "at": stamp(moment.at) if moment else None,
            "precision": moment.precision if moment else "exact",
            "channel": entry.channel,
            "text": f"{entry.text} {moment.caveat if moment else ''}".rstrip(),
        }
        rows.append(((entry.channel, entry.text), values))
    return keyed(rows)


def placed(moment: Moment, zone: ZoneInfo) -> Moment:
    """`moment` with a day or month placed at its first midnight in `zone`; a time of day stays where it is."""
    if ":" in moment.written:
        return moment
    return read_loose_moment(moment.written, zone=zone)


def keyed(rows: Iterable[tuple[tuple[str, ...], Values]]) -> dict[str, Values]:
    """Rows by a stable key made of their identity; the second row of the same identity gets a key of its own."""
    found: dict[str, Values] = {}
    for identity, values in rows:
        number = 0
        while (key := import_key(*identity, str(number))) in found:
            number += 1
        found[key] = values
    return found


def import_key(*identity: str) -> str:
    """64 characters that stand for `identity`, the same for ever."""
    return hashlib.sha256("\0".join(identity).encode()).hexdigest()
