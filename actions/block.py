"""The living block "Action items" of a post-mortem: its rows in the document, always as they are now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from actions import queries
from actions.models import ActionItem
from postmortems.blocks import Block, cell
from postmortems.coach.actions import ActionFacts, check_actions
from postmortems.coach.finding import Finding
from postmortems.coach.lessons import check_lesson
from postmortems.enums import SectionKind
from postmortems.models import Lesson, Postmortem


class ActionsBlock(Block):
    """What will be done, by whom and by when. An export states dates, never how late something is: that would age."""

    kind = SectionKind.ACTIONS
    template = "actions/_block.html"

    def context(self, postmortem: Postmortem, user: User | None) -> dict[str, Any]:
        rows = queries.rows_of(postmortem, user=user, can_edit=False, now=timezone.now())
        settled_on = queries.settled_on(row.action for row in rows)
        return {"action_rows": rows, "is_export": user is None, "settled_on": settled_on}

    def markdown(self, postmortem: Postmortem) -> str:
        actions = queries.actions_of(postmortem)
        lines = [_line(action) for action in actions]
        if not lines:
            return ""
        header = ["| Action | Owner | Due | Priority | Status | Lessons |", "| --- | --- | --- | --- | --- | --- |"]
        return "\n".join([*header, *lines, *_settled(actions), *_deliverables(actions)])

    def findings(self, postmortem: Postmortem) -> list[Finding]:
        """What its unfinished actions lack; the titles of others are history."""
        rows = postmortem.action_items.unfinished()
        facts = [
            ActionFacts(row.title, row.owner_id is not None, row.due_on, row.created_at.date(), f"action-{row.pk}")
            for row in rows
        ]
        lessons = [finding for row in postmortem.lessons.all() for finding in self._told_twice(row, rows)]
        return [*check_actions(facts), *lessons]

    def _told_twice(self, lesson: Lesson, rows: Iterable[ActionItem]) -> list[Finding]:
        """A lesson that says what an action says; that it is an action by itself, its own block tells."""
        if any(check_lesson(lesson.text)):
            return []
        found = check_lesson(lesson.text, [row.title for row in rows])
        return [replace(each, place=f"lesson-{lesson.pk}") for each in found]

    def missing(self, postmortem: Postmortem) -> list[str]:
        if not postmortem.action_items.exists():
            return ["No action item follows from it."]
        unfinished = postmortem.action_items.unfinished()
        unowned, undated = unfinished.filter(owner=None).count(), unfinished.filter(due_on=None).count()
        found = [_count(unowned, "owner")] if unowned else []
        return [*found, _count(undated, "due date")] if undated else found

    def edit_url(self, postmortem: Postmortem) -> str:
        return ""

    def editor_url(self, postmortem: Postmortem) -> str:
        return reverse("actions:actions-of-postmortem", args=[postmortem.pk])


def _count(number: int, what: str) -> str:
    return f"1 action item has no {what}." if number == 1 else f"{number} action items have no {what}."


def _settled(actions: list[ActionItem]) -> list[str]:
    at = queries.settled_on(actions)
    return ["", f"All are settled; the last on {at:%-d %B %Y}."] if at else []


def _line(action: ActionItem) -> str:
    status = action.get_status_display() + (f": {action.reason}" if action.reason else "")
    shown = [link.url or link.words for link in action.links.all()]
    status += f" ({', '.join(shown)})" if shown else ""
    cells = (
        f"{action.reference} {action.title}",
        action.owner.display_name if action.owner else "",
        action.due_on.isoformat() if action.due_on else "",
        action.priority,
        status,
        ", ".join(f"L{lesson.number}" for lesson in action.lessons.all()),
    )
    return "| " + " | ".join(cell(text) for text in cells) + " |"


def _deliverables(actions: list[ActionItem]) -> list[str]:
    found: list[str] = []
    for action in actions:
        if action.deliverable:
            found += ["", f"**{action.reference}**", "", action.deliverable]
    return found
