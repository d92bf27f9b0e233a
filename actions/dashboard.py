"""The numbers of the dashboard, each the count of a list that its link shows.

Days are the viewer's for what was opened and closed, and the owner's for what is late or was in time (`due.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
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
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce
from django.urls import reverse

from accounts.models import Team, User
from actions.enums import UNFINISHED, Priority, Status
from actions.models import ActionItem
from actions.queries import ALL, OVERDUE, SOON, ActionFilters, due_soon, midnight, overdue
from incidents.enums import Severity
from incidents.models import Incident, Service
from postmortems.queries import hidden_postmortems

AGES = ((0, 7), (8, 30), (31, 90), (91, None))
"""Days since an unfinished action was decided."""
BY = {
    "team": "team_id",
    "owner": "owner_id",
    "service": "postmortem__incident",
    "severity": "postmortem__incident__severity",
    "priority": "priority",
}

INCIDENT_SERVICES = Incident.services.through._meta.db_table


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
    due: int = 0
    """Fell due in the period; `kept`: of these, how many are done."""
    kept: int = 0
    days: float | None = None
    """Median days from decided to done."""
    ages: tuple[int, ...] = ()

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
    counts = _count(user, choice, since=since, today=today, now=now)
    return Dashboard(
        numbers=_numbers(counts.whole, choice, since=since, today=today),
        ages=_ages(counts.whole, choice, today=today),
        weeks=_weeks(counts, choice, since=since),
        groups=_groups(counts, choice, since=since),
        since=since,
        as_of=now,
    )


def _link(choice: Choice, **more: object) -> str:
    """The list with the dashboard's filters and `more`."""
    return f"{reverse('actions:actions')}?{urlencode({**choice.query, **more})}"


# -- Counting ----------------------------------------------------------------------------------------------------------


@dataclass
class Counts:
    """What one statement counted: the whole, by group, and by Monday what was opened and closed."""

    whole: Tally = field(default_factory=Tally)
    groups: dict[str | None, Tally] = field(default_factory=dict)
    opened: dict[date, int] = field(default_factory=dict)
    closed: dict[date, int] = field(default_factory=dict)


TALLY = """
    count(*) FILTER (WHERE is_open), count(*) FILTER (WHERE is_late), count(*) FILTER (WHERE is_soon),
    count(*) FILTER (WHERE is_closed), count(*) FILTER (WHERE is_closed AND is_done),
    count(*) FILTER (WHERE is_closed AND is_done AND due_on IS NOT NULL), count(*) FILTER (WHERE is_on_time),
    extract(epoch FROM percentile_cont(0.5) WITHIN GROUP (ORDER BY took) FILTER (WHERE is_closed AND is_done)) / 86400,
    count(*) FILTER (WHERE is_due), count(*) FILTER (WHERE is_due AND is_done),
    array[{ages}]
"""
AGE = "count(*) FILTER (WHERE is_open AND created_at < %(younger_{n})s AND created_at >= %(older_{n})s)"
WEEKS = """
    SELECT '{name}', width_bucket({column}, %(mondays)s)::text, count(*), 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL::bigint[]
    FROM found WHERE {column} >= %(begin)s GROUP BY 2
"""
STATEMENT = """
WITH hidden (id) AS MATERIALIZED ({hidden}),
found AS MATERIALIZED (
    SELECT * FROM ({rows}) r WHERE NOT EXISTS (SELECT FROM hidden h WHERE h.id = r.postmortem_id)
)
SELECT 'whole', NULL, {tally} FROM found
UNION ALL SELECT 'group', {key}::text, {tally} FROM found {join} GROUP BY 2
UNION ALL {opened}
UNION ALL {closed}
"""
"""Each action that is open, or was decided, settled or due in the period is read once; all is counted from that."""


def _count(user: User, choice: Choice, *, since: date, today: date, now: datetime) -> Counts:
    rows, rows_parameters = _sql(_rows(user, choice, since=since, today=today, now=now), "row")
    hidden, hidden_parameters = _sql(hidden_postmortems(user), "hidden")
    ages = ", ".join(AGE.format(n=number) for number in range(len(AGES)))
    by_service = choice.by == "service"
    statement = STATEMENT.format(
        hidden=hidden,
        rows=rows,
        tally=TALLY.format(ages=ages),
        key="s.service_id" if by_service else "group_key",
        join=f"LEFT JOIN {INCIDENT_SERVICES} s ON s.incident_id = group_key" if by_service else "",
        opened=WEEKS.format(name="opened", column="created_at"),
        closed=WEEKS.format(name="closed", column="finished_at"),
    )
    mondays = [since + timedelta(weeks=number) for number in range(choice.weeks)]
    parameters = {**hidden_parameters, **rows_parameters, **_age_bounds(user, today)}
    parameters |= {"begin": midnight(since, user), "mondays": [midnight(monday, user) for monday in mondays]}
    counts = Counts()
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        for part, key, *found in cursor.fetchall():
            _keep(counts, part, key, found, mondays)
    return counts


def _age_bounds(user: User, today: date) -> dict[str, datetime]:
    """When the actions of each age were decided, by the calendar of `user`."""
    bounds = {}
    for number, (least, most) in enumerate(AGES):
        bounds[f"younger_{number}"] = midnight(today - timedelta(days=least - 1), user)
        bounds[f"older_{number}"] = datetime.min.replace(tzinfo=UTC)
        if most is not None:
            bounds[f"older_{number}"] = midnight(today - timedelta(days=most), user)
    return bounds


def _keep(counts: Counts, part: str, key: str | None, found: list[Any], mondays: list[date]) -> None:
    if part == "whole":
        counts.whole = _tally(found)
    elif part == "group":
        counts.groups[key] = _tally(found)
    else:
        weeks = counts.opened if part == "opened" else counts.closed
        weeks[mondays[int(key or 0) - 1]] = found[0]


def _tally(found: list[Any]) -> Tally:
    is_open, overdue, soon, closed, done, dated, on_time, days, due, kept, ages = found
    median = None if days is None else float(days)
    return Tally(is_open, overdue, soon, closed, done, dated, on_time, due, kept, median, tuple(ages))


def _sql(rows: QuerySet[Any], prefix: str) -> tuple[str, dict[str, Any]]:
    """The statement of `rows` with named parameters, so that several with different prefixes can stand in one."""
    statement, values = rows.query.get_compiler(connection=connection).as_sql()
    named = {f"{prefix}_{number}": value for number, value in enumerate(values)}
    names = iter(named)
    return re.sub("%s", lambda _: f"%({next(names)})s", statement), named


def _rows(user: User, choice: Choice, *, since: date, today: date, now: datetime) -> QuerySet[Any]:
    """Whatever the dashboard counts, with what it is counted by; whether `user` may see it is asked outside."""
    chosen = replace(choice.filters, status=ALL).apply(ActionItem.objects.order_by(), user=user, now=now)
    begin, in_period = midnight(since, user), (since, today)
    of_period = Q(created_at__gte=begin) | Q(finished_at__gte=begin) | Q(due_on__range=in_period)
    done_lately = Q(status=Status.DONE, finished_at__gte=begin, due_on__isnull=False)
    rows: QuerySet[Any] = (
        chosen.filter(of_period | Q(status__in=UNFINISHED))
        .annotate(
            group_key=F(BY[choice.by]),
            is_open=_flag(Q(status__in=UNFINISHED)),
            is_late=_flag(overdue(now=now)),
            is_soon=_flag(due_soon(now=now)),
            is_done=_flag(Q(status=Status.DONE)),
            is_closed=_flag(Q(finished_at__gte=begin)),
            is_due=_flag(Q(due_on__range=in_period)),
            is_on_time=Case(When(done_lately, then=_flag(in_time())), default=Value(False)),
            took=ExpressionWrapper(F("finished_at") - F("created_at"), output_field=DurationField()),
        )
        .values(
            *("postmortem_id", "created_at", "finished_at", "due_on", "group_key", "is_open", "is_late", "is_soon"),
            *("is_done", "is_closed", "is_due", "is_on_time", "took"),
        )
    )
    return rows


def _flag(condition: Q) -> Case:
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())


def in_time() -> Q:
    """Finished on its due date at the latest, by the owner's calendar."""
    zone = Coalesce(F("owner__timezone"), Value("UTC"))
    local = Func(zone, F("finished_at"), function="timezone", output_field=DateTimeField())
    return Q(due_on__gte=Cast(local, DateField()))


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


def _groups(counts: Counts, choice: Choice, *, since: date) -> list[Group]:
    """The table; whoever has most that is late comes first."""
    named = _named(choice.by, list(counts.groups))
    found = []
    for key, tally in counts.groups.items():
        name, value = named.get(key, ("None", ""))
        found.append(Group(name, tally, _links(choice, value, since)))
    return sorted(found, key=lambda group: (-group.tally.overdue, -group.tally.open, group.name))


def _numbers(whole: Tally, choice: Choice, *, since: date, today: date) -> list[Number]:
    rate, on_time = (round(100 * whole.kept / whole.due) if whole.due else None), whole.on_time_rate
    period = {"status": ALL, "due_from": since.isoformat(), "due_to": today.isoformat()}
    done = {"status": Status.DONE.value, "finished_from": since.isoformat()}
    return [
        Number("Open", f"{whole.open:,}", _link(choice)),
        Number("Overdue", f"{whole.overdue:,}", _link(choice, status=OVERDUE), tone="error" if whole.overdue else ""),
        Number("Due within a week", f"{whole.soon:,}", _link(choice, status=SOON)),
        Number("Done", f"{whole.done:,}", _link(choice, **done), note=f"since {since:%-d %B}"),
        Number("Completed", _percent(rate), _link(choice, **period), note=f"of {whole.due:,} that fell due"),
        Number("In time", _percent(on_time), _link(choice, **done), note=f"of {whole.done_dated:,} done"),
        Number("Median days to done", "–" if whole.days is None else f"{whole.days:.0f}", _link(choice, **done)),
    ]


def _percent(rate: int | None) -> str:
    return "–" if rate is None else f"{rate} %"


def _ages(whole: Tally, choice: Choice, *, today: date) -> list[Age]:
    found = []
    for (least, most), number in zip(AGES, whole.ages or (0,) * len(AGES), strict=True):
        bounds = {"created_to": (today - timedelta(days=least)).isoformat()}
        if most is not None:
            bounds["created_from"] = (today - timedelta(days=most)).isoformat()
        label = f"{least}–{most} days" if most is not None else f"More than {least - 1} days"
        found.append(Age(label, number, _link(choice, **bounds)))
    return found


def _weeks(counts: Counts, choice: Choice, *, since: date) -> list[Week]:
    weeks = []
    for number in range(choice.weeks):
        monday = since + timedelta(weeks=number)
        end = (monday + timedelta(days=6)).isoformat()
        begun = {"status": ALL, "created_from": monday.isoformat(), "created_to": end}
        ended = {"status": ALL, "finished_from": monday.isoformat(), "finished_to": end}
        numbers = counts.opened.get(monday, 0), counts.closed.get(monday, 0)
        weeks.append(Week(monday, *numbers, _link(choice, **begun), _link(choice, **ended)))
    return weeks
