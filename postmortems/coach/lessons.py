"""Lessons: something another team could use, not an action in other words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from postmortems.coach.finding import Finding, Rule, Severity, found
from postmortems.coach.words import any_of, words

RULE = Rule(
    id="lesson-is-an-action",
    family="Lessons",
    title="A lesson that is an action",
    severity=Severity.SHOULD,
    what="This says what we will do, not what we learned.",
    why="An action helps this system; a lesson helps the team that has never heard of it. What was true about the "
    "world that "
    "we did not know? The action then serves the lesson.",
    ask="What would you tell another team over lunch, that is true for them too?",
    bad=("Add an alert on the age of the queue.", "We need to upgrade the database."),
    good=("Whatever waits in a queue needs an alert on its age, not on its length.",),
)
RULES = (RULE,)
ALIKE = 0.6
SMALL = frozenset(
    ["the", "a", "an", "to", "of", "on", "in", "for", "and", "that", "is", "be", "with", "it", "our", "we"]
)


@cache
def _starts() -> re.Pattern[str]:
    lists = words()["lessons"]
    return re.compile(
        rf"[\s\-*]{{0,8}}(?P<said>{any_of(lists['imperatives'])}|(?:.{{0,60}}?[ ])?{any_of(lists['duties'])})(?![\w-])",
        re.IGNORECASE,
    )


def check_lesson(lesson: str, actions: Sequence[str] = ()) -> Iterator[Finding]:
    """Whether a lesson is an action, or says what one of `actions` says."""
    match = _starts().match(lesson)
    if match:
        yield found(RULE, lesson, *match.span("said"))
    elif any(_alike(lesson, action) for action in actions):
        yield found(RULE, lesson, 0, len(lesson), what="An action of this post-mortem says the same.")


def _alike(one: str, other: str) -> bool:
    first, second = _said(one), _said(other)
    return bool(first and second) and len(first & second) / len(first | second) >= ALIKE


def _said(text: str) -> set[str]:
    return {word for word in re.findall(r"\w+", text.casefold()) if word not in SMALL}
