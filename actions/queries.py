"""What the pages of actions read, all joins included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.postgres.search import SearchQuery
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from accounts.enums import Visibility
from accounts.models import Membership, Team, User
from accounts.paging import Page, page_of
from actions.due import Due, due
from actions.enums import FOLLOWING, UNFINISHED, ActionKind, Level, Status, ViewOf
from actions.hints import hints
from actions.models import UNDATED_LAST, ActionItem, SavedView
from incidents.models import Incident, Service
from postmortems.enums import FactorCategory
from postmortems.models import Factor, Lesson, Postmortem

TO_DO = "to_do"
OVERDUE = "overdue"
SOON = "soon"
LANGUISHING = "languishing"
ALL = "all"
MOST_EXPORTED = 10_000
EVERY = Q()
WEEK = timedelta(days=7)
ADRIFT_AFTER, UNTOUCHED_AFTER = timedelta(days=14), timedelta(days=42)


def midnight(day: date, user: User) -> datetime:
    """When `day` begins by the calendar of `user`."""
    return datetime.combine(day, time(tzinfo=user.zone))


@dataclass(frozen=True)
class Days:
    """From one day to another, both included; None is open."""

    first: date | None = None
    last: date | None = None

    def of_day(self, name: str) -> Q:
        """The condition on a date."""
        bounds = {f"{name}__gte": self.first, f"{name}__lte": self.last}
        return Q(**{key: value for key, value in bounds.items() if value})

    def of_moment(self, name: str, user: User) -> Q:
        """The condition on a moment, by the calendar of `user`."""
        after = self.last + timedelta(days=1) if self.last else None
        bounds = {f"{name}__gte": self.first, f"{name}__lt": after}
        return Q(**{key: midnight(value, user) for key, value in bounds.items() if value})


@dataclass(frozen=True)
class ActionFilters:
    """What a person chose to see; empty means what is still to be done, of everyone."""

    is_mine: bool = False
    team: Team | None = None
    owner: User | None = None
    is_unowned: bool = False
    status: str = TO_DO
    priority: str = ""
    severity: str = ""
    service: Service | None = None
    postmortem: Postmortem | None = None
    created: Days = Days()
    finished: Days = Days()
    due: Days = Days()
    text: str = ""

    def apply(self, rows: QuerySet[ActionItem], *, user: User, now: datetime) -> QuerySet[ActionItem]:
        rows = rows.filter(self._status(now))
        if self.is_mine:
            rows = rows.filter(owner=user)
        if self.is_unowned:
            rows = rows.filter(owner=None)
        exact = {
            "team": self.team,
            "owner": self.owner,
            "priority": self.priority,
            "incident_severity": self.severity,
            "postmortem": self.postmortem,
        }
        rows = rows.filter(**{name: value for name, value in exact.items() if value})
        rows = rows.filter(self.created.of_moment("created_at", user) & self.finished.of_moment("finished_at", user))
        rows = rows.filter(self.due.of_day("due_on"))
        if self.service:
            links = Incident.services.through.objects.filter(service=self.service)
            rows = rows.filter(Exists(links.filter(incident=OuterRef("postmortem__incident"))))
        return rows.filter(_text(self.text)) if self.text else rows

    def _status(self, now: datetime) -> Q:
        if self.status == ALL:
            return Q()
        if self.status == OVERDUE:
            return overdue(now=now)
        if self.status == SOON:
            return due_soon(now=now)
        if self.status == LANGUISHING:
            return languishing(now=now)
        return Q(status__in=UNFINISHED) if self.status == TO_DO else Q(status=self.status)

    @property
    def is_to_do(self) -> bool:
        """Whether only unfinished actions are asked for: then the most urgent come first, else the newest."""
        return self.status not in {ALL, Status.DONE, Status.WILL_NOT_DO}


def _text(text: str) -> Q:
    number = text.strip().upper().removeprefix("ACT-")
    found = Q(search=SearchQuery(text, search_type="websearch", config="english"))
    return found | Q(pk=number) if number.isascii() and number.isdigit() and len(number) < 18 else found


def overdue(*, now: datetime) -> Q:
    """The SQL twin of `due.is_overdue`: unfinished, and the due date has passed where the owner lives."""
    return Q(status__in=UNFINISHED) & past(now=now)


def due_soon(*, now: datetime) -> Q:
    """Unfinished, and due today or within a week where the owner lives."""
    return Q(status__in=UNFINISHED) & near(now=now)


def past(*, now: datetime) -> Q:
    """The due date has passed where the owner lives."""
    return _by_day_of_owner(now, lambda day: Q(due_on__lt=day))


def near(*, now: datetime) -> Q:
    """Due today or within a week where the owner lives."""
    return _by_day_of_owner(now, lambda day: Q(due_on__range=(day, day + WEEK)))


def _by_day_of_owner(now: datetime, condition: Callable[[date], Q]) -> Q:
    """`condition` of the day that it is where the owner lives; of nobody's actions, in UTC.

    Days are reckoned here, not by the database: both must know the same time zones. While it is the same day for all of
    our people, nobody is asked where they live.
    """
    days = _zones_by_day(now)
    nobodys = now.astimezone(UTC).date()
    if days.keys() <= {nobodys}:
        return condition(nobodys)
    found = Q(owner=None) & condition(nobodys)
    for day, names in days.items():
        found |= Q(owner__timezone__in=names) & condition(day)
    return found


def languishing(*, now: datetime) -> Q:
    """Unfinished, and going nowhere: nobody's or undated for two weeks, or untouched for six (PRODUCT.md, T5)."""
    adrift = (Q(owner=None) | Q(due_on=None)) & Q(created_at__lt=now - ADRIFT_AFTER)
    return Q(status__in=UNFINISHED) & (adrift | Q(updated_at__lt=now - UNTOUCHED_AFTER))


def _zones_by_day(now: datetime) -> dict[date, list[str]]:
    """Which day it is now, and in which of our people's time zones."""
    found: dict[date, list[str]] = defaultdict(list)
    for name in User.objects.order_by().values_list("timezone", flat=True).distinct():
        found[now.astimezone(ZoneInfo(name)).date()].append(name)
    return found


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
    fresh = _joined(ActionItem.objects.filter(pk=action.pk)).get()
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
    return list(_joined(ActionItem.objects.filter(postmortem=postmortem)).order_by("pk"))


def settled_on(actions: Iterable[ActionItem]) -> datetime | None:
    """When the last of these was settled; None while one is open, or where there is none."""
    moments = [action.finished_at for action in actions]
    return max((at for at in moments if at), default=None) if all(moments) else None


@dataclass(frozen=True)
class EarlierFix:
    """What was done before to prevent this, and why it is thought of: services and kinds of factors it shares."""

    action: ActionItem
    services: list[str]
    categories: list[str]


@dataclass(frozen=True)
class EarlierFixes:
    """`did_not_hold`: after incidents of the same service and kind of factor. `others`: of the same service alone."""

    did_not_hold: list[EarlierFix]
    others: list[EarlierFix]


def earlier_fixes(postmortem: Postmortem, user: User, *, most: int = 3) -> EarlierFixes:
    """What `user` may see of what was done before to prevent incidents of the same services; the latest first."""
    services = {each.pk: each.name for each in postmortem.incident.services.all()}
    broken = postmortem.factors.filter(has_held=False).exclude(category="")
    categories = set(broken.values_list("category", flat=True))
    done = ActionItem.objects.visible_to(user).filter(status=Status.DONE, kind=ActionKind.PREVENT)
    before = done.filter(finished_at__lt=postmortem.incident.occurred_at).exclude(postmortem=postmortem)
    on_service = Exists(
        Incident.services.through.objects.filter(service__in=services, incident=OuterRef("postmortem__incident"))
    )
    by_kind = Exists(Factor.objects.filter(postmortem=OuterRef("postmortem"), category__in=categories, has_held=False))
    found = before.filter(on_service).order_by("-finished_at", "-pk")
    joined = _joined(found).prefetch_related("postmortem__incident__services", "postmortem__factors")
    same = [_earlier_fix(each, services, categories) for each in joined.filter(by_kind)[:most]]
    others = [_earlier_fix(each, services, categories) for each in joined.exclude(by_kind)[:most]]
    return EarlierFixes(same, others)


def _earlier_fix(action: ActionItem, services: Mapping[int, str], categories: Collection[str]) -> EarlierFix:
    before = action.postmortem
    shared = [services[each.pk] for each in before.incident.services.all() if each.pk in services]
    kinds = {each.category for each in before.factors.all() if not each.has_held and each.category in categories}
    return EarlierFix(action, sorted(shared), [str(each.label) for each in FactorCategory if each in kinds])


def rows_of(postmortem: Postmortem, *, user: User | None, can_edit: bool, now: datetime) -> list[ActionRow]:
    """The actions of one post-mortem as `user` sees them."""
    return _rows(actions_of(postmortem), user=user, can_edit=can_edit, now=now)


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


def _rows(actions: Iterable[ActionItem], *, user: User | None, can_edit: bool, now: datetime) -> list[ActionRow]:
    return [row(action, user=user, can_edit=can_edit, now=now) for action in actions]


def _joined(rows: QuerySet[ActionItem]) -> QuerySet[ActionItem]:
    joined = rows.select_related("owner", "team", "risk_accepted_by", "postmortem__incident", "postmortem__team")
    return joined.prefetch_related("lessons", "links").defer(
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
    rows = filters.apply(_joined(ActionItem.objects.visible_to(user)), user=user, now=now)
    return list(rows.order_by("-pk")[:MOST_EXPORTED])


@dataclass(frozen=True)
class OwnerList:
    """What is to be talked about with one person (None: nobody's), the latest first."""

    owner: User | None
    rows: list[ActionRow]
    late: int


def actions_for_review(
    user: User, filters: ActionFilters, *, among: Q = EVERY, now: datetime, most: int = 300
) -> list[OwnerList]:
    """Late and languishing actions by owner: whoever has most that is late comes first."""
    wanted = filters.apply(_shown(ActionItem.objects.visible_to(user)), user=user, now=now)
    found = wanted.filter(among, overdue(now=now) | languishing(now=now))
    ordered = found.order_by(Coalesce(F("due_on"), UNDATED_LAST), "pk")[:most]
    by_owner: dict[User | None, list[ActionRow]] = defaultdict(list)
    for each in _lines(ordered, now=now):
        by_owner[each.action.owner].append(each)
    lists = [OwnerList(owner, rows, sum(each.due.is_overdue for each in rows)) for owner, rows in by_owner.items()]
    return sorted(lists, key=lambda each: (-each.late, -len(each.rows), str(each.owner or "")))


def possible_owners(postmortem: Postmortem) -> QuerySet[User]:
    """The people who may see `postmortem`, and so may own what follows from it."""
    incident = postmortem.incident
    on_postmortem = Q(pk=postmortem.owner_id) | Q(participations__postmortem=postmortem)
    on_incident = (
        Q(pk__in=[incident.commander_id or 0, incident.created_by_id])
        | Q(pk__in=incident.responders.through.objects.filter(incident=incident).values("user"))
        | Q(pk__in=incident.readers.through.objects.filter(incident=incident).values("user"))
    )
    sees = _seeing(postmortem.visibility, postmortem.team_id, on_postmortem)
    knows = _seeing(incident.visibility, incident.team_id, on_incident)
    ids = User.objects.filter(sees).filter(knows).values("pk")
    return User.objects.filter(is_active=True, pk__in=ids)


def may_own(person: User, postmortem: Postmortem) -> bool:
    """Whether `person` is one of `possible_owners`, without reading the others."""
    return possible_owners(postmortem).filter(pk=person.pk).exists()


def _seeing(visibility: str, team_id: int, named: Q) -> Q:
    """The people who see a thing of this visibility and team: the reverse of `accounts.access.visibility_filter`."""
    if visibility == Visibility.ORGANISATION:
        return Q()
    if visibility == Visibility.TEAM:
        members = Membership.objects.filter(team=team_id).values("user")
        return named | Q(is_administrator=True) | Q(pk__in=members)
    return named


def people_of_same_teams(user: User) -> QuerySet[User]:
    """The people of one's own teams; for administrators, everybody."""
    active = User.objects.filter(is_active=True)
    if user.is_administrator:
        return active
    mates = Membership.objects.filter(team__in=user.teams.all()).values("user")
    return active.filter(Q(pk__in=mates) | Q(pk=user.pk))


def people_to_filter_by(user: User, chosen: User | None) -> list[User]:
    """Owners offered by the list's filter: the people of one's own teams, and whoever is chosen already."""
    people = list(people_of_same_teams(user).only("display_name"))
    return people if chosen is None or chosen in people else [*people, chosen]


def actions_waiting(user: User, *, now: datetime, size: int = 10) -> ActionPage:
    """What waits for `user` on their home page: their unfinished actions, the most urgent first."""
    return actions_for_list(user, ActionFilters(is_mine=True), cursor="", now=now, size=size)


def saved_views(user: User, of: ViewOf) -> dict[str, Any]:
    """What `_views.html` shows."""
    return {"saved_views": list(SavedView.objects.filter(person=user, of=of)), "view_of": of.value}


# -- Lessons and actions -----------------------------------------------------------------------------------------------


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


def actions_in_words(postmortem: Postmortem) -> str:
    """How many actions it has: "3 actions"; "" where there is none."""
    count = postmortem.action_items.count()
    return f"{count} action{'' if count == 1 else 's'}" if count else ""
