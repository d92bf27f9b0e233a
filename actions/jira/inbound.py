"""What comes from Jira: hints that something may have changed, and never the change itself.

A webhook can be lost, repeated, late, out of order or forged; a row of a search may be minutes old. So each only says
which issue to look at; what is merged is read from Jira itself.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.crypto import constant_time_compare

from actions.enums import SyncState
from actions.jira import queue, sync
from actions.jira.connect import client_of
from actions.jira.queue import Clock
from actions.jira.secret import opened
from actions.models import HookDelivery, ItemSync, JiraConnection, JiraMapping
from actions.services.tracking import nudge_look
from actions.tracker import SignInRefused, TrackerError

logger = logging.getLogger("debrief.jira")

LARGEST = 2 * 1024 * 1024
COALESCE = timedelta(seconds=0.5)
OVERLAP = timedelta(minutes=3)
"""Searches are asked in whole minutes, and an index may be behind."""
KEPT = timedelta(days=14)
PORTION = 100
IN_BETWEEN = 5
"""Edits of people that are done between two rows of a large look."""
POLLED_WITH_HOOKS = timedelta(minutes=5)
POLLED_WITHOUT = timedelta(minutes=1)
LONGEST_POLL = timedelta(days=14)


class NotFromJira(Exception):
    """The delivery is not signed with our secret, or is nothing that a webhook of Jira says."""


# -- Webhooks ----------------------------------------------------------------------------------------------------------


def hear(connection: JiraConnection, *, headers: Mapping[str, str], raw: bytes, now: datetime) -> bool:
    """Take a delivery; True if it was new. Raises `NotFromJira`, and nothing is kept then."""
    _check_signature(connection, headers.get("X-Hub-Signature", ""), raw)
    issue_id = _issue_of(raw)
    delivery = headers.get("X-Atlassian-Webhook-Identifier") or hashlib.sha256(raw).hexdigest()
    try:
        with transaction.atomic():
            HookDelivery.objects.create(connection=connection, delivery_id=delivery[:200], received_at=now)
            JiraConnection.objects.filter(pk=connection.pk).update(hook_seen_at=now)
            if issue_id:
                look_at(connection.pk, [issue_id], now=now)
    except IntegrityError:
        return False
    return True


def _check_signature(connection: JiraConnection, given: str, raw: bytes) -> None:
    """Jira signs the body as it is with the secret of the webhook; without a secret nothing is believed."""
    if not connection.hook_secret:
        raise NotFromJira
    try:
        key = opened(connection.hook_secret)
    except SignInRefused as error:
        logger.error("The secret of the webhook of connection %s cannot be opened: %s", connection.pk, error)
        raise NotFromJira from error
    wanted = "sha256=" + hmac.new(key.encode(), raw, hashlib.sha256).hexdigest()
    if not given or not constant_time_compare(given, wanted):
        raise NotFromJira


def _issue_of(raw: bytes) -> str:
    """The number of the issue it is about; empty where it is about something else."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise NotFromJira from error
    if not isinstance(body, dict):
        raise NotFromJira
    issue = body.get("issue")
    number = issue.get("id") if isinstance(issue, dict) else None
    return str(number) if isinstance(number, str | int) and str(number).isdigit() else ""


def look_at(connection_id: int, issue_ids: Sequence[str], *, now: datetime) -> int:
    """Have these issues looked at, where they are ours; how many are."""
    rows = ItemSync.objects.filter(connection_id=connection_id, remote_id__in=issue_ids)
    count = rows.exclude(state=SyncState.UNLINKED).update(hinted_at=now, due_at=now + COALESCE, is_bulk=False)
    if count:
        nudge_look(connection_id, after=COALESCE)
    return count


# -- Looking -----------------------------------------------------------------------------------------------------------


def look_at_many(connection_id: int, *, clock: Clock) -> int:
    """Read those that are due, many in one request, and merge each; how many were read.

    What people do meanwhile is done in between: a large look keeps nobody waiting.
    """
    leases = queue.claim_linked(connection_id, now=clock(), most=PORTION)
    if not leases:
        return 0
    connection = JiraConnection.objects.get(pk=connection_id)
    ids = dict(ItemSync.objects.filter(pk__in=[lease.sync_id for lease in leases]).values_list("pk", "remote_id"))
    asked_at = clock()
    try:
        with client_of(connection, now=asked_at) as tracker:
            found = {issue.id: issue for issue in tracker.issues([each for each in ids.values() if each])}
    except TrackerError as error:
        for lease in leases:
            queue.failed(lease, error, now=clock())
            queue.release(lease, now=clock(), looked_at=clock())
        return 0
    for lease in leases:
        sync.work(lease, connection, clock=clock, issue=found.get(ids[lease.sync_id] or ""), asked_at=asked_at)
        people_first(clock=clock, is_in_between=True)
    return len(leases)


def people_first(*, clock: Clock, is_in_between: bool = False) -> None:
    """Do what people are waiting for, whichever Jira it goes to; `is_in_between` as `queue.claim` has it."""
    now = clock()
    rows = ItemSync.objects.due(now).filter(is_bulk=False, lease=None)
    waiting = rows.filter(connection__in=JiraConnection.objects.askable(now)).order_by("due_at", "pk")
    for sync_id in list(waiting.values_list("pk", flat=True)[:IN_BETWEEN]):
        sync.sync_item(sync_id, clock=clock, is_in_between=is_in_between)


def due_connections(*, now: datetime) -> list[int]:
    """Those that have something to do."""
    rows = ItemSync.objects.due(now).filter(connection__in=JiraConnection.objects.askable(now))
    return list(rows.order_by().values_list("connection_id", flat=True).distinct())


def due_items(connection_id: int, *, now: datetime, most: int) -> list[int]:
    """Rows that are due and no part of a large run."""
    rows = ItemSync.objects.due(now).filter(connection_id=connection_id, is_bulk=False)
    return list(rows.order_by("due_at", "pk").values_list("pk", flat=True)[:most])


# -- Polling -----------------------------------------------------------------------------------------------------------


def poll_due(*, now: datetime) -> list[int]:
    """Mappings that are to be asked for changes: every minute, and less often while webhooks arrive."""
    rows = JiraMapping.objects.filter(connection__in=JiraConnection.objects.askable(now))
    seldom = Q(connection__hook_seen_at__gte=now - POLLED_WITH_HOOKS * 2)
    is_time = (
        Q(polled_at=None)
        | (~seldom & Q(polled_at__lte=now - POLLED_WITHOUT))
        | Q(polled_at__lte=now - POLLED_WITH_HOOKS)
    )
    return list(rows.filter(is_time).filter(items__remote_id__isnull=False).distinct().values_list("pk", flat=True))


def poll(mapping_id: int, *, clock: Clock) -> int:
    """Ask for what changed in a project since the last time; how many of ours are to be looked at.

    The time of the last poll moves only once everything was noted.
    """
    begun = clock()
    mapping = JiraMapping.objects.select_related("connection").get(pk=mapping_id)
    since = max(mapping.polled_at or begun - OVERLAP, begun - LONGEST_POLL)
    minutes = int((begun - since + OVERLAP).total_seconds() // 60) + 1
    try:
        with client_of(mapping.connection, now=begun) as tracker:
            changed = dict(tracker.changed_since(mapping.project_key, minutes=minutes))
    except TrackerError as error:
        queue.tell_connection(mapping.connection_id, error, now=clock())
        return 0
    queue.answered(mapping.connection, now=clock())
    with transaction.atomic():
        noted = look_at(mapping.connection_id, _news(mapping.connection_id, changed), now=clock())
        JiraMapping.objects.filter(pk=mapping_id).filter(Q(polled_at=None) | Q(polled_at__lt=begun)).update(
            polled_at=begun
        )
    return noted


def _news(connection_id: int, changed: Mapping[str, datetime]) -> list[str]:
    """Of the issues that changed, those of which we have not seen that yet."""
    rows = ItemSync.objects.filter(connection_id=connection_id, remote_id__in=list(changed))
    known = rows.values_list("remote_id", "remote_updated_at")
    return [key for key, at in known if key and (at is None or at < changed[key])]


# -- Sweeping ----------------------------------------------------------------------------------------------------------


def sweep(*, now: datetime) -> int:
    """Have every linked issue looked at: what webhooks and polls missed, what was deleted, what was moved."""
    HookDelivery.objects.filter(received_at__lt=now - KEPT).delete()
    rows = ItemSync.objects.filter(state__in=[SyncState.LINKED, SyncState.ATTENTION], remote_id__isnull=False)
    return rows.update(hinted_at=now, due_at=now, is_bulk=True, is_swept=True)
