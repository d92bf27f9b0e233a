"""Debrief's own incident format: one JSON document an incident. docs/incident-json.md describes it for its authors.

Reading is all or nothing: either the whole document, or every fault of the file at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from json import JSONDecodeError
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from incidents.importers.faults import Fault, Faults, InvalidIncidentFile
from incidents.importers.fields import NOWHEN, Fields
from incidents.importers.json_nodes import Node, parse
from incidents.importers.moments import Moment, Precision, is_month
from incidents.tagging import LONGEST as LONGEST_TAG
from incidents.tagging import MOST_TAGS, normalised

__all__ = [
    "ActionEntry",
    "Branch",
    "CommunicationEntry",
    "CustomerImpact",
    "Factor",
    "Fault",
    "Figure",
    "IncidentDocument",
    "InvalidIncidentFile",
    "Moment",
    "TimelineEntry",
    "Why",
    "read_incident",
]

LARGEST_FILE = 1_000_000
"""Bytes of UTF-8."""

LONG, MEDIUM, SHORT, NAME = 20_000, 4_000, 200, 120
MOST_EVENTS, MOST_ENTRIES, MOST_SERVICES = 5_000, 200, 50

Kind = Literal[
    "trigger",
    "detection",
    "escalation",
    "decision",
    "action",
    "milestone",
    "communication",
    "recovery",
    "other",
]
Severity = Literal["SEV0", "SEV1", "SEV2", "SEV3", "SEV4"]
Priority = Literal["P1", "P2", "P3"]
ActionKind = Literal["prevent", "detect", "mitigate", "process"]

SEVERITIES: Mapping[str, Severity] = {"SEV0": "SEV0", "SEV1": "SEV1", "SEV2": "SEV2", "SEV3": "SEV3", "SEV4": "SEV4"}
KINDS: Mapping[str, Kind] = {
    "trigger": "trigger",
    "detection": "detection",
    "escalation": "escalation",
    "decision": "decision",
    "action": "action",
    "action taken": "action",
    "milestone": "milestone",
    "communication": "communication",
    "recovery": "recovery",
    "other": "other",
}
PRIORITIES: Mapping[str, Priority] = {
    "High": "P1",
    "Medium": "P2",
    "Low": "P3",
    "P1": "P1",
    "P2": "P2",
    "P3": "P3",
}
ACTION_KINDS: Mapping[str, ActionKind | None] = {
    "prevent": "prevent",
    "detect": "detect",
    "mitigate": "mitigate",
    "process": "process",
}
PRECISIONS: Mapping[str, str] = {name: name for name in ("exact", "approximate", "day", "month")}

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_NUMBERING = re.compile(r"[1-9][0-9]{0,2}(?:\.[1-9][0-9]{0,2}){1,8}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")
_WEB = re.compile(r"https?://[^\s]+")


@dataclass(frozen=True)
class Figure:
    """One number of the impact with its unit, as people state it."""

    label: str
    value: str


@dataclass(frozen=True)
class CustomerImpact:
    text: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class TimelineEntry:
    at: Moment
    kind: Kind
    actor_role: str
    text: str


@dataclass(frozen=True)
class Factor:
    layer: str
    text: str


@dataclass(frozen=True)
class Why:
    """One step of a branch: `n` is its number as text ("1.2")."""

    n: str
    why: str
    because: str


@dataclass(frozen=True)
class Branch:
    branch: str
    starts_from: str
    whys: tuple[Why, ...]


@dataclass(frozen=True)
class ActionEntry:
    """A follow-up action. `addresses_lesson` counts the document's lessons from 1."""

    text: str
    priority: Priority
    addresses_lesson: int | None
    owner: str | None
    due_on: date | None
    kind: ActionKind | None


@dataclass(frozen=True)
class CommunicationEntry:
    channel: str
    at: Moment | None
    text: str


@dataclass(frozen=True)
class IncidentDocument:
    """One incident as its file tells it. Datetimes are aware and keep the offset that was written; a time that the
    file leaves out is None, and so is a yes-or-no it says nothing about. `timezone` is UTC unless the file names one.
    """

    slug: str
    title: str
    organisation: str
    severity: Severity
    timezone: str
    started_at: datetime
    detected_at: datetime | None
    acknowledged_at: datetime | None
    diagnosed_at: datetime | None
    mitigated_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    customer_facing: bool | None
    near_miss: bool | None
    security_sensitive: bool | None
    third_party: str
    services: tuple[str, ...]
    tags: tuple[str, ...]
    customer_impact: CustomerImpact
    summary: str
    timeline: tuple[TimelineEntry, ...]
    contributing_factors: tuple[Factor, ...]
    five_whys: tuple[Branch, ...]
    went_well: tuple[str, ...]
    could_improve: tuple[str, ...]
    lessons: tuple[str, ...]
    action_items: tuple[ActionEntry, ...]
    communications: tuple[CommunicationEntry, ...]
    glossary: Mapping[str, str]
    data_notes: tuple[str, ...]
    sources: tuple[str, ...]


def read_incident(source: str | bytes, *, file_name: str) -> IncidentDocument:
    """The incident in `source`, text or the bytes of a file in UTF-8 (a byte order mark is passed over).

    Raises InvalidIncidentFile with all faults of the file, each naming `file_name`, the field and the line. Nothing
    else is raised, whatever `source` holds.
    """
    faults = Faults(file_name)
    node = _parsed(source, faults)
    faults.refuse_if_any()
    document = _document(Fields(node, "", faults))
    faults.refuse_if_any()
    return document


_NOTHING = Node({}, 1)


def _parsed(source: str | bytes, faults: Faults) -> Node:
    text = _decoded(source, faults)
    if faults.found:
        return _NOTHING
    if not text.strip():
        faults.add("", 1, "the file is empty")
        return _NOTHING
    try:
        return parse(text)
    except JSONDecodeError as error:
        faults.add("", error.lineno, f"not JSON: {error.msg} (column {error.colno})")
        return _NOTHING


def _decoded(source: str | bytes, faults: Faults) -> str:
    data = source if isinstance(source, bytes) else source.encode("utf-8", errors="surrogatepass")
    if len(data) > LARGEST_FILE:
        faults.add("", 1, f"the file has {len(data):,} bytes; at most {LARGEST_FILE:,} are read")
        return ""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        faults.add("", line, f"not UTF-8 text: byte 0x{data[error.start]:02x} cannot stand here")
        return ""


def _document(fields: Fields) -> IncidentDocument:
    zone = _zone(fields)
    lessons = fields.texts("lessons", most=MOST_ENTRIES, longest=2_000)
    document = IncidentDocument(
        slug=fields.text("slug", most=NAME, required=True, check=_slug_fault),
        title=fields.text("title", most=SHORT, required=True),
        organisation=fields.text("organisation", most=NAME),
        severity=fields.choice("severity", SEVERITIES, "SEV2", required=True),
        timezone=zone.key,
        started_at=fields.moment("started_at", required=True) or NOWHEN.at,
        detected_at=fields.moment("detected_at"),
        acknowledged_at=fields.moment("acknowledged_at"),
        diagnosed_at=fields.moment("diagnosed_at"),
        mitigated_at=fields.moment("mitigated_at"),
        resolved_at=fields.moment("resolved_at"),
        closed_at=fields.moment("closed_at"),
        customer_facing=fields.flag("customer_facing"),
        near_miss=fields.flag("near_miss"),
        security_sensitive=fields.flag("security_sensitive"),
        third_party=fields.text("third_party", most=NAME),
        services=_services(fields),
        tags=_tags(fields),
        customer_impact=_customer_impact(fields),
        summary=fields.text("summary", most=LONG, required=True, lines=True),
        timeline=tuple(
            _timeline_entry(entry, zone) for entry in fields.objects("timeline", most=MOST_EVENTS, required=True)
        ),
        contributing_factors=tuple(
            _factor(entry) for entry in fields.objects("contributing_factors", most=MOST_ENTRIES)
        ),
        five_whys=_five_whys(fields),
        went_well=fields.texts("went_well", most=MOST_ENTRIES, longest=2_000),
        could_improve=fields.texts("could_improve", most=MOST_ENTRIES, longest=2_000),
        lessons=lessons,
        action_items=tuple(_action(entry, len(lessons)) for entry in fields.objects("action_items", most=MOST_ENTRIES)),
        communications=tuple(
            _communication(entry, zone) for entry in fields.objects("communications", most=MOST_ENTRIES)
        ),
        glossary=fields.mapping("glossary", most=MOST_ENTRIES, longest=2_000),
        data_notes=fields.texts("data_notes", most=MOST_ENTRIES, longest=2_000),
        sources=fields.texts("sources", most=MOST_ENTRIES, longest=2_000, check=_source_fault),
    )
    _check_order(document, fields)
    fields.close()
    return document


def _zone(fields: Fields) -> ZoneInfo:
    return ZoneInfo(fields.text("timezone", most=64, check=_zone_fault) or "UTC")


def _slug_fault(slug: str) -> str:
    return "" if _SLUG.fullmatch(slug) else "a slug has small letters a–z, digits and single hyphens between them"


def _zone_fault(name: str) -> str:
    known = name in available_timezones()
    return "" if known else f"“{name}” is not a time zone of the IANA list, as Europe/London"


def _source_fault(source: str) -> str:
    return "" if _WEB.fullmatch(source) else "a source is a web address that starts with http:// or https://"


def _owner_fault(owner: str) -> str:
    fits = _EMAIL.fullmatch(owner)
    return "" if fits else "an owner is one person's e-mail address; leave it out while nobody owns the action"


def _services(fields: Fields) -> tuple[str, ...]:
    services = fields.texts("services", most=MOST_SERVICES, longest=NAME, required=True)
    if len({name.casefold() for name in services}) < len(services):
        fields.fault("services", "a service is named twice")
    return services


def _tags(fields: Fields) -> tuple[str, ...]:
    written = fields.texts("tags", most=MOST_TAGS, longest=80, check=_tag_fault)
    return tuple(dict.fromkeys(normalised(each) for each in written))


def _tag_fault(words: str) -> str:
    return "" if normalised(words) else f"a tag has letters and digits, at most {LONGEST_TAG} characters"


def _customer_impact(fields: Fields) -> CustomerImpact:
    impact = fields.object("customer_impact", required=True)
    if impact is None:
        return CustomerImpact("", ())
    text = impact.text("text", most=LONG, required=True, lines=True)
    figures = tuple(_figure(entry) for entry in impact.objects("figures", most=MOST_ENTRIES))
    impact.close()
    return CustomerImpact(text, figures)


def _figure(fields: Fields) -> Figure:
    figure = Figure(
        label=fields.text("label", most=NAME, required=True), value=fields.text("value", most=NAME, required=True)
    )
    fields.close()
    return figure


def _timeline_entry(fields: Fields, zone: ZoneInfo) -> TimelineEntry:
    entry = TimelineEntry(
        at=_timed(fields, zone),
        kind=fields.choice("kind", KINDS, "other", required=True),
        actor_role=fields.text("actor_role", most=80),
        text=fields.text("text", most=MEDIUM, required=True, lines=True),
    )
    fields.close()
    return entry


def _timed(fields: Fields, zone: ZoneInfo) -> Moment:
    """When a timeline entry happened: its `at`, no more exact than `precision` and `approximate` allow."""
    moment = fields.loose_moment("at", zone, required=True)
    claimed = fields.choice("precision", PRECISIONS, "")
    is_approximate = fields.flag("approximate") or claimed == "approximate"
    if moment is None:
        return NOWHEN
    written: str = "month" if is_month(moment) else moment.precision
    if claimed in {"day", "month"} and claimed != written:
        fields.fault("at", f"precision is “{claimed}”, so write a {claimed} alone ({_example(claimed)})")
    elif claimed in {"exact", "approximate"} and written != "exact":
        fields.fault("at", f"precision is “{claimed}”, so write a time of day and an offset too")
    precision: Precision = "approximate" if is_approximate and moment.precision == "exact" else moment.precision
    return Moment(moment.at, precision, moment.written, moment.caveat)


def _example(precision: str) -> str:
    return "2026-04-01" if precision == "day" else "2026-04"


def _factor(fields: Fields) -> Factor:
    factor = Factor(
        layer=fields.text("layer", most=80, required=True), text=fields.text("text", most=2_000, required=True)
    )
    fields.close()
    return factor


def _five_whys(fields: Fields) -> tuple[Branch, ...]:
    numbers: set[str] = set()
    return tuple(_branch(entry, numbers) for entry in fields.objects("five_whys", most=50))


def _branch(fields: Fields, numbers: set[str]) -> Branch:
    name = fields.text("branch", most=NAME, required=True)
    starts_from = fields.text("starts_from", most=500, required=True)
    whys = tuple(_why(entry, name, numbers) for entry in fields.objects("whys", most=MOST_ENTRIES, required=True))
    fields.close()
    return Branch(name, starts_from, whys)


def _why(fields: Fields, branch: str, numbers: set[str]) -> Why:
    why = Why(
        n=fields.text("n", most=40, required=True),
        why=fields.text("why", most=500, required=True),
        because=fields.text("because", most=2_000, required=True),
    )
    _check_numbering(fields, why.n, branch, numbers)
    fields.close()
    return why


def _check_numbering(fields: Fields, number: str, branch: str, numbers: set[str]) -> None:
    leading = re.match(r"[0-9]+", branch)
    if not number:
        return
    if not _NUMBERING.fullmatch(number):
        fields.fault("n", f"“{number[:40]}” is not a number of a why, as “1.2”")
    elif leading and number.split(".")[0] != leading[0]:
        fields.fault("n", f"{number} does not belong to branch {leading[0]}")
    elif number in numbers:
        fields.fault("n", f"{number} is given twice")
    numbers.add(number)


def _action(fields: Fields, lesson_count: int) -> ActionEntry:
    action = ActionEntry(
        text=fields.text("text", most=SHORT, required=True),
        priority=fields.choice("priority", PRIORITIES, "P2", required=True),
        addresses_lesson=fields.number("addresses_lesson", least=1, most=lesson_count),
        owner=fields.text("owner", most=254, check=_owner_fault) or None,
        due_on=fields.day("due_on"),
        kind=fields.choice("kind", ACTION_KINDS, None),
    )
    fields.close()
    return action


def _communication(fields: Fields, zone: ZoneInfo) -> CommunicationEntry:
    entry = CommunicationEntry(
        channel=fields.text("channel", most=80, required=True),
        at=fields.loose_moment("at", zone),
        text=fields.text("text", most=MEDIUM, required=True, lines=True),
    )
    fields.close()
    return entry


_ORDERED = (
    ("resolved_at", "started_at"),
    ("mitigated_at", "started_at"),
    ("resolved_at", "mitigated_at"),
    ("acknowledged_at", "detected_at"),
    ("closed_at", "resolved_at"),
)
"""The first of each pair cannot come before the second. Detection may come before the impact: someone looked early."""


def _check_order(document: IncidentDocument, fields: Fields) -> None:
    moments: dict[str, datetime | None] = {
        "started_at": document.started_at if document.started_at != NOWHEN.at else None,
        "detected_at": document.detected_at,
        "acknowledged_at": document.acknowledged_at,
        "mitigated_at": document.mitigated_at,
        "resolved_at": document.resolved_at,
        "closed_at": document.closed_at,
    }
    for later, earlier in _ORDERED:
        after, before = moments[later], moments[earlier]
        if after and before and after < before:
            fields.fault(later, f"{after.isoformat()} lies before {earlier} ({before.isoformat()})")
