"""The two matrices of a post-mortem: its actions by impact and effort, and its lessons by actions."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from actions.enums import Level, Status
from actions.models import ActionItem
from actions.queries import actions_of
from postmortems.models import Lesson, Postmortem


@dataclass(frozen=True)
class MatrixRow:
    """One line of the matrix: how much it helps, and what stands in its three cells, by effort."""

    impact: Level
    cells: list[tuple[Level, list[ActionItem]]]


@dataclass(frozen=True)
class Matrix:
    """The actions of a post-mortem by impact and effort; the most worthwhile first."""

    rows: list[MatrixRow]
    unplaced: list[ActionItem]


def matrix_of(postmortem: Postmortem) -> Matrix:
    """Every action that will be or was done, at its place."""
    actions = [action for action in actions_of(postmortem) if action.status != Status.WILL_NOT_DO]
    at: dict[tuple[int | None, int | None], list[ActionItem]] = defaultdict(list)
    for action in actions:
        at[action.impact, action.effort].append(action)
    rows = [MatrixRow(impact, [(effort, at[impact, effort]) for effort in Level]) for impact in reversed(list(Level))]
    return Matrix(rows, [action for action in actions if not (action.impact and action.effort)])


@dataclass(frozen=True)
class Cell:
    """Whether an action serves a lesson."""

    action: ActionItem
    serves: bool


@dataclass(frozen=True)
class LessonRow:
    """A lesson with a cell for every action."""

    lesson: Lesson
    cells: list[Cell]

    @property
    def is_served(self) -> bool:
        return any(cell.serves for cell in self.cells)


@dataclass(frozen=True)
class ActionColumn:
    """An action as the head of its column."""

    action: ActionItem
    served: bool

    @property
    def reference(self) -> str:
        return self.action.reference

    @property
    def title(self) -> str:
        return self.action.title

    @property
    def url(self) -> str:
        return self.action.get_absolute_url()


@dataclass(frozen=True)
class LessonMatrix:
    """Which lessons are served by which actions, and both gaps."""

    lessons: list[LessonRow]
    actions: list[ActionColumn]

    @property
    def unserved(self) -> list[Lesson]:
        return [row.lesson for row in self.lessons if not row.is_served]

    @property
    def unlearned(self) -> list[ActionColumn]:
        return [column for column in self.actions if not column.served]


def lesson_matrix(postmortem: Postmortem) -> LessonMatrix:
    """All lessons by all actions but those that will not be done."""
    rows = postmortem.action_items.exclude(status=Status.WILL_NOT_DO).prefetch_related("lessons").order_by("pk")
    actions = list(rows)
    served = {action.pk: {lesson.pk for lesson in action.lessons.all()} for action in actions}
    lessons = [
        LessonRow(lesson, [Cell(action, lesson.pk in served[action.pk]) for action in actions])
        for lesson in postmortem.lessons.all()
    ]
    return LessonMatrix(lessons, [ActionColumn(action, bool(served[action.pk])) for action in actions])
