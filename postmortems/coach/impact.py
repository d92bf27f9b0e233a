"""Impact without numbers: amounts, lengths of time and degrees that say how it felt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from postmortems.coach.finding import Finding, Rule, Severity, found
from postmortems.coach.text import Text
from postmortems.coach.words import any_of, whole, words

WHY = (
    "“Some customers” is four or four million. Without a number nobody can tell whether the response was worth its cost, "
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

NUMBER_NEAR = re.compile(
    r"\d[\d.,]*[ ]?(?:%|percent|per cent|k\b|m\b|million|thousand|of\b|users|customers|requests|orders|people|accounts|payments|"
    r"minutes?|hours?|seconds?|days?|min\b|h\b|s\b|ms\b)|\(\D{0,12}\d|:[ ]?\d|[≈~]\d|\{\{|\ufffc",
    re.IGNORECASE,
)
NOT_IMPACT = re.compile(
    r"\b(?:may|might|can|could|will|would|prefer|should|if|whether|for example|in future)\b", re.IGNORECASE
)
CLOCKS = re.compile(r"\b\d{1,2}:\d{2}\b.{0,40}\b\d{1,2}:\d{2}\b", re.DOTALL)


@cache
def _amount() -> re.Pattern[str]:
    lists = words()["impact"]
    of = r"(?:[ ]of)?(?:[ ](?:the|our|their|these|those))?"
    kind = r"(?:[ ][a-z-]{2,20}){0,2}?"
    return re.compile(
        rf"(?<![\w-]){any_of(lists['amounts'])}{of}{kind}[ ]{any_of(lists['counted'])}(?![\w-])", re.IGNORECASE
    )


@cache
def _span() -> re.Pattern[str]:
    return whole(words()["impact"]["spans"])


@cache
def _degree() -> re.Pattern[str]:
    return whole(words()["impact"]["degrees"])


def check(text: Text) -> Iterator[Finding]:
    """What is not counted, where no number stands in the same sentence."""
    for rule, pattern in ((AMOUNT, _amount()), (SPAN, _span()), (DEGREE, _degree())):
        for match in pattern.finditer(text.plain):
            start, end = text.sentence(match.start())
            sentence = text.plain[start:end]
            if _has_number(sentence, match.start() - start, match.end() - start, rule):
                continue
            if rule is AMOUNT and NOT_IMPACT.search(
                text.plain, max(start, match.start() - 40), min(end, match.end() + 20)
            ):
                continue
            yield found(rule, text.source, match.start(), match.end())


def _has_number(sentence: str, at: int, end: int, rule: Rule) -> bool:
    """A number near enough to be the one that is meant."""
    near = sentence[max(0, at - 60) : end + 70]
    if rule is SPAN and CLOCKS.search(sentence):
        return True
    return NUMBER_NEAR.search(near) is not None
