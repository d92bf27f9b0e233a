"""Counterfactuals: what somebody should have done. What a machine should have done is a specification, and fine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from postmortems.coach.finding import Finding, Rule, Severity, found
from postmortems.coach.text import Taken, Text
from postmortems.coach.words import any_of, person, whole, words

RULE = Rule(
    id="counterfactual",
    family="Counterfactuals",
    title="What should have been done",
    severity=Severity.SHOULD,
    what="This describes something that did not happen.",
    why="“Should have” tells a story in which somebody behaved otherwise, with what we know today. It hides why the "
    "real choice made sense and so what has to change. If it is an improvement, it is an action: say what will exist "
    "and who does it.",
    ask="What made the other way the obvious one? If this is an improvement, write it as an action.",
    bad=("We should have tested the failover.", "If the engineer had checked the disk, this would not have happened."),
    good=("The failover had never been tested under load.", "The alert should fire within a minute."),
)
RULES = (RULE,)

TRIGGERS = frozenset(
    ["should", "shouldn't", "should've", "ought", "could", "couldn't", "could've", "might", "if", "had", "supposed"]
)
MAY_BE = re.compile(r"(?:could|might)", re.IGNORECASE)
SPECIFIED = re.compile(
    r"\b(?:expected|documented) behaviou?r\b|\bspecification\b|\baccording to the (?:spec|docs)\b", re.IGNORECASE
)
SHOULD = r"(?:should|ought[ ]to|could|might)"
HAVE = (
    rf"(?:{SHOULD}(?:[ ]not|n['’]t)?(?:[ ](?:also|really|at[ ]least|probably|perhaps|certainly|easily|clearly|still))?"
    r"[ ](?:have(?:[ ]also)?|['’]ve)|(?:should|could)['’]ve|shouldn['’]t[ ]have)"
)
ADVERB = (
    r"(?:[ ](?:also|already|just|at[ ]least|probably|simply|first|better|never|not|only|easily|clearly|properly|both))?"
)


@cache
def _participle() -> str:
    return rf"(?:[a-z][a-z-]{{1,20}}ed|{any_of(words()['grammar']['participles'])})"


@cache
def _person_should() -> re.Pattern[str]:
    adverb = r"(?:[ ](?:really|probably|perhaps|clearly|also))?"
    return re.compile(rf"{person()}{adverb}[ ](?P<said>{HAVE}{ADVERB}[ ]{_participle()})(?![\w-])", re.IGNORECASE)


@cache
def _passive_should() -> re.Pattern[str]:
    done = any_of(words()["counterfactual"]["noticing"])
    return re.compile(rf"\b(?P<said>{HAVE}{ADVERB}[ ]been{ADVERB}[ ]{done})(?![\w-])", re.IGNORECASE)


@cache
def _if_had() -> re.Pattern[str]:
    who = rf"(?:the[ ]|our[ ]|an?[ ])?(?:[\w-]{{2,20}}[ ])?{person()}"
    negated = r"(?:n['’]t|[ ]not|[ ]only|[ ]just|[ ]properly)?"
    return re.compile(
        rf"\b(?P<said>if[ ](?:only[ ])?{who}[ ]had{negated}[ ]{_participle()}|if[ ]only\b"
        rf"|had[ ]{who}{negated}[ ]{_participle()}|(?:was|were)[ ]supposed[ ]to[ ]have[ ]{_participle()})(?![\w-])",
        re.IGNORECASE,
    )


@cache
def _harm() -> re.Pattern[str]:
    return whole(words()["grammar"]["harm"])


def check(text: Text) -> Iterator[Finding]:
    """What somebody should, could or might have done; and what would be if somebody had."""
    taken = Taken()
    spans = text.sentences_with(TRIGGERS)
    for pattern in (_person_should(), _passive_should(), _if_had()):
        for match in (match for span in spans for match in pattern.finditer(text.plain, *span)):
            start, end = match.span("said")
            if not _is_fine(text, match) and taken.take(start, end):
                yield found(RULE, text.source, start, end)


def _is_fine(text: Text, match: re.Match[str]) -> bool:
    """Harm that might have been is a risk; what a specification says is none of this."""
    start, end = text.sentence(match.start())
    said = text.plain[match.start("said") : end][:60]
    is_risk = bool(MAY_BE.match(match["said"]) and _harm().search(said))
    return is_risk or bool(SPECIFIED.search(text.plain, start, end))
