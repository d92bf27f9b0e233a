"""Writing a file's incident into the database: all of it or nothing, and never twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from accounts import audit
from accounts.models import Team, User
from incidents import rules, signals
from incidents.importers import parts
from incidents.importers.debrief_json import LARGEST_FILE, IncidentDocument, InvalidIncidentFile, read_incident
from incidents.importers.merge import Values, changes_of, plan
from incidents.importers.zones import likely_zone
from incidents.models import Communication, ImpactFigure, ImportedPart, Incident, Service, TimelineEvent
from incidents.services.incidents import (
    create_incident,
    incident_was_changed,
    lock_incident,
    name_service,
    update_incident,
)

FACTS = "facts"
MOMENTS = {"at", "impact_started_at", *parts.TIMES}


class ImportRefused(Exception):
    """The file is in order, but cannot be imported as things stand; the message says why, for its reader."""


@dataclass(frozen=True)
class Count:
    """How many rows of one part were added, updated and removed."""

    added: int = 0
    updated: int = 0
    removed: int = 0

    @property
    def total(self) -> int:
        return self.added + self.updated + self.removed

    def __str__(self) -> str:
        said = ((self.added, "added"), (self.updated, "updated"), (self.removed, "removed"))
        return ", ".join(f"{number} {word}" for number, word in said if number)


@dataclass(frozen=True)
class ImportOutcome:
    """What an import did; counts by part: "facts", "events", "figures", "communications"."""

    incident: Incident
    created: bool
    counts: dict[str, Count] = field(default_factory=dict)

    @property
    def has_changed(self) -> bool:
        return self.created or any(count.total for count in self.counts.values())

    @property
    def in_words(self) -> str:
        """As "made INC-12", "updated INC-12: events 1 added" or "INC-12: nothing changed"."""
        reference = self.incident.reference
        if self.created:
            return f"made {reference} with {self.counts['events'].added} events"
        if not self.has_changed:
            return f"{reference}: nothing changed"
        changed = "; ".join(f"{name}: {count}" for name, count in self.counts.items() if count.total)
        return f"updated {reference} ({changed})"


@dataclass(frozen=True)
class FileResult:
    """What became of one file: its outcome, or all that is wrong with it, each in a line that names the file."""

    name: str
    outcome: ImportOutcome | None = None
    faults: list[str] = field(default_factory=list)
    more_faults: int = 0


def import_file(*, name: str, content: bytes, team: Team | None, by: User, now: datetime) -> FileResult:
    """Read one file and write its incident. Faults are returned, never raised; nothing of a faulty file is kept."""
    try:
        document = read_incident(content, file_name=name)
        return FileResult(name, import_document(document=document, team=team, by=by, now=now))
    except InvalidIncidentFile as invalid:
        more = invalid.fault_count - len(invalid.faults)
        return FileResult(name, faults=[str(fault) for fault in invalid.faults], more_faults=more)
    except ImportRefused as refusal:
        return FileResult(name, faults=[f"{name}: {refusal}"])


def oversized(name: str, size: int) -> FileResult:
    """The result of a file that is too large to be read at all."""
    return FileResult(name, faults=[f"{name}: the file has {size:,} bytes; at most {LARGEST_FILE:,} are read"])


@transaction.atomic
def import_document(*, document: IncidentDocument, team: Team | None, by: User, now: datetime) -> ImportOutcome:
    """Make the incident that `document` tells of, or bring it up to date, with everything that follows from it.

    An incident is known by its slug: importing it again updates what the file changed and leaves what people wrote,
    added or deleted since. A new one belongs to `team`, else to the only team of `by`. Raises `ImportRefused`.
    """
    _one_at_a_time(document.slug)
    zone = likely_zone(document)
    existing = Incident.objects.filter(import_key=document.slug).first()
    said = parts.facts(document, zone)
    if existing is None:
        incident = _created(document, said, _team_of(team, by), by=by, now=now)
        counts = {FACTS: Count()}
    else:
        _check_right(existing, document, by)
        incident = lock_incident(existing)
        incident, counts = _updated(incident, said, by=by, now=now)
    counts |= _write_parts(incident, document, by=by, now=now)
    outcome = ImportOutcome(incident, created=existing is None, counts=counts)
    _announce(outcome, document, by=by, now=now)
    return outcome


def _one_at_a_time(slug: str) -> None:
    """Let two imports of the same incident pass one after the other: both may be the first to make it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"import:{slug}"])


def _team_of(team: Team | None, by: User) -> Team:
    if team:
        return team
    teams = list(by.teams.all()[:2])
    if len(teams) != 1:
        raise ImportRefused("say which team owns the incident: you are in none, or in several")
    return teams[0]


def _check_right(incident: Incident, document: IncidentDocument, by: User) -> None:
    if not rules.can_edit(by, incident):
        raise ImportRefused(f"the slug “{document.slug}” is taken by an incident that you may not change")


def _announce(outcome: ImportOutcome, document: IncidentDocument, *, by: User, now: datetime) -> None:
    incident = outcome.incident
    if outcome.has_changed:
        verb = "incident.imported" if outcome.created else "incident.import-updated"
        counts = {name: [count.added, count.updated, count.removed] for name, count in outcome.counts.items()}
        audit.record(by=by, verb=verb, obj=incident, slug=document.slug, counts=counts)
        incident_was_changed(incident, now=now)
    signals.incident_imported.send(sender=Incident, incident=incident, document=document, by=by, now=now)


# -- Facts -------------------------------------------------------------------------------------------------------------


def _created(document: IncidentDocument, said: Values, team: Team, *, by: User, now: datetime) -> Incident:
    facts = _from_plain(said)
    facts["services"] = _services(facts["services"], team, by=by)
    incident = create_incident(team=team, by=by, now=now, import_key=document.slug, **facts)
    remember(incident, FACTS, {FACTS: said}, now=now)
    return incident


def _updated(incident: Incident, said: Values, *, by: User, now: datetime) -> tuple[Incident, dict[str, Count]]:
    present = _present_facts(incident)
    changes = changes_of(said, present, remembered(incident, FACTS).get(FACTS))
    remember(incident, FACTS, {FACTS: said}, now=now)
    if not changes:
        return incident, {FACTS: Count()}
    _check_order({**present, **changes})
    written = _from_plain(changes)
    if "services" in written:
        written["services"] = _services(written["services"], incident.team, by=by)
    updated = update_incident(incident=incident, revision=incident.revision, changes=written, by=by, now=now)
    return updated, {FACTS: Count(updated=1)}


def _present_facts(incident: Incident) -> dict[str, Any]:
    names = ("title", "severity", "timezone", "is_customer_facing", "is_near_miss", "is_security_sensitive")
    present: dict[str, Any] = {name: getattr(incident, name) for name in (*names, "third_party", "summary", "impact")}
    present |= {name: parts.stamp(getattr(incident, name)) for name in ("impact_started_at", *parts.TIMES)}
    present["services"] = sorted((service.name for service in incident.services.all()), key=str.casefold)
    return present


def _check_order(facts: Values) -> None:
    """The file alone is in order; together with times that people corrected it may not be."""
    started, resolved = facts["impact_started_at"], facts["resolved_at"]
    if started and resolved and resolved < started:
        raise ImportRefused(
            f"with the times that people entered since, the incident would be resolved ({resolved}) before its impact "
            f"started ({started}): correct one of them first"
        )


def _services(names: list[str], team: Team, *, by: User) -> list[Service]:
    return [name_service(name=name, team=team, by=by) for name in names]


# -- Parts -------------------------------------------------------------------------------------------------------------


def _write_parts(incident: Incident, document: IncidentDocument, *, by: User, now: datetime) -> dict[str, Count]:
    zone = incident.zone
    said: list[tuple[str, Any, Mapping[str, Values]]] = [
        ("events", TimelineEvent, parts.events(document, zone)),
        ("figures", ImpactFigure, parts.figures(document)),
        ("communications", Communication, parts.communications(document, zone)),
    ]
    return {part: _write(incident, part, model, values, by=by, now=now) for part, model, values in said}


def _write(incident: Incident, part: str, model: Any, said: Mapping[str, Values], *, by: User, now: datetime) -> Count:
    """Bring one part, the rows of `model`, in line with the file."""
    rows = {row.import_key: row for row in _imported(incident, model)}
    before = remembered(incident, part)
    names = next(iter([*said.values(), *before.values()]), {}).keys()
    present = {key: _plain(row, names) for key, row in rows.items()}
    todo = plan(said=said, present=present, remembered=before)
    shared = {"created_by": by, "source": "import"} if model is TimelineEvent else {}
    made = [
        model(incident=incident, import_key=key, **shared, **_from_plain(values)) for key, values in todo.create.items()
    ]
    model.objects.bulk_create(made)
    for key, changes in todo.update.items():
        _change(rows[key], _from_plain(changes))
    for key in todo.delete:
        rows[key].delete()
    remember(incident, part, said, now=now)
    return Count(len(todo.create), len(todo.update), len(todo.delete))


def _imported(incident: Incident, model: Any) -> Iterable[Any]:
    """The rows that came from a file, locked."""
    rows: Iterable[Any] = model.objects.select_for_update().filter(incident=incident, import_key__isnull=False)
    return rows


def _change(row: Any, changes: Values) -> None:
    for name, value in changes.items():
        setattr(row, name, value)
    row.revision += 1
    row.save(update_fields=[*changes, "revision"])


def _plain(row: Any, names: Any) -> dict[str, Any]:
    return {name: parts.stamp(getattr(row, name)) if name in MOMENTS else getattr(row, name) for name in names}


def _from_plain(values: Values) -> dict[str, Any]:
    return {name: parts.moment_of(value) if name in MOMENTS else value for name, value in values.items()}


# -- What the file said last -------------------------------------------------------------------------------------------


def remembered(incident: Incident, part: str) -> dict[str, dict[str, Any]]:
    """What the file said of this part when it was last read, by import key; empty when it never was."""
    row = ImportedPart.objects.filter(incident=incident, part=part).first()
    return dict(row.values) if row else {}


def remember(incident: Incident, part: str, said: Mapping[str, Values], *, now: datetime) -> None:
    """Keep what the file says of this part now, for the next time."""
    values = {key: dict(row) for key, row in said.items()}
    ImportedPart.objects.update_or_create(incident=incident, part=part, defaults={"values": values, "read_at": now})
