"""How much is asked of a Jira at once: as the connection says, less after it asked us to be slower; people first."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.test import Client

from accounts.models import User
from actions import tasks
from actions.enums import SyncState
from actions.jira import bulk, inbound, queue, sync
from actions.models import ActionItem, ItemSync, JiraConnection
from actions.services import tracking
from tests.actions.conftest import signed_in
from tests.actions.jira.test_views import typed
from tests.actions.jira.world import Both
from tests.factories.actions import make_action
from tests.fakes.jira.server import Fault

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator(alice: User) -> Client:
    User.objects.filter(pk=alice.pk).update(is_administrator=True)
    return signed_in(alice)


def at_once(both: Both) -> int:
    return JiraConnection.objects.get(pk=both.connection.pk).at_once_now


def occupy(both: Both, workers: int) -> None:
    """So many workers are at other rows."""
    for each in range(workers):
        action = make_action(both.postmortem, title=f"Under way {each}")
        ItemSync.objects.create(
            action=action, connection=both.connection, mapping=both.mapping, lease=uuid.uuid4(),
            lease_ends_at=both.clock() + timedelta(seconds=60),
        )  # fmt: skip


def linked(both: Both, title: str) -> ActionItem:
    action = both.add(title=title)
    both.sync(action)
    return action


# -- The number --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "status"), [("1", 422), ("2", 302), ("10", 302), ("11", 422), ("", 422)])
def test_it_can_be_from_two_to_ten(both: Both, administrator: Client, number: str, status: int) -> None:
    fields = typed(both.server, name="Jira 1", at_once=number)
    answer = administrator.post(f"{both.connection.get_absolute_url()}edit/", fields)
    assert (answer.status_code, at_once(both)) == (status, int(number) if status == 302 else 4)


def test_so_many_workers_are_at_it_and_a_large_run_leaves_one_for_people(both: Both) -> None:
    action = linked(both, "Somebody's")
    occupy(both, 3)
    ItemSync.objects.filter(action=action).update(due_at=both.clock(), is_bulk=True)
    assert queue.claim_linked(both.connection.pk, now=both.clock(), most=10) == []
    ItemSync.objects.filter(action=action).update(is_bulk=False)
    assert len(queue.claim_linked(both.connection.pk, now=both.clock(), most=10)) == 1
    other = both.add(title="One more")
    assert queue.claim(both.row(other).pk, now=both.clock()) is None
    assert queue.claim(both.row(other).pk, now=both.clock(), is_in_between=True) is not None


def test_asked_to_be_slower_half_as_much_is_asked_and_then_one_more_a_minute(both: Both) -> None:
    JiraConnection.objects.update(at_once=8, at_once_now=8)
    action = linked(both, "Somebody's")
    for expected in (4, 2, 2):
        both.server.faults.append(Fault("429", {"Retry-After": "1"}))
        both.pull(action)
        assert at_once(both) == expected
        both.wait(seconds=10)
    found = []
    for _ in range(8):
        both.wait(seconds=61)
        both.pull(action)
        both.pull(action)
        found.append(at_once(both))
    assert found == [3, 4, 5, 6, 7, 8, 8, 8]


def test_one_slow_issue_is_no_reason_to_ask_less_of_all(both: Both) -> None:
    action = linked(both, "Somebody's")
    both.server.faults.append(Fault("429", {"RateLimit-Reason": "jira-per-issue-on-write"}))
    both.pull(action)
    assert at_once(both) == 4


def test_the_page_says_how_many_and_why(both: Both, administrator: Client) -> None:
    page = administrator.get("/actions/jira/").content.decode()
    assert "since Jira asked us to be slower" not in page
    JiraConnection.objects.update(at_once_now=2)
    assert "of 4, since Jira asked us to be slower" in administrator.get("/actions/jira/").content.decode()


# -- People first ------------------------------------------------------------------------------------------------------


def test_an_edit_goes_out_between_two_rows_of_a_large_look(both: Both) -> None:
    mine = linked(both, "Mine")
    for each in range(4):
        linked(both, f"Another {each}")
    both.wait(minutes=1)
    inbound.sweep(now=both.clock())
    ItemSync.objects.filter(action=mine).update(due_at=None, is_bulk=False)
    real, seen = sync.work, []

    def work(lease: queue.Lease, *args: Any, **kwargs: Any) -> None:
        real(lease, *args, **kwargs)
        seen.append(both.issue(mine).fields["summary"])
        if len(seen) == 1:
            both.edit(mine, title="At once")
            ItemSync.objects.filter(action=mine).update(due_at=both.clock())

    with mock.patch.object(sync, "work", work):
        inbound.look_at_many(both.connection.pk, clock=both.clock)
    assert "At once" in seen[:3]


def test_issues_are_made_before_those_that_nobody_waits_for_are_looked_at(both: Both) -> None:
    mine, others = linked(both, "Mine"), [linked(both, f"Another {each}") for each in range(2)]
    backlog = [make_action(both.postmortem, title=f"From before {each}") for each in range(3)]
    both.wait(minutes=1)
    inbound.sweep(now=both.clock())
    bulk.start_run(mapping=both.mapping, by=both.by, now=both.clock())
    both.wait(seconds=5)
    ItemSync.objects.filter(action=mine).update(is_bulk=False)
    assert inbound.look_at_many(both.connection.pk, clock=both.clock) == 1
    assert inbound.look_at_many(both.connection.pk, clock=both.clock) == 0
    assert bulk.create_portion(both.connection.pk, clock=both.clock) == len(backlog)
    both.wait(seconds=10)
    assert inbound.look_at_many(both.connection.pk, clock=both.clock) >= len(others)


def test_a_hint_that_comes_while_a_large_look_goes_on_is_not_answered_by_what_was_read_before(both: Both) -> None:
    actions = [linked(both, f"Number {each}") for each in range(3)]
    both.wait(minutes=1)
    inbound.sweep(now=both.clock())
    last = max(actions, key=lambda each: both.row(each).pk)
    seen: list[queue.Lease] = []
    real = sync.work

    def work(lease: queue.Lease, *args: Any, **kwargs: Any) -> None:
        if not seen:
            both.wait(seconds=5)
            both.jira.edit(both.issue(last), {"summary": "Theirs"}, by="1")
            inbound.look_at(both.connection.pk, [both.issue(last).id], now=both.clock())
        seen.append(lease)
        real(lease, *args, **kwargs)

    with mock.patch.object(sync, "work", work):
        inbound.look_at_many(both.connection.pk, clock=both.clock)
    assert (both.action(last).title, both.row(last).error_text) == ("Theirs", "")


def test_an_edit_goes_out_before_the_next_portion_of_a_backlog(both: Both) -> None:
    mine = linked(both, "Mine")
    for each in range(3):
        make_action(both.postmortem, title=f"Later {each}")
    bulk.start_run(mapping=both.mapping, by=both.by, now=both.clock())
    both.edit(mine, title="At once")
    both.wait(seconds=2)
    bulk.create_portion(both.connection.pk, clock=both.clock)
    writes = [asked.path for asked in both.server.writes()]
    assert writes.index(f"/rest/api/{3 if both.jira.is_cloud else 2}/issue/{both.issue(mine).id}") < writes.index(
        f"/rest/api/{3 if both.jira.is_cloud else 2}/issue/bulk"
    )


def test_an_edit_whose_row_is_taken_comes_again_soon(both: Both) -> None:
    action = linked(both, "Mine")
    both.edit(action, title="Meanwhile")
    ItemSync.objects.update(due_at=both.clock(), lease=uuid.uuid4(), lease_ends_at=both.clock() + timedelta(hours=1))
    with (
        mock.patch("actions.tasks.timezone.now", return_value=both.clock()),
        mock.patch.object(tasks.sync_item, "apply_async") as again,
    ):
        tasks.sync_item(both.row(action).pk)
        tasks.sync_item(both.row(action).pk, tasks.MOST_TRIES)
        ItemSync.objects.update(due_at=None)
        tasks.sync_item(both.row(action).pk)
    again.assert_called_once_with((both.row(action).pk, 1), countdown=tasks.HELD_UP, expires=tasks.EXPIRES)


def test_a_hint_asks_for_a_look_and_many_at_once_for_one(both: Both, django_capture_on_commit_callbacks: Any) -> None:
    actions = [linked(both, f"Number {each}") for each in range(3)]
    ids = [both.row(each).remote_id or "" for each in actions]
    with (
        mock.patch("actions.services.tracking.current_app.send_task") as send,
        django_capture_on_commit_callbacks(execute=True),
    ):
        for each in ids:
            inbound.look_at(both.connection.pk, [each], now=both.clock())
        inbound.look_at(both.connection.pk, ["404404"], now=both.clock())
    [call] = send.call_args_list
    assert call.args == (tracking.LOOK_TASK, (both.connection.pk,))
    assert (call.kwargs["countdown"], call.kwargs["priority"]) == (1.5, 0)
    assert ItemSync.objects.filter(state=SyncState.LINKED, is_bulk=False).count() == 3
