"""What a review deserves, and what its agenda is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.enums import Tier
from postmortems.enums import MeetingForm, SectionKind, Step

MINUTES = {MeetingForm.WRITING: 0, MeetingForm.HUDDLE: 15, MeetingForm.MEETING: 60}
AGENDA: dict[str, dict[Step, int]] = {
    MeetingForm.WRITING: {},
    MeetingForm.HUDDLE: {Step.TONE: 1, Step.TIMELINE: 4, Step.CAUSES: 4, Step.ACTIONS: 4, Step.CLOSE: 2},
    MeetingForm.MEETING: {
        Step.TONE: 2, Step.TIMELINE: 15, Step.CAUSES: 20, Step.WELL: 5, Step.IMPROVE: 5, Step.ACTIONS: 10,
        Step.CLOSE: 3,
    },
}  # fmt: skip
"""Minutes a step, as UX.md 2.3 has them."""
MOST_ATTENDEES = 8
"""More than these and few of them speak (PRODUCT.md, F1)."""
KINDS = {
    Step.TIMELINE: (SectionKind.FACTS, SectionKind.IMPACT, SectionKind.TIMELINE, SectionKind.METRICS),
    Step.CAUSES: (SectionKind.WHYS, SectionKind.FACTORS, SectionKind.RESPONSE),
    Step.IMPROVE: (SectionKind.LESSONS,),
    Step.ACTIONS: (SectionKind.ACTIONS,),
}
"""The living blocks that a step works on."""
WORDS = {Step.CAUSES: ("cause",), Step.WELL: ("well",), Step.IMPROVE: ("improve", "badly", "wrong")}
"""The prose that a step works on, by words of its title: titles are people's own."""


@dataclass(frozen=True)
class Guide:
    """What the facilitator does in a step, and what is read aloud."""

    says: str
    hint: str


GUIDES = {
    Step.TONE: Guide(
        "We are here to learn, not to judge. Everybody acted on what they knew and saw at the time, and meant it well. "
        "We ask how it made sense to do what was done, and what would make the right thing easier next time. "
        "We name roles and systems, and leave out “should have”.",
        "Read it aloud. Say who takes notes and who keeps the actions, and when it will end.",
    ),
    Step.TIMELINE: Guide(
        "What did you see, and what did you take it for?",
        "Walk it event by event (J and K). Ask whoever was there; fill gaps; stop at surprises. No causes yet.",
    ),
    Step.CAUSES: Guide(
        "Why did that make sense at the time? What else had to be there for it to happen?",
        "Dig where the answers end at a person. Ask about detection and recovery too.",
    ),
    Step.WELL: Guide("What helped, and do we want to rely on it?", "Luck counts: say so."),
    Step.IMPROVE: Guide(
        "What made it longer or wider than it had to be? What would another team learn from it?",
        "A lesson is general enough for people who do not know this system.",
    ),
    Step.ACTIONS: Guide(
        "What will we do, who does it, and by when?",
        "Few, specific, each with one person and a date. Everything else goes on the shelf of ideas.",
    ),
    Step.CLOSE: Guide(
        "What is still open, and what happens next?",
        "Go through what is missing below. Thank people. Say when it is published.",
    ),
}


def proposed_form(tier: str, *, is_customer_facing: bool) -> MeetingForm:
    """The right size: small ones are reviewed in writing, or standing up where customers noticed."""
    if tier != Tier.LIGHTWEIGHT:
        return MeetingForm.MEETING
    return MeetingForm.HUDDLE if is_customer_facing else MeetingForm.WRITING


def step_of(kind: str, title: str) -> Step | None:
    """The step that works on a section; None for one that no step does."""
    for step, kinds in KINDS.items():
        if kind in kinds:
            return step
    if kind != SectionKind.PROSE:
        return None
    words = title.lower()
    return next((step for step, marks in WORDS.items() if any(mark in words for mark in marks)), None)


@dataclass(frozen=True)
class Clock:
    """How long a step has taken at one moment, of what was meant for it."""

    spent: timedelta
    meant: timedelta
    is_running: bool

    @property
    def is_over(self) -> bool:
        return self.spent > self.meant


def clock_of(*, spent: timedelta, minutes: int, since: datetime | None, now: datetime) -> Clock:
    """The clock of a step with `spent` behind it that runs since `since` (None: it stands)."""
    running = max(timedelta(), now - since) if since else timedelta()
    return Clock(spent + running, timedelta(minutes=minutes), since is not None)
