"""The rows of the analysis that captured lines become: lessons, factors, whys, events."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from accounts.models import User
from incidents import rules as incident_rules
from incidents.models import TimelineEvent
from incidents.services import parts
from incidents.services.parts import AlreadyGone
from postmortems.captures import CannotCapture, Made, Maker
from postmortems.enums import CaptureKind, DefenceLayer
from postmortems.meetings.lines import Line, layers_begun_by
from postmortems.models import Factor, Lesson, Postmortem, Why
from postmortems.services import factor as factors
from postmortems.services import lesson as lessons
from postmortems.services import why as whys
from postmortems.services.factor import FactorFacts, FactorGone, TooManyFactors
from postmortems.services.lesson import LessonGone
from postmortems.services.why import TooMany, WhyGone
from postmortems.whys import BranchTree, trees_of


class LessonMaker(Maker):
    kind = CaptureKind.LESSON

    def make(self, postmortem: Postmortem, line: Line, *, by: User, now: datetime) -> int:
        return lessons.add_lesson(postmortem=postmortem, text=line.text, by=by, now=now).pk

    def read(self, postmortem: Postmortem, keys: Iterable[int]) -> dict[int, Made]:
        rows = postmortem.lessons.filter(pk__in=keys)
        return {row.pk: Made(f"L{row.number}", row.text) for row in rows}

    def rewrite(self, postmortem: Postmortem, key: int, line: Line, *, by: User, now: datetime) -> None:
        row = postmortem.lessons.filter(pk=key).first()
        if row:
            try:
                lessons.update_lesson(lesson=row, revision=row.revision, text=line.text, by=by, now=now)
            except LessonGone:
                return

    def remove(self, postmortem: Postmortem, key: int, *, by: User, now: datetime) -> None:
        for row in Lesson.objects.filter(postmortem=postmortem, pk=key):
            lessons.delete_lesson(lesson=row, by=by, now=now)


class FactorMaker(Maker):
    """`factor monitoring: …` goes on that layer, any beginning of its name will do; `factor: …` on that of process,
    and the line offers the others.
    """

    kind = CaptureKind.FACTOR
    moves_in_place = True

    def make(self, postmortem: Postmortem, line: Line, *, by: User, now: datetime) -> int:
        facts = FactorFacts(text=line.text, layer=_layer(line.at) if line.at else DefenceLayer.PROCESS)
        try:
            return factors.add_factor(postmortem=postmortem, facts=facts, by=by, now=now).pk
        except TooManyFactors as error:
            raise CannotCapture(str(error)) from error

    def read(self, postmortem: Postmortem, keys: Iterable[int]) -> dict[int, Made]:
        rows = postmortem.factors.filter(pk__in=keys)
        return {row.pk: Made(f"F{row.number}", row.text, row.layer) for row in rows}

    def rewrite(self, postmortem: Postmortem, key: int, line: Line, *, by: User, now: datetime) -> None:
        row = postmortem.factors.filter(pk=key).first()
        if row:
            layer = _layer(line.at) if line.at else row.layer
            facts = FactorFacts(line.text, layer, row.category, row.has_held, row.gate)
            try:
                factors.update_factor(factor=row, revision=row.revision, facts=facts, by=by, now=now)
            except FactorGone:
                return

    def remove(self, postmortem: Postmortem, key: int, *, by: User, now: datetime) -> None:
        for row in Factor.objects.filter(postmortem=postmortem, pk=key):
            factors.delete_factor(factor=row, by=by, now=now)


def _layer(word: str) -> DefenceLayer:
    """The one layer that begins like this. Raises `CannotCapture`."""
    found = layers_begun_by(word)
    if len(found) != 1:
        names = " or ".join(layer.value for layer in found)
        raise CannotCapture(f"Which layer is “{word}”: {names}? Write one more letter." if found else "No such layer.")
    return found[0]


class WhyMaker(Maker):
    """`why 1.2:` answers below the why of that number; `why 2:` at the end of that branch; `why:` of the first."""

    kind = CaptureKind.WHY

    def make(self, postmortem: Postmortem, line: Line, *, by: User, now: datetime) -> int:
        tree, below = _place(trees_of(postmortem), line.at)
        try:
            why = whys.add_why(branch=tree.branch, below=below, question="", answer=line.text, by=by, now=now)
        except (TooMany, WhyGone) as error:
            raise CannotCapture(str(error) or "That why was deleted in the meantime.") from error
        return why.pk

    def read(self, postmortem: Postmortem, keys: Iterable[int]) -> dict[int, Made]:
        wanted = set(keys)
        nodes = [node for tree in trees_of(postmortem) for node in tree.nodes] if wanted else []
        return {node.why.pk: Made(node.number, node.why.answer) for node in nodes if node.why.pk in wanted}

    def rewrite(self, postmortem: Postmortem, key: int, line: Line, *, by: User, now: datetime) -> None:
        row = postmortem.whys.standing().filter(pk=key).first()
        if row:
            try:
                whys.update_why(why=row, revision=row.revision, question=row.question, answer=line.text, by=by, now=now)
            except WhyGone:
                return

    def remove(self, postmortem: Postmortem, key: int, *, by: User, now: datetime) -> None:
        for row in postmortem.whys.standing().filter(pk=key):
            whys.delete_why(why=row, by=by, now=now)


def _place(trees: list[BranchTree], number: str) -> tuple[BranchTree, Why | None]:
    """The branch and the why that an answer under `number` hangs below. Raises `CannotCapture`."""
    if not trees:
        raise CannotCapture("This post-mortem has no Five Whys. Add that section first.")
    wanted = number.replace(":", ".").strip(".")
    branch, _, rest = wanted.partition(".")
    tree = next((each for each in trees if str(each.number) == (branch or "1")), None)
    if tree is None:
        raise CannotCapture(f"There is no branch {branch}: there are {len(trees)}.")
    if not rest:
        return tree, tree.nodes[-1].why if tree.nodes else None
    node = next((each for each in tree.nodes if each.number == wanted), None)
    if node:
        return tree, node.why
    if wanted == f"{tree.number}.{len(tree.nodes) + 1}":
        return tree, tree.nodes[-1].why if tree.nodes else None
    raise CannotCapture(f"There is no why {wanted}. The last in that branch is {tree.number}.{len(tree.nodes)}.")


CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?$")


class EventMaker(Maker):
    """`event 14:32: …` goes on the incident's timeline, on the clock of its zone and the day it began."""

    kind = CaptureKind.EVENT

    def make(self, postmortem: Postmortem, line: Line, *, by: User, now: datetime) -> int:
        if not incident_rules.can_edit(by, postmortem.incident):
            raise CannotCapture("You may not change the timeline of this incident: it is its team's.")
        facts = {"at": _moment(postmortem, line.at), "text": line.text}
        return parts.add_event(incident=postmortem.incident, facts=facts, by=by, now=now).pk

    def read(self, postmortem: Postmortem, keys: Iterable[int]) -> dict[int, Made]:
        incident = postmortem.incident
        rows = TimelineEvent.objects.filter(incident=incident, pk__in=keys)
        return {row.pk: Made(f"{row.at.astimezone(incident.zone):%H:%M}", row.text) for row in rows}

    def rewrite(self, postmortem: Postmortem, key: int, line: Line, *, by: User, now: datetime) -> None:
        row = TimelineEvent.objects.filter(incident=postmortem.incident_id, pk=key).first()
        if row:
            try:
                parts.update_part(part=row, revision=row.revision, changes={"text": line.text}, by=by, now=now)
            except AlreadyGone:
                return

    def remove(self, postmortem: Postmortem, key: int, *, by: User, now: datetime) -> None:
        for row in TimelineEvent.objects.filter(incident=postmortem.incident_id, pk=key):
            parts.delete_part(part=row, by=by, now=now)


def _moment(postmortem: Postmortem, clock: str) -> datetime:
    """The time of day `clock` in the hours after the incident began; raises `CannotCapture`."""
    typed = CLOCK.match(clock)
    if not typed or int(typed[1]) > 23 or int(typed[2]) > 59 or int(typed[3] or 0) > 59:
        raise CannotCapture("Say when, as in “event 14:32: the rollback began”.")
    incident = postmortem.incident
    began = (incident.impact_started_at or incident.occurred_at).astimezone(incident.zone)
    at = began.replace(hour=int(typed[1]), minute=int(typed[2]), second=int(typed[3] or 0), microsecond=0)
    return at + timedelta(days=1) if at < began - timedelta(hours=12) else at
