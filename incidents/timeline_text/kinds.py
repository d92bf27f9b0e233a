"""A modest guess at the kind of an event from its words. The person who pastes sees it and can change it."""

from __future__ import annotations

import re

from incidents.timeline_text.parsed import Kind

_LOOKED_AT = 300

_SIGNS: tuple[tuple[Kind, str], ...] = (
    ("recovery", r"resolved|recover(?:s|ed|y)|restored|repaired|mitigated|back to normal|back up|fully operational"),
    ("decision", r"decided?|decides|decision|agreed to"),
    ("escalation", r"escalat\w{1,5}|war room|incident (?:is |was )?(?:declared|raised)|paged|called in"),
    (
        "communication",
        r"status ?page|comms|announced|e-?mailed|e-?mail sent|tweeted|(?:users|customers) (?:were )?informed",
    ),
    (
        "detection",
        r"alert(?:s|ed)?|alarm(?:s|ed)?|detect(?:s|ed|ion)?|noticed?|notices|pingdom|pagerduty|report(?:s|ed)",
    ),
    ("action", r"roll(?:ed|ing)? back|rollback|restart(?:s|ed|ing)?|revert(?:s|ed)?|scaled|disabled|killed|drained"),
    ("trigger", r"deploy(?:s|ed|ment)?|released|merged|expired?|expires|rolled out|upgraded"),
)
"""In order of weight: "alert resolved" is a recovery, "rollback deployed" an action."""

_PATTERNS: tuple[tuple[Kind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(rf"\b(?:{words})\b", re.IGNORECASE)) for kind, words in _SIGNS
)


def guessed_kind(text: str) -> Kind:
    """The kind that the words of `text` suggest, "other" where they suggest none."""
    beginning = text[:_LOOKED_AT]
    return next((kind for kind, pattern in _PATTERNS if pattern.search(beginning)), "other")
