"""Blame: a judgement of a person. Saying who did what is fine, and often needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from postmortems.coach.finding import Finding, Rule, Severity, found
from postmortems.coach.text import Text
from postmortems.coach.words import any_of, person, whole, words

WHY = (
    "Whoever is judged stops telling what they saw, and the next reader learns nothing that would help them. People act "
    "sensibly given what they know, so describe what they knew, what they saw and what the tool let them do. Naming who "
    "did what is fine."
)
JUDGEMENT = Rule(
    id="blame-judgement",
    family="Blame",
    title="A judgement of somebody",
    severity=Severity.SHOULD,
    what="This judges a person.",
    why=WHY,
    ask="What did they see and know at that moment?",
    bad=("The engineer carelessly restarted the wrong cluster.", "The team dropped the ball on this one."),
    good=(
        "The engineer restarted the cluster in the other region: both prompts look the same.",
        "The page used lazy loading.",
    ),
)
FAULT = Rule(
    id="blame-fault",
    family="Blame",
    title="Somebody’s fault",
    severity=Severity.SHOULD,
    what="This says whose fault it was.",
    why=WHY,
    ask="Which condition made it possible, whoever had been there?",
    bad=("The outage was the release manager's fault.", "The database team is to blame."),
    good=("The replica has better fault tolerance.", "We found the line with git blame."),
)
OMISSION = Rule(
    id="blame-omission",
    family="Blame",
    title="What somebody failed to do",
    severity=Severity.SHOULD,
    what="This measures a person against what is known only now.",
    why="“Failed to” and “forgot to” compare what somebody did with what we know afterwards. It explains nothing: what was "
    "in front of them, and what would have reminded them or made the step unnecessary?",
    ask="What would have shown it to them, or made it unnecessary?",
    bad=("The on-call engineer failed to check the dashboard.", "Sam forgot to renew the certificate."),
    good=("The service failed to start.", "Nothing reminded anybody of the certificate."),
)
RULES = (JUDGEMENT, FAULT, OMISSION)

NOBODY = re.compile(
    r"\b(?:no(?:body| one|r)?|not|never|n['’]t|without|nothing)\b[ ](?:[\w'’-]{1,15}[ ]){0,3}\Z", re.IGNORECASE
)
ATTENTION = (
    "check|verify|notice|reali[sz]e|test|follow|communicate|inform|tell|ask|read|understand|remember|double-check|think|"
    "consider|recogni[sz]e|anticipate|foresee|spot|review|document|warn|appreciate|heed|pay attention|do (?:his|her|their) job|"
    "take into account|consult|coordinate|escalate|plan|prepare|act|listen|learn|care"
)
MACHINE = re.compile(
    r"\b(?:monitor\w*|alert\w*|checks?|tests?|probe\w*|script\w*|job\w*|pipeline\w*|service\w*|system\w*|server\w*|process\w*|"
    r"client\w*|agent\w*|controller\w*|node\w*|cluster\w*|validator\w*|linter\w*|canary|suite|tool\w*|software|code|parser\w*|"
    r"automation|scanner\w*|bot|database\w*|cache\w*|sensor\w*|runbook\w*|documentation|dashboard\w*|health\w*|application\w*|app|"
    r"deploy\w*|release\w*|build\w*|library|it|which|that)[ ](?:[\w-]{1,15}[ ]){0,2}\Z",
    re.IGNORECASE,
)


@cache
def _judgements() -> re.Pattern[str]:
    return whole(words()["blame"]["judgements"])


@cache
def _innocent() -> re.Pattern[str]:
    return re.compile(any_of(words()["blame"]["innocent"]), re.IGNORECASE)


@cache
def _fault() -> re.Pattern[str]:
    lists = words()["blame"]["fault"]
    not_a_term = r"(?![ -](?:toleran|tree|domain|isolat|inject|detect|handl|line|code|page|report|model|zone|rate|log))"
    whose = r"(?:(?<=['’]s)|(?<=s['’])|\b(?:his|her|their|my|our|your))[ ](?:own[ ])?fault\b"
    of = rf"\bfault[ ]of[ ](?:the[ ])?{any_of(words()['people']['roles'])}\b"
    return re.compile(rf"(?:{whose}|{of}){not_a_term}|(?<![\w-]){any_of(lists)}(?![\w-])", re.IGNORECASE)


@cache
def _omission() -> re.Pattern[str]:
    adverbs = r"(?:[ ](?:also|then|simply|just|again|repeatedly|clearly|obviously|completely|entirely|had|has|have|did|initially))?"
    did = rf"{any_of(words()['blame']['verbs'])}(?![\w-])"
    return re.compile(
        rf"{person()}{adverbs}[ ](?:(?P<failed>failed[ ]to(?![ ](?:reach|get|find|reproduce|connect|log in|sign in))|neglected[ ]to)|{did})"
        rf"|\b(?P<anyone>fail(?:ed|ing)[ ]to[ ](?:{ATTENTION})\b|failure[ ]to[ ](?:{ATTENTION})\b)"
        r"|\b(?P<forgot>forgot(?:ten)?[ ](?:to|about|that)|neglect(?:ed|ing)[ ]to)\b",
        re.IGNORECASE,
    )


def check(text: Text) -> Iterator[Finding]:
    """Judgements, faults and omissions in prose."""
    yield from _check_judgements(text)
    yield from _check_faults(text)
    yield from _check_omissions(text)


def _check_judgements(text: Text) -> Iterator[Finding]:
    innocent = {place for match in _innocent().finditer(text.plain) for place in range(match.start(), match.end())}
    for match in _judgements().finditer(text.plain):
        if match.start() in innocent or NOBODY.search(text.plain, max(0, match.start() - 60), match.start()):
            continue
        yield found(JUDGEMENT, text.source, match.start(), match.end())


def _check_faults(text: Text) -> Iterator[Finding]:
    for match in _fault().finditer(text.plain):
        before = text.plain[max(0, match.start() - 60) : match.start()]
        if NOBODY.search(before) or (match[0].casefold() == "culprit" and not _names_somebody(text, match)):
            continue
        if match[0].casefold() == "blamed" and re.match(
            r"[ ](?:on|for)?[ ]?the[ ](?:release|change|network)", text.plain[match.end() :]
        ):
            continue
        yield found(FAULT, text.source, match.start(), match.end())


def _names_somebody(text: Text, match: re.Match[str]) -> bool:
    """Whether the culprit is somebody: most are queries."""
    start, end = text.sentence(match.start())
    roles = whole([*words()["people"]["roles"], *words()["people"]["names"], "he", "she", "who"])
    return bool(roles.search(text.plain, start, end))


def _check_omissions(text: Text) -> Iterator[Finding]:
    for match in _omission().finditer(text.plain):
        start, _ = text.sentence(match.start())
        before = text.plain[max(start, match.start() - 60) : match.start()]
        if match["anyone"] and MACHINE.search(before):
            continue
        if match["forgot"] and NOBODY.search(before):
            continue
        yield found(OMISSION, text.source, match.start(), match.end())
