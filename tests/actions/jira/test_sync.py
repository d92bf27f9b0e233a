"""An action and its issue say the same in the end, whoever changed what, where and when."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from accounts.models import User
from actions.enums import Status, SyncState
from actions.models import SyncConflict
from tests.actions.jira.world import Both

pytestmark = pytest.mark.django_db


def text(both: Both, words: str) -> Any:
    """A description as Jira keeps it."""
    if not both.jira.is_cloud:
        return words
    paragraphs = [{"type": "paragraph", "content": [{"type": "text", "text": each}]} for each in words.split("\n\n")]
    return {"version": 1, "type": "doc", "content": paragraphs}


def test_a_new_action_gets_one_issue_that_says_the_same(both: Both, bob: User) -> None:
    action = both.add(
        title="Page on old messages", deliverable="An **alert**.", owner=bob, due_on=date(2026, 5, 1), labels=["queue"]
    )
    row = both.sync(action)
    issue = both.issue(action)
    assert (row.state, row.remote_id, row.remote_key, row.blocked) == (SyncState.LINKED, issue.id, "OPS-1", {})
    assert (row.dirty, row.due_at) == ({}, None)
    fields = issue.fields
    assert (fields["summary"], fields["assignee"], fields["duedate"]) == ("Page on old messages", "1", "2026-05-01")
    assert (fields["priority"], sorted(fields["labels"])) == ("3", ["postmortem", "queue"])
    assert [each["object"]["title"] for each in issue.links.values()] == [f"{action.reference} in Debrief"]


def test_an_edit_here_is_one_request_there(both: Both) -> None:
    action = both.add()
    both.sync(action)
    both.edit(action, title="Another title")
    before = len(both.server.log)
    row = both.sync(action)
    assert (both.issue(action).fields["summary"], row.dirty) == ("Another title", {})
    assert len(both.server.log) - before == (1 if both.jira.is_cloud else 2)


def test_an_edit_there_comes_here(both: Both, bob: User) -> None:
    action = both.add()
    both.sync(action)
    both.wait(minutes=1)
    issue = both.issue(action)
    both.jira.edit(issue, {"summary": "Said in Jira", "duedate": "2026-06-01", "labels": ["postmortem", "x"]}, by="1")
    both.jira.edit(issue, {"assignee": {"accountId": "1", "name": "ann"}, "priority": {"id": "1"}}, by="1")
    both.jira.edit(issue, {"description": text(both, "First.\n\nSecond.")}, by="1")
    both.jira.set_status(issue, "20")
    row = both.pull(action)
    now = both.action(action)
    assert (now.title, now.due_on, now.owner, now.priority) == ("Said in Jira", date(2026, 6, 1), bob, "P1")
    assert (now.labels, now.deliverable, now.status) == (["x"], "First.\n\nSecond.", "in_progress")
    assert (row.dirty, row.due_at) == ({}, None)
    writes = len(both.server.writes())
    both.pull(action)
    assert len(both.server.writes()) == writes


def test_a_status_here_walks_the_workflow_there(both: Both) -> None:
    action = both.add()
    both.sync(action)
    both.move(action, Status.DONE)
    row = both.sync(action)
    assert (both.issue(action).status, row.blocked, row.due_at) == ("30", {}, None)
    assert both.action(action).status == Status.DONE


def test_the_later_of_two_titles_stands_and_the_other_is_kept(both: Both) -> None:
    action = both.add()
    both.sync(action)
    both.edit(action, title="Ours")
    both.wait(minutes=1)
    both.jira.edit(both.issue(action), {"summary": "Theirs"}, by="1")
    row = both.sync(action)
    assert (both.action(action).title, both.issue(action).fields["summary"]) == ("Theirs", "Theirs")
    conflict = SyncConflict.objects.get()
    assert (conflict.ours, conflict.theirs, conflict.winner, conflict.author) == ("Ours", "Theirs", "theirs", "Ann")
    assert row.dirty == {}


def test_texts_that_both_changed_are_joined_block_by_block(both: Both) -> None:
    action = both.add(deliverable="One.\n\nTwo.\n\nThree.")
    both.sync(action)
    both.edit(action, deliverable="One, ours.\n\nTwo.\n\nThree.")
    both.jira.edit(both.issue(action), {"description": text(both, "One.\n\nTwo.\n\nThree, theirs.")}, by="1")
    both.sync(action)
    assert both.action(action).deliverable == "One, ours.\n\nTwo.\n\nThree, theirs."
    assert SyncConflict.objects.count() == 0
