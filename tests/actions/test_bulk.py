"""Many actions changed at once, and taken back; never over somebody else's change, never without the right."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from actions.enums import Status
from actions.models import ActionItem, BulkChange, WorkLink
from actions.services.link import LinkFacts, add_link
from postmortems.models import Postmortem
from tests.actions.conftest import signed_in
from tests.factories.actions import make_action, make_postmortem

HTMX = {"HX-Request": "true"}


@pytest.fixture
def three(postmortem: Postmortem, alice: User) -> list[ActionItem]:
    return [make_action(postmortem, title=f"Action {n}", owner=alice, priority="P3") for n in range(3)]


def change(client: Client, actions: list[ActionItem], **fields: Any) -> str:
    data = {"chosen": [action.pk for action in actions], "query": "", **fields}
    return client.post("/actions/bulk/", data, headers=HTMX).content.decode()


def undo(client: Client) -> str:
    made = BulkChange.objects.latest("pk")
    return client.post(f"/actions/bulk/{made.pk}/undo/", {"query": ""}, headers=HTMX).content.decode()


def now(actions: list[ActionItem], *names: str) -> list[tuple[Any, ...]]:
    return list(ActionItem.objects.filter(pk__in=[a.pk for a in actions]).order_by("pk").values_list(*names))


def test_many_change_and_change_back(three: list[ActionItem], alice: User, bob: User) -> None:
    client = signed_in(bob)
    page = change(client, three, owner=bob.pk, due_on="2027-01-31", priority="P1", status="in_progress")
    assert "3 actions changed." in page
    assert {row[:3] for row in now(three, "owner", "priority", "status")} == {(bob.pk, "P1", "in_progress")}
    assert "3 actions say again what they said before." in undo(client)
    assert set(now(three, "owner", "due_on", "priority", "status")) == {(alice.pk, None, "P3", "open")}


def test_what_somebody_changed_since_is_not_taken_back(three: list[ActionItem], alice: User, bob: User) -> None:
    client = signed_in(bob)
    change(client, three, priority="P1")
    signed_in(alice).post(f"/actions/{three[0].pk}/status/", {"status": "in_progress", "revision": 2}, headers=HTMX)
    page = undo(client)
    assert "2 actions say again" in page
    assert "was changed since" in page
    assert [row[0] for row in now(three, "priority")] == ["P1", "P3", "P3"]


def test_second_undo_says_so(three: list[ActionItem], bob: User) -> None:
    client = signed_in(bob)
    change(client, three, priority="P1")
    undo(client)
    assert "This was taken back already." in undo(client)


def test_nobody_else_takes_it_back(three: list[ActionItem], alice: User, bob: User) -> None:
    change(signed_in(bob), three, priority="P1")
    made = BulkChange.objects.get()
    assert signed_in(alice).post(f"/actions/bulk/{made.pk}/undo/").status_code == 404
    assert {row[0] for row in now(three, "priority")} == {"P1"}


def test_done_wants_evidence_and_undo_reopens(three: list[ActionItem], bob: User) -> None:
    client = signed_in(bob)
    assert "Say what shows that they are done." in change(client, three, status="done")
    kept = add_link(action=three[0], facts=LinkFacts(words="Merged before."), by=bob, now=timezone.now())
    change(client, three, status="done", words="All merged on Friday.")
    assert {action.status for action in ActionItem.objects.all()} == {Status.DONE}
    assert WorkLink.objects.filter(words="All merged on Friday.").count() == 3
    undo(client)
    assert WorkLink.objects.get() == kept
    assert set(now(three, "status", "finished_at")) == {("open", None)}


def test_outsider_changes_nothing_and_is_told(three: list[ActionItem], mallory: User) -> None:
    page = change(signed_in(mallory), three, priority="P1")
    assert "0 actions changed." in page
    assert page.count("is not yours to edit") == 3
    assert {row[0] for row in now(three, "priority")} == {"P3"}


def test_hidden_actions_are_not_even_named(three: list[ActionItem], mallory: User) -> None:
    Postmortem.objects.update(visibility="team")
    page = change(signed_in(mallory), three, priority="P1")
    assert not re.search(r"ACT-\d", page)


def test_owner_who_may_not_see_one_is_left_out(three: list[ActionItem], alice: User, bob: User, team: Any) -> None:
    hidden = make_postmortem(owner=alice, team=team, visibility="restricted")
    hidden.participants.create(user=alice, role="contributor")
    secret = make_action(hidden, title="Secret", owner=alice)
    page = change(signed_in(alice), [*three, secret], owner=bob.pk)
    assert "3 actions changed." in page
    assert "Bob may not see it" in page


def test_nothing_chosen_or_nothing_to_change_is_said(three: list[ActionItem], bob: User) -> None:
    client = signed_in(bob)
    assert "Choose the actions first." in change(client, [], priority="P1")
    page = change(client, three)
    assert "Choose what to change." in page
    assert page.count(" checked") == 3


def test_list_comes_back_as_it_was_filtered(three: list[ActionItem], bob: User) -> None:
    page = change(signed_in(bob), three[:1], priority="P1", query="priority=P3")
    assert "Action 0" not in page
    assert "Action 1" in page
