"""What the dashboard counts, of the actions somebody may see, in one statement.

Days are the viewer's for what was opened and closed, and the owner's for what is late or was in time (`due.py`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import connection, transaction
from django.db.models import (
    BooleanField,
    Case,
    DateField,
    DateTimeField,
    Expression,
    ExpressionWrapper,
    F,
    FloatField,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce

from accounts.models import User
from actions.enums import UNFINISHED, Status
from actions.filters import ALL, ActionFilters, midnight, near, past
from actions.models import ActionItem
from incidents.models import Service
from postmortems.models import Postmortem
from postmortems.queries import hidden_postmortems

AGES = ((0, 7), (8, 30), (31, 90), (91, None))
"""Days since an unfinished action was decided."""
BY = {
    "team": "team_id",
    "owner": "owner_id",
    "service": "incident_services",
    "severity": "incident_severity",
    "priority": "priority",
}


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
    ages: list[int] = field(default_factory=list)

    def add_open(self, count: int, overdue: int, soon: int) -> None:
        self.open += count
        self.overdue += overdue
        self.soon += soon

    def add_settled(self, count: int, done: int, dated: int, on_time: int) -> None:
        self.closed += count
        self.done += done
        self.done_dated += dated
        self.on_time += on_time

    @property
    def on_time_rate(self) -> int | None:
        return round(100 * self.on_time / self.done_dated) if self.done_dated else None


class Counts:
    """What one statement counted: the whole, by group, and by week, from 1 on, what was opened and closed."""

    def __init__(self) -> None:
        self.whole = Tally(ages=[0] * len(AGES))
        self.groups: dict[str, Tally] = defaultdict(Tally)
        self.among = 0
        """Of so many groups these are the first."""
        self.opened: dict[int, int] = {}
        self.closed: dict[int, int] = {}

    def add(self, part: str, key: str | None, *numbers: Any) -> None:
        """Take in one row of the statement."""
        one, two, three, four = (int(number or 0) for number in numbers[:4])
        days = numbers[4]
        whole = self.whole
        if part == "open":
            whole.add_open(one, two, three)
            at = int(key or 0)
            if at < len(AGES):
                whole.ages[-1 - at] = one
        elif part == "settled":
            whole.add_settled(one, two, three, four)
            self.closed[int(key or 0)] = one
        elif part == "days":
            whole.days = days
        elif part == "opened":
            self.opened[int(key or 0)] = one
        elif part == "due":
            whole.due, whole.kept = one, two
        elif part == "open by":
            self.groups[key or ""].add_open(one, two, three)
            self.among = four
        else:
            group = self.groups[key or ""]
            group.add_settled(one, two, three, four)
            group.days = days


IS_NOT_HIDDEN = "NOT EXISTS (SELECT FROM hidden h WHERE h.id = r.postmortem_id)"
IS_AMONG = "r.postmortem_id IN (SELECT id FROM among)"
AMONG = "among (id) AS MATERIALIZED ({among} EXCEPT SELECT id FROM hidden),\n"
EACH_SERVICE = "LEFT JOIN unnest(group_key) service (id) ON true"
"""An action counts for every service of its incident, or for none."""
MEDIAN = "percentile_cont(0.5) WITHIN GROUP (ORDER BY took) / 86400"
STATEMENT = """
WITH hidden (id) AS MATERIALIZED ({hidden}),
{among}open AS MATERIALIZED (
    SELECT group_key, slot, is_late, is_soon, count(*)::int AS count
    FROM ({open}) r WHERE {is_seen} GROUP BY group_key, slot, is_late, is_soon
),
settled AS MATERIALIZED (SELECT * FROM ({settled}) r WHERE {is_seen}),
groups AS (
    SELECT coalesce({key}::text, '') AS key, sum(open) AS open, sum(late) AS late, sum(soon) AS soon,
        sum(closed) AS closed, sum(done) AS done, sum(dated) AS dated, sum(on_time) AS on_time,
        array_agg(took) FILTER (WHERE took IS NOT NULL) AS each
    FROM (
        SELECT group_key, count AS open, count * is_late::int AS late, count * is_soon::int AS soon, 0 AS closed,
            0 AS done, 0 AS dated, 0 AS on_time, NULL::float8 AS took FROM open
        UNION ALL SELECT group_key, 0, 0, 0, 1, is_done::int, is_dated::int, is_on_time::int,
            CASE WHEN is_done THEN took END FROM settled
    ) r {join} GROUP BY {key}
),
shown AS MATERIALIZED (
    SELECT *, count(*) OVER () AS among FROM groups ORDER BY late DESC, open DESC, key LIMIT %(most)s
)
SELECT 'open', slot::text, sum(count), sum(count) FILTER (WHERE is_late), sum(count) FILTER (WHERE is_soon), 0,
    NULL::float8 FROM open GROUP BY slot
UNION ALL SELECT 'settled', slot::text, count(*), count(*) FILTER (WHERE is_done), count(*) FILTER (WHERE is_dated),
    count(*) FILTER (WHERE is_on_time), NULL FROM settled GROUP BY slot
UNION ALL SELECT 'days', NULL, 0, 0, 0, 0, {median} FROM settled WHERE is_done
UNION ALL SELECT 'opened', slot::text, count(*), 0, 0, 0, NULL FROM ({opened}) r WHERE {is_seen} GROUP BY slot
UNION ALL SELECT 'due', NULL, count(*), count(*) FILTER (WHERE is_done), 0, 0, NULL FROM ({due}) r WHERE {is_seen}
UNION ALL SELECT 'open by', key, open, late, soon, among, NULL FROM shown
UNION ALL SELECT 'settled by', key, closed, done, dated, on_time, (SELECT {median} FROM unnest(each) t (took))
    FROM shown
"""
"""What is open, settled, opened and due is each a narrow range of rows that an index has in full, so that the rows
themselves stay unread; whether they may be seen is asked of the few post-mortems that are not for everybody.
The medians are taken of the values of those groups that are shown: ordering all rows by group would cost more."""


def count(
    user: User,
    filters: ActionFilters,
    *,
    by: str,
    mondays: list[date],
    today: date,
    now: datetime,
    most: int | None = None,
) -> Counts:
    """Count what `user` may see, in the weeks that begin on `mondays`; of the groups by `by`, the first `most`."""
    sql = Statement()
    rows = _rows(user, filters, by=by, mondays=mondays, today=today, now=now)
    parts = {name: sql.part(name, of) for name, of in rows.items()}
    among = AMONG.format(among=sql.part("among", _among(filters.service))) if filters.service else ""
    by_service = by == "service"
    text = STATEMENT.format(
        hidden=sql.part("hidden", hidden_postmortems(user)),
        among=among,
        is_seen=IS_AMONG if among else IS_NOT_HIDDEN,
        key="service.id" if by_service else "group_key",
        join=EACH_SERVICE if by_service else "",
        median=MEDIAN,
        **parts,
    )
    counts = Counts()
    with transaction.atomic(), connection.cursor() as cursor:
        # Compiling this takes longer than running it, and rows that wait on disk make it a third slower.
        cursor.execute("SET LOCAL jit = off; SET LOCAL work_mem = '32MB'")
        cursor.execute(text, {**sql.values, "most": most})
        for part, key, *found in cursor.fetchall():
            counts.add(part, key, *found)
    return counts


def _among(service: Service) -> QuerySet[Any]:
    """The post-mortems of incidents of `service`."""
    return Postmortem.objects.order_by().filter(incident__services=service).values_list("pk")


class Statement:
    """The parameters of a statement made of several: named, so that each finds its own."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def part(self, prefix: str, rows: QuerySet[Any]) -> str:
        """The text of `rows`, its parameters named with `prefix`."""
        statement, values = rows.query.get_compiler(connection=connection).as_sql()
        named = {f"{prefix}_{number}": value for number, value in enumerate(values)}
        names = iter(named)
        self.values |= named
        return re.sub("%s", lambda _: f"%({next(names)})s", statement)


def _slot(column: str, bounds: list[datetime]) -> Func:
    """In which of the spans that begin at `bounds` a moment lies, from 1 on; before all of them, 0."""
    begins = Value(bounds, output_field=ArrayField(DateTimeField()))
    return Func(F(column), begins, function="width_bucket", output_field=IntegerField())


def _rows(
    user: User, filters: ActionFilters, *, by: str, mondays: list[date], today: date, now: datetime
) -> dict[str, QuerySet[Any]]:
    """Whatever the dashboard counts, with what it is counted by; whether `user` may see it is asked outside."""
    of = replace(filters, status=ALL, service=None)
    chosen = of.apply(ActionItem.objects.order_by(), user=user, now=now)
    weeks = [midnight(monday, user) for monday in [*mondays, mondays[-1] + timedelta(weeks=1)]]
    ages = [midnight(today - timedelta(days=most), user) for _, most in reversed(AGES) if most is not None]
    ages.append(midnight(today + timedelta(days=1), user))
    is_done = Q(status=Status.DONE)
    took = F("finished_at") - F("created_at")
    keyed = {"group_key": F(BY[by])}
    opened, settled = chosen.filter(created_at__gte=weeks[0]), chosen.filter(finished_at__gte=weeks[0])
    return {
        "open": chosen.filter(status__in=UNFINISHED)
        .annotate(slot=_slot("created_at", ages), is_late=_flag(past(now=now)), is_soon=_flag(near(now=now)), **keyed)
        .values("postmortem_id", "group_key", "slot", "is_late", "is_soon"),
        "settled": settled.annotate(
            slot=_slot("finished_at", weeks),
            is_done=_flag(is_done),
            is_dated=_flag(is_done & Q(due_on__isnull=False)),
            is_on_time=Case(When(is_done & Q(due_on__isnull=False), then=in_time()), default=Value(False)),
            took=Func(Value("epoch"), took, function="date_part", output_field=FloatField()),
            **keyed,
        ).values("postmortem_id", "group_key", "slot", "is_done", "is_dated", "is_on_time", "took"),
        "opened": opened.annotate(slot=_slot("created_at", weeks)).values("postmortem_id", "slot"),
        "due": chosen.filter(due_on__range=(mondays[0], today))
        .annotate(is_done=_flag(is_done))
        .values("postmortem_id", "is_done"),
    }


def _flag(condition: Q) -> Case:
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())


def in_time() -> Case:
    """Finished on its due date at the latest, by the owner's calendar."""
    utc = _day_in(Value("UTC"))
    zones = User.objects.order_by().filter(pk=OuterRef("owner")).values("timezone")
    local = _day_in(Coalesce(Subquery(zones), Value("UTC")))
    return Case(
        When(due_on__gt=utc, then=Value(True)),
        When(due_on__lt=ExpressionWrapper(utc - Value(1), output_field=DateField()), then=Value(False)),
        default=ExpressionWrapper(Q(due_on__gte=local), output_field=BooleanField()),
    )


def _day_in(zone: Expression) -> Cast:
    return Cast(Func(zone, F("finished_at"), function="timezone", output_field=DateTimeField()), DateField())
