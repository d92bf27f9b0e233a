"""Times of day in prose: always with their zone, and all in one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from postmortems.coach.finding import Finding, Rule, Severity, found
from postmortems.coach.text import HIDDEN, Text

WITHOUT = Rule(
    id="time-without-zone",
    family="Times",
    title="A time without a zone",
    severity=Severity.SHOULD,
    what="Nothing says in which time zone this is.",
    why="Half of the readers are somewhere else, and logs are in UTC. An hour's difference turns cause into effect.",
    ask="Add the zone: “14:32 UTC”. Or say once “All times are in UTC”.",
    bad=("The alert fired at 14:32.",),
    good=("The alert fired at 14:32 UTC.",),
)
MIXED = Rule(
    id="mixed-zones",
    family="Times",
    title="Several time zones",
    severity=Severity.SHOULD,
    what="Another time zone than the times before.",
    why="Whoever reads has to convert in their head to see what came first.",
    ask="Which one zone does the whole document use?",
    bad=("The release went out at 09:02 PST and the alert fired at 17:06 UTC.",),
    good=("The release went out at 17:02 UTC and the alert fired at 17:06 UTC.",),
)
RULES = (WITHOUT, MIXED)

ZONE = (
    r"(?:UTC|GMT|Z|CET|CEST|BST|WEST|WET|EET|EEST|MSK|IST|JST|KST|SGT|HKT|AEST|AEDT|ACST|AWST|NZST|NZDT|EST|EDT|ET|"
    r"CST|CDT|CT|"
    r"MST|MDT|MT|PST|PDT|PT|SAST|BRT|(?:UTC|GMT)[+-]\d{1,2}(?::\d{2})?|[+-]\d{2}:?\d{2}|"
    r"[A-Z][a-z]{2,12}/[A-Z][a-z_]{2,15}|local time)"
)
CLOCK = re.compile(
    r"(?<![\d:.\w/-])(?:[01]?\d|2[0-3])(?::|"
    r"(?=[ ]?[ap]\.?m))(?:[0-5]\d(?::[0-5]\d)?)?(?:[ ]?[ap]\.?m\.?)?(?![\d:])(?!\.\d)",
    re.IGNORECASE,
)
WITH_ZONE = re.compile(rf"[ ]?\(?(?P<zone>{ZONE})(?![\w-])")
SAID_ONCE = re.compile(
    rf"\b(?:all|the|these)[ ](?:times?|timestamps?)\b[^.\n]{{0,60}}(?:{ZONE}|zone)|\btimes?[ ](?:are[ ])?(?:given[ ]|"
    rf"shown[ ]|stated[ ])?in[ ]{ZONE}|\b(?:time ?zone|timezone)\b[^.\n]{{0,20}}{ZONE}|\((?:all )?times? in {ZONE}\)",
    re.IGNORECASE,
)
NEAR = 100
"""Characters to either side in which a zone counts for a time."""
SAME = {"Z": "UTC", "GMT": "UTC"}
NOT_A_TIME = re.compile(
    r"\b(?:ratio|odds|score|scale|version|verse|aspect|won|psalm|chapter)\b[^.\n]{0,15}\Z|[:/][\w.]{0,15}\Z",
    re.IGNORECASE,
)


def check(text: Text, *, zone_is_said: bool = False) -> Iterator[Finding]:
    """The first time of a text that has no zone, and the first of another zone than the one before."""
    is_said = zone_is_said or SAID_ONCE.search(text.plain) is not None
    first: re.Match[str] | None = None
    count = 0
    zones: dict[str, str] = {}
    for match in CLOCK.finditer(text.plain):
        if not _is_time(text.plain, match):
            continue
        zone = _zone_of(text, match)
        if zone:
            name = SAME.get(zone.upper(), zone.upper())
            if zones and name not in zones:
                yield found(
                    MIXED,
                    text.source,
                    match.start(),
                    match.end(),
                    what=f"{zone} here, {next(iter(zones.values()))} before.",
                )
            zones.setdefault(name, zone)
        elif not is_said:
            count += 1
            first = first or match
    if first:
        others = f" {count - 1} more like it." if count > 1 else ""
        yield found(WITHOUT, text.source, first.start(), first.end(), what=WITHOUT.what + others)


def _is_time(plain: str, match: re.Match[str]) -> bool:
    said = match[0].strip()
    is_bare = said.isdigit()
    before = plain[max(0, match.start() - 30) : match.start()]
    return not is_bare and not said.endswith(":") and not NOT_A_TIME.search(before) and not before.endswith(HIDDEN)


def _zone_of(text: Text, match: re.Match[str]) -> str:
    """The zone behind it, or of the other end of a range ("14:02–14:25 UTC"), or anywhere else in its sentence."""
    own = WITH_ZONE.match(text.plain, match.end())
    if own:
        return own["zone"]
    start, end = text.sentence(match.start())
    start, end = max(start, match.start() - NEAR), min(end, match.end() + NEAR)
    line_start = text.plain.rfind("\n", start, match.start()) + 1
    line_end = text.plain.find("\n", match.end(), end)
    near = text.plain[max(start, line_start) : line_end if line_end >= 0 else end]
    other = re.search(rf"\d[ ]?(?:[ap]m[ ]?)?\(?({ZONE})(?![\w-])|\bin ({ZONE})(?![\w-])|\(({ZONE})\)", near)
    return next(filter(None, other.groups()), "") if other else ""
