"""Many issues at once, for a backlog from before Jira was connected: fifty a request, behind people's edits."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import User
from actions.enums import UNFINISHED, SyncState
from actions.jira import create, inbound, queue
from actions.jira.connect import client_of
from actions.jira.queue import Clock, Lease, LeaseLost
from actions.models import ActionItem, ItemSync, JiraConnection, JiraMapping, SyncRun
from actions.services.tracking import may_leave, nudge_bulk
from actions.tracker import Draft, Refused, Tracker, TrackerError, Unreachable

PORTION = 50


class RunsAlready(Exception):
    """A run of this mapping is under way."""


@transaction.atomic
def start_run(*, mapping: JiraMapping, by: User, now: datetime) -> SyncRun:
    """Have issues made for all of the team's unfinished actions that have none. Raises `RunsAlready`."""
    JiraMapping.objects.select_for_update(of=("self",)).get(pk=mapping.pk)
    finish_runs(mapping, now=now)
    if mapping.runs.filter(ended_at=None).exists():
        raise RunsAlready
    rows = ActionItem.objects.filter(team_id=mapping.team_id, status__in=UNFINISHED, sync=None)
    actions = [each for each in rows.select_related("postmortem__incident") if may_leave(each, mapping)]
    run = SyncRun.objects.create(mapping=mapping, total=len(actions), started_by=by, started_at=now)
    ItemSync.objects.bulk_create(
        [
            ItemSync(
                action=each, connection_id=mapping.connection_id, mapping=mapping, run=run, is_bulk=True, due_at=now,
                waiting_since=now,
            )
            for each in actions
        ],
        batch_size=1000,
    )  # fmt: skip
    audit.record(by=by, verb="jira.run-started", obj=mapping, actions=len(actions))
    finish_runs(mapping, now=now)
    nudge_bulk(mapping.connection_id, times=lanes_of(mapping.connection_id))
    return run


def lanes_of(connection_id: int) -> int:
    """Portions that may be under way at once, so that one request is left for what somebody just did."""
    return JiraConnection.objects.get(pk=connection_id).at_once_now - queue.FOR_PEOPLE


@transaction.atomic
def stop_run(*, run: SyncRun, by: User, now: datetime) -> int:
    """Leave alone what was not begun; how many that are. What is in Jira stays there and is kept in step."""
    rows = run.items.filter(remote_id=None, attempt__isnull=True, lease=None).select_for_update(skip_locked=True)
    left = ItemSync.objects.filter(pk__in=list(rows.values_list("pk", flat=True))).delete()[0]
    SyncRun.objects.filter(pk=run.pk, ended_at=None).update(stopped_at=now, ended_at=now)
    audit.record(by=by, verb="jira.run-stopped", obj=run.mapping, left=left)
    return left


def finish_runs(mapping: JiraMapping, *, now: datetime) -> None:
    """End the runs that have nothing left to do."""
    for run in mapping.runs.filter(ended_at=None):
        waiting = run.items.filter(remote_id=None).exclude(state=SyncState.ATTENTION)
        if not waiting.exists():
            SyncRun.objects.filter(pk=run.pk, ended_at=None).update(ended_at=now)


def create_portion(connection_id: int, *, clock: Clock) -> int:
    """Make the next fifty issues in one request; how many were tried. What people are waiting for goes first."""
    inbound.people_first(clock=clock)
    leases = queue.claim_new(connection_id, now=clock(), most=PORTION)
    if not leases:
        return 0
    connection = JiraConnection.objects.get(pk=connection_id)
    try:
        with client_of(connection, now=clock()) as tracker:
            noted_at = clock()
            drafts = create.intend_many(leases, now=noted_at)
            if clock() - noted_at > create.STALE:
                raise Unreachable("The worker slept before it could ask.")
            if drafts:
                _create(drafts, tracker, clock)
        queue.answered(connection, now=clock())
    except TrackerError as error:
        for lease in leases:
            queue.failed(lease, error, now=clock())
    queue.release_many(leases, now=clock(), looked_at=clock())
    for mapping in JiraMapping.objects.filter(items__pk__in=[lease.sync_id for lease in leases]).distinct():
        finish_runs(mapping, now=clock())
    return len(leases)


def _create(drafts: list[tuple[Lease, Draft]], tracker: Tracker, clock: Clock) -> None:
    """Send them; what is refused stands back by itself. Raises `TrackerError`, and what may be there is looked for."""
    try:
        made = tracker.create_many([draft for _, draft in drafts])
    except TrackerError as error:
        if not error.may_be_done:
            _forget(drafts)
        raise
    answers = [(lease, each) for (lease, _), each in zip(drafts, made, strict=True)]
    create.link_many([(lease, each) for lease, each in answers if each.refusal is None], now=clock())
    for lease, each in answers:
        if each.refusal is not None:
            with suppress(LeaseLost):
                _set_aside(lease, each.refusal, clock)


def _forget(drafts: list[tuple[Lease, Draft]]) -> None:
    for lease, _ in drafts:
        try:
            create.forget_attempt(lease)
        except LeaseLost:
            continue


def _set_aside(lease: Lease, refusal: Refused, clock: Clock) -> None:
    """Try again without the fields that Jira refused, or wait for somebody to look."""
    if not create.set_aside(lease, refusal):
        queue.failed(lease, refusal, now=clock())
