"""Whatever fails is remembered in words on the row, told to who can mend it, and tried again when that helps."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any

import pytest
from django.core import mail
from jira import JIRA

from accounts.models import User
from actions.enums import Status, SyncState
from actions.jira import bulk, inbound, queue, sync
from actions.jira.client import JiraClient
from actions.jira.connect import client_of
from actions.jira.trial import examine
from actions.models import ActionItem, ItemSync, JiraConnection, JiraMapping, SyncConflict
from actions.services import trouble
from actions.services.action import delete_action
from actions.services.connection import tell_of_pauses
from actions.tracker import Draft, Unreachable
from tests.actions.jira.test_sync import text
from tests.actions.jira.world import Both, know
from tests.factories.actions import make_action
from tests.fakes.jira import Person
from tests.fakes.jira.server import TOKEN, Asked, Fault

pytestmark = pytest.mark.django_db


def is_creation(asked: Asked) -> bool:
    return asked.method == "POST" and asked.path.endswith("/issue")


def is_edit(asked: Asked) -> bool:
    return asked.method == "PUT"


# -- Creating ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["drop-after", "truncate"])
def test_a_lost_answer_to_a_creation_is_found_again_and_asked_for_once(both: Both, kind: str) -> None:
    both.server.faults.append(Fault(kind, matches=is_creation))
    action = both.add()
    row = both.sync(action)
    assert (row.state, row.remote_id) == (SyncState.UNCERTAIN, None)
    assert sum(is_creation(asked) for asked in both.server.writes()) == 1
    both.wait(minutes=1)
    row = both.sync(action)
    assert (row.state, row.remote_id) == (SyncState.LINKED, both.issue(action).id)
    assert sum(is_creation(asked) for asked in both.server.writes()) == 1


def test_a_creation_that_arrives_a_minute_late_is_not_made_again(both: Both) -> None:
    both.server.faults.append(Fault("delay", matches=is_creation))
    action = both.add()
    assert both.sync(action).state == SyncState.UNCERTAIN
    assert both.sync(action).state == SyncState.UNCERTAIN
    for _ in range(8):
        both.wait(seconds=50)
        both.sync(action)
    assert both.row(action).remote_id == both.issue(action).id


def test_what_was_surely_not_made_is_made_after_five_minutes(both: Both) -> None:
    both.server.faults.append(Fault("drop-before", matches=is_creation))
    action = both.add()
    both.sync(action)
    for _ in range(4):
        both.wait(minutes=2)
        both.sync(action)
    assert (both.row(action).state, len(both.jira.issues)) == (SyncState.LINKED, 1)


def test_a_walk_begins_where_the_project_was_when_it_was_mapped(both: Both) -> None:
    """Whole pages of numbers may be deleted: a walk that began at one would end there, and find nothing."""
    fields = {"project": {"key": "OPS"}, "issuetype": {"id": "10100"}, "summary": "Old"}
    for _ in range(130):
        both.jira.delete(both.jira.create(fields, by="1"))
    both.jira.create(fields, by="1")
    both.wait(minutes=1)
    with client_of(both.connection, now=both.clock()) as client:
        report = examine(client, project="OPS", kind="10100", given={})
    JiraMapping.objects.update(highest_number=report.newest_number)
    both.server.faults.append(Fault("drop-after", matches=is_creation))
    action = both.add()
    for _ in range(5):
        both.sync(action)
        both.wait(minutes=3)
    assert (report.newest_number, both.row(action).remote_id) == (131, both.issue(action).id)


def test_an_issue_that_cannot_be_seen_is_not_made_again(both: Both) -> None:
    both.server.faults.append(Fault("drop-after", matches=is_creation))
    action = both.add()
    both.sync(action)
    both.jira.hidden.add("OPS")
    for _ in range(4):
        both.wait(minutes=5)
        both.sync(action)
    assert "cannot be seen" in both.row(action).error_text
    both.jira.hidden.clear()
    trouble.retry_sync(sync=both.row(action), by=both.by, now=both.clock())
    both.sync(action)
    assert both.row(action).remote_id == both.issue(action).id


def test_a_worker_that_slept_does_not_send(both: Both) -> None:
    action = both.add()
    both.wait(seconds=2)
    ticks = itertools.count()
    sync.sync_item(both.row(action).pk, clock=lambda: both.clock() + timedelta(seconds=11 * next(ticks)))
    assert both.jira.issues == {}


def test_a_field_jira_refuses_at_creation_stands_back_and_the_issue_is_made(both: Both) -> None:
    both.jira.screen.discard("duedate")
    action = both.add(due_on=date(2026, 5, 1))
    row = both.sync(action)
    assert (row.state, both.issue(action).fields["duedate"]) == (SyncState.LINKED, None)
    assert "appropriate screen" in row.blocked["due_on"]["words"]


def test_a_field_of_jiras_own_without_a_value_is_named(both: Both) -> None:
    both.jira.required = {"customfield_10010": "Team"}
    action = both.add()
    row = both.sync(action)
    assert (row.state, row.error_text, row.due_at) == (SyncState.ATTENTION, "Team is required.", None)
    both.mapping.defaults = {"customfield_10010": "Edge for {reference}"}
    both.mapping.save()
    trouble.retry_sync(sync=row, by=both.by, now=both.clock())
    assert both.sync(action).state == SyncState.LINKED
    assert both.issue(action).fields["customfield_10010"] == f"Edge for {action.reference}"


def test_an_owner_jira_does_not_know_is_named_and_the_rest_goes(both: Both, alice: User) -> None:
    action = both.add(owner=alice)
    row = both.sync(action)
    assert (row.state, list(row.blocked)) == (SyncState.LINKED, ["owner"])
    assert "Alice is not known in Jira" in row.blocked["owner"]["words"]
    assert both.issue(action).fields["assignee"] is None


# -- Changing ----------------------------------------------------------------------------------------------------------


def test_an_edit_that_ours_covered_comes_back(both: Both) -> None:
    """Somebody there writes between our reading and our writing: their value stands, since it is the later one."""
    action = both.add()
    both.sync(action)
    both.edit(action, title="Ours")
    issue = both.issue(action)

    def somebody(asked: Asked) -> None:
        if is_edit(asked):
            both.server.before = None
            both.jira.now += timedelta(seconds=1)
            both.jira.edit(issue, {"summary": "Theirs"}, by="1")

    both.server.before = somebody
    both.sync(action)
    assert (both.action(action).title, both.issue(action).fields["summary"]) == ("Theirs", "Theirs")
    assert SyncConflict.objects.get().ours == "Ours"


def test_an_edit_that_ours_covered_comes_back_although_our_answer_was_lost(both: Both) -> None:
    action = both.add()
    both.sync(action)
    both.edit(action, title="Ours")
    issue = both.issue(action)

    def somebody(asked: Asked) -> None:
        if is_edit(asked):
            both.server.before = None
            both.jira.now += timedelta(seconds=1)
            both.jira.edit(issue, {"summary": "Theirs"}, by="1")

    both.server.before = somebody
    both.server.faults.append(Fault("drop-after", matches=is_edit))
    both.sync(action)
    both.wait(minutes=2)
    both.sync(action)
    assert (both.action(action).title, both.issue(action).fields["summary"]) == ("Theirs", "Theirs")


def test_a_value_set_and_set_back_there_is_still_the_later_edit(both: Both) -> None:
    action = both.add(title="First")
    both.sync(action)
    both.edit(action, title="Ours")
    both.wait(minutes=1)
    both.jira.edit(both.issue(action), {"summary": "Theirs"}, by="1")
    both.jira.edit(both.issue(action), {"summary": "First"}, by="1")
    both.sync(action)
    assert both.action(action).title == "First"
    assert [(each.ours, each.theirs) for each in SyncConflict.objects.all()] == [("Ours", "First")]


def test_our_own_write_that_lands_late_is_not_taken_for_somebodys(both: Both) -> None:
    action = both.add()
    both.sync(action)
    both.edit(action, title="Late")
    both.server.faults.append(Fault("delay", matches=is_edit))
    both.sync(action)
    both.edit(action, title="Newest")
    both.sync(action)
    both.wait(minutes=3)
    both.pull(action)
    assert (both.action(action).title, both.issue(action).fields["summary"]) == ("Newest", "Newest")


def test_two_edits_around_our_own_are_both_seen(both: Both) -> None:
    action = both.add(deliverable="Middle.")
    both.sync(action)
    both.edit(action, deliverable="Middle.\n\nOurs.")
    issue = both.issue(action)

    def somebody(asked: Asked) -> None:
        if is_edit(asked):
            both.server.before = None
            both.jira.edit(issue, {"description": text(both, "First.\n\nMiddle.")}, by="1")

    both.server.before = somebody
    both.server.faults.append(Fault("drop-after", matches=is_edit))
    both.sync(action)
    both.jira.edit(issue, {"description": text(both, "Middle.\n\nOurs.\n\nLast.")}, by="1")
    both.wait(minutes=2)
    both.pull(action)
    said = both.action(action).deliverable
    assert [word in said for word in ("First.", "Middle.", "Ours.", "Last.")] == [True] * 4


def test_an_assignee_that_jira_chose_at_creation_stays(both: Both, bob: User) -> None:
    action = both.add()

    def lead(asked: Asked) -> None:
        if not is_creation(asked):
            both.server.before = None
            [issue] = both.jira.issues.values()
            both.jira.edit(issue, {"assignee": {"accountId": "1", "name": "ann"}}, by="1")

    both.server.before = lead
    both.sync(action)
    both.pull(action)
    assert (both.action(action).owner, both.issue(action).fields["assignee"]) == (bob, "1")


def test_a_status_moved_by_somebody_on_our_way_is_looked_at_again(both: Both) -> None:
    action = both.add()
    both.sync(action)
    both.move(action, Status.DONE)
    issue = both.issue(action)

    def somebody(asked: Asked) -> None:
        if asked.method == "POST" and asked.path.endswith("/transitions"):
            both.server.before = None
            both.jira.now += timedelta(seconds=5)
            both.jira.set_status(issue, "31")

    both.server.before = somebody
    both.sync(action)
    both.wait(minutes=2)
    both.pull(action)
    assert (both.issue(action).status, both.action(action).status) == ("31", Status.WILL_NOT_DO)


def test_a_screen_that_asks_for_more_is_named(both: Both) -> None:
    for steps in both.jira.workflow.values():
        for step in steps:
            step.required = ("resolution",) if step.to == "30" else ()
    action = both.add()
    both.sync(action)
    both.move(action, Status.DONE)
    row = both.sync(action)
    assert row.blocked["status"]["words"].startswith("Jira asks for Resolution there.")
    assert both.action(action).status == Status.DONE
    both.mapping.refresh_from_db()
    both.mapping.closing = {"resolution": {"name": "Done"}}
    both.mapping.save()
    trouble.retry_sync(sync=row, by=both.by, now=both.clock())
    both.sync(action)
    assert both.issue(action).status == "30"


# -- Jira is not well --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("header", "least"), [("7", 7), ("0.5", 5), ("soon", 5), ("0", 5), ("", 5)])
def test_jira_says_when_to_come_back(both: Both, header: str, least: int) -> None:
    both.server.faults.append(Fault("429", {"Retry-After": header}))
    action = both.add()
    begun = both.clock() + timedelta(seconds=2)
    row = both.sync(action)
    assert (row.error_code, row.attempt, row.failures) == ("throttled", None, 0)
    assert row.due_at is not None
    assert least <= (row.due_at - begun).total_seconds() <= least * 1.3


def test_a_jira_that_is_away_is_left_alone_and_everything_goes_in_the_end(both: Both) -> None:
    actions = [both.add(title=f"Number {each}") for each in range(queue.BREAKS_AFTER + 2)]
    both.server.faults += [Fault("503") for _ in range(queue.BREAKS_AFTER)]
    for action in actions:
        both.sync(action)
    connection = JiraConnection.objects.get()
    assert connection.failing_since is not None
    assert connection.retry_at is not None
    assert connection.retry_at > both.clock()
    asked = len(both.server.log)
    both.sync(actions[-1])
    assert len(both.server.log) == asked
    for _ in range(12):
        both.wait(minutes=10)
        for action in actions:
            both.sync(action)
    assert (len(both.jira.issues), JiraConnection.objects.get().failures) == (len(actions), 0)


def test_a_token_that_is_not_accepted_pauses_the_connection_in_words(both: Both) -> None:
    both.server.faults.append(Fault("401"))
    action = both.add()
    both.sync(action)
    connection = JiraConnection.objects.get()
    assert connection.paused_reason == "Jira does not accept the secret any more."
    both.wait(hours=1)
    asked = len(both.server.log)
    both.sync(action)
    assert len(both.server.log) == asked


def test_administrators_are_told_once_that_jira_refuses(both: Both, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_administrator=True)
    both.server.faults.append(Fault("401"))
    both.sync(both.add())
    ItemSync.objects.filter(action=both.add(title="Not kept")).update(state="unlinked", waiting_since=both.clock())
    assert [tell_of_pauses(now=both.clock()) for _ in range(2)] == [1, 0]
    [message] = mail.outbox
    assert (message.to, message.subject) == ([alice.email], "Jira 1 is paused: Jira refuses")
    assert "Jira does not accept the secret any more." in message.body
    assert "1 change waits" in message.body


def test_a_missing_permission_is_named(both: Both) -> None:
    both.jira.denied.add("CREATE_ISSUES")
    row = both.sync(both.add())
    assert (row.state, row.attempt) == (SyncState.ATTENTION, None)
    assert "You do not have permission to create issues" in row.error_text


# -- What people do in Jira --------------------------------------------------------------------------------------------


def test_a_deleted_issue_is_not_made_again_unasked(both: Both) -> None:
    action = both.add()
    both.sync(action)
    both.jira.delete(both.issue(action))
    assert both.pull(action).state == SyncState.MISSING
    both.edit(action, title="Still wanted")
    both.wait(minutes=5)
    both.sync(action)
    assert len(both.jira.issues) == 1
    trouble.recreate(sync=both.row(action), by=both.by, now=both.clock())
    row = both.sync(action)
    assert (row.state, both.issue(action).fields["summary"]) == (SyncState.LINKED, "Still wanted")


def test_a_project_that_is_hidden_is_not_a_deleted_issue(both: Both) -> None:
    action = both.add()
    both.sync(action)
    both.jira.hidden.add("OPS")
    row = both.pull(action)
    assert (row.state, "Browse projects" in row.error_text) == (SyncState.ATTENTION, True)


def test_a_moved_issue_is_still_the_same(both: Both) -> None:
    action = both.add()
    both.sync(action)
    both.jira.relocate(both.issue(action), "WEB")
    both.edit(action, title="After the move")
    row = both.pull(action)
    assert (row.remote_key, both.issue(action).fields["summary"]) == ("WEB-1", "After the move")


def test_a_comment_there_changes_nothing_here(both: Both) -> None:
    action = both.add()
    both.sync(action)
    revision = both.action(action).revision
    both.jira.now += timedelta(minutes=1)
    both.issue(action).updated = both.jira.now
    both.pull(action)
    assert (both.action(action).revision, len(both.server.writes())) == (revision, 2)


def test_somebody_who_may_not_see_it_does_not_own_it_here(both: Both, mallory: User) -> None:
    both.jira.people["7"] = Person("7", "mal", "mal@jira.example")
    know(both.connection, both.server, mallory, "7", both.clock())
    both.postmortem.visibility = "team"
    both.postmortem.save()
    action = both.add()
    both.sync(action)
    both.jira.edit(both.issue(action), {"assignee": {"accountId": "7", "name": "mal"}}, by="1")
    row = both.pull(action)
    assert (both.action(action).owner, row.notes["owner"]) == (None, "Mal")


def test_what_is_restricted_stays_here(both: Both) -> None:
    both.postmortem.visibility = "restricted"
    both.postmortem.save()
    action = both.add()
    assert not ItemSync.objects.filter(action=action).exists()


def test_what_becomes_restricted_is_not_written_any_more(both: Both) -> None:
    action = both.add()
    both.sync(action)
    both.postmortem.visibility = "restricted"
    both.postmortem.save()
    both.edit(action, title="A secret")
    row = both.sync(action)
    assert both.issue(action).fields["summary"] != "A secret"
    assert "restricted" in row.blocked["title"]["words"]


def test_a_deleted_action_leaves_its_issue_alone(both: Both) -> None:
    action = both.add()
    row = both.sync(action)
    delete_action(action=both.action(action), by=both.by, now=both.clock())
    inbound.sweep(now=both.clock())
    writes = len(both.server.writes())
    both.wait(minutes=5)
    inbound.look_at_many(both.connection.pk, clock=both.clock)
    assert (ItemSync.objects.get(pk=row.pk).state, len(both.server.writes())) == (SyncState.UNLINKED, writes)


# -- Many --------------------------------------------------------------------------------------------------------------


def test_a_backlog_goes_fifty_at_a_time(both: Both) -> None:
    actions = [make_action(both.postmortem, title=f"Old {each}") for each in range(120)]
    run = bulk.start_run(mapping=both.mapping, by=both.by, now=both.clock())
    while bulk.create_portion(both.connection.pk, clock=both.clock):
        both.wait(seconds=1)
    run.refresh_from_db()
    assert (run.total, run.ended_at is not None, len(both.jira.issues)) == (120, True, 120)
    assert sum(asked.path.endswith("/issue/bulk") for asked in both.server.writes()) == 3
    both.wait(seconds=5)
    while inbound.look_at_many(both.connection.pk, clock=both.clock):
        both.wait(seconds=1)
    assert ItemSync.objects.filter(due_at=None, state=SyncState.LINKED).count() == len(actions)


def test_a_field_that_is_refused_in_all_of_a_portion_stands_back_in_each(both: Both) -> None:
    both.jira.screen.discard("duedate")
    for each in range(3):
        make_action(both.postmortem, title=f"Old {each}", due_on=date(2026, 5, 1))
    bulk.start_run(mapping=both.mapping, by=both.by, now=both.clock())
    for _ in range(2):
        bulk.create_portion(both.connection.pk, clock=both.clock)
    assert [list(row.blocked) for row in ItemSync.objects.filter(state=SyncState.LINKED)] == [["due_on"]] * 3


def test_a_portion_of_which_nothing_can_be_made_says_why_of_each(both: Both) -> None:
    both.jira.required = {"customfield_10010": "Team"}
    for each in range(3):
        make_action(both.postmortem, title=f"Old {each}")
    run = bulk.start_run(mapping=both.mapping, by=both.by, now=both.clock())
    bulk.create_portion(both.connection.pk, clock=both.clock)
    assert [row.error_text for row in ItemSync.objects.all()] == ["Team is required."] * 3
    run.refresh_from_db()
    assert run.ended_at is not None


def test_a_lost_answer_to_fifty_creations_makes_none_twice(both: Both) -> None:
    for each in range(60):
        make_action(both.postmortem, title=f"Old {each}")
    both.server.faults.append(Fault("drop-after", matches=lambda asked: asked.path.endswith("/bulk")))
    bulk.start_run(mapping=both.mapping, by=both.by, now=both.clock())
    for _ in range(5):
        bulk.create_portion(both.connection.pk, clock=both.clock)
        both.wait(minutes=2)
    for row in ItemSync.objects.filter(remote_id=None):
        ItemSync.objects.filter(pk=row.pk).update(due_at=both.clock())
        both.sync(ActionItem.objects.get(sync=row))
    assert (len(both.jira.issues), ItemSync.objects.filter(remote_id__isnull=False).count()) == (60, 60)


def test_a_run_can_be_stopped_and_leaves_no_trace_of_what_was_not_begun(both: Both) -> None:
    for each in range(60):
        make_action(both.postmortem, title=f"Old {each}")
    run = bulk.start_run(mapping=both.mapping, by=both.by, now=both.clock())
    bulk.create_portion(both.connection.pk, clock=both.clock)
    assert bulk.stop_run(run=run, by=both.by, now=both.clock()) == 10
    assert ItemSync.objects.count() == 50


def test_a_sweep_reads_a_hundred_in_one_request(both: Both) -> None:
    if not both.jira.is_cloud:
        pytest.skip("Data Center has no request for many issues")
    for each in range(100):
        make_action(both.postmortem, title=f"Old {each}")
    bulk.start_run(mapping=both.mapping, by=both.by, now=both.clock())
    while bulk.create_portion(both.connection.pk, clock=both.clock):
        both.wait(seconds=1)
    inbound.look_at_many(both.connection.pk, clock=both.clock)
    both.wait(hours=1)
    inbound.sweep(now=both.clock())
    before = len(both.server.log)
    both.wait(seconds=5)
    inbound.look_at_many(both.connection.pk, clock=both.clock)
    assert len(both.server.log) - before == 1


def test_a_poll_finds_what_no_webhook_told(both: Both) -> None:
    action = both.add()
    both.sync(action)
    both.wait(minutes=2)
    both.jira.edit(both.issue(action), {"summary": "Said in Jira"}, by="1")
    both.wait(minutes=2)
    assert inbound.poll_due(now=both.clock()) == [both.mapping.pk]
    assert inbound.poll(both.mapping.pk, clock=both.clock) == 1
    assert inbound.poll_due(now=both.clock()) == []
    both.sync(action)
    assert both.action(action).title == "Said in Jira"
    both.wait(minutes=2)
    assert inbound.poll(both.mapping.pk, clock=both.clock) == 0


def test_panels_of_jira_survive_our_writing(both: Both) -> None:
    if not both.jira.is_cloud:
        pytest.skip("wiki markup has no panels")
    action = both.add(deliverable="One.")
    both.sync(action)
    issue = both.issue(action)
    said = text(both, "One.")
    panel = {"type": "panel", "attrs": {"panelType": "info"}, "content": text(both, "Mind this.")["content"]}
    both.jira.edit(issue, {"description": {**said, "content": [*said["content"], panel]}}, by="1")
    both.pull(action)
    both.edit(action, deliverable=both.action(action).deliverable + "\n\nTwo.")
    both.sync(action)
    assert [each["type"] for each in issue.fields["description"]["content"]] == ["paragraph", "panel", "paragraph"]


def test_the_library_unmodified_can_use_the_fake(both: Both) -> None:
    """The fake answers a client that nobody here wrote."""
    version = "3" if both.jira.is_cloud else "2"
    options: dict[str, Any] = {"server": both.server.url, "rest_api_version": version}
    client = JIRA(options=options, token_auth=TOKEN)
    fields = {"project": {"key": "OPS"}, "summary": "By the library", "issuetype": {"id": "10100"}}
    made = client.create_issue(fields=fields)
    made.update(fields={"summary": "Changed"})
    client.transition_issue(made, "101")
    assert (client.issue(made.key).fields.summary, both.jira.find(made.key).status) == ("Changed", "20")
    client._session.close()
    assert [fault.partition(":")[0] for fault in both.server.contract.faults] == [
        "POST issue/{issueIdOrKey}/transitions body"  # the library sends the number of a step, Jira names it in words
    ] * both.server.contract.is_checked
    both.server.contract.faults.clear()


def test_one_request_is_sent_once_whatever_the_network_does(both: Both) -> None:
    client = JiraClient(both.server.url, is_cloud=both.jira.is_cloud, secret="a-token-of-no-worth")
    both.server.faults.append(Fault("drop-after", matches=is_creation))
    with pytest.raises(Unreachable):
        client.create(Draft("m", "OPS", "10100", {"title": "Once"}))
    assert len(both.jira.issues) == 1
    client.close()
