"""Impact without numbers: amounts, lengths of time and degrees that say how it felt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from postmortems.coach.finding import Finding, Rule, Severity, found
from postmortems.coach.text import Text
from postmortems.coach.words import Phrases, any_of, whole, words

WHY = (
    "“Some customers” is four or four million. Without a number nobody can tell whether the response was worth its "
    "cost, "
    "whether the next one is worse, or how the same thing would feel elsewhere. An estimate that says so is fine."
)
AMOUNT = Rule(
    id="vague-amount",
    family="Impact",
    title="How many?",
    severity=Severity.SHOULD,
    what="This amount has no number.",
    why=WHY,
    ask="How many, of how many? “About 4,100 of 13,000 payments (estimated from the logs)” will do.",
    bad=("Some customers could not pay.", "Many requests failed."),
    good=("About 4,100 customers could not pay.", "31 % of requests failed between 14:02 and 14:25 UTC."),
)
SPAN = Rule(
    id="vague-duration",
    family="Impact",
    title="How long?",
    severity=Severity.SHOULD,
    what="This length of time has no number.",
    why="The length of each phase is what a response analysis compares. “A while” cannot be halved.",
    ask="From when to when, in which zone? “About 20 minutes” is better than “a while”.",
    bad=("Checkout was down for a while.", "It took several hours to find the cause."),
    good=("Checkout was down for 23 minutes.", "It took from 14:02 to 16:40 UTC to find the cause."),
)
DEGREE = Rule(
    id="vague-degree",
    family="Impact",
    title="How bad?",
    severity=Severity.COULD,
    what="This says how bad it felt, not how bad it was.",
    why=WHY,
    ask="Which number moved, from what to what?",
    bad=("Search was very slow.", "Users were significantly impacted."),
    good=("Search took 8 s at p95 instead of 300 ms.", "Customers saw an error page on every third visit."),
)
RULES = (AMOUNT, SPAN, DEGREE)

COUNTED = (
    r"(?:%|percent|per cent|k\b|m\b|million|thousand|of\b|users|customers|requests|orders|people|accounts|payments|"
    r"minutes?|hours?|seconds?|days?|min\b|h\b|s\b|ms\b)"
)
NUMBER_NEAR = re.compile(rf"\d[\d.,]{{0,12}}[ ]?{COUNTED}|\(\D{{0,12}}\d|:[ ]?\d|[≈~]\d|\ufffc", re.IGNORECASE)
NOT_IMPACT = re.compile(
    r"\b(?:may|might|can|would|prefer|should|if|whether|for example|in future)\b|\bcould\b(?! not)", re.IGNORECASE
)
NOT_YET = re.compile(r"\b(?:may|might|will|would|prefer|should)\b", re.IGNORECASE)
CLOCKS = re.compile(r"\b\d{1,2}:\d{2}\b.{0,40}\b\d{1,2}:\d{2}\b", re.DOTALL)


@cache
def _phrases() -> dict[str, Phrases]:
    return {kind: Phrases(words()["impact"][kind]) for kind in ("amounts", "spans", "degrees")}


@cache
def _counted() -> re.Pattern[str]:
    """What is counted, right behind an amount."""
    kind = r"(?:[ ](?!(?:to|for|by|in|on|with|at|from|and|or|as)\b)[a-z-]{2,20}){0,2}?"
    of = rf"(?:[ ]of)?(?:[ ](?:the|our|their|these|those))?{kind}"
    return re.compile(rf"{of}[ ]{any_of(words()['impact']['counted'])}(?![\w-])", re.IGNORECASE)


def check(text: Text) -> Iterator[Finding]:
    """What is not counted, where no number stands in the same sentence."""
    for rule, kind in ((AMOUNT, "amounts"), (SPAN, "spans"), (DEGREE, "degrees")):
        for start, end in _phrases()[kind].find(text):
            counted = _counted().match(text.plain, end) if rule is AMOUNT else None
            if rule is AMOUNT and not counted:
                continue
            until = counted.end() if counted else end
            if not _has_number(text, start, until, rule) and not (counted and _is_imagined(text, start, until)):
                yield found(rule, text.source, start, until)


def _is_imagined(text: Text, start: int, end: int) -> bool:
    """What may be, or has nothing to do with harm."""
    first, last = text.sentence(start)
    before, after = (max(first, start - 40), start), (end, min(last, end + 20))
    is_other = _unimportant().search(text.plain, start, min(last, end + 12)) or not _harmed().search(
        text.plain, first, last
    )
    return bool(is_other or NOT_IMPACT.search(text.plain, *before) or NOT_YET.search(text.plain, *after))


@cache
def _harmed() -> re.Pattern[str]:
    return whole(words()["impact"]["harmed"])


@cache
def _unimportant() -> re.Pattern[str]:
    return whole(words()["grammar"]["unimportant_people"])


def _has_number(text: Text, start: int, end: int, rule: Rule) -> bool:
    """A number near enough to be the one that is meant."""
    first, last = text.sentence(start)
    if rule is SPAN and CLOCKS.search(text.plain, first, last):
        return True
    return NUMBER_NEAR.search(text.plain, max(first, start - 60), min(last, end + 70)) is not None
