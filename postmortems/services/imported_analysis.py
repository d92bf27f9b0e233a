"""The analysis of an incident file as rows: whys, factors and terms follow the file until people change them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from accounts.models import User
from incidents.models import ImportedPart, Incident
from postmortems.enums import BranchKind, DefenceLayer, SectionKind
from postmortems.models import Branch, Factor, Postmortem, Term, Why
from postmortems.services.factor import FactorFacts, put_factor
from postmortems.services.section import append_section

if TYPE_CHECKING:
    from incidents.importers.debrief_json import IncidentDocument

PROSE = "pm-sections"
WHYS, FACTORS, TERMS = "pm-whys", "pm-factors", "pm-terms"
TITLES = {
    SectionKind.WHYS: "Five Whys",
    SectionKind.FACTORS: "Contributing factors",
    SectionKind.GLOSSARY: "Glossary",
}
LAYERS = (
    (DefenceLayer.DEPENDENCY, ("depend", "supplier", "vendor", "third", "upstream", "provider")),
    (DefenceLayer.ROLLOUT, ("rollout", "roll-out", "deploy", "release", "delivery", "change", "update", "distribut")),
    (DefenceLayer.TESTING, ("test", "valid", "staging", "verification", "exercise", "drill")),
    (DefenceLayer.REVIEW, ("review", "approval", "check")),
    (DefenceLayer.ALERTING, ("alert", "page", "paging", "notif")),
    (DefenceLayer.MONITORING, ("monitor", "observ", "detect", "visib", "metric", "telemetry", "log")),
    (
        DefenceLayer.RESPONSE,
        ("respon", "recover", "restor", "mitig", "runbook", "tool", "access", "backup", "communic"),
    ),
    (
        DefenceLayer.PROCESS,
        ("process", "organis", "organiz", "plan", "training", "staff", "knowledge", "people", "docum"),
    ),
)
"""Words of the layers that files name; the first that fits. What fits none is design."""
KINDS = (
    (BranchKind.DETECTION, ("detect", "notic", "monitor")),
    (BranchKind.RECOVERY, ("recover", "mitig", "restor", "resol", "duration", "respon", "repair")),
    (BranchKind.CAUSE, ("failure", "cause", "happen", "trigger", "outage", "impact")),
)


def import_analysis(postmortem: Postmortem, document: IncidentDocument, *, by: User, now: datetime) -> bool:
    """Bring the rows in line with the file; what people changed or deleted stays as they left it. True if any changed.

    What an earlier version imported as prose stays prose. The caller has locked the post-mortem.
    """
    as_prose = memory_of(postmortem.incident, PROSE, now=now).values
    changed = False
    if "root-cause" not in as_prose:
        changed |= _import_whys(postmortem, document, by=by, now=now)
    if "factors" not in as_prose:
        changed |= _import_factors(postmortem, document, by=by, now=now)
    if "glossary" not in as_prose:
        changed |= _import_terms(postmortem, dict(document.glossary), now=now)
    return changed


# -- What the file said last -------------------------------------------------------------------------------------------


def memory_of(incident: Incident, part: str, *, now: datetime) -> ImportedPart:
    """What the file said of `part` when it was read last."""
    memory, _ = ImportedPart.objects.get_or_create(incident=incident, part=part, defaults={"read_at": now})
    return memory


def remember(memory: ImportedPart, *, now: datetime) -> None:
    memory.read_at = now
    memory.save(update_fields=["values", "read_at"])


def _follow(
    memory: ImportedPart,
    wanted: Mapping[str, dict[str, str]],
    present: Mapping[str | None, Any],
    make: Callable[[str, dict[str, str]], Any],
) -> bool:
    """Make each row once, and change those that still say what the file said last."""
    changed = False
    for key, said in wanted.items():
        row, last = present.get(key), memory.values.get(key)
        if row is None and last is None:
            make(key, said)
            changed = True
        elif row is not None and last is not None and last != said and _says(row, last):
            for name, value in said.items():
                setattr(row, name, value)
            row.revision += 1
            row.save(update_fields=[*said, "revision"])
            changed = True
        if row is None or _says(row, said):
            memory.values[key] = said
    return changed


def _says(row: Any, said: Mapping[str, str]) -> bool:
    return all(getattr(row, name) == value for name, value in said.items())


def _show(postmortem: Postmortem, kind: SectionKind, *, now: datetime) -> None:
    """See to it that a section shows the rows."""
    if not postmortem.sections.filter(kind=kind).exists():
        append_section(postmortem, title=TITLES[kind], kind=kind, now=now)


# -- Five Whys ---------------------------------------------------------------------------------------------------------


def _import_whys(postmortem: Postmortem, document: IncidentDocument, *, by: User, now: datetime) -> bool:
    """Each branch of the file as a chain: every why asks about the answer above it."""
    if not document.five_whys:
        return False
    _show(postmortem, SectionKind.WHYS, now=now)
    memory = memory_of(postmortem.incident, WHYS, now=now)
    branches = _branches(postmortem, document, is_first=not memory.values, now=now)
    present = {row.import_key: row for row in postmortem.whys.select_for_update()}
    places = _places(branches, document)

    def make(key: str, said: dict[str, str]) -> None:
        branch, above, position = places[key]
        present[key] = Why.objects.create(
            branch=branch, postmortem=postmortem, parent=present.get(above), position=position, import_key=key,
            created_by=by, created_at=now, **said,
        )  # fmt: skip

    wanted = {
        f"why-{step.n}": {"question": step.why, "answer": step.because}
        for told in document.five_whys[: len(branches)]
        for step in told.whys
    }
    changed = _follow(memory, wanted, present, make)
    remember(memory, now=now)
    return changed


def _branches(postmortem: Postmortem, document: IncidentDocument, *, is_first: bool, now: datetime) -> list[Branch]:
    """The branches of the file; the questions every post-mortem begins with give way while nobody answered one."""
    if is_first and not postmortem.whys.exists():
        postmortem.branches.all().delete()
        Branch.objects.bulk_create(
            Branch(
                postmortem=postmortem, position=at, kind=_kind(told.branch), created_at=now,
                question=told.starts_from or told.branch,
            )
            for at, told in enumerate(document.five_whys, start=1)
        )  # fmt: skip
    return list(postmortem.branches.all())[: len(document.five_whys)]


def _places(branches: list[Branch], document: IncidentDocument) -> dict[str, tuple[Branch, str, int]]:
    """By key: its branch, the key above it, and its place there."""
    places = {}
    for branch, told in zip(branches, document.five_whys, strict=False):
        above = ""
        for step in told.whys:
            places[f"why-{step.n}"] = (branch, above, 1)
            above = f"why-{step.n}"
    return places


def _kind(name: str) -> BranchKind:
    said = name.casefold()
    return next((kind for kind, words in KINDS if any(word in said for word in words)), BranchKind.OTHER)


# -- Factors and terms -------------------------------------------------------------------------------------------------


def _import_factors(postmortem: Postmortem, document: IncidentDocument, *, by: User, now: datetime) -> bool:
    if not document.contributing_factors:
        return False
    _show(postmortem, SectionKind.FACTORS, now=now)
    memory = memory_of(postmortem.incident, FACTORS, now=now)
    present: dict[str | None, Factor] = {row.import_key: row for row in postmortem.factors.select_for_update()}

    def make(key: str, said: dict[str, str]) -> None:
        put_factor(postmortem, FactorFacts(said["text"], said["layer"]), by=by, now=now, import_key=key)

    wanted = {
        f"factor-{at}": {"text": told.text, "layer": str(layer_of(told.layer))}
        for at, told in enumerate(document.contributing_factors, start=1)
    }
    changed = _follow(memory, wanted, present, make)
    remember(memory, now=now)
    return changed


def layer_of(name: str) -> DefenceLayer:
    """The layer of defence that a name in a file means, as far as words tell."""
    said = name.casefold()
    return next((layer for layer, words in LAYERS if any(word in said for word in words)), DefenceLayer.DESIGN)


def _import_terms(postmortem: Postmortem, glossary: Mapping[str, str], *, now: datetime) -> bool:
    if not glossary:
        return False
    _show(postmortem, SectionKind.GLOSSARY, now=now)
    memory = memory_of(postmortem.incident, TERMS, now=now)
    present: dict[str | None, Term] = {row.import_key: row for row in postmortem.terms.select_for_update()}
    taken = {row.term.casefold() for row in present.values()}

    def make(key: str, said: dict[str, str]) -> None:
        if said["term"].casefold() not in taken:
            Term.objects.create(postmortem=postmortem, import_key=key, **said)

    wanted = {
        f"term-{sha256(term.encode()).hexdigest()[:32]}": {"term": term, "meaning": meaning}
        for term, meaning in glossary.items()
    }
    changed = _follow(memory, wanted, present, make)
    remember(memory, now=now)
    return changed
