"""Contributing factors on layers of defence, and the gates that join them to a fault tree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F

from accounts import audit
from accounts.exceptions import EditedMeanwhile
from accounts.models import User
from postmortems.enums import DefenceLayer
from postmortems.models import Factor, Gate, Postmortem
from postmortems.services.order import next_position, swap_with_neighbour
from postmortems.services.postmortem import lock_for_writing, postmortem_was_changed

MOST_FACTORS = 100
MOST_GATES = 40
DEEPEST_GATE = 6


class TooManyFactors(Exception):
    """More than anybody could learn from."""


class FactorGone(Exception):
    """It was deleted by someone else in the meantime."""


class GateTooDeep(Exception):
    """It would hang below itself, or too far below the top."""


@dataclass(frozen=True)
class FactorFacts:
    """What is said of a factor."""

    text: str
    layer: str
    category: str = ""
    has_held: bool = False
    gate: Gate | None = None


@transaction.atomic
def add_factor(
    *, postmortem: Postmortem, facts: FactorFacts, by: User, now: datetime, import_key: str | None = None
) -> Factor:
    """Add a factor under the next number, behind the last one of its layer or an earlier layer.

    The same again (a double click) is kept once. Raises `TooManyFactors` or `AlreadyPublished`.
    """
    locked = lock_for_writing(postmortem)
    if twin := locked.factors.filter(text=facts.text, layer=facts.layer, has_held=facts.has_held).first():
        return twin
    if locked.factors.count() >= MOST_FACTORS:
        raise TooManyFactors(f"There are {MOST_FACTORS} factors. Join those that say the same.")
    factor = put_factor(locked, facts, by=by, now=now, import_key=import_key)
    _record(factor, "factor.added", locked, by=by, now=now)
    return factor


def put_factor(
    postmortem: Postmortem, facts: FactorFacts, *, by: User, now: datetime, import_key: str | None = None
) -> Factor:
    """The row itself; the caller has locked the post-mortem."""
    order = [layer.value for layer in DefenceLayer]
    earlier = order[: order.index(facts.layer) + 1]
    position = next_position(postmortem.factors.filter(layer__in=earlier))
    postmortem.factors.filter(position__gte=position).update(position=F("position") + 1)
    postmortem.last_factor_number += 1
    postmortem.save(update_fields=["last_factor_number"])
    return Factor.objects.create(
        postmortem=postmortem, number=postmortem.last_factor_number, position=position, created_by=by, created_at=now,
        import_key=import_key, text=facts.text, layer=facts.layer, category=facts.category, has_held=facts.has_held,
        gate=facts.gate,
    )  # fmt: skip


@transaction.atomic
def update_factor(*, factor: Factor, revision: int, facts: FactorFacts, by: User, now: datetime) -> Factor:
    """Say something else of it, if nobody did since `revision`.

    Raises `EditedMeanwhile`, `FactorGone` or `AlreadyPublished`.
    """
    postmortem = lock_for_writing(factor.postmortem)
    locked = _locked(factor)
    if FactorFacts(locked.text, locked.layer, locked.category, locked.has_held, locked.gate) == facts:
        return locked
    if locked.revision != revision:
        raise EditedMeanwhile(locked)
    locked.text, locked.layer, locked.category = facts.text, facts.layer, facts.category
    locked.has_held, locked.gate = facts.has_held, facts.gate
    locked.revision += 1
    locked.save(update_fields=["text", "layer", "category", "has_held", "gate", "revision"])
    _record(locked, "factor.edited", postmortem, by=by, now=now)
    return locked


@transaction.atomic
def move_factor(*, factor: Factor, up: bool, by: User, now: datetime) -> None:
    """Earlier or later in the order in which the incident passed them; at the end of the list nothing happens."""
    postmortem = lock_for_writing(factor.postmortem)
    locked = _locked(factor)
    if swap_with_neighbour(locked, postmortem.factors.all(), up=up):
        _record(locked, "factor.moved", postmortem, by=by, now=now)


@transaction.atomic
def delete_factor(*, factor: Factor, by: User, now: datetime) -> None:
    """Delete it and retire its number. Deleting it twice is harmless; raises `AlreadyPublished`."""
    postmortem = lock_for_writing(factor.postmortem)
    locked = Factor.objects.filter(pk=factor.pk).first()
    if locked is not None:
        _record(locked, "factor.deleted", postmortem, by=by, now=now)
        locked.delete()


def _locked(factor: Factor) -> Factor:
    rows = Factor.objects.select_for_update(of=("self",)).select_related("gate")
    locked = rows.filter(pk=factor.pk).first()
    if locked is None:
        raise FactorGone
    return locked


# -- The fault tree ----------------------------------------------------------------------------------------------------


@transaction.atomic
def add_gate(*, postmortem: Postmortem, label: str, kind: str, parent: Gate | None, by: User, now: datetime) -> Gate:
    """A step of the fault tree; the same again is kept once. Raises `GateTooDeep` or `AlreadyPublished`."""
    locked = lock_for_writing(postmortem)
    if twin := locked.gates.filter(label=label, parent=parent).first():
        return twin
    if locked.gates.count() >= MOST_GATES or len(_above(parent)) >= DEEPEST_GATE:
        raise GateTooDeep("A fault tree as large as this is read by nobody. Join steps that say the same.")
    gate = Gate.objects.create(postmortem=locked, label=label, kind=kind, parent=parent, created_at=now)
    _record(gate, "gate.added", locked, by=by, now=now)
    return gate


@transaction.atomic
def update_gate(*, gate: Gate, label: str, kind: str, parent: Gate | None, by: User, now: datetime) -> Gate:
    """Say or hang it otherwise. Raises `GateTooDeep` where it would hang below itself, `FactorGone`."""
    postmortem = lock_for_writing(gate.postmortem)
    locked = Gate.objects.select_for_update(of=("self",)).filter(pk=gate.pk).first()
    if locked is None:
        raise FactorGone
    above = _above(parent)
    if locked.pk in above or len(above) >= DEEPEST_GATE:
        raise GateTooDeep("It would hang below itself, or too far below the top.")
    locked.label, locked.kind, locked.parent = label, kind, parent
    locked.save(update_fields=["label", "kind", "parent"])
    _record(locked, "gate.edited", postmortem, by=by, now=now)
    return locked


@transaction.atomic
def delete_gate(*, gate: Gate, by: User, now: datetime) -> None:
    """Take the step out: what hung below it hangs where it hung."""
    postmortem = lock_for_writing(gate.postmortem)
    locked = Gate.objects.filter(pk=gate.pk).first()
    if locked is None:
        return
    locked.below.update(parent=locked.parent_id)
    locked.factors.update(gate=locked.parent_id)
    _record(locked, "gate.deleted", postmortem, by=by, now=now)
    locked.delete()


def _above(gate: Gate | None) -> list[int]:
    found: list[int] = []
    while gate is not None:
        found.append(gate.pk)
        gate = gate.parent
    return found


def _record(row: Factor | Gate, verb: str, postmortem: Postmortem, *, by: User, now: datetime) -> None:
    audit.record(by=by, verb=verb, obj=postmortem, row=row.pk)
    postmortem_was_changed(postmortem, part="factors", now=now)
