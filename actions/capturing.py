"""`action: …` in a meeting: the line becomes an action item, to be given an owner and a date before it closes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from accounts.exceptions import EditedMeanwhile
from accounts.models import User
from actions.models import ActionItem
from actions.services.action import ActionFacts, AlreadyGone, add_action, delete_action, retitle_action
from postmortems.captures import CannotCapture, LooseEnd, Made, Maker
from postmortems.enums import CaptureKind
from postmortems.meetings.lines import Line
from postmortems.models import Postmortem


class ActionMaker(Maker):
    kind = CaptureKind.ACTION

    def make(self, postmortem: Postmortem, line: Line, *, by: User, now: datetime) -> int:
        _check_length(line.text)
        return add_action(postmortem=postmortem, facts=ActionFacts(title=line.text), by=by, now=now).pk

    def read(self, postmortem: Postmortem, keys: Iterable[int]) -> dict[int, Made]:
        rows = ActionItem.objects.filter(postmortem=postmortem, pk__in=keys)
        return {row.pk: Made(row.reference, row.title) for row in rows}

    def rewrite(self, postmortem: Postmortem, key: int, line: Line, *, by: User, now: datetime) -> None:
        _check_length(line.text)
        row = ActionItem.objects.filter(postmortem=postmortem, pk=key).first()
        if row:
            try:
                retitle_action(action=row, title=line.text, revision=row.revision, by=by, now=now)
            except (AlreadyGone, EditedMeanwhile):
                return

    def remove(self, postmortem: Postmortem, key: int, *, by: User, now: datetime) -> None:
        for row in ActionItem.objects.filter(postmortem=postmortem, pk=key):
            delete_action(action=row, by=by, now=now)

    def loose_ends(self, postmortem: Postmortem) -> list[LooseEnd]:
        """Actions that nobody has, or that have no date."""
        rows = postmortem.action_items.unfinished().order_by("pk")
        lacking = [(row, _lacks(row)) for row in rows]
        return [LooseEnd(row.reference, row.title, lacks, row.get_absolute_url()) for row, lacks in lacking if lacks]


def _lacks(row: ActionItem) -> str:
    lacking = ([] if row.owner_id else ["an owner"]) + ([] if row.due_on else ["a date"])
    return " and ".join(lacking)


def _check_length(title: str) -> None:
    longest = ActionItem._meta.get_field("title").max_length or 0
    if len(title) > longest:
        raise CannotCapture(f"The title of an action has at most {longest} characters; this has {len(title)}.")
