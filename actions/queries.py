"""What the pages of actions read, all joins included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from accounts.models import User
from accounts.paging import Page, page_of
from actions.due import Due, due
from actions.enums import FOLLOWING, UNFINISHED, Status, ViewOf
from actions.filters import ActionFilters, languishing, overdue
from actions.hints import hints
from actions.models import UNDATED_LAST, ActionItem, SavedView
from postmortems.models import Postmortem

MOST_EXPORTED = 10_000
EVERY = Q()


@dataclass(frozen=True)
class Choice:
    """A status a person may choose next, and the words on its button."""

    status: Status
    label: str


LABELS: Mapping[tuple[str, str], str] = {
    (Status.OPEN, Status.IN_PROGRESS): "Start",
    (Status.IN_PROGRESS, Status.OPEN): "Put back",
    (Status.DONE, Status.OPEN): "Reopen",
    (Status.WILL_NOT_DO, Status.OPEN): "Reopen",
}


@dataclass(frozen=True)
class ActionRow:
    """One action as a page shows it to one person."""

    action: ActionItem
    due: Due
    hints: list[str]
    can_edit: bool
    can_update: bool
    choices: list[Choice] = field(default_factory=list)
    can_complete: bool = False
    can_refuse: bool = False
    quiet: str = ""
    """To its owner, on its own page: whether they are reminded of it."""
    is_quiet: bool = False
    jira: Any = None
    """On its own page: how it stands to Jira, a `actions.jira.queries.JiraRow`."""


def row(action: ActionItem, *, user: User | None, can_edit: bool, now: datetime) -> ActionRow:
    """`action` as `user` sees it (None: an export); `can_edit` says whether they may edit its post-mortem."""
    can_update = can_edit or (user is not None and action.owner_id == user.pk)
    following = FOLLOWING[action.status] if can_update else ()
    found = hints(
        title=action.title,
        has_owner=action.owner_id is not None,
        due_on=action.due_on,
        start_on=action.created_at.date(),
    )
    return ActionRow(
        action=action,
        due=due(action, now=now),
        hints=[] if action.is_finished else found,
        can_edit=can_edit,
        can_update=can_update,
        choices=[Choice(status, LABELS[action.status, status]) for status in following if status in UNFINISHED],
        can_complete=Status.DONE in following,
        can_refuse=Status.WILL_NOT_DO in following,
    )


def row_for_page(action: ActionItem, *, user: User, can_edit: bool, now: datetime) -> ActionRow:
    """One action with all it names, read again."""
    fresh = joined(ActionItem.objects.filter(pk=action.pk)).get()
    shown = row(fresh, user=user, can_edit=can_edit, now=now)
    if fresh.is_finished or fresh.owner_id != user.pk:
        return shown
    pause = fresh.pauses.filter(person=user).first()
    is_quiet = pause is not None and (pause.until is None or pause.until > now.astimezone(user.zone).date())
    until = f" until {pause.until:%-d %B}" if pause and pause.until else ""
    words = f"You hear nothing of this{until}." if is_quiet else "You are reminded of this."
    return replace(shown, quiet=words, is_quiet=is_quiet)


def actions_of(postmortem: Postmortem) -> list[ActionItem]:
    """The actions of one post-mortem in the order in which they were added: their places do not change."""
    return list(joined(ActionItem.objects.filter(postmortem=postmortem)).order_by("pk"))


def settled_on(actions: Iterable[ActionItem]) -> datetime | None:
    """When the last of these was settled; None while one is open, or where there is none."""
    moments = [action.finished_at for action in actions]
    return max((at for at in moments if at), default=None) if all(moments) else None


def rows_of(postmortem: Postmortem, *, user: User | None, can_edit: bool, now: datetime) -> list[ActionRow]:
    """The actions of one post-mortem as `user` sees them."""
    return _rows(actions_of(postmortem), user=user, can_edit=can_edit, now=now)


def _rows(actions: Iterable[ActionItem], *, user: User | None, can_edit: bool, now: datetime) -> list[ActionRow]:
    return [row(action, user=user, can_edit=can_edit, now=now) for action in actions]


def joined(rows: QuerySet[ActionItem]) -> QuerySet[ActionItem]:
    """With everything that an action names."""
    named = rows.select_related("owner", "team", "risk_accepted_by", "postmortem__incident", "postmortem__team")
    return named.prefetch_related("lessons", "links").defer(
        "search", "postmortem__search", "postmortem__incident__search"
    )


SHOWN = (
    *("title", "status", "priority", "due_on", "finished_at", "updated_at"),
    *("owner__display_name", "owner__timezone", "team__name", "postmortem__title"),
)
"""What the line of a list says."""


def _shown(rows: QuerySet[ActionItem]) -> QuerySet[ActionItem]:
    """With what a list shows, and no more."""
    return rows.select_related("owner", "team", "postmortem").only(*SHOWN)


def _lines(actions: Iterable[ActionItem], *, now: datetime) -> list[ActionRow]:
    """Rows that are read only: what a person may do with one, its own page says."""
    return [ActionRow(action, due(action, now=now), hints=[], can_edit=False, can_update=False) for action in actions]


@dataclass(frozen=True)
class ActionPage:
    """One page of the list."""

    rows: list[ActionRow]
    next_cursor: str
    previous_cursor: str


def actions_for_list(user: User, filters: ActionFilters, *, cursor: str, now: datetime, size: int = 50) -> ActionPage:
    """One page of the actions `user` may see: to do, the most urgent first; else the newest first."""
    rows = filters.apply(_shown(ActionItem.objects.visible_to(user)), user=user, now=now)
    page: Page[ActionItem]
    if filters.is_to_do:
        rows = rows.annotate(due_key=Coalesce(F("due_on"), UNDATED_LAST))
        page = page_of(rows, order=("due_key", "pk"), cursor=cursor, size=size, ascending=True)
    else:
        page = page_of(rows, order=("pk",), cursor=cursor, size=size)
    shown = _lines(page.rows, now=now)
    return ActionPage(rows=shown, next_cursor=page.next_cursor, previous_cursor=page.previous_cursor)


def actions_for_export(user: User, filters: ActionFilters, *, now: datetime) -> list[ActionItem]:
    """The actions of the list as rows of a file, the newest first."""
    rows = filters.apply(joined(ActionItem.objects.visible_to(user)), user=user, now=now)
    return list(rows.order_by("-pk")[:MOST_EXPORTED])


@dataclass(frozen=True)
class OwnerList:
    """What is to be talked about with one person (None: nobody's), the latest first."""

    owner: User | None
    rows: list[ActionRow]
    late: int


@dataclass(frozen=True)
class Review:
    """What is to be talked about, by owner. `is_cut`: there is more, less urgent."""

    lists: list[OwnerList]
    is_cut: bool

    @property
    def total(self) -> int:
        return sum(len(each.rows) for each in self.lists)

    @property
    def late(self) -> int:
        return sum(each.late for each in self.lists)


def actions_for_review(
    user: User, filters: ActionFilters, *, among: Q = EVERY, now: datetime, most: int = 300
) -> Review:
    """Late and languishing actions by owner: whoever has most that is late comes first."""
    wanted = filters.apply(_shown(ActionItem.objects.visible_to(user)), user=user, now=now)
    found = wanted.filter(among, overdue(now=now) | languishing(now=now))
    ordered = list(found.order_by(Coalesce(F("due_on"), UNDATED_LAST), "pk")[: most + 1])
    by_owner: dict[User | None, list[ActionRow]] = defaultdict(list)
    for each in _lines(ordered[:most], now=now):
        by_owner[each.action.owner].append(each)
    lists = [OwnerList(owner, rows, sum(each.due.is_overdue for each in rows)) for owner, rows in by_owner.items()]
    lists.sort(key=lambda each: (-each.late, -len(each.rows), str(each.owner or "")))
    return Review(lists, is_cut=len(ordered) > most)


def actions_waiting(user: User, *, now: datetime, size: int = 10) -> ActionPage:
    """What waits for `user` on their home page: their unfinished actions, the most urgent first."""
    return actions_for_list(user, ActionFilters(is_mine=True), cursor="", now=now, size=size)


def saved_views(user: User, of: ViewOf) -> dict[str, Any]:
    """What `_views.html` shows."""
    return {"saved_views": list(SavedView.objects.filter(person=user, of=of)), "view_of": of.value}


def actions_in_words(postmortem: Postmortem) -> str:
    """How many actions it has: "3 actions"; "" where there is none."""
    count = postmortem.action_items.count()
    return f"{count} action{'' if count == 1 else 's'}" if count else ""
