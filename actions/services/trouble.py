"""What a person does about an action whose issue is in trouble. A worker does the rest."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts import audit
from accounts.models import User
from actions.enums import SyncState
from actions.models import ActionItem, ItemSync, JiraMapping
from actions.services.action import lock_action
from actions.services.tracking import changed_at, nudge, send_action
from actions.tracker import FIELDS, Issue


class TakenAlready(Exception):
    """Another action is linked to that issue; `other` is it."""

    def __init__(self, other: ItemSync) -> None:
        super().__init__()
        self.other = other


@transaction.atomic
def retry_sync(*, sync: ItemSync, by: User, now: datetime) -> None:
    """Try again now, also what Jira refused."""
    row = _locked(sync)
    row.blocked, row.error_code, row.error_text, row.failures = {}, "", "", 0
    if row.state in {SyncState.ATTENTION, SyncState.MISSING}:
        row.state = SyncState.LINKED if row.remote_id else SyncState.PENDING
    _wake(row, now=now)
    audit.record(by=by, verb="action.sync-retried", obj=_action(row))


@transaction.atomic
def push_ours(*, sync: ItemSync, by: User, now: datetime) -> None:
    """Let Jira say what we say, in every field."""
    row, action = _locked(sync), _action(sync)
    row.dirty = changed_at(now, FIELDS, labels=action.labels)
    row.labels_seen, row.blocked = list(action.labels), {}
    _wake(row, now=now)
    audit.record(by=by, verb="action.sync-pushed", obj=action)


@transaction.atomic
def take_theirs(*, sync: ItemSync, by: User, now: datetime) -> None:
    """Say here what Jira says, in every field; what we said until then is kept as a conflict when it gives way."""
    row = _locked(sync)
    row.base, row.dirty, row.blocked = {}, {}, {}
    _wake(row, now=now)
    audit.record(by=by, verb="action.sync-taken", obj=_action(row))


@transaction.atomic
def unlink(*, sync: ItemSync, by: User) -> None:
    """Part the two: both stay, and neither hears of the other any more."""
    row = _locked(sync)
    audit.record(by=by, verb="action.unlinked", obj=_action(row), issue=row.remote_key)
    ItemSync.objects.filter(pk=row.pk).delete()


@transaction.atomic
def recreate(*, sync: ItemSync, by: User, now: datetime) -> None:
    """Make a new issue for one that was deleted in Jira."""
    row = _locked(sync)
    row.state, row.remote_id, row.remote_key, row.marker = SyncState.PENDING, None, "", uuid.uuid4()
    row.base, row.dirty, row.blocked, row.links = {}, {}, {}, []
    row.link_ids, row.links_dropped, row.are_links_due = [], [], False
    row.remote_updated_at, row.last_entry, row.read_at = None, 0, None
    row.error_code = row.error_text = ""
    _wake(row, now=now)
    audit.record(by=by, verb="action.sync-recreated", obj=_action(row))


@transaction.atomic
def send(*, action: ActionItem, mapping: JiraMapping, by: User, now: datetime) -> ItemSync:
    """Have an issue made for one action."""
    audit.record(by=by, verb="action.sent", obj=lock_action(action))
    return send_action(action, mapping, now=now)


@transaction.atomic
def link_issue(
    *, action: ActionItem, mapping: JiraMapping, issue: Issue, is_ours: bool, by: User, now: datetime
) -> ItemSync:
    """Keep an action in step with an issue that was just read. `is_ours`: where they differ, our values stand.

    Raises `TakenAlready`.
    """
    locked = lock_action(action)
    other = ItemSync.objects.filter(connection=mapping.connection, remote_id=issue.id).select_related("action").first()
    if other is not None:
        raise TakenAlready(other)
    try:
        with transaction.atomic():
            row = ItemSync.objects.create(
                action=locked,
                connection=mapping.connection,
                mapping=mapping,
                state=SyncState.LINKED,
                marker=issue.marker or uuid.uuid4(),
                remote_id=issue.id,
                remote_key=issue.key,
                last_entry=max((entry.id for entry in issue.entries), default=0),
                dirty=changed_at(now, FIELDS) if is_ours else {},
                labels_seen=list(locked.labels),
                are_links_due=True,
                due_at=now,
                waiting_since=now,
            )
    except IntegrityError as error:
        raise TakenAlready(ItemSync.objects.get(Q(action=locked) | Q(marker=issue.marker or None))) from error
    audit.record(by=by, verb="action.linked", obj=locked, issue=issue.key)
    nudge(row.pk)
    return row


@transaction.atomic
def settle_conflicts(*, sync: ItemSync, by: User, now: datetime) -> None:
    """Say that everything which gave way was seen, and is well as it is."""
    row = _locked(sync)
    fields = sorted(row.conflicts.filter(resolved_at=None).values_list("field", flat=True))
    if fields:
        row.conflicts.filter(resolved_at=None).update(resolved_by=by, resolved_at=now)
        audit.record(by=by, verb="action.conflicts-settled", obj=_action(row), fields=fields)


def _locked(sync: ItemSync) -> ItemSync:
    lock_action(_action(sync))
    return (
        ItemSync.objects.select_for_update(of=("self",)).select_related("action__postmortem__incident").get(pk=sync.pk)
    )


def _action(sync: ItemSync) -> ActionItem:
    assert sync.action is not None  # noqa: S101  (rows without one are seen by nobody)
    return sync.action


def _wake(row: ItemSync, *, now: datetime) -> None:
    """Whatever a worker is doing with it by now comes to nothing: it starts from what the row says."""
    row.due_at, row.hinted_at, row.waiting_since, row.is_bulk = now, now, row.waiting_since or now, False
    row.lease = row.lease_ends_at = None
    row.save()
    nudge(row.pk)
