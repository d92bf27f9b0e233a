"""The numbers of the dashboard, each the count of a list that its link shows.

Days are the viewer's for what was opened and closed, and the owner's for what is late or was in time (`due.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.db.models import (
    BooleanField,
    Case,
    DateField,
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    Func,
    Q,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, TruncWeek
from django.urls import reverse

from accounts.models import Team, User
from actions.enums import UNFINISHED, Priority, Status
from actions.models import ActionItem
from actions.queries import ALL, OVERDUE, SOON, ActionFilters, due_soon, overdue
from incidents.enums import Severity
from incidents.models import Service

AGES = ((0, 7), (8, 30), (31, 90), (91, None))
"""Days since an unfinished action was decided."""
BY = {
    "team": "team_id",
    "owner": "owner_id",
    "service": "service",
    "severity": "severity",
    "priority": "priority",
}


@dataclass(frozen=True)
class Number:
    """A number that leads to the list it counts."""

    label: str
    value: str
    url: str = ""
    note: str = ""
    tone: str = ""


@dataclass
class Tally:
    """What was counted of one group of actions."""

    open: int = 0
    overdue: int = 0
    soon: int = 0
    closed: int = 0
    done: int = 0
    done_dated: int = 0
    on_time: int = 0
    days: float | None = None
    """Median days from decided to done."""

    @property
    def on_time_rate(self) -> int | None:
        return round(100 * self.on_time / self.done_dated) if self.done_dated else None


@dataclass(frozen=True)
class Group:
    """One line of a table by team, owner and so on; `links` by the name of the number."""

    name: str
    tally: Tally
    links: dict[str, str]


@dataclass(frozen=True)
class Week:
    """How many were decided and settled in the week that begins on `monday`."""

    monday: date
    opened: int
    closed: int
    opened_url: str = ""
    closed_url: str = ""


@dataclass(frozen=True)
class Age:
    """Unfinished actions of one age."""

    label: str
    count: int
    url: str


@dataclass(frozen=True)
class Dashboard:
    """All that the page shows."""

    numbers: list[Number]
    ages: list[Age]
    weeks: list[Week]
    groups: list[Group]
    since: date
    as_of: datetime


@dataclass(frozen=True)
class Choice:
    """What the page was asked for: filters as those of the list, how many weeks back, and by what the table goes."""

    filters: ActionFilters = field(default_factory=ActionFilters)
    weeks: int = 12
    by: str = "team"
    query: Mapping[str, str] = field(default_factory=dict)
    """The filters as they stand in the address."""


def dashboard(user: User, choice: Choice, *, now: datetime) -> Dashboard:
    """Everything of the dashboard as `user` may see it."""
    today = now.astimezone(user.zone).date()
    since = today - timedelta(days=today.weekday(), weeks=choice.weeks - 1)
    chosen = replace(choice.filters, status=ALL).apply(ActionItem.objects.visible_to(user), user=user, now=now)
    whole, groups = _tallies(chosen, choice, since=since, user=user, now=now)
    return Dashboard(
        numbers=_numbers(whole, chosen, choice, since=since, today=today),
        ages=_ages(chosen, choice, today=today, user=user),
        weeks=_weeks(chosen, choice, since=since, today=today, user=user),
        groups=groups,
        since=since,
        as_of=now,
    )


def _link(choice: Choice, **more: object) -> str:
    """The list with the dashboard's filters and `more`."""
    return f"{reverse('actions:actions')}?{urlencode({**choice.query, **more})}"


# -- Counting ----------------------------------------------------------------------------------------------------------


def _tallies(
    chosen: QuerySet[ActionItem], choice: Choice, *, since: date, user: User, now: datetime
) -> tuple[Tally, list[Group]]:
    """The whole, and the groups by what was asked for; both from one look at each row."""
    column = BY[choice.by]
    rows: dict[Any, Tally] = {}
    _count_open(chosen, column, rows, user=user, now=now)
    _count_closed(chosen, column, rows, since=since, user=user)
    whole = rows.pop(WHOLE, Tally())
    named = _named(choice.by, list(rows))
    found = []
    for key, tally in rows.items():
        name, value = named.get(key, ("None", ""))
        found.append(Group(name, tally, _links(choice, value, since)))
    return whole, sorted(found, key=lambda group: (-group.tally.overdue, -group.tally.open, group.name))


WHOLE = object()


def _keyed(rows: QuerySet[ActionItem], column: str) -> QuerySet[Any]:
    path = {"severity": "postmortem__incident__severity", "service": "postmortem__incident__services"}
    return rows.order_by().annotate(group_key=Cast(F(path.get(column, column)), TextField()))


def _count_open(
    chosen: QuerySet[ActionItem], column: str, rows: dict[Any, Tally], *, user: User, now: datetime
) -> None:
    unfinished = _keyed(chosen.filter(status__in=UNFINISHED), column).annotate(
        is_late=_flag(overdue(now=now)), is_soon=_flag(due_soon(now=now))
    )
    values = unfinished.values("id", "group_key", "is_late", "is_soon")
    outer = "count({one}), count({one}) FILTER (WHERE is_late), count({one}) FILTER (WHERE is_soon)"
    for key, (count, late, soon) in _grouped(values, outer, column).items():
        tally = rows.setdefault(key, Tally())
        tally.open, tally.overdue, tally.soon = count, late, soon


def _count_closed(
    chosen: QuerySet[ActionItem], column: str, rows: dict[Any, Tally], *, since: date, user: User
) -> None:
    closed = _keyed(chosen.filter(finished_at__gte=_midnight(since, user)), column).annotate(
        is_done=_flag(Q(status=Status.DONE)),
        is_dated=_flag(Q(due_on__isnull=False)),
        is_on_time=_flag(in_time()),
        took=ExpressionWrapper(F("finished_at") - F("created_at"), output_field=DurationField()),
    )
    values = closed.values("id", "group_key", "is_done", "is_dated", "is_on_time", "took")
    outer = (
        "count({one}), count({one}) FILTER (WHERE is_done), count({one}) FILTER (WHERE is_done AND is_dated), "
        "count({one}) FILTER (WHERE is_done AND is_on_time), "
        "extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY took) FILTER (WHERE is_done)) / 86400"
    )
    for key, found in _grouped(values, outer, column).items():
        tally = rows.setdefault(key, Tally())
        tally.closed, tally.done, tally.done_dated, tally.on_time = found[:4]
        tally.days = float(found[4]) if found[4] is not None else None


def _grouped(values: QuerySet[Any], outer: str, column: str) -> dict[Any, tuple[Any, ...]]:
    """`outer` over the rows of `values`: of all of them, and by their group.

    An incident has several services, so an action stands there several times; the whole counts it once.
    """
    inner, parameters = values.query.sql_with_params()
    columns = outer.format(one="DISTINCT id" if column == "service" else "*")
    statement = (
        f"SELECT GROUPING(group_key), group_key, {columns} FROM ({inner}) rows GROUP BY GROUPING SETS ((), (group_key))"  # noqa: S608
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return {WHOLE if is_whole else key: tuple(rest) for is_whole, key, *rest in cursor.fetchall()}


def _flag(condition: Q) -> Case:
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())


def in_time() -> Q:
    """Finished on its due date at the latest, by the owner's calendar."""
    zone = Coalesce(F("owner__timezone"), Value("UTC"))
    local = Func(zone, F("finished_at"), function="timezone", output_field=DateTimeField())
    return Q(due_on__gte=Cast(local, DateField()))


def _midnight(day: date, user: User) -> datetime:
    return datetime.combine(day, datetime.min.time(), tzinfo=user.zone)


def _named(by: str, keys: Sequence[str | None]) -> dict[str | None, tuple[str, str]]:
    """By key of a group: its name, and what stands for it in the address of the list ("" when nothing does)."""
    ids = [int(key) for key in keys if key is not None and key.isdigit()]
    if by == "team":
        teams = Team.objects.filter(pk__in=ids).values_list("pk", "name", "slug")
        return {str(pk): (name, slug) for pk, name, slug in teams}
    if by == "owner":
        people = User.objects.filter(pk__in=ids).values_list("pk", "display_name")
        return {None: ("Nobody yet", "nobody"), **{str(pk): (name, str(pk)) for pk, name in people}}
    if by == "service":
        services = Service.objects.filter(pk__in=ids).values_list("pk", "name", "slug")
        return {None: ("No service", ""), **{str(pk): (name, slug) for pk, name, slug in services}}
    labels = Severity if by == "severity" else Priority
    return {choice.value: (str(choice.label), choice.value) for choice in labels}


def _links(choice: Choice, value: str, since: date) -> dict[str, str]:
    if not value:
        return {}
    mine = {choice.by: value}
    return {
        "open": _link(choice, **mine),
        "overdue": _link(choice, **mine, status=OVERDUE),
        "soon": _link(choice, **mine, status=SOON),
        "closed": _link(choice, **mine, status=ALL, finished_from=since.isoformat()),
        "done": _link(choice, **mine, status=Status.DONE.value, finished_from=since.isoformat()),
    }


# -- What is shown -----------------------------------------------------------------------------------------------------


def _numbers(whole: Tally, chosen: QuerySet[ActionItem], choice: Choice, *, since: date, today: date) -> list[Number]:
    due_since = chosen.filter(due_on__gte=since, due_on__lte=today)
    due, kept = due_since.count(), due_since.filter(status=Status.DONE).count()
    rate, on_time = (round(100 * kept / due) if due else None), whole.on_time_rate
    period = {"status": ALL, "due_from": since.isoformat(), "due_to": today.isoformat()}
    done = {"status": Status.DONE.value, "finished_from": since.isoformat()}
    return [
        Number("Open", f"{whole.open:,}", _link(choice)),
        Number("Overdue", f"{whole.overdue:,}", _link(choice, status=OVERDUE), tone="error" if whole.overdue else ""),
        Number("Due within a week", f"{whole.soon:,}", _link(choice, status=SOON)),
        Number("Done", f"{whole.done:,}", _link(choice, **done), note=f"since {since:%-d %B}"),
        Number("Completed", _percent(rate), _link(choice, **period), note=f"of {due:,} that fell due"),
        Number("In time", _percent(on_time), _link(choice, **done), note=f"of {whole.done_dated:,} done"),
        Number("Median days to done", "–" if whole.days is None else f"{whole.days:.0f}", _link(choice, **done)),
    ]


def _percent(rate: int | None) -> str:
    return "–" if rate is None else f"{rate} %"


def _ages(chosen: QuerySet[ActionItem], choice: Choice, *, today: date, user: User) -> list[Age]:
    found = []
    unfinished = chosen.filter(status__in=UNFINISHED)
    for least, most in AGES:
        bounds = {"created_to": (today - timedelta(days=least)).isoformat()}
        rows = unfinished.filter(created_at__lt=_midnight(today - timedelta(days=least - 1), user))
        if most is not None:
            bounds["created_from"] = (today - timedelta(days=most)).isoformat()
            rows = rows.filter(created_at__gte=_midnight(today - timedelta(days=most), user))
        label = f"{least}–{most} days" if most is not None else f"More than {least - 1} days"
        found.append(Age(label, rows.count(), _link(choice, **bounds)))
    return found


def _weeks(chosen: QuerySet[ActionItem], choice: Choice, *, since: date, today: date, user: User) -> list[Week]:
    opened, closed = (_by_week(chosen, column, since, user) for column in ("created_at", "finished_at"))
    weeks = []
    for number in range(choice.weeks):
        monday = since + timedelta(weeks=number)
        end = (monday + timedelta(days=6)).isoformat()
        begun = {"status": ALL, "created_from": monday.isoformat(), "created_to": end}
        ended = {"status": ALL, "finished_from": monday.isoformat(), "finished_to": end}
        counts = opened.get(monday, 0), closed.get(monday, 0)
        weeks.append(Week(monday, *counts, _link(choice, **begun), _link(choice, **ended)))
    return weeks


def _by_week(chosen: QuerySet[ActionItem], column: str, since: date, user: User) -> dict[date, int]:
    rows = chosen.filter(**{f"{column}__gte": _midnight(since, user)}).order_by()
    weeks = rows.annotate(week=TruncWeek(column, tzinfo=user.zone)).values_list("week")
    found: dict[date, int] = {}
    inner, parameters = weeks.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT week, count(*) FROM ({inner}) rows GROUP BY 1", parameters)  # noqa: S608
        for week, count in cursor.fetchall():
            found[week.date()] = count  # the database has cut it to the viewer's calendar
    return found
