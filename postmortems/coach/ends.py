"""Where an analysis must not stop: at a person, at a process, at something old."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from postmortems.coach.finding import Finding, Rule, Severity, found
from postmortems.coach.text import Text
from postmortems.coach.words import whole, words

KINDS = ("person", "process", "legacy")
CAUSE = re.compile(
    r"\b(?:root cause|cause[ds]?|because of|because|due to|result(?:ed|s)? (?:of|from)|down to|attributed to|reason(?:s)?|"
    r"blamed on|boil(?:s|ed) down to|stem(?:s|med) from|led to|owing to|thanks to|trace[sd]? (?:back )?to|put down to|"
    r"explained by|came from|comes from|factor)\b",
    re.IGNORECASE,
)
NO_END = re.compile(
    r"\b(?:not|never|rather than|instead of|nor|no|isn['’]t|wasn['’]t|without|beyond|reduc\w*|avoid\w*|prevent\w*|"
    r"prone to|risk of|chance of|room for|limit\w*|eliminat\w*|guard\w* against|protect\w* (?:from|against)|toleran\w*|"
    r"behind|label\w*|call\w* it|why|catch\w*|survive\w*|replac\w*|migrat\w*|retir\w*|moved? off|pay\w* (?:down|back))"
    r"[ ](?:[\w'’-]{1,20}[ ]){0,3}\Z",
    re.IGNORECASE,
)

END = Rule(
    id="shallow-end",
    family="Causes",
    title="“Human error” as an end",
    severity=Severity.SHOULD,
    what="The analysis ends where it should begin.",
    why="Calling it human error, a missed process or an old system names no condition that anybody can change. People will "
    "act the same again in the same situation, so what helps is to describe the situation: what they saw, what the tool "
    "allowed, what would have caught it.",
    ask="What made that the sensible thing to do at the time?",
    bad=("The root cause was human error.", "The outage happened because the process was not followed."),
    good=(
        "The tool asked for no confirmation before it deleted the production database.",
        "Human error is where our questions begin.",
    ),
)
RULES = (END,)


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
    for kind, pattern in _patterns().items():
        for match in pattern.finditer(text.plain):
            start, end = text.sentence(match.start())
            before, sentence = text.plain[start : match.start()], text.plain[start:end]
            if NO_END.search(before) or _speaks_of_ends(text.plain[match.end() : end]):
                continue
            is_always = kind == "person" and match[0].casefold().endswith(("error", "failure"))
            if is_always or (CAUSE.search(sentence) and _is_named(match[0])):
                yield found(END, text.source, match.start(), match.end(), ask=questions[kind])


def _is_named(words_found: str) -> bool:
    """Words that say too little by themselves, even in a sentence about causes."""
    return words_found.casefold() not in {"a mistake", "forgot"}


def _speaks_of_ends(rest: str) -> bool:
    """“Human error is where the questions begin”: about the idea, not an end."""
    return bool(
        re.match(
            r"[ ](?:is|are|was)[ ](?:not|never|where|only|the start|the beginning|a symptom|no)\b|[ ](?:rate|page|message|code|log)s?\b"
            r"|[ ](?:cannot|can['’]t|could not|does not|doesn['’]t)\b",
            rest,
            re.IGNORECASE,
        )
    )
