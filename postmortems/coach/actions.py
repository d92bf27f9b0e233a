"""Follow-up actions: what will exist, who makes it, until when."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache

from postmortems.coach.finding import Finding, Rule, Severity, found, lacking
from postmortems.coach.words import any_of, words

VAGUE = Rule(
    id="vague-action",
    family="Actions",
    title="An action that is never done",
    severity=Severity.SHOULD,
    what="Nobody could tell when this is done.",
    why="“Improve monitoring” is finished on the day it is written, or never. An action that names what will exist "
    "can be "
    "checked by somebody who was not there, and is done months sooner.",
    ask="What will exist that does not exist today? “Page when the oldest message is older than five minutes.”",
    bad=("Improve monitoring", "Make sure this does not happen again"),
    good=("Alert when the queue is older than five minutes", "Refuse to start on unknown settings"),
)
LOOKING = Rule(
    id="looking-action",
    family="Actions",
    title="An action that only looks",
    severity=Severity.SHOULD,
    what="This starts with looking, and looking never ends.",
    why="Looking into something has no end and no result that anybody can check. If the answer is needed before "
    "anything can "
    "be decided, say which decision, and by when.",
    ask="What will be decided or written, and where will it stand?",
    bad=("Investigate the timeouts", "Look into using another queue"),
    good=("Decide by 12 May which queue replaces this one, and write down why",),
)
CAREFUL = Rule(
    id="careful-action",
    family="Actions",
    title="An action that asks people to be better",
    severity=Severity.SHOULD,
    what="This asks people to be better next time.",
    why="Everybody was careful this time too. Attention fades within weeks and newcomers never heard of it: what "
    "helps is a "
    "check, a default or a limit that works on a bad day.",
    ask="Which check, default or limit would do it on a bad day?",
    bad=("Remind everyone to check the region", "Be more careful when deleting volumes"),
    good=("Ask for the region's name before a volume is deleted",),
)
NO_OWNER = Rule(
    id="action-without-owner",
    family="Actions",
    title="Nobody’s action",
    severity=Severity.MUST,
    what="Nobody owns this yet.",
    why="What a team owns, nobody does: everyone thinks that somebody else has begun. One name is not blame, it is a "
    "person others can ask.",
    ask="Which one person agreed to it?",
    bad=("(an action owned by “the platform team”)",),
    good=("(an action owned by one person who agreed to it)",),
)
NO_DATE = Rule(
    id="action-without-date",
    family="Actions",
    title="No date",
    severity=Severity.MUST,
    what="No due date yet.",
    why="Without a date it waits behind everything that has one.",
    ask="By when would it have to be there to matter? Two weeks is usual.",
    bad=("(an action without a date)",),
    good=("(an action due in two weeks)",),
)
FAR = Rule(
    id="action-far-away",
    family="Actions",
    title="More than 45 days",
    severity=Severity.COULD,
    what="This runs for more than 45 days.",
    why="Actions that run longer drift into a backlog: priorities change and whoever knew why moves on.",
    ask="Is there a first step that could be finished sooner?",
    bad=("(an action due in half a year)",),
    good=("(its first step, due in three weeks)",),
)
MANY = Rule(
    id="too-many-actions",
    family="Actions",
    title="Too many actions",
    severity=Severity.SHOULD,
    what="More than ten actions.",
    why="Of twenty actions the easy ones are done. A team that picks the three that matter most finishes them.",
    ask="Which three would have made the most difference? Keep the others as ideas.",
    bad=("(14 actions)",),
    good=("(4 actions, and ten ideas on the shelf)",),
)
RULES = (VAGUE, LOOKING, CAREFUL, NO_OWNER, NO_DATE, FAR, MANY)
LONGEST = timedelta(days=45)
MOST = 10
ONLY_WORDS = 7
"""Words after which even “improve” has said what will exist."""


@dataclass(frozen=True)
class ActionFacts:
    """What is known of an action; `decided_on` is the day from which 45 days are counted."""

    title: str
    has_owner: bool
    due_on: date | None
    decided_on: date
    place: str = ""


@cache
def _starts(kind: str) -> re.Pattern[str]:
    polite = (
        r"(?:(?:we (?:need|have|want) to|we should|we must|we will|need to|please|the team should|should|must|"
        r"let['’]s|to)[ ])?"
    )
    return re.compile(
        rf"[\s\-*\[\]x]{{0,12}}{polite}(?P<said>{any_of(words()['actions'][kind])})(?![\w-])", re.IGNORECASE
    )


@cache
def _more_of() -> re.Pattern[str]:
    """“Add monitoring”, “More tests”: a kind of thing, and nothing of which."""
    things = any_of(words()["grammar"]["things_to_have"])
    more = r"(?:(?:more|better|some|additional|proper|improved|extra|further|good)[ ])"
    return re.compile(
        rf"[\s\-*]{{0,8}}(?P<said>(?:(?:add|create|write|set up|have|get|introduce|implement)[ ]{more}?|{more})"
        rf"(?:[\w-]{{2,20}}[ ])?{things})[.!]?[ ]*",
        re.IGNORECASE,
    )


@cache
def _checkable() -> re.Pattern[str]:
    return re.compile(rf"\d|`|(?<![\w-]){any_of(words()['actions']['checkable'])}(?![\w-])", re.IGNORECASE)


def check_title(title: str) -> Iterator[Finding]:
    """What the words of an action lack."""
    for kind, rule in (("careful", CAREFUL), ("looking", LOOKING), ("vague", VAGUE)):
        match = _starts(kind).match(title)
        if match is None:
            continue
        rest = title[match.end() :]
        if kind == "vague" and (
            _checkable().search(rest) or len(rest.split()) >= ONLY_WORDS or _names_a_thing(match["said"], rest)
        ):
            continue
        if kind == "looking" and ", " in rest:
            continue
        if kind == "looking" and re.search(
            r"\b(?:and (?:write|decide|document|publish|report|agree)|decide)\b", rest, re.IGNORECASE
        ):
            continue
        yield found(rule, title, *match.span("said"))
        return
    if match := _more_of().fullmatch(title):
        yield found(VAGUE, title, *match.span("said"))


def _names_a_thing(verb: str, rest: str) -> bool:
    """“Fix the off-by-one in the retry loop”, “Review all 3,868 rules”: narrow enough to be seen done."""
    return (
        verb.casefold() in {"fix", "handle", "address", "clean up", "review", "reduce", "increase"}
        and len(rest.split()) >= 4
    )


def check_action(action: ActionFacts) -> Iterator[Finding]:
    """What an action lacks to be done by someone, some day."""
    for finding in check_title(action.title):
        yield replace(finding, place=action.place)
    if not action.has_owner:
        yield lacking(NO_OWNER, place=action.place, quote=action.title)
    if action.due_on is None:
        yield lacking(NO_DATE, place=action.place, quote=action.title)
    elif action.due_on - action.decided_on > LONGEST:
        yield lacking(FAR, place=action.place, quote=action.title)


def check_actions(actions: Sequence[ActionFacts]) -> Iterator[Finding]:
    """All actions of a post-mortem."""
    for action in actions:
        yield from check_action(action)
    if len(actions) > MOST:
        yield lacking(MANY, what=f"{len(actions)} actions.", place="actions")
