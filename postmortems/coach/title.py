"""The title: what customers saw, for how long; not the cause."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from postmortems.coach.finding import Finding, Rule, Severity, found
from postmortems.coach.words import whole, words

RULE = Rule(
    id="title-states-cause",
    family="Title",
    title="A title that states the cause",
    severity=Severity.COULD,
    what="The title names the cause rather than what customers saw.",
    why="Titles are what people search when it happens again, and then they only know what customers see. A cause in "
    "the title also settles the analysis before it began.",
    ask="What did customers see, where, for how long? “Checkout failed for 23 minutes in the EU.”",
    bad=("Connection pool exhaustion in checkout-db", "Redis failover"),
    good=("Customers in the EU could not pay for 23 minutes",),
)
RULES = (RULE,)
COUNTED = re.compile(r"\d[ ]?(?:million|thousand|%|minutes|hours|days|percent)\b", re.IGNORECASE)


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    lists = words()["title"]
    return whole(lists["causes"]), whole(lists["effects"])


def check_title(title: str) -> Iterator[Finding]:
    """A cause where nobody is said to have felt it."""
    causes, effects = _patterns()
    match = causes.search(title)
    if match and not effects.search(title) and not COUNTED.search(title):
        yield found(RULE, title, 0, len(title))
