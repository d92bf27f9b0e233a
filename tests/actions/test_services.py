"""Changes to action items: once, in order, audited, and never over someone else's."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from accounts.exceptions import EditedMeanwhile
from accounts.models import AuditEntry, User
from actions.enums import FOLLOWING, Status
from actions.models import ActionItem
from actions.services import action as services
from actions.services.action import ActionFacts
from postmortems.models import Lesson, Postmortem
from tests.factories.actions import NOON, make_action

FACTS = ActionFacts(title="Alert when the queue is old")
LATER = NOON + timedelta(hours=1)


def audited(action_pk: int) -> list[str]:
    rows = AuditEntry.objects.filter(object_type="actionitem", object_id=str(action_pk)).order_by("pk")
    return list(rows.values_list("verb", flat=True))


def test_added_action_belongs_to_the_post_mortem_and_its_team(postmortem: Postmortem, alice: User) -> None:
    action = services.add_action(postmortem=postmortem, facts=FACTS, by=alice, now=NOON)
    assert (action.postmortem, action.team, action.status) == (postmortem, postmortem.team, Status.OPEN)
    assert audited(action.pk) == ["action.added"]


def test_double_click_adds_one(postmortem: Postmortem, alice: User, lesson: Lesson) -> None:
    first = services.add_action(postmortem=postmortem, facts=FACTS, lessons=[lesson], by=alice, now=NOON)
    second = services.add_action(postmortem=postmortem, facts=FACTS, lessons=[lesson], by=alice, now=NOON)
    assert first == second


def test_same_words_for_another_lesson_are_another_action(postmortem: Postmortem, alice: User, lesson: Lesson) -> None:
    services.add_action(postmortem=postmortem, facts=FACTS, by=alice, now=NOON)
    services.add_action(postmortem=postmortem, facts=FACTS, lessons=[lesson], by=alice, now=NOON)
    assert postmortem.action_items.count() == 2


def edit(action: ActionItem, by: User, *, revision: int = 1, lessons: Any = (), **changes: Any) -> ActionItem:
    facts = replace(ActionFacts(title=action.title), **changes)
    return services.edit_action(action=action, facts=facts, lessons=lessons, revision=revision, by=by, now=LATER)


def test_edit_writes_what_was_decided(action: ActionItem, alice: User, bob: User, lesson: Lesson) -> None:
    edit(action, alice, owner=bob, due_on=date(2026, 5, 1), lessons=[lesson])
    action.refresh_from_db()
    assert (action.owner, action.due_on, action.revision, action.updated_at) == (bob, date(2026, 5, 1), 2, LATER)
    assert list(action.lessons.all()) == [lesson]
    entry = AuditEntry.objects.get(verb="action.edited")
    assert entry.details["fields"] == ["due_on", "lessons", "owner"]


def test_stale_edit_writes_nothing(action: ActionItem, alice: User, bob: User) -> None:
    edit(action, alice, owner=bob)
    with pytest.raises(EditedMeanwhile) as raised:
        edit(action, alice, title="Mine")
    assert raised.value.current == action
    action.refresh_from_db()
    assert action.title == "Alert when the queue is old"


def test_edit_that_changes_nothing_leaves_no_trace(action: ActionItem, alice: User) -> None:
    edit(action, alice)
    action.refresh_from_db()
    assert action.revision == 1
    assert audited(action.pk) == []


def test_edit_of_a_deleted_action_says_so(action: ActionItem, alice: User) -> None:
    services.delete_action(action=ActionItem.objects.get(), by=alice, now=NOON)
    with pytest.raises(services.AlreadyGone):
        edit(action, alice, title="Mine")


def move(action: ActionItem, by: User, status: str, *, revision: int | None = None, reason: str = "") -> ActionItem:
    return services.change_status(
        action=action,
        status=status,
        revision=revision or action.revision,
        refusal=services.Refusal(reason, by, LATER.date()),
        by=by,
        now=LATER,
    )


@pytest.mark.parametrize("before", list(Status))
@pytest.mark.parametrize("after", list(Status))
def test_only_transitions_that_exist_happen(before: Status, after: Status, postmortem: Postmortem, bob: User) -> None:
    finished = {} if before in {Status.OPEN, Status.IN_PROGRESS} else {"finished_at": NOON}
    action = make_action(postmortem, status=before, reason="Old." if before == Status.WILL_NOT_DO else "", **finished)
    if after == before or after in FOLLOWING[before]:
        assert move(action, bob, after, reason="Because.").status == after
    else:
        with pytest.raises(services.NotAllowedNow):
            move(action, bob, after, reason="Because.")


def test_finishing_keeps_when_and_reopening_forgets_it(action: ActionItem, bob: User) -> None:
    done = move(action, bob, Status.DONE)
    assert done.finished_at == LATER
    reopened = move(done, bob, Status.OPEN)
    assert reopened.finished_at is None
    assert audited(action.pk) == ["action.status-changed", "action.status-changed"]


def test_reason_is_kept_until_it_is_reopened(action: ActionItem, bob: User) -> None:
    refused = move(action, bob, Status.WILL_NOT_DO, reason="The service is switched off.")
    assert refused.reason == "The service is switched off."
    assert move(refused, bob, Status.OPEN).reason == ""


def test_second_click_changes_nothing(action: ActionItem, bob: User) -> None:
    move(action, bob, Status.DONE, revision=1)
    again = move(action, bob, Status.DONE, revision=1)
    assert again.revision == 2
    assert audited(action.pk) == ["action.status-changed"]


def test_stale_status_change_is_refused(action: ActionItem, alice: User, bob: User) -> None:
    edit(action, alice, owner=bob)
    with pytest.raises(EditedMeanwhile):
        move(action, bob, Status.DONE, revision=1)


def test_owner_writes_the_deliverable(action: ActionItem, bob: User) -> None:
    services.edit_deliverable(action=action, deliverable="[Dashboard](/d)", revision=1, by=bob, now=LATER)
    action.refresh_from_db()
    assert (action.deliverable, action.revision) == ("[Dashboard](/d)", 2)


def test_deletion_is_remembered_in_the_audit_log(action: ActionItem, alice: User) -> None:
    pk = action.pk
    services.delete_action(action=action, by=alice, now=NOON)
    assert not ActionItem.objects.filter(pk=pk).exists()
    assert audited(pk) == ["action.deleted"]


def test_title_of_a_restricted_action_stays_out_of_the_audit_log(alice: User, postmortem: Postmortem) -> None:
    postmortem.visibility = "restricted"
    postmortem.save(update_fields=["visibility"])
    services.add_action(postmortem=postmortem, facts=ActionFacts(title="canary"), by=alice, now=NOON)
    assert AuditEntry.objects.get(verb="action.added").object_label == postmortem.reference


def test_changed_words_are_found(action: ActionItem, alice: User) -> None:
    edit(action, alice, title="Rotate certificates")
    assert ActionItem.objects.filter(search="certificates").exists()
