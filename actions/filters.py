"""Which actions a person chose to see: filters of a list, and the conditions behind them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.contrib.postgres.search import SearchQuery
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Team, User
from actions.enums import UNFINISHED, Status
from actions.models import ActionItem
from incidents.models import Incident, Service
from postmortems.models import Postmortem

TO_DO = "to_do"
OVERDUE = "overdue"
SOON = "soon"
LANGUISHING = "languishing"
ALL = "all"
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

    def __str__(self) -> str:
        """In words, after what happened then: "since 4 May 2026"; "" when both are open."""
        if self.first and self.last:
            return f"between {self.first:%-d %B %Y} and {self.last:%-d %B %Y}"
        if self.first:
            return f"since {self.first:%-d %B %Y}"
        return f"until {self.last:%-d %B %Y}" if self.last else ""


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
    also_service: Service | None = None
    """Another service of the same incident."""
    has_no_service: bool = False
    is_dated: bool = False
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
        if self.is_dated:
            rows = rows.exclude(due_on=None)
        links = Incident.services.through.objects.filter(incident=OuterRef("postmortem__incident"))
        for service in filter(None, (self.service, self.also_service)):
            rows = rows.filter(Exists(links.filter(service=service)))
        if self.has_no_service:
            rows = rows.exclude(Exists(links))
        return rows.filter(_text(self.text)) if self.text else rows

    def narrowing(self) -> list[str]:
        """Of what a number of the dashboard led to, what no field of the list says, in words."""
        days = {"decided": self.created, "settled": self.finished, "due": self.due}
        words = [f"{happened} {span}" for happened, span in days.items() if str(span)]
        if self.is_dated:
            words.append("with a due date")
        if self.also_service:
            words.append(f"of {self.also_service.name} as well")
        return [*words, "of no service"] if self.has_no_service else words

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
