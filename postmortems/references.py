"""Living references: names in the text that stand for a fact, and always say what the fact is now.

A source answers for one kind of name ("title", "event:12", "lesson:3"). An app above adds its own from
`AppConfig.ready()`: `references.register(ActionReferences())`. Only the names that a text uses are looked up.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from django.urls import reverse

from accounts.models import User
from incidents.durations import durations
from incidents.markdown import Reference, reference_keys
from incidents.models import Incident
from postmortems.blocks.incident import known_moments
from postmortems.clock import moment_text
from postmortems.models import Postmortem


@dataclass(frozen=True)
class Choice:
    """Something that can be inserted into a text: its name, and what it would say."""

    key: str
    label: str


class ReferenceSource(ABC):
    """Answers for all names of one kind. Whoever may see the post-mortem may see every answer."""

    prefix: ClassVar[str]
    """What stands before the colon; "" for the plain names of facts."""
    group: ClassVar[str]
    """The heading of its choices in the menu."""

    @abstractmethod
    def resolve(self, postmortem: Postmortem, names: set[str]) -> Mapping[str, Reference]:
        """The references among `names` (without the prefix) that exist; unknown ones are left out."""

    @abstractmethod
    def choices(self, postmortem: Postmortem) -> list[Choice]:
        """What can be inserted, by name without the prefix."""


_registry: dict[str, ReferenceSource] = {}


def register(source: ReferenceSource) -> None:
    """Let `source` answer for its prefix; called once at start."""
    _registry[source.prefix] = source


def references_in(postmortem: Postmortem, texts: Iterable[str]) -> dict[str, Reference]:
    """What the names used in `texts` stand for; one that stands for nothing is missing."""
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for key in {key for text in texts for key in reference_keys(text)}:
        prefix, _, name = key.rpartition(":")
        wanted[prefix].add(name)
    found: dict[str, Reference] = {}
    for prefix, names in wanted.items():
        if source := _registry.get(prefix):
            resolved = source.resolve(postmortem, names)
            found.update({_key(prefix, name): reference for name, reference in resolved.items()})
    return found


def choices_for(postmortem: Postmortem) -> list[tuple[str, list[Choice]]]:
    """All that can be inserted into a text, by group; groups with nothing to offer are left out."""
    groups = []
    for source in _registry.values():
        choices = [Choice(_key(source.prefix, choice.key), choice.label) for choice in source.choices(postmortem)]
        if choices:
            groups.append((source.group, choices))
    return groups


def values_of(postmortem: Postmortem) -> dict[str, Reference]:
    """What all that can be inserted stands for now, by name."""
    found: dict[str, Reference] = {}
    for source in _registry.values():
        names = {choice.key for choice in source.choices(postmortem)}
        found.update({_key(source.prefix, name): ref for name, ref in source.resolve(postmortem, names).items()})
    return found


def placeholder(key: str) -> str:
    """How a text names the fact `key`."""
    return "{{" + key + "}}"


def _key(prefix: str, name: str) -> str:
    return f"{prefix}:{name}" if prefix else name


def numbers(names: set[str]) -> list[int]:
    """Those names that are numbers a row can have."""
    return [int(name) for name in names if name.isascii() and name.isdigit() and len(name) < 10]


# -- The sources of this app ------------------------------------------------------------------------------------------


def incident_url(incident: Incident, anchor: str = "") -> str:
    url = reverse("incidents:incident", args=[incident.pk])
    return f"{url}#{anchor}" if anchor else url


class FactReferences(ReferenceSource):
    """Title, severity, times and durations of the incident."""

    prefix = ""
    group = "Facts"

    def resolve(self, postmortem: Postmortem, names: set[str]) -> Mapping[str, Reference]:
        url = incident_url(postmortem.incident)
        facts = self._facts(postmortem)
        return {name: Reference(text=facts[name], url=url) for name in names if name in facts}

    def choices(self, postmortem: Postmortem) -> list[Choice]:
        return [Choice(key, text) for key, text in self._facts(postmortem).items()]

    def _facts(self, postmortem: Postmortem) -> dict[str, str]:
        """Every fact that is known, by name."""
        incident = postmortem.incident
        facts = {"title": incident.title, "incident": incident.reference, "severity": incident.severity}
        facts.update({moment.key: moment.text for moment in known_moments(incident)})
        facts.update({d.key: d.text for d in durations(incident) if d.value is not None})
        return facts


class PersonReferences(ReferenceSource):
    """People by the part they play, or by number where somebody is mentioned, under the name they have now."""

    prefix = "person"
    group = "People"

    def resolve(self, postmortem: Postmortem, names: set[str]) -> Mapping[str, Reference]:
        people = self._people(postmortem)
        named = User.objects.filter(pk__in=numbers(names))
        people.update({str(person.pk): person.display_name for person in named})
        return {name: Reference(text=people[name], url="") for name in names if name in people}

    def choices(self, postmortem: Postmortem) -> list[Choice]:
        return [Choice(key, text) for key, text in self._people(postmortem).items()]

    def _people(self, postmortem: Postmortem) -> dict[str, str]:
        commander = postmortem.incident.commander
        people = {"owner": postmortem.owner.display_name}
        if commander:
            people["commander"] = commander.display_name
        return people


class EventReferences(ReferenceSource):
    """Events of the timeline, named by when they were."""

    prefix = "event"
    group = "Timeline"

    def resolve(self, postmortem: Postmortem, names: set[str]) -> Mapping[str, Reference]:
        incident = postmortem.incident
        rows = incident.events.filter(pk__in=numbers(names))
        return {
            str(row.pk): Reference(
                text=moment_text(row.at, incident.zone, row.precision), url=incident_url(incident, f"event-{row.pk}")
            )
            for row in rows
        }

    def choices(self, postmortem: Postmortem) -> list[Choice]:
        zone = postmortem.incident.zone
        rows = postmortem.incident.events.all()
        return [Choice(str(row.pk), f"{moment_text(row.at, zone, row.precision)} · {short(row.text)}") for row in rows]


class ServiceReferences(ReferenceSource):
    """Services the incident touched, under the name they have now."""

    prefix = "service"
    group = "Services"

    def resolve(self, postmortem: Postmortem, names: set[str]) -> Mapping[str, Reference]:
        url = incident_url(postmortem.incident)
        rows = postmortem.incident.services.filter(slug__in=names)
        return {row.slug: Reference(text=row.name, url=url) for row in rows}

    def choices(self, postmortem: Postmortem) -> list[Choice]:
        return [Choice(row.slug, row.name) for row in postmortem.incident.services.all()]


class FigureReferences(ReferenceSource):
    """Numbers of the impact."""

    prefix = "figure"
    group = "Impact"

    def resolve(self, postmortem: Postmortem, names: set[str]) -> Mapping[str, Reference]:
        incident = postmortem.incident
        rows = incident.figures.filter(pk__in=numbers(names))
        return {str(row.pk): Reference(text=row.value, url=incident_url(incident, "impact")) for row in rows}

    def choices(self, postmortem: Postmortem) -> list[Choice]:
        return [Choice(str(row.pk), f"{row.label}: {row.value}") for row in postmortem.incident.figures.all()]


class LessonReferences(ReferenceSource):
    """Lessons by their number."""

    prefix = "lesson"
    group = "Lessons"

    def resolve(self, postmortem: Postmortem, names: set[str]) -> Mapping[str, Reference]:
        url = postmortem.get_absolute_url()
        rows = postmortem.lessons.filter(number__in=numbers(names))
        return {
            str(row.number): Reference(text=f"lesson {row.number}", url=f"{url}#lesson-{row.number}") for row in rows
        }

    def choices(self, postmortem: Postmortem) -> list[Choice]:
        return [Choice(str(row.number), f"{row.number}. {short(row.text)}") for row in postmortem.lessons.all()]


def short(text: str) -> str:
    """The first line of `text`, no longer than fits a menu."""
    line = text.strip().split("\n", 1)[0]
    return line if len(line) <= 70 else line[:69].rstrip() + "…"


for _source in (
    FactReferences(),
    ServiceReferences(),
    FigureReferences(),
    EventReferences(),
    PersonReferences(),
    LessonReferences(),
):
    register(_source)
