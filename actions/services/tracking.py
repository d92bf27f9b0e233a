"""Marks what changed here and is not in Jira yet, in the transaction that changed it. No call to Jira is made here."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from django.core.cache import cache
from django.db import transaction
from kombu.exceptions import OperationalError

from actions.enums import SyncState
from actions.models import ActionItem, ItemSync, JiraMapping

logger = logging.getLogger("debrief.jira")

FIELDS = {
    "title": "title",
    "deliverable": "description",
    "owner": "owner",
    "owner_id": "owner",
    "due_on": "due_on",
    "priority": "priority",
    "status": "status",
    "labels": "labels",
}
"""What Jira is told of, by the name the action has for it."""
PAUSE = timedelta(seconds=1)
"""Changes made within it go out together."""
SYNC_TASK = "actions.tasks.sync_item"
BULK_TASK = "actions.tasks.create_in_bulk"
LOOK_TASK = "actions.tasks.look_at_many"
LATER = 9
"""Priority of what belongs to a large run: workers take it when there is nothing else."""
GATHERED = timedelta(seconds=1)
"""Hints of one connection that come within it are looked at together. Redis counts in whole seconds."""


def track_action(action: ActionItem, *, now: datetime) -> None:
    """See to it that a new action gets an issue, where its team wants that."""
    mapping = JiraMapping.objects.filter(team_id=action.team_id, is_automatic=True).first()
    if mapping is not None and may_leave(action, mapping):
        send_action(action, mapping, now=now)


def may_leave(action: ActionItem, mapping: JiraMapping) -> bool:
    """Whether an action may be told to Jira: what is restricted stays here unless the team says otherwise."""
    return mapping.sends_restricted or not action.postmortem.is_restricted


def send_action(action: ActionItem, mapping: JiraMapping, *, now: datetime) -> ItemSync:
    """Have an issue made for `action`; what is kept in Jira already stays as it is."""
    row, is_new = ItemSync.objects.get_or_create(
        action=action,
        defaults={
            "connection_id": mapping.connection_id,
            "mapping": mapping,
            "due_at": now,
            "waiting_since": now,
        },
    )
    if is_new:
        nudge(row.pk)
    return row


def track_change(action: ActionItem, changed: Iterable[str], *, now: datetime) -> None:
    """Remember which fields of `action`, which the caller has locked, Jira has not heard of."""
    names = {FIELDS[name] for name in changed if name in FIELDS}
    if not names:
        return
    row = ItemSync.objects.select_for_update().filter(action=action).exclude(state=SyncState.UNLINKED).first()
    if row is None:
        return
    for name in names - {"labels"}:
        row.dirty[name] = now.isoformat()
    if "labels" in names:
        times = row.dirty.setdefault("labels", {})
        times.update(dict.fromkeys(set(row.labels_seen) ^ set(action.labels), now.isoformat()))
        row.labels_seen = list(action.labels)
    for name in names:
        row.blocked.pop(name, None)
    _wake(row, now=now)
    row.save(update_fields=["dirty", "labels_seen", "blocked", "due_at", "waiting_since", "is_bulk"])


def changed_at(at: datetime, names: Iterable[str], *, labels: Iterable[str] = ()) -> dict[str, Any]:
    """Marks that say of fields, as a tracker names them, when they were changed here; of labels, for each its own."""
    marks: dict[str, Any] = {name: at.isoformat() for name in names}
    return marks | ({"labels": dict.fromkeys(labels, at.isoformat())} if "labels" in marks else {})


def track_links(action: ActionItem, *, now: datetime) -> None:
    """A link to the work was added or removed."""
    row = ItemSync.objects.select_for_update().filter(action=action, state=SyncState.LINKED).first()
    if row is not None:
        _wake(row, now=now)
        row.save(update_fields=["due_at", "waiting_since", "is_bulk"])


def drop_remote_link(action: ActionItem, remote_id: str) -> None:
    """Somebody does not want here what came from Jira: it stays there, and is not brought again."""
    issue_id, _, link_id = remote_id.partition(":")
    row = ItemSync.objects.select_for_update().filter(action=action, remote_id=issue_id).first() if link_id else None
    if row is not None:
        row.links_dropped = sorted({*row.links_dropped, link_id})
        row.save(update_fields=["links_dropped"])


def _wake(row: ItemSync, *, now: datetime) -> None:
    if row.state == SyncState.MISSING:
        return
    row.due_at = now + PAUSE
    row.waiting_since = row.waiting_since or now
    row.is_bulk = False
    nudge(row.pk, after=PAUSE)


def forget_action(action: ActionItem) -> None:
    """The action is being deleted; its issue stays where it is, and nobody writes to it any more."""
    ItemSync.objects.filter(action=action).update(state=SyncState.UNLINKED, due_at=None, waiting_since=None)


def nudge(sync_id: int, *, after: timedelta = timedelta()) -> None:
    """Ask a worker to look at it once this is committed. Without a broker, the beat finds it a moment later."""
    _ask(SYNC_TASK, sync_id, after=after)


def nudge_bulk(connection_id: int, *, times: int) -> None:
    """Ask workers to make the issues of a large run once this is committed."""
    for _ in range(times):
        _ask(BULK_TASK, connection_id, priority=LATER)


def nudge_look(connection_id: int, *, after: timedelta) -> None:
    """Ask a worker to look at what Jira gave a hint of, once it is due; one for all hints that come together."""
    if cache.add(f"jira-look:{connection_id}", 1, GATHERED.total_seconds()):
        _ask(LOOK_TASK, connection_id, after=after + GATHERED)


def _ask(task: str, pk: int, *, after: timedelta = timedelta(), priority: int = 0) -> None:
    def ask() -> None:
        try:
            current_app.send_task(task, (pk,), countdown=after.total_seconds(), expires=300, priority=priority)
        except OperationalError as error:
            logger.warning("no worker could be asked for %s of %s: %s", task, pk, type(error).__name__)

    transaction.on_commit(ask, robust=True)
