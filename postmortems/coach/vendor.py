"""Blaming a supplier: the dependency was our choice, so what we chose, saw and contained is what we can change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from postmortems.coach.finding import Finding, Rule, Severity, found
from postmortems.coach.text import Text
from postmortems.coach.words import any_of, whole, words

RULE = Rule(
    id="vendor-blame",
    family="Blame",
    title="A supplier as an end",
    severity=Severity.SHOULD,
    what="This ends at somebody else’s door.",
    why="The supplier will fail again, and customers will still be ours. We chose it, decided how much hangs on it and how "
    "soon we notice. What we could choose, see or contain is what a post-mortem of ours can change.",
    ask="What could we have chosen, noticed or contained ourselves?",
    bad=("The outage was entirely the vendor's fault; there was nothing we could do.",),
    good=("The provider's region was down for 40 minutes; all our queues were in it.",),
)
RULES = (RULE,)


@cache
def _phrases() -> re.Pattern[str]:
    return whole(words()["vendor"]["phrases"])


@cache
def _judged() -> re.Pattern[str]:
    lists = words()["vendor"]
    return re.compile(
        rf"(?<![\w-]){any_of(lists['suppliers'])}s?(?:['’]s)?[ ](?:[\w'’-]{{1,20}}[ ]){{0,3}}{any_of(lists['judged'])}(?![\w-])"
        rf"|\bblame[ ](?:lies[ ]with[ ]|on[ ]|falls[ ]on[ ])?(?:the[ ]|our[ ])?{any_of(lists['suppliers'])}(?![\w-])"
        rf"|(?<![\w-]){any_of(lists['suppliers'])}['’]s?[ ](?:own[ ])?fault(?![ -](?:toleran|domain|tree))(?![\w-])",
        re.IGNORECASE,
    )


@cache
def _supplier() -> re.Pattern[str]:
    return whole(words()["vendor"]["suppliers"])


def check(text: Text) -> Iterator[Finding]:
    """Phrases that end at a supplier, and judgements of one."""
    taken: list[tuple[int, int]] = []
    for match in _judged().finditer(text.plain):
        taken.append(match.span())
        yield found(RULE, text.source, *match.span())
    for match in _phrases().finditer(text.plain):
        if any(match.start() < end and match.end() > start for start, end in taken):
            continue
        said = match[0].casefold()
        start, end = text.sentence(match.start())
        if said in {"let us down", "failed us", "their fault", "out of our control"} and not _supplier().search(
            text.plain, max(0, start - 200), end
        ):
            continue
        yield found(RULE, text.source, *match.span())
