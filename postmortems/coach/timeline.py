"""The timeline as facts: from the first trigger to recovery, on one clock, without unexplained silence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise

from postmortems.coach.finding import Finding, Rule, Severity, lacking
from postmortems.coach.words import whole, words

START = Rule(
    id="timeline-starts-at-the-page",
    family="Timeline",
    title="A timeline that starts at the page",
    severity=Severity.SHOULD,
    what="The timeline starts when somebody noticed.",
    why="The time before anybody noticed is often the longest, and the one that can be cut most. It begins with the "
    "first trigger: the release, the change, the moment the certificate ended.",
    ask="What was the first thing that made it possible, and when?",
    bad=("(the first event is the alert)",),
    good=("(the first event is the release that set it off)",),
)
DETECTION = Rule(
    id="timeline-without-detection",
    family="Timeline",
    title="No detection",
    severity=Severity.MUST,
    what="Nothing says when and how it was noticed.",
    why="Time to detect is what tells whether monitoring works, or customers do the monitoring.",
    ask="Who or what noticed first, and when?",
    bad=("(no event of the kind “detection”, no detection time)",),
    good=("(“14:06 Monitoring: the error rate alert fired at 31 %”)",),
)
RECOVERY = Rule(
    id="timeline-without-recovery",
    family="Timeline",
    title="No recovery",
    severity=Severity.MUST,
    what="Nothing says when it was over.",
    why="Without an end there is no duration, and nobody knows when customers were well again.",
    ask="When did customers stop feeling it, and how was that known?",
    bad=("(no event of the kind “recovery”, no time of resolution)",),
    good=("(“14:25 the error rate falls below 1 %”)",),
)
GAP = Rule(
    id="timeline-gap",
    family="Timeline",
    title="A silence",
    severity=Severity.SHOULD,
    what="A silence of more than a quarter of an hour.",
    why="Something was being done, or waited for, and that is where time was lost. A silence that is explained is "
    "worth a "
    "line; one that is not makes readers invent a story.",
    ask="What were people doing, waiting for, or trying?",
    bad=("(14:10, then nothing until 15:02)",),
    good=("(“14:12 Three engineers read logs of the wrong region”)",),
)
NAME = Rule(
    id="name-in-timeline",
    family="Timeline",
    title="A name where your organisation writes roles",
    severity=Severity.COULD,
    what="A person’s name, where roles are agreed on.",
    why="Your organisation chose roles in timelines: readers outside see what happened without a face to pin it on.",
    ask="Which role was it? “On-call engineer”.",
    bad=("Sam rolled back",),
    good=("On-call engineer: rolled back",),
)
RULES = (START, DETECTION, RECOVERY, GAP, NAME)

LONGEST_SILENCE = timedelta(minutes=15)


@cache
def _explained() -> re.Pattern[str]:
    return whole(words()["grammar"]["explained"])


@dataclass(frozen=True)
class EventFacts:
    """One event: when, of which kind, what it says. `is_exact`: the minute is known."""

    at: datetime
    kind: str
    text: str
    is_exact: bool = True
    place: str = ""


@dataclass(frozen=True)
class TimelineFacts:
    """The events in order, and the moments known of the incident."""

    events: Sequence[EventFacts]
    began_at: datetime | None = None
    detected_at: datetime | None = None
    mitigated_at: datetime | None = None
    resolved_at: datetime | None = None
    names: frozenset[str] = frozenset()
    """People whose names are not to stand in it; empty where names are fine."""


def check(facts: TimelineFacts) -> Iterator[Finding]:
    """What the timeline lacks. An empty one is another matter: it is missing altogether."""
    if not facts.events:
        return
    kinds = {event.kind for event in facts.events}
    first = facts.events[0]
    if (
        first.kind in {"detection", "escalation"}
        and "trigger" not in kinds
        and not (facts.began_at and first.at < facts.began_at)
    ):
        yield lacking(START, place=first.place, quote=first.text[:80])
    if "detection" not in kinds and facts.detected_at is None:
        yield lacking(DETECTION, place="timeline")
    if "recovery" not in kinds and facts.resolved_at is None and facts.mitigated_at is None:
        yield lacking(RECOVERY, place="timeline")
    yield from _gaps(facts)
    yield from _names(facts)


def _gaps(facts: TimelineFacts) -> Iterator[Finding]:
    """Silences from the beginning of the impact, or the first event, to the end."""
    start = facts.detected_at or facts.began_at or facts.events[0].at
    end = facts.mitigated_at or facts.resolved_at or facts.events[-1].at
    exact = [event for event in facts.events if event.is_exact and start <= event.at <= end]
    for before, after in pairwise(exact):
        silence = after.at - before.at
        if silence > LONGEST_SILENCE and not _explained().search(f"{before.text} {after.text}"):
            minutes = int(silence.total_seconds() // 60)
            yield lacking(
                GAP, what=f"{minutes} minutes of silence after this.", place=before.place, quote=before.text[:80]
            )


def _names(facts: TimelineFacts) -> Iterator[Finding]:
    if not facts.names:
        return
    names = whole(facts.names)
    for event in facts.events:
        match = names.search(event.text)
        if match:
            yield lacking(NAME, what=f"“{match[0]}” is a name; roles are agreed on.", place=event.place, quote=match[0])
