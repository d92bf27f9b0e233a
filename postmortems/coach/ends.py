"""Where an analysis must not stop: at a person, at a process, at something old."""

from __future__ import annotations

import re
from functools import cache

from postmortems.coach.words import pattern_of, words


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    lists = words()["ends"]
    kinds = ("person", "process", "legacy")
    return {kind: re.compile(rf"(?<![\w-])(?:{pattern_of(lists[kind])})(?![\w-])", re.IGNORECASE) for kind in kinds}


def next_why(answer: str) -> str:
    """The question to ask about an answer that ends too early; "" where it does not."""
    found = [(match.start(), kind) for kind, pattern in _patterns().items() if (match := pattern.search(answer))]
    return str(words()["ends"]["questions"][min(found)[1]]) if found else ""
