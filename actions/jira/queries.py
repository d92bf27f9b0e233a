"""What pages show of Jira: how connections are, what is in trouble, what was written where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db.models import Case, Count, Min, Q, When
from django.utils.dateformat import format as dated

from accounts.models import User
from actions import rules
from actions.enums import Status, SyncState
from actions.models import ActionItem, ItemSync, JiraConnection, JiraMapping, SyncConflict, SyncEntry, SyncRun
from actions.models.jira import OUT_OF_TOUCH
from actions.services.connection import WARNED
from actions.services.tracking import may_leave

SHOWN = 100
LATEST = 30


@dataclass(frozen=True)
class Health:
    """How one connection is. `state` is "well", "paused", "down" or "slow"."""

    connection: JiraConnection
    state: str
    linked: int
    waiting: int
    waiting_since: datetime | None
    in_trouble: int
    written: int
    """Writes to Jira in the last hour."""
    expires_soon: bool


def jira_health(*, now: datetime, only: JiraConnection | None = None) -> list[Health]:
    """Every connection, or one, with what waits for it."""
    linked = Q(items__state=SyncState.LINKED)
    waiting = Q(items__waiting_since__isnull=False) & ~Q(items__state__in=OUT_OF_TOUCH)
    rows = JiraConnection.objects.annotate(
        linked=Count("items", filter=linked),
        waiting=Count("items", filter=waiting),
        waiting_since=Min("items__waiting_since", filter=waiting),
    )
    recent = SyncEntry.objects.filter(at__gte=now - timedelta(hours=1), is_outward=True)
    written = dict(recent.values_list("sync__connection").annotate(Count("pk")).order_by())
    troubled = dict(ItemSync.objects.in_trouble().values_list("connection").annotate(Count("pk")).order_by())
    chosen = rows.filter(pk=only.pk) if only else rows
    return [_health(row, written.get(row.pk, 0), troubled.get(row.pk, 0), now) for row in chosen]


def _health(row: JiraConnection, written: int, troubled: int, now: datetime) -> Health:
    is_held = row.retry_at is not None and row.retry_at > now
    state = "paused" if row.paused_reason else "down" if row.failing_since else "slow" if is_held else "well"
    expires = row.token_expires_on
    counted = vars(row)
    return Health(
        connection=row,
        state=state,
        linked=counted["linked"],
        waiting=counted["waiting"],
        waiting_since=counted["waiting_since"],
        in_trouble=troubled,
        written=written,
        expires_soon=expires is not None and (expires - now.date()).days <= WARNED[0],
    )


def syncs_in_trouble(user: User) -> list[ItemSync]:
    """What somebody has to look at, of the actions `user` may see, the longest waiting first.

    Each says whether `user` may do so, as `can_mend`.
    """
    can_mend = Case(When(rules.mended_by(user), then=True), default=False)
    rows = ItemSync.objects.visible_to(user).in_trouble().annotate(can_mend=can_mend)
    joined = rows.select_related("action__owner", "action__postmortem__incident", "connection", "mapping")
    return list(joined.order_by("waiting_since", "pk")[:SHOWN])


@dataclass(frozen=True)
class ConflictRow:
    """A value that gave way and the one that stands, in words."""

    conflict: SyncConflict
    ours: str
    theirs: str


def open_conflicts(user: User) -> list[ConflictRow]:
    """Values that gave way and that nobody has looked at yet."""
    seen = ItemSync.objects.visible_to(user).values("pk")
    rows = SyncConflict.objects.filter(resolved_at=None, sync__in=seen)
    return _in_words(rows.select_related("sync__action__postmortem__incident", "sync__connection")[:SHOWN])


def _in_words(conflicts: Iterable[SyncConflict]) -> list[ConflictRow]:
    found = list(conflicts)
    owners: set[int] = {value for each in found if each.field == "owner" for value in (each.ours, each.theirs) if value}
    names = {person.pk: person.display_name for person in User.objects.filter(pk__in=owners)} if owners else {}
    words = [(each, _words(each.field, each.ours, names), _words(each.field, each.theirs, names)) for each in found]
    return [ConflictRow(*each) for each in words]


def _words(field: str, value: Any, names: Mapping[int, str]) -> str:
    match field:
        case "owner":
            return names.get(value, "somebody who is gone") if value else "nobody"
        case "due_on" if value:
            return dated(date.fromisoformat(value), "j F Y")
        case "status" if value in Status.values:
            return Status(value).label
        case "labels" if value:
            return ", ".join(value)
        case _:
            return str(value or "nothing")


def sync_log(user: User) -> list[SyncEntry]:
    """What was written lately, to either side."""
    seen = ItemSync.objects.visible_to(user).values("pk")
    rows = SyncEntry.objects.filter(sync__in=seen)
    return list(rows.select_related("sync__action", "sync__connection")[:LATEST])


@dataclass(frozen=True)
class Progress:
    """How far a large run is."""

    run: SyncRun
    done: int
    troubled: int
    rate: float
    """Actions a minute."""
    left: timedelta | None

    @property
    def percent(self) -> int:
        return 100 if not self.run.total else min(100, (self.done + self.troubled) * 100 // self.run.total)


def run_progress(run: SyncRun, *, now: datetime) -> Progress:
    """Counted anew each time: it goes on whoever looks."""
    rows = run.items.aggregate(
        done=Count("pk", filter=Q(remote_id__isnull=False)),
        troubled=Count("pk", filter=Q(remote_id=None, state=SyncState.ATTENTION)),
    )
    minutes = max(((run.ended_at or now) - run.started_at).total_seconds() / 60, 1 / 60)
    rate = rows["done"] / minutes
    remaining = run.total - rows["done"] - rows["troubled"]
    left = timedelta(minutes=remaining / rate) if rate and not run.ended_at and remaining > 0 else None
    return Progress(run, rows["done"], rows["troubled"], rate, left)


@dataclass(frozen=True)
class MappingRow:
    """A mapping with what a page says of it."""

    mapping: JiraMapping
    linked: int
    backlog: int
    """Unfinished actions of the team that have no issue."""
    progress: Progress | None
    can_map: bool


def mappings_of(connection: JiraConnection, user: User, *, now: datetime) -> list[MappingRow]:
    """The teams that go to this Jira. Of the backlog, `user` is told what they may see."""
    rows = connection.mappings.select_related("team").annotate(
        linked=Count("items", filter=Q(items__remote_id__isnull=False))
    )
    found = []
    for mapping in rows:
        run = mapping.runs.filter(Q(ended_at=None) | Q(ended_at__gte=now - timedelta(days=1))).first()
        can_map = rules.can_map(user, mapping)
        seen = ActionItem.objects.visible_to(user).unfinished()
        backlog = seen.filter(team_id=mapping.team_id, sync=None).count() if can_map else 0
        progress = run_progress(run, now=now) if run else None
        found.append(MappingRow(mapping, vars(mapping)["linked"], backlog, progress, can_map))
    return found


@dataclass(frozen=True)
class JiraRow:
    """What one action's page says of its issue."""

    sync: ItemSync | None
    can_send: bool
    conflicts: list[ConflictRow]
    log: list[SyncEntry]
    is_late: bool
    """Whether Jira has not been told for a while, so that people should know."""


def jira_row(action: ActionItem, *, now: datetime) -> JiraRow | None:
    """How an action stands to Jira; None where its team has nothing to do with one."""
    rows = ItemSync.objects.filter(action=action).select_related("connection", "mapping")
    sync = rows.first()
    if sync is None:
        mapping = JiraMapping.objects.filter(team_id=action.team_id).first()
        is_open = mapping is not None and not action.is_finished and may_leave(action, mapping)
        return JiraRow(None, is_open, [], [], False) if is_open else None
    is_late = sync.waiting_since is not None and now - sync.waiting_since > timedelta(minutes=1)
    conflicts = _in_words(sync.conflicts.filter(resolved_at=None))
    return JiraRow(sync, False, conflicts, list(sync.log.all()[:10]), is_late)


def tracker_hosts() -> list[str]:
    """The hosts of every Jira that is connected: links to them lead inside."""
    sites = JiraConnection.objects.values_list("site_url", flat=True)
    return [host for host in (urlsplit(site).hostname for site in sites) if host]
