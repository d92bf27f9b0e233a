"""Which action is looked at next, by whom, and what follows when it fails. The row in Postgres is the queue.

A worker leases a row before it asks Jira anything, and every commit of its work first looks whether the lease is still
its own: so at most one request is under way for an issue, and a worker thought dead changes nothing when it wakes.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce, Least

from actions.enums import SyncState
from actions.models import ActionItem, ItemSync, JiraConnection
from actions.models.jira import LEAST_AT_ONCE, ItemSyncQuerySet
from actions.services.action import AlreadyGone, lock_action
from actions.tracker import (
    Conflicting,
    Forbidden,
    Gone,
    Missing,
    Refused,
    SignInRefused,
    Throttled,
    TrackerError,
    Unreachable,
)

Clock = Callable[[], datetime]

LEASE = timedelta(seconds=90)
FOR_PEOPLE = 1
"""Requests at once that large runs leave for what people just did."""
STEADY = timedelta(seconds=60)
"""For so long a Jira that asked us to be slower must bear what it is asked before it is asked more at once."""
BREAKS_AFTER = 5
"""Failures in a row to reach a Jira, after which it is left alone for a while."""
LONGEST_BREAK = timedelta(minutes=10)
LONGEST_WAIT = timedelta(hours=1)
SOON = timedelta(seconds=5)


class LeaseLost(Exception):
    """Somebody else works on it by now; whatever was to be written is not."""


@dataclass(frozen=True)
class Lease:
    """The right to work on one row, for a while."""

    sync_id: int
    token: uuid.UUID


def claim(sync_id: int, *, now: datetime, is_in_between: bool = False) -> Lease | None:
    """Lease one row that is due; None if it is not, or somebody has it, or its Jira is to be left alone.

    `is_in_between`: whoever asks is at other rows just now, and leaves them alone meanwhile.
    """
    rows = ItemSync.objects.due(now).filter(pk=sync_id)
    connection_id = rows.values_list("connection_id", flat=True).first()
    if connection_id is None:
        return None
    found = _claim(rows, connection_id, now=now, most=1, spare=0 - is_in_between)
    return found[0] if found else None


def is_held_up(sync_id: int, *, now: datetime) -> bool:
    """Whether a row is due and its Jira may be asked, so that only other workers are in its way."""
    askable = JiraConnection.objects.askable(now)
    return ItemSync.objects.in_touch().filter(pk=sync_id, due_at__lte=now, connection__in=askable).exists()


def claim_linked(connection_id: int, *, now: datetime, most: int) -> list[Lease]:
    """Lease rows of a connection that are due and have an issue: what people did first, and by itself.

    The rest waits while there are issues to be made: looking at one takes a request, making it a fiftieth.
    """
    rows = due_linked(connection_id, now=now)
    found = _claim(rows.filter(is_bulk=False), connection_id, now=now, most=most, spare=0)
    if found or due_new(connection_id, now=now).exists():
        return found
    return _claim(rows, connection_id, now=now, most=most, spare=FOR_PEOPLE)


def claim_new(connection_id: int, *, now: datetime, most: int) -> list[Lease]:
    """Lease rows of a large run whose issues are to be made."""
    rows = due_new(connection_id, now=now)
    return _claim(rows, connection_id, now=now, most=most, spare=FOR_PEOPLE)


def due_linked(connection_id: int, *, now: datetime) -> ItemSyncQuerySet:
    rows = ItemSync.objects.due(now).filter(connection_id=connection_id)
    return rows.filter(remote_id__isnull=False, attempt__isnull=True)


def due_new(connection_id: int, *, now: datetime) -> ItemSyncQuerySet:
    rows = ItemSync.objects.due(now).filter(connection_id=connection_id)
    return rows.filter(remote_id=None, attempt__isnull=True, is_bulk=True)


@transaction.atomic
def _claim(rows: ItemSyncQuerySet, connection_id: int, *, now: datetime, most: int, spare: int) -> list[Lease]:
    """Lease some of `rows`. The connection's row is locked only for the moment of choosing."""
    if not _may_ask(connection_id, now=now, spare=spare):
        return []
    chosen = rows.order_by("is_bulk", "due_at", "pk").select_for_update(of=("self",), skip_locked=True)
    ids = list(chosen.values_list("pk", flat=True)[:most])
    token = uuid.uuid4()
    ItemSync.objects.filter(pk__in=ids).update(lease=token, lease_ends_at=now + LEASE)
    return [Lease(pk, token) for pk in ids]


def _may_ask(connection_id: int, *, now: datetime, spare: int) -> bool:
    """Whether one more may ask at once, so that `spare` more still could."""
    connection = JiraConnection.objects.askable(now).select_for_update(of=("self",)).filter(pk=connection_id).first()
    if connection is None:
        return False
    holders = connection.items.filter(lease__isnull=False, lease_ends_at__gte=now)
    busy = holders.values("lease").distinct().count()
    if connection.failures >= BREAKS_AFTER:
        return busy == 0
    return busy < connection.at_once_now - spare


@contextmanager
def held(lease: Lease) -> Iterator[ItemSync]:
    """The row, locked until the transaction ends, if the lease is still ours. Raises `LeaseLost`.

    Where the action is written too, lock that first.
    """
    with transaction.atomic():
        rows = ItemSync.objects.select_for_update(of=("self",)).select_related("mapping__connection")
        row = rows.filter(pk=lease.sync_id, lease=lease.token).first()
        if row is None:
            raise LeaseLost
        yield row


@contextmanager
def held_with_action(lease: Lease) -> Iterator[tuple[ItemSync, ActionItem | None]]:
    """The row as `held` gives it, and its action, locked before it; None if that was deleted."""
    with transaction.atomic():
        action_id = ItemSync.objects.filter(pk=lease.sync_id).values_list("action_id", flat=True).first()
        try:
            action = lock_action(ActionItem(pk=action_id)) if action_id else None
        except AlreadyGone:
            action = None
        with held(lease) as row:
            yield row, action


@contextmanager
def held_with_actions(leases: Sequence[Lease]) -> Iterator[list[tuple[Lease, ItemSync, ActionItem | None]]]:
    """As `held_with_action`, many: those of which the lease is still ours, all locked until the transaction ends."""
    tokens = {lease.sync_id: lease for lease in leases}
    with transaction.atomic():
        actions = ActionItem.objects.select_for_update(of=("self",)).select_related("postmortem__incident", "owner")
        found = {each.pk: each for each in actions.filter(sync__in=list(tokens)).order_by("pk")}
        rows = ItemSync.objects.select_for_update(of=("self",)).select_related("mapping__connection")
        ours = [each for each in rows.filter(pk__in=list(tokens)).order_by("pk") if each.lease == tokens[each.pk].token]
        yield [(tokens[each.pk], each, found.get(each.action_id or 0)) for each in ours]


def release_many(leases: Sequence[Lease], *, now: datetime, looked_at: datetime) -> None:
    """Give rows of one claim back, as `release` does one."""
    is_hinted = Q(hinted_at__gte=looked_at) & ~Q(state=SyncState.UNLINKED)
    at_once = Least(Coalesce(F("due_at"), Value(now)), Value(now))
    for token in {lease.token for lease in leases}:
        rows = ItemSync.objects.filter(pk__in=[lease.sync_id for lease in leases], lease=token)
        rows.update(lease=None, lease_ends_at=None, due_at=Case(When(is_hinted, then=at_once), default=F("due_at")))


def release(lease: Lease, *, now: datetime, looked_at: datetime) -> None:
    """Give the row back. It stays due if something happened since `looked_at`."""
    with suppress(LeaseLost), held(lease) as row:
        is_hinted = row.hinted_at is not None and row.hinted_at >= looked_at
        row.lease = row.lease_ends_at = None
        if is_hinted and row.state != SyncState.UNLINKED:
            row.due_at = min(row.due_at or now, now)
        row.save(update_fields=["lease", "lease_ends_at", "due_at"])


# -- Failures ----------------------------------------------------------------------------------------------------------


def failed(lease: Lease, error: TrackerError, *, now: datetime) -> None:
    """Remember why it did not work and when to try again; the words are for who reads the page.

    Whoever has the lease by now finds out for themselves.
    """
    try:
        with held(lease) as row:
            row.error_code, row.error_text = error.code, str(error)[:1000]
            match error:
                case Throttled():
                    row.due_at = now + max(timedelta(seconds=error.wait), SOON) * random.uniform(1, 1.2)  # noqa: S311
                case Unreachable():
                    row.failures += 1
                    row.due_at = now + backoff(row.failures)
                case Conflicting():
                    row.due_at = now + SOON
                case SignInRefused() | Gone():
                    row.due_at = now
                case Missing() if row.remote_id:
                    row.state, row.due_at = SyncState.MISSING, None
                case Forbidden() | Missing() | Refused() | TrackerError():
                    row.state = row.state if row.attempt else SyncState.ATTENTION
                    row.due_at = None
            row.save(update_fields=["error_code", "error_text", "failures", "due_at", "state"])
    except LeaseLost:
        return
    tell_connection(row.connection_id, error, now=now)


def backoff(failures: int) -> timedelta:
    """How long to wait after so many failures in a row: doubling, with jitter so that not all come back at once."""
    longest: timedelta = min(LONGEST_WAIT, timedelta(seconds=30) * 2 ** min(failures - 1, 10))
    return longest * random.uniform(0.5, 1)  # noqa: S311


@transaction.atomic
def tell_connection(connection_id: int, error: TrackerError, *, now: datetime) -> None:
    """Remember of the whole connection what one answer said about it."""
    connection = JiraConnection.objects.select_for_update(of=("self",)).get(pk=connection_id)
    match error:
        case Throttled() if error.reason != "jira-per-issue-on-write":
            connection.retry_at = now + max(timedelta(seconds=error.wait), timedelta(seconds=1))
            _ask_less(connection, now=now)
        case Unreachable():
            connection.failures += 1
            connection.failing_since = connection.failing_since or now
            over = connection.failures - BREAKS_AFTER
            if over >= 0:
                connection.retry_at = now + min(LONGEST_BREAK, timedelta(seconds=30) * 2 ** min(over, 6))
        case SignInRefused() | Gone():
            connection.paused_reason, connection.paused_at = str(error)[:500], now
        case _ if error.code == "address":
            connection.paused_reason, connection.paused_at = str(error)[:500], now
        case _:
            return
    connection.save(
        update_fields=[
            "retry_at", "failures", "failing_since", "paused_reason", "paused_at", "at_once_now", "at_once_changed_at",
        ]
    )  # fmt: skip


def _ask_less(connection: JiraConnection, *, now: datetime) -> None:
    """Half as much at once, down to one request for large runs and one for people; several answers count as one."""
    if connection.at_once_changed_at is None or now - connection.at_once_changed_at >= SOON:
        connection.at_once_now = max(LEAST_AT_ONCE, connection.at_once_now // 2)
        connection.at_once_changed_at = now


def _ask_more(connection: JiraConnection, *, now: datetime) -> None:
    """One more at once, now and then, until it is as many as the administrators allow."""
    rows = JiraConnection.objects.filter(pk=connection.pk, at_once_now__lt=F("at_once"))
    rows.filter(at_once_changed_at__lte=now - STEADY).update(at_once_now=F("at_once_now") + 1, at_once_changed_at=now)


def answered(connection: JiraConnection, *, now: datetime) -> None:
    """Jira is well; written down once in a while, and at once after it was not."""
    if connection.at_once_now < connection.at_once:
        _ask_more(connection, now=now)
    is_news = connection.failures or connection.answered_at is None or now - connection.answered_at > SOON * 6
    if is_news:
        JiraConnection.objects.filter(pk=connection.pk).update(failures=0, failing_since=None, answered_at=now)
        connection.failures, connection.answered_at = 0, now
