"""Where an analysis must not stop: at a person, at a process, at something old."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from postmortems.coach.finding import Finding, Rule, Severity, found
from postmortems.coach.text import Text
from postmortems.coach.words import Phrases, whole, words

KINDS = ("person", "process", "legacy")
CAUSE = re.compile(
    r"\b(?:root cause|cause[ds]?|because of|because|due to|result(?:ed|s)? (?:of|from)|down to|attribut\w{1,4}|"
    r"reasons?|"
    r"blamed on|stem(?:s|med) from|led to|owing to|thanks to|trace[sd]? (?:back )?to|explained by|came from|"
    r"comes from)\b",
    re.IGNORECASE,
)
NO_END = re.compile(
    r"\b(?:not|never|rather than|instead of|nor|no|isn['’]t|wasn['’]t|without|beyond|reduc\w{1,4}|avoid\w{0,3}|"
    r"prevent\w{0,3}|prone to|risk of|chance of|room for|limit\w{0,3}|eliminat\w{1,3}|guard\w{0,3} against|"
    r"protect\w{0,3} (?:from|against)|toleran\w{1,2}|behind|label\w{0,4}|call(?:ing|ed)? (?:it|this)|why|catch\w{0,3}|"
    r"surviv\w{1,3}|replac\w{1,3}|migrat\w{1,3}|retir\w{1,3}|moved? off|pay\w{0,3} (?:down|back)|assum\w{1,3}|"
    r"suspect\w{0,3}|looked like|thought to be|mistaken for|reported as)"
    r"[ ](?:[\w'’-]{1,20}[ ]){0,3}\Z",
    re.IGNORECASE,
)
ABOUT_ENDS = re.compile(
    r"[ ](?:is|are|was)[ ](?:not|never|where|only|the start|the beginning|a symptom|no)\b"
    r"|[ ](?:rate|page|message|code|log)s?\b|[ ](?:cannot|can['’]t|could not|does not|doesn['’]t)\b",
    re.IGNORECASE,
)

END = Rule(
    id="shallow-end",
    family="Causes",
    title="“Human error” as an end",
    severity=Severity.SHOULD,
    what="The analysis ends where it should begin.",
    why="Calling it human error, a missed process or an old system names no condition that anybody can change. People "
    "will act the same again in the same situation, so what helps is to describe the situation: what they saw, what "
    "the tool allowed, what would have caught it.",
    ask="What made that the sensible thing to do at the time?",
    bad=("The root cause was human error.", "The outage happened because the process was not followed."),
    good=(
        "The tool asked for no confirmation before it deleted the production database.",
        "Human error is where our questions begin.",
    ),
)
RULES = (END,)


@cache
def _phrases() -> dict[str, Phrases]:
    return {kind: Phrases(words()["ends"][kind]) for kind in KINDS}


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {kind: whole(words()["ends"][kind]) for kind in KINDS}


def next_why(answer: str) -> str:
    """The question to ask about an answer that ends too early; "" where it does not."""
    matches = [
        (match.start(), kind)
        for kind, pattern in _patterns().items()
        if (match := pattern.search(answer)) and not NO_END.search(answer[: match.start()])
    ]
    return str(words()["ends"]["questions"][min(matches)[1]]) if matches else ""


def check(text: Text) -> Iterator[Finding]:
    """Ends in prose: what always is one, and what is one where the sentence speaks of a cause."""
    questions = words()["ends"]["questions"]
    for kind, phrases in _phrases().items():
        for at, until in phrases.find(text):
            start, end = text.sentence(at)
            said = text.plain[at:until].casefold()
            if NO_END.search(text.plain[start:at][-80:]) or ABOUT_ENDS.match(text.plain, until, end):
                continue
            is_always = kind == "person" and said.endswith(("error", "failure", "finger", "fingered"))
            if is_always or (CAUSE.search(text.plain, start, end) and _is_named(said)):
                yield found(END, text.source, at, until, ask=questions[kind])


def _is_named(words_found: str) -> bool:
    """Words that say too little by themselves, even in a sentence about causes."""
    return words_found not in {"a mistake", "forgot"}
