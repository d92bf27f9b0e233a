"""Blame: a judgement of a person. Saying who did what is fine, and often needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from postmortems.coach.finding import Finding, Rule, Severity, found
from postmortems.coach.text import Text
from postmortems.coach.words import Phrases, any_of, person, whole, words

WHY = (
    "Whoever is judged stops telling what they saw, and the next reader learns nothing that would help them. People "
    "act sensibly given what they know, so describe what they knew, what they saw and what the tool let them do. "
    "Naming who did what is fine."
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
    why="“Failed to” and “forgot to” compare what somebody did with what we know afterwards. It explains nothing: "
    "what was "
    "in front of them, and what would have reminded them or made the step unnecessary?",
    ask="What would have shown it to them, or made it unnecessary?",
    bad=("The on-call engineer failed to check the dashboard.", "Sam forgot to renew the certificate."),
    good=("The service failed to start.", "Nothing reminded anybody of the certificate."),
)
RULES = (JUDGEMENT, FAULT, OMISSION)

NOBODY = re.compile(
    r"\b(?:no(?:body| one|r)?|not|never|n['’]t|without|nothing|anything)\b[ ](?:(?!should)[\w'’-]{1,15}[ ]){0,3}\Z",
    re.IGNORECASE,
)
IS_SOMEBODY = re.compile(r"[ ](?:here[ ])?(?:was|is|were|turned out to be)[ ]", re.IGNORECASE)
NOT_OUR_FAULT = r"(?![ -](?:toleran|tree|domain|isolat|inject|detect|handl|line|code|page|report|model|zone|rate|log))"
SOFTLY = (
    r"(?:[ ](?:also|then|simply|just|again|repeatedly|clearly|obviously|completely|entirely|had|has|have|did|"
    r"initially))?"
)
MACHINES_DO = r"(?![ ](?:reach|get|find|reproduce|connect|log in|sign in))"


@cache
def _judgements() -> Phrases:
    return Phrases(words()["blame"]["judgements"])


@cache
def _innocent() -> re.Pattern[str]:
    return re.compile(any_of(words()["blame"]["innocent"]), re.IGNORECASE)


@cache
def _triggers() -> tuple[frozenset[str], frozenset[str]]:
    """Words without which there is no fault, or no omission, in a sentence."""
    lists = words()["blame"]
    faults = {"fault", "mistake", "error", "negligence", "failure", "carelessness", "incompetence", "blunder"}
    omissions = {"failed", "failing", "failure", "neglected", "neglecting", "forgot", "forgotten"}
    return (
        frozenset(faults | {phrase.split()[0] for phrase in lists["fault"]}),
        frozenset(omissions | {phrase.split()[0] for phrase in lists["verbs"]}),
    )


@cache
def _fault() -> re.Pattern[str]:
    lists = words()
    who = any_of([*lists["people"]["roles"], *lists["people"]["names"]])
    whose = r"(?:(?<=['’]s)|(?<=s['’])|\b(?:his|her|their|my|our|your))[ ](?:own[ ])?fault\b"
    of = rf"\bfault[ ]of[ ](?:the[ ])?{who}\b"
    mistake = (
        rf"(?<![\w-]){who}['’]s?[ ](?:own[ ])?(?:mistake|error|negligence|failure|carelessness|incompetence|blunder)\b"
    )
    phrases = any_of(lists["blame"]["fault"])
    return re.compile(rf"(?:{whose}|{of}){NOT_OUR_FAULT}|{mistake}|(?<![\w-]){phrases}(?![\w-])", re.IGNORECASE)


@cache
def _somebody() -> re.Pattern[str]:
    lists = words()["people"]
    return whole([*lists["roles"], *lists["names"], "he", "she", "who", "we", "they", "i"])


@cache
def _omission() -> re.Pattern[str]:
    attention = any_of(words()["grammar"]["attention"])
    did = rf"{any_of(words()['blame']['verbs'])}(?![\w-])"
    return re.compile(
        rf"{person()}{SOFTLY}[ ](?:failed[ ]to{MACHINES_DO}|neglected[ ]to|{did})"
        rf"|\b(?P<anyone>fail(?:ed|ing)[ ]to[ ]{attention}\b|failure[ ]to[ ]{attention}\b)"
        r"|\b(?P<forgot>forgot(?:ten)?[ ](?:to|about|that)|neglect(?:ed|ing)[ ]to)\b",
        re.IGNORECASE,
    )


@cache
def _machine() -> re.Pattern[str]:
    return re.compile(
        rf"(?<![\w-]){any_of(words()['grammar']['machines'])}[ ](?:[\w-]{{1,15}}[ ]){{0,2}}\Z", re.IGNORECASE
    )


def check(text: Text) -> Iterator[Finding]:
    """Judgements, faults and omissions in prose."""
    yield from _check_judgements(text)
    yield from _check_faults(text)
    yield from _check_omissions(text)


def _check_judgements(text: Text) -> Iterator[Finding]:
    for start, end in _judgements().find(text):
        near = max(0, start - 20)
        if any(match.start() <= start < match.end() for match in _innocent().finditer(text.plain, near, end + 20)):
            continue
        if not NOBODY.search(text.plain[max(0, start - 60) : start]):
            yield found(JUDGEMENT, text.source, start, end)


def _check_faults(text: Text) -> Iterator[Finding]:
    for start, end in text.sentences_with(_triggers()[0]):
        for match in _fault().finditer(text.plain, start, end):
            before, after = (
                text.plain[max(start, match.start() - 60) : match.start()],
                text.plain[match.end() : min(end, match.end() + 60)],
            )
            if not NOBODY.search(before) and _means_somebody(match[0].casefold(), before, after):
                lead = len(match[0]) - len(match[0].lstrip())
                yield found(FAULT, text.source, match.start() + lead, match.end())


def _means_somebody(said: str, before: str, after: str) -> bool:
    """Queries are culprits, and cables at fault: whether it is somebody, the words around it tell."""
    if said == "culprit":
        named = IS_SOMEBODY.match(after)
        return bool(named and _somebody().search(after[named.end() : named.end() + 22]))
    if said in {"at fault", "to blame", "blamed"}:
        return bool(_somebody().search(before[-50:]) or _somebody().search(after[:30]))
    return True


def _check_omissions(text: Text) -> Iterator[Finding]:
    for start, end in text.sentences_with(_triggers()[1]):
        for match in _omission().finditer(text.plain, start, end):
            before = text.plain[max(start, match.start() - 60) : match.start()]
            is_machine = match["anyone"] and _machine().search(before)
            is_nobody = match["forgot"] and NOBODY.search(before)
            if not is_machine and not is_nobody:
                yield found(OMISSION, text.source, match.start(), match.end())
