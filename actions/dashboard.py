"""The numbers of the dashboard, each the count of a list that its link shows (`counting.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from django.urls import reverse

from accounts.models import Team, User
from actions.counting import AGES, Counts, Tally, count
from actions.enums import Priority, Status
from actions.filters import ALL, OVERDUE, SOON, ActionFilters
from incidents.enums import Severity
from incidents.models import Service

NO_SERVICE = "?"
"""Stands for it where a service has its slug; no slug looks so."""


@dataclass(frozen=True)
class Number:
    """A number that leads to the list it counts."""

    label: str
    value: str
    url: str = ""
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Group:
    """One line of a table by team, owner and so on."""

    name: str
    tally: Tally
    value: str
    """What stands for it in the address of the list; "" when nothing does."""


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
class Choice:
    """What the page was asked for: filters as those of the list, how many weeks back, and by what the table goes."""

    filters: ActionFilters = field(default_factory=ActionFilters)
    weeks: int = 12
    by: str = "team"
    query: Mapping[str, str] = field(default_factory=dict)
    """The filters as they stand in the address."""
    list_url: str = field(default_factory=lambda: reverse("actions:actions"))
    """Where the list is, found once: a dashboard has hundreds of links to it."""


@dataclass(frozen=True)
class Dashboard:
    """All that the page shows."""

    numbers: list[Number]
    ages: list[Age]
    weeks: list[Week]
    groups: list[Group]
    more: int
    """How many groups there are beyond these."""
    since: date
    as_of: datetime
    choice: Choice

    def lines(self) -> list[tuple[Group, dict[str, str]]]:
        """The groups, each with its links by the name of the number."""
        return [(group, _links(self.choice, group.value, self.since)) for group in self.groups]


def dashboard(user: User, choice: Choice, *, now: datetime, most: int | None = None) -> Dashboard:
    """Everything of the dashboard as `user` may see it; of the groups, the first `most`, or all."""
    today = now.astimezone(user.zone).date()
    since = today - timedelta(days=today.weekday(), weeks=choice.weeks - 1)
    mondays = [since + timedelta(weeks=number) for number in range(choice.weeks)]
    counts = count(user, choice.filters, by=choice.by, mondays=mondays, today=today, now=now, most=most)
    return Dashboard(
        numbers=_numbers(counts.whole, choice, since=since, today=today),
        ages=_ages(counts.whole, choice, today=today),
        weeks=_weeks(counts, choice, since=since),
        groups=_groups(counts, choice),
        more=counts.among - len(counts.groups),
        since=since,
        as_of=now,
        choice=choice,
    )


def _link(choice: Choice, **more: object) -> str:
    """The list with the dashboard's filters and `more`."""
    return f"{choice.list_url}?{urlencode({**choice.query, **more})}"


def _named(by: str, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
    """By key of a group: its name, and what stands for it in the address of the list ("" when nothing does)."""
    ids = [int(key) for key in keys if key.isdigit()]
    if by == "team":
        teams = Team.objects.filter(pk__in=ids).values_list("pk", "name", "slug")
        return {str(pk): (name, slug) for pk, name, slug in teams}
    if by == "owner":
        people = User.objects.filter(pk__in=ids).values_list("pk", "display_name")
        return {"": ("Nobody yet", "nobody"), **{str(pk): (name, str(pk)) for pk, name in people}}
    if by == "service":
        services = Service.objects.filter(pk__in=ids).values_list("pk", "name", "slug")
        return {"": ("No service", NO_SERVICE), **{str(pk): (name, slug) for pk, name, slug in services}}
    labels = Severity if by == "severity" else Priority
    return {choice.value: (str(choice.label), choice.value) for choice in labels}


def _links(choice: Choice, value: str, since: date) -> dict[str, str]:
    if not value:
        return {}
    mine, done = _group(choice, value), _done(since)
    return {
        "open": _link(choice, **mine),
        "overdue": _link(choice, **mine, status=OVERDUE),
        "soon": _link(choice, **mine, status=SOON),
        "closed": _link(choice, **mine, status=ALL, finished_from=since.isoformat()),
        "done": _link(choice, **mine, **done),
        "dated": _link(choice, **mine, **done, dated="on"),
    }


def _done(since: date) -> dict[str, str]:
    return {"status": Status.DONE.value, "finished_from": since.isoformat()}


def _group(choice: Choice, value: str) -> dict[str, str]:
    """What narrows the list of the dashboard to one of its groups."""
    if value == NO_SERVICE:
        return {"no_service": "on"}
    of = choice.filters.service
    return {"also_service" if choice.by == "service" and of and of.slug != value else choice.by: value}


def _groups(counts: Counts, choice: Choice) -> list[Group]:
    """The table; whoever has most that is late comes first."""
    named = _named(choice.by, list(counts.groups))
    found = []
    for key, tally in counts.groups.items():
        name, value = named.get(key, ("None", ""))
        found.append(Group(name, tally, value))
    return sorted(found, key=lambda group: (-group.tally.overdue, -group.tally.open, group.name))


def _numbers(whole: Tally, choice: Choice, *, since: date, today: date) -> list[Number]:
    rate, on_time = (round(100 * whole.kept / whole.due) if whole.due else None), whole.on_time_rate
    period = {"status": ALL, "due_from": since.isoformat(), "due_to": today.isoformat()}
    done = _done(since)
    return [
        Number("Open", f"{whole.open:,}", _link(choice)),
        Number("Overdue", f"{whole.overdue:,}", _link(choice, status=OVERDUE), tone="error" if whole.overdue else ""),
        Number("Due within a week", f"{whole.soon:,}", _link(choice, status=SOON)),
        Number("Done", f"{whole.done:,}", _link(choice, **done), note=f"since {since:%-d %b}"),
        Number("Completed", _percent(rate), _link(choice, **period), note=f"of {whole.due:,} that fell due"),
        Number("In time", _percent(on_time), _link(choice, **done, dated="on"), note=f"of {whole.done_dated:,} done"),
        Number("Median days to done", "–" if whole.days is None else f"{whole.days:.0f}", _link(choice, **done)),
    ]


def _percent(rate: int | None) -> str:
    return "–" if rate is None else f"{rate} %"


def _ages(whole: Tally, choice: Choice, *, today: date) -> list[Age]:
    found = []
    for (least, most), number in zip(AGES, whole.ages, strict=True):
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
        numbers = counts.opened.get(number + 1, 0), counts.closed.get(number + 1, 0)
        weeks.append(Week(monday, *numbers, _link(choice, **begun), _link(choice, **ended)))
    return weeks
