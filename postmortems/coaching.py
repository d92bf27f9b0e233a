"""The coach over a whole post-mortem: every finding with its place on the page, and what people let stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.urls import reverse

from incidents.models import Incident
from postmortems import queries
from postmortems.blocks import block_of, missing_for_publication
from postmortems.coach import clarity, title
from postmortems.coach.finding import Finding, Severity
from postmortems.coach.review import RANK, check_text
from postmortems.coach.times import SAID_ONCE
from postmortems.models import Dismissal, Postmortem, Section

LONGEST_CHECKED = 200_000
"""Characters of one section the coach reads; more is a log file."""


@dataclass(frozen=True)
class Placed:
    """A finding on the page: in which section, where a click leads, and whether somebody let it stand."""

    finding: Finding
    label: str
    url: str
    place: str
    dismissal: Dismissal | None = None

    @property
    def quote(self) -> str:
        return self.finding.quote[:300]


@dataclass(frozen=True)
class Readiness:
    """What keeps the post-mortem from publication, what would make it better, and what people let stand."""

    missing: list[str]
    open: list[Placed]
    dismissed: list[Placed]

    @property
    def should(self) -> list[Placed]:
        return [each for each in self.open if each.finding.rule.severity == Severity.SHOULD]

    @property
    def could(self) -> list[Placed]:
        return [each for each in self.open if each.finding.rule.severity == Severity.COULD]


def readiness_of(postmortem: Postmortem) -> Readiness:
    """What the coach and the blocks say of the post-mortem as it stands, typed words included."""
    found = sorted(_placed(postmortem), key=lambda each: RANK[each.finding.rule.severity])
    dismissals = {(row.rule, row.place, row.quote): row for row in postmortem.dismissals.select_related("dismissed_by")}
    open_, dismissed = [], []
    for each in found:
        row = dismissals.get((each.finding.rule.id, each.place, each.quote))
        if row:
            dismissed.append(replace(each, dismissal=row))
        else:
            open_.append(each)
    return Readiness(missing_for_publication(postmortem), open_, dismissed)


def findings_in(section: Section, body: str) -> list[Placed]:
    """What the coach says of a section's text as it is being typed; what people let stand is left out."""
    dismissed = set(section.postmortem.dismissals.filter(place=str(section.pk)).values_list("rule", "quote"))
    context = _Context.of(section.postmortem)
    placed = (_in_section(section, finding) for finding in context.check(body))
    return [each for each in placed if (each.finding.rule.id, each.quote) not in dismissed]


@dataclass(frozen=True)
class _Context:
    """What is known beside a text."""

    explained: frozenset[str]
    zone_is_said: bool

    @classmethod
    def of(cls, postmortem: Postmortem, texts: Iterable[str] = ()) -> _Context:
        explained = frozenset(postmortem.terms.values_list("term", flat=True))
        return cls(explained, any(SAID_ONCE.search(text) for text in texts))

    def check(self, body: str) -> list[Finding]:
        return check_text(body[:LONGEST_CHECKED], explained=self.explained, zone_is_said=self.zone_is_said)


def _placed(postmortem: Postmortem) -> list[Placed]:
    sections = queries.sections_of(postmortem)
    context = _Context.of(postmortem, [section.body for section in sections])
    found = [
        Placed(finding, "Title", f"#title-{postmortem.pk}", "title") for finding in title.check_title(postmortem.title)
    ]
    for section in sections:
        if section.is_prose:
            found += [_in_section(section, finding) for finding in context.check(section.body)]
        elif block := block_of(section.kind):
            found += [_in_block(section, finding, postmortem.incident) for finding in block.findings(postmortem)]
    words = sum(clarity.count_words(section.body) for section in sections)
    found += [Placed(finding, "The whole text", "#", "document") for finding in clarity.check_length(words)]
    return found


def _in_section(section: Section, finding: Finding) -> Placed:
    return Placed(finding, section.title, f"#section-{section.pk}", str(section.pk))


def _in_block(section: Section, finding: Finding, incident: Incident) -> Placed:
    """A row has an id of its own on the page; what is edited on the incident leads there."""
    is_row = finding.place not in {"", section.kind, "actions"}
    url = f"#{finding.place}" if is_row else f"#section-{section.pk}"
    if finding.place in {"timeline", "impact"}:
        url = f"{reverse('incidents:incident', args=[incident.pk])}#incident-{finding.place}"
    return Placed(finding, section.title, url, finding.place or str(section.pk))
