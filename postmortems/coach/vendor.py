"""Blaming a supplier: the dependency was our choice, so what we chose, saw and contained is what we can change."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import cache

from postmortems.coach.finding import Finding, Rule, Severity, found
from postmortems.coach.text import Taken, Text
from postmortems.coach.words import Phrases, any_of, words

RULE = Rule(
    id="vendor-blame",
    family="Blame",
    title="A supplier as an end",
    severity=Severity.SHOULD,
    what="This ends at somebody else’s door.",
    why="The supplier will fail again, and customers will still be ours. We chose it, decided how much hangs on it "
    "and how "
    "soon we notice. What we could choose, see or contain is what a post-mortem of ours can change.",
    ask="What could we have chosen, noticed or contained ourselves?",
    bad=("The outage was entirely the vendor's fault; there was nothing we could do.",),
    good=("The provider's region was down for 40 minutes; all our queues were in it.",),
)
RULES = (RULE,)
NEED_A_SUPPLIER = {"let us down", "failed us", "their fault", "out of our control"}


@cache
def _phrases() -> Phrases:
    return Phrases(words()["vendor"]["phrases"])


@cache
def _suppliers() -> Phrases:
    lists = words()["vendor"]["suppliers"]
    return Phrases([*lists, *(f"{each}'s" for each in lists), *(f"{each}s" for each in lists)])


@cache
def _judged() -> re.Pattern[str]:
    """What is said right behind a supplier."""
    judged = any_of(words()["vendor"]["judged"])
    return re.compile(
        rf"[ ](?:[\w'’-]{{1,20}}[ ]){{0,3}}{judged}(?![\w-])"
        r"|(?<=['’]s)[ ](?:own[ ])?fault(?![ -](?:toleran|domain|tree))(?![\w-])",
        re.IGNORECASE,
    )


BLAMED = re.compile(r"\bblame[ ](?:lies[ ]with[ ]|on[ ]|falls[ ]on[ ])?(?:the[ ]|our[ ])?\Z", re.IGNORECASE)


def check(text: Text) -> Iterator[Finding]:
    """Phrases that end at a supplier, and judgements of one."""
    taken = Taken()
    places = []
    for start, end in _suppliers().find(text):
        places.append(start)
        judged = _judged().match(text.plain, end)
        blamed = BLAMED.search(text.plain[max(0, start - 30) : start])
        first, last = start - len(blamed[0]) if blamed else start, judged.end() if judged else end
        if (judged or blamed) and taken.take(first, last):
            yield found(RULE, text.source, first, last)
    for start, end in _phrases().find(text):
        first, last = text.sentence(start)
        is_told = bisect_left(places, last) > bisect_left(places, first - 200)
        is_meant = is_told or text.plain[start:end].casefold() not in NEED_A_SUPPLIER
        if is_meant and taken.take(start, end):
            yield found(RULE, text.source, start, end)
