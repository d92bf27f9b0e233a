"""Counterfactuals: what somebody should have done. What a machine should have done is a specification, and fine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from postmortems.coach.finding import Finding, Rule, Severity, found
from postmortems.coach.text import Text
from postmortems.coach.words import any_of, person, words

RULE = Rule(
    id="counterfactual",
    family="Counterfactuals",
    title="What should have been done",
    severity=Severity.SHOULD,
    what="This describes something that did not happen.",
    why="“Should have” tells a story in which somebody behaved otherwise, with what we know today. It hides why the real "
    "choice made sense and so what has to change. If it is an improvement, it is an action: say what will exist and who "
    "does it.",
    ask="What made the other way the obvious one? If this is an improvement, write it as an action.",
    bad=("We should have tested the failover.", "If the engineer had checked the disk, this would not have happened."),
    good=("The failover had never been tested under load.", "The alert should fire within a minute."),
)
RULES = (RULE,)

PARTICIPLE = r"(?:[a-z]{2,20}ed|been|done|gone|had|known|made|seen|taken|told|thought|kept|caught|found|sent|run|set|put|read|written|left|asked|paid|built|said|begun|given|understood|spoken|chosen|brought|let|drawn|held|led|met|noticed|foreseen|worn|come|got|gotten|stuck|spent|rolled)"
HARM = re.compile(
    r"\b(?:been (?:much |far |a lot |even )?(?:worse|longer|larger|more|higher|avoided by)|caused|affected|led to|lost|resulted|happened|damaged|spread|been lost|been affected)\b",
    re.IGNORECASE,
)


@cache
def _person_should() -> re.Pattern[str]:
    modal = r"(?:should|ought[ ]to|could|might)(?:[ ]not|n['’]t)?(?:[ ](?:also|really|at[ ]least|probably|perhaps|certainly|easily|clearly|still|have[ ]also))?[ ](?:have|['’]ve)|(?:should|could)['’]ve|shouldn['’]t[ ]have"
    adverb = r"(?:[ ](?:also|already|just|at[ ]least|probably|simply|first|better|never|not|only))?"
    return re.compile(
        rf"{person()}(?:[ ](?:really|probably|perhaps|clearly|also))?[ ](?P<said>(?:{modal}){adverb}[ ]{PARTICIPLE})(?![\w-])",
        re.IGNORECASE,
    )


@cache
def _passive_should() -> re.Pattern[str]:
    done = any_of(words()["counterfactual"]["noticing"])
    adverb = (
        r"(?:[ ](?:also|already|already[ ]been|probably|easily|clearly|all|both|never|only|properly|better|fully))?"
    )
    return re.compile(
        rf"\b(?P<said>(?:should(?:n['’]t|[ ]not)?|ought[ ]to|could(?:n['’]t)?)(?:[ ](?:also|probably|easily|clearly|perhaps|really))?[ ]have{adverb}[ ]been{adverb}[ ]{done})(?![\w-])",
        re.IGNORECASE,
    )


@cache
def _if_had() -> re.Pattern[str]:
    return re.compile(
        rf"\b(?P<said>if[ ](?:the[ ]|our[ ]|a[ ]|an[ ]|only[ ](?:the[ ])?)?(?:[\w-]{{2,20}}[ ])?{person()}[ ]had(?:n['’]t|[ ]not|[ ]only|[ ]just|[ ]properly)?[ ]{PARTICIPLE}"
        rf"|if[ ]only\b|had[ ](?:the[ ]|our[ ])?(?:[\w-]{{2,20}}[ ])?{person()}(?:[ ]not|[ ]only|[ ]just)?[ ]{PARTICIPLE}"
        rf"|(?:was|were)[ ]supposed[ ]to[ ]have[ ]{PARTICIPLE})(?![\w-])",
        re.IGNORECASE,
    )


def check(text: Text) -> Iterator[Finding]:
    """What somebody should, could or might have done; and what would be if somebody had."""
    taken: list[tuple[int, int]] = []
    for pattern in (_person_should(), _passive_should(), _if_had()):
        for match in pattern.finditer(text.plain):
            start, end = match.span("said")
            if any(start < other_end and end > other_start for other_start, other_end in taken) or _is_fine(
                text, match
            ):
                continue
            taken.append((start, end))
            yield found(RULE, text.source, start, end)


def _is_fine(text: Text, match: re.Match[str]) -> bool:
    """Harm that might have been is a risk; a question about the future of a check is none of this."""
    start, end = text.sentence(match.start())
    rest = text.plain[match.start("said") : end]
    is_harm = (
        HARM.search(rest[:60]) is not None and re.match(r"(?:could|might)", match["said"], re.IGNORECASE) is not None
    )
    sentence = text.plain[start:end]
    is_machine = re.search(
        r"\b(?:expected|documented) behaviou?r\b|\bspecification\b|\baccording to the (?:spec|docs|documentation)\b",
        sentence,
        re.IGNORECASE,
    )
    return is_harm or bool(is_machine)
