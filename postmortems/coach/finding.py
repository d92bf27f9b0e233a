"""What the coach says: a rule, and a finding of it at a place in a text or in a field."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters. Only what the document lacks blocks publication: words never do."""

    MUST = "must"
    SHOULD = "should"
    COULD = "could"


@dataclass(frozen=True)
class Rule:
    """One thing the coach looks for, with its page: why it matters, and sentences with and without it."""

    id: str
    family: str
    title: str
    severity: Severity
    what: str
    """What is found, in a sentence beside the text."""
    why: str
    """Why it matters: the field's reasoning in our words."""
    ask: str
    """A question that leads to better words, or the better words."""
    bad: tuple[str, ...]
    good: tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """A rule that fits. `start` and `end` count characters of the text; `place` names a field or a row instead."""

    rule: Rule
    start: int
    end: int
    quote: str
    what: str
    ask: str
    place: str = ""


def found(rule: Rule, source: str, start: int, end: int, *, what: str = "", ask: str = "") -> Finding:
    """A finding in a text."""
    return Finding(rule, start, end, source[start:end], what or rule.what, ask or rule.ask)


def lacking(rule: Rule, *, what: str = "", ask: str = "", place: str = "", quote: str = "") -> Finding:
    """A finding about something that is no place in a text."""
    return Finding(rule, 0, 0, quote, what or rule.what, ask or rule.ask, place)
