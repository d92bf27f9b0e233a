"""Which stretch of time the graphs of a post-mortem show, and which moments stand in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.models import Incident
from postmortems.blocks.incident import moments_of
from postmortems.models import Metric, Postmortem

CONTEXT = 0.35
"""How much of the incident's length is shown before and after it."""
SHORTEST_CONTEXT = timedelta(minutes=15)
MOST_MARKS = 14


@dataclass(frozen=True)
class Mark:
    """A moment that stands in every graph as a vertical line; `number` names it in the list below."""

    number: int
    at: datetime
    text: str


@dataclass(frozen=True)
class Range:
    """A stretch of time, in seconds since 1970."""

    start: float
    end: float


def marks_of(incident: Incident) -> list[Mark]:
    """The moments that are known, and the milestones of the timeline, in order."""
    found: dict[datetime, str] = {}
    for event in incident.events.filter(is_milestone=True).exclude(precision="day"):
        found.setdefault(event.at, event.text.split("\n")[0][:120])
    moments = {at: label for _key, label, at in moments_of(incident)}
    chosen = sorted({**found, **moments}.items())
    if len(chosen) > MOST_MARKS:
        chosen = sorted(moments.items())
    return [Mark(number, at, text) for number, (at, text) in enumerate(chosen, start=1)]


def range_of(postmortem: Postmortem, metrics: list[Metric]) -> Range | None:
    """One stretch for all graphs: the incident with some time before and after; all of the data where none is in it."""
    ends = [series.ends for metric in metrics for series in metric.series.all()]
    if not ends:
        return None
    data = Range(min(start for start, _ in ends), max(end for _, end in ends))
    marks = marks_of(postmortem.incident)
    if not marks:
        return _with_length(data)
    first, last = marks[0].at, marks[-1].at
    context = max((last - first) * CONTEXT, SHORTEST_CONTEXT)
    shown = Range((first - context).timestamp(), (last + context).timestamp())
    is_apart = data.end < shown.start or data.start > shown.end
    return _with_length(data) if is_apart else shown


def _with_length(shown: Range) -> Range:
    return shown if shown.end > shown.start else Range(shown.start - 60, shown.end + 60)
