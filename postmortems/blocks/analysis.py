"""Blocks that show the analysis: graphs, whys, factors, the response, lessons, and the glossary."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString

from accounts.models import User
from incidents.durations import Duration, durations
from incidents.models import Incident
from postmortems.blocks.base import Block, cell, findings_in_row
from postmortems.clock import moment_text
from postmortems.coach.ends import END, next_why
from postmortems.coach.finding import Finding, lacking
from postmortems.coach.lessons import check_lesson
from postmortems.drawings.factors import by_layer, draw_fault_tree, draw_fishbone, draw_layers
from postmortems.drawings.graph import draw_graph
from postmortems.drawings.whys import draw_whys
from postmortems.enums import Aspect, DefenceLayer, SectionKind
from postmortems.graphs import marks_of, range_of
from postmortems.models import Factor, Metric, Postmortem
from postmortems.whys import trees_of


class OwnBlock(Block):
    """A block whose rows belong to the post-mortem, and are edited on its writing page at `postmortems:<kind>`."""

    def edit_url(self, postmortem: Postmortem) -> str:
        return ""

    def editor_url(self, postmortem: Postmortem) -> str:
        return reverse(f"postmortems:{self.kind}", args=[postmortem.pk])


# -- Graphs ------------------------------------------------------------------------------------------------------------


def metrics_of(postmortem: Postmortem) -> list[Metric]:
    return list(postmortem.metrics.select_related("picture").prefetch_related("series"))


class MetricsBlock(OwnBlock):
    """Graphs over one stretch of time, each with what it shows."""

    kind = SectionKind.METRICS
    template = "postmortems/blocks/_metrics.html"

    def context(self, postmortem: Postmortem, user: User | None) -> dict[str, Any]:
        metrics = metrics_of(postmortem)
        incident = postmortem.incident
        shown, marks = range_of(postmortem, metrics), marks_of(incident)
        drawn = [
            (each, draw_graph(each, shown, marks, incident.zone) if shown and not each.picture else "")
            for each in metrics
        ]
        told = [(mark, moment_text(mark.at, incident.zone)) for mark in marks]
        return {"graphs": drawn, "marks": told if shown else [], "is_export": user is None, "zone": incident.timezone}

    def markdown(self, postmortem: Postmortem) -> str:
        parts = []
        for metric in postmortem.metrics.select_related("picture"):
            unit = f" ({metric.unit})" if metric.unit else ""
            parts.append(f"**{metric.title}{unit}.** {metric.shows}")
            if metric.picture:
                parts.append(f"![{metric.shows}]({metric.picture.get_absolute_url()})")
        return "\n\n".join(parts)


# -- Five Whys ---------------------------------------------------------------------------------------------------------


class WhysBlock(OwnBlock):
    """Every branch as a list with numbers, and drawn as a tree."""

    kind = SectionKind.WHYS
    template = "postmortems/blocks/_whys.html"

    def context(self, postmortem: Postmortem, user: User | None) -> dict[str, Any]:
        trees = [tree for tree in trees_of(postmortem) if tree.nodes]
        return {"trees": [(tree, draw_whys(tree)) for tree in trees]}

    def findings(self, postmortem: Postmortem) -> list[Finding]:
        found = []
        for tree in trees_of(postmortem):
            for node in tree.nodes:
                place = f"why-{node.why.pk}"
                found += findings_in_row(node.why.answer, place)
                asked = next_why(node.why.answer) if node.is_end else ""
                if asked and not any(each.rule is END and each.place == place for each in found):
                    found.append(lacking(END, ask=asked, place=place, quote=node.why.answer[:80]))
        return found

    def markdown(self, postmortem: Postmortem) -> str:
        parts = []
        for tree in trees_of(postmortem):
            if not tree.nodes:
                continue
            lines = [f"**{tree.number}. {tree.branch.question}**", ""]
            for node in tree.nodes:
                said = " ".join(f"**{node.number} {node.asks}** {node.why.answer}".split())
                lines.append(f"{'  ' * node.depth}- {said}")
            parts.append("\n".join(lines))
        return "\n\n".join(parts)


# -- Contributing factors ----------------------------------------------------------------------------------------------


class FactorsBlock(OwnBlock):
    """Holes in the layers and layers that held, as a list and in three drawings."""

    kind = SectionKind.FACTORS
    template = "postmortems/blocks/_factors.html"

    def context(self, postmortem: Postmortem, user: User | None) -> dict[str, Any]:
        factors = list(postmortem.factors.select_related("gate"))
        return {
            "layers": _labelled(factor for factor in factors if not factor.has_held),
            "held": _labelled(factor for factor in factors if factor.has_held),
            **drawings_of(postmortem, factors),
        }

    def markdown(self, postmortem: Postmortem) -> str:
        return "\n".join(_factor_line(factor) for factor in postmortem.factors.all())

    def findings(self, postmortem: Postmortem) -> list[Finding]:
        rows = postmortem.factors.all()
        return [each for row in rows for each in findings_in_row(row.text, f"factor-{row.number}")]


def drawings_of(postmortem: Postmortem, factors: list[Factor]) -> dict[str, SafeString]:
    """The three views of the same factors."""
    impact = postmortem.title
    gates = list(postmortem.gates.all())
    return {
        "cheese": draw_layers(factors, impact=impact),
        "fishbone": draw_fishbone(factors, impact=impact),
        "fault_tree": draw_fault_tree(factors, gates, impact=impact),
    }


def _labelled(factors: Any) -> list[tuple[str, list[Factor]]]:
    return [(DefenceLayer(layer).label, rows) for layer, rows in by_layer(factors).items()]


def _factor_line(factor: Factor) -> str:
    layer = factor.get_layer_display() + (" held" if factor.has_held else "")
    category = f" ({factor.get_category_display()})" if factor.category else ""
    text = factor.text.replace("\n", "\n  ")
    return f"- **{factor.name} {layer}:** {text}{category}"


# -- Response ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """One part of the response analysis: what is asked, and the duration beside it."""

    aspect: str
    label: str
    text: str
    measured: tuple[str, ...] = ()


HALVED = "What would have cut this in half?"
QUESTIONS = (
    Question(Aspect.DETECTION, "Detection", HALVED, ("time-to-detect", "time-to-acknowledge")),
    Question(Aspect.DIAGNOSIS, "Diagnosis", HALVED, ("time-to-diagnose",)),
    Question(Aspect.MITIGATION, "Mitigation", HALVED, ("time-to-mitigate", "time-to-resolve")),
    Question(Aspect.RADIUS, "Blast radius", "Who was hit, and what would have kept it to half of them?"),
)
SUPPLIER_QUESTIONS = (
    Question(
        Aspect.CHOSEN,
        "What we chose",
        "The dependency was our choice. Which other way of using it, or a second one, was open to us?",
    ),
    Question(Aspect.WATCHED, "What we could have seen", "Could we have noticed before the supplier said so?"),
    Question(
        Aspect.CONTAINED,
        "What we could have contained",
        "What would have let our customers go on while the supplier was down?",
    ),
)


def questions_for(incident: Incident) -> tuple[Question, ...]:
    """What is asked of the response; more where the failure was a supplier's."""
    return QUESTIONS + (SUPPLIER_QUESTIONS if incident.third_party else ())


@dataclass(frozen=True)
class Answer:
    """A question with the durations that were measured, and what people answered."""

    question: Question
    measured: list[Duration]
    text: str
    revision: int


def answers_of(postmortem: Postmortem) -> list[Answer]:
    """Every question that is asked, and those that were answered before they were asked no more."""
    notes = {note.aspect: note for note in postmortem.response_notes.all()}
    known = {each.key: each for each in durations(postmortem.incident) if each.value is not None}
    asked = questions_for(postmortem.incident)
    asked += tuple(each for each in SUPPLIER_QUESTIONS if each not in asked and each.aspect in notes)
    return [
        Answer(
            each,
            [known[key] for key in each.measured if key in known],
            notes[each.aspect].text if each.aspect in notes else "",
            notes[each.aspect].revision if each.aspect in notes else 0,
        )
        for each in asked
    ]


class ResponseBlock(OwnBlock):
    """What was measured beside what would have halved it."""

    kind = SectionKind.RESPONSE
    template = "postmortems/blocks/_response.html"

    def context(self, postmortem: Postmortem, user: User | None) -> dict[str, Any]:
        return {"answers": [answer for answer in answers_of(postmortem) if answer.text]}

    def findings(self, postmortem: Postmortem) -> list[Finding]:
        return [
            each
            for row in postmortem.response_notes.all()
            for each in findings_in_row(row.text, f"response-{row.aspect}", is_response=True)
        ]

    def markdown(self, postmortem: Postmortem) -> str:
        parts = []
        for answer in answers_of(postmortem):
            if answer.text:
                measured = ", ".join(f"{each.label.lower()} {each.text}" for each in answer.measured)
                parts.append(f"**{answer.question.label}**{f' ({measured})' if measured else ''}\n\n{answer.text}")
        return "\n\n".join(parts)


# -- Lessons and glossary ----------------------------------------------------------------------------------------------


class LessonsBlock(OwnBlock):
    """What was learned, numbered."""

    kind = SectionKind.LESSONS
    template = "postmortems/blocks/_lessons.html"

    def findings(self, postmortem: Postmortem) -> list[Finding]:
        found = []
        for lesson in postmortem.lessons.all():
            place = f"lesson-{lesson.pk}"
            found += [replace(each, place=place) for each in check_lesson(lesson.text)]
            found += findings_in_row(lesson.text, place)
        return found

    def context(self, postmortem: Postmortem, user: User | None) -> dict[str, Any]:
        return {"lessons": list(postmortem.lessons.all())}

    def markdown(self, postmortem: Postmortem) -> str:
        return "\n".join(
            f"- **Lesson {lesson.number}.** {lesson.text.replace(chr(10), chr(10) + '  ')}"
            for lesson in postmortem.lessons.all()
        )


class GlossaryBlock(OwnBlock):
    """Terms with their meaning."""

    kind = SectionKind.GLOSSARY
    template = "postmortems/blocks/_glossary.html"

    def context(self, postmortem: Postmortem, user: User | None) -> dict[str, Any]:
        return {"terms": list(postmortem.terms.all())}

    def markdown(self, postmortem: Postmortem) -> str:
        rows = [f"| {cell(term.term)} | {cell(term.meaning)} |" for term in postmortem.terms.all()]
        return "\n".join(["| Term | Meaning |", "| --- | --- |", *rows]) if rows else ""
