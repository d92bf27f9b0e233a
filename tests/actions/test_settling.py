"""How an action ends: done, with what shows it; or not at all, with who carries the risk."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from actions.enums import Status
from actions.models import ActionItem, WorkLink
from postmortems.models import Postmortem
from tests.actions.conftest import signed_in
from tests.factories.actions import NOON, make_action

HTMX = {"HX-Request": "true"}
PULL_REQUEST = "https://git.example.com/edge/pull/7"


def evidence(**changes: Any) -> dict[str, Any]:
    return {"kind": "pull_request", "url": PULL_REQUEST, "words": "", "revision": 1, **changes}


def refusal(person: User, **changes: Any) -> dict[str, Any]:
    in_spring = timezone.localdate() + timedelta(days=120)
    said = {"reason": "Switched off in March.", "accepted_by": person.pk, "look_again_on": in_spring.isoformat()}
    return {**said, "revision": 1, **changes}


# -- Done --------------------------------------------------------------------------------------------------------------


def test_done_keeps_what_shows_it(action: ActionItem, bob: User) -> None:
    page = signed_in(bob).post(f"/actions/{action.pk}/complete/", evidence(words="Alert on age"), headers=HTMX)
    action.refresh_from_db()
    link = action.links.get()
    assert (action.status, link.kind, link.url, link.words) == (
        Status.DONE,
        "pull_request",
        PULL_REQUEST,
        "Alert on age",
    )
    assert f'href="{PULL_REQUEST}"' in page.content.decode()


def test_done_asks_for_evidence(action: ActionItem, bob: User) -> None:
    response = signed_in(bob).post(f"/actions/{action.pk}/complete/", evidence(url="", words=" "), headers=HTMX)
    assert response.status_code == 422
    assert "Give the address of what shows it, or say it in words." in response.content.decode()
    action.refresh_from_db()
    assert action.status == Status.OPEN


def test_evidence_that_is_there_already_is_enough(action: ActionItem, bob: User) -> None:
    WorkLink.objects.create(action=action, url=PULL_REQUEST, added_by=bob, added_at=NOON)
    signed_in(bob).post(f"/actions/{action.pk}/complete/", evidence(url=""), headers=HTMX)
    action.refresh_from_db()
    assert (action.status, action.links.count()) == (Status.DONE, 1)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://example.com/x", "data:text/html,x", "not an address"])
def test_only_web_addresses_are_links(url: str, action: ActionItem, bob: User) -> None:
    response = signed_in(bob).post(f"/actions/{action.pk}/complete/", evidence(url=url), headers=HTMX)
    assert response.status_code == 422
    assert not WorkLink.objects.exists()


def test_late_completion_keeps_nothing_and_shows_what_was_typed(action: ActionItem, alice: User, bob: User) -> None:
    signed_in(alice).post(f"/actions/{action.pk}/status/", {"status": "in_progress", "revision": 1}, headers=HTMX)
    response = signed_in(bob).post(f"/actions/{action.pk}/complete/", evidence(), headers=HTMX)
    assert response.status_code == 409
    assert PULL_REQUEST in response.content.decode()
    assert not WorkLink.objects.exists()


def test_evidence_stands_beside_the_action_in_the_post_mortem(postmortem: Postmortem, bob: User) -> None:
    action = make_action(postmortem)
    postmortem.sections.create(position=1, title="Action items", kind="actions")
    signed_in(bob).post(f"/actions/{action.pk}/complete/", evidence(), headers=HTMX)
    page = signed_in(bob).get(f"/postmortems/{postmortem.pk}/", follow=True).content.decode()
    assert f'href="{PULL_REQUEST}"' in page
    action.refresh_from_db()
    assert action.finished_at is not None
    assert f"{action.finished_at:%-d %b %Y}" in page


# -- Links -------------------------------------------------------------------------------------------------------------


def test_link_is_added_once_and_removed(action: ActionItem, bob: User) -> None:
    client, url = signed_in(bob), f"/actions/{action.pk}/links/add/"
    for _ in range(2):
        client.post(url, {"kind": "runbook", "url": PULL_REQUEST, "words": ""}, headers=HTMX)
    link = action.links.get()
    client.post(f"/actions/links/{link.pk}/remove/", headers=HTMX)
    assert not action.links.exists()


def test_outsider_neither_adds_nor_removes_links(action: ActionItem, bob: User, mallory: User) -> None:
    link = WorkLink.objects.create(action=action, url=PULL_REQUEST, added_by=bob, added_at=NOON)
    client = signed_in(mallory)
    said = {"kind": "other", "url": "https://evil.example", "words": ""}
    assert client.post(f"/actions/{action.pk}/links/add/", said).status_code == 403
    assert client.post(f"/actions/{action.pk}/complete/", evidence()).status_code == 403
    assert client.post(f"/actions/links/{link.pk}/remove/").status_code == 403
    assert list(action.links.all()) == [link]


# -- Will not do -------------------------------------------------------------------------------------------------------


def test_refusal_keeps_who_carries_the_risk_and_until_when(action: ActionItem, alice: User, bob: User) -> None:
    sent = refusal(alice)
    page = signed_in(bob).post(f"/actions/{action.pk}/refuse/", sent, headers=HTMX).content.decode()
    action.refresh_from_db()
    assert (action.status, action.reason, action.risk_accepted_by, action.look_again_on) == (
        Status.WILL_NOT_DO,
        "Switched off in March.",
        alice,
        date.fromisoformat(sent["look_again_on"]),
    )
    assert "Alice accepts the risk and looks again on" in page


@pytest.mark.parametrize(
    ("missing", "complaint"),
    [
        ({"reason": "  "}, "Say why"),
        ({"accepted_by": ""}, "Name the person who accepts the risk."),
        ({"look_again_on": ""}, "Say when to look again."),
        ({"look_again_on": "2020-01-01"}, "Choose a day within the next two years."),
        ({"look_again_on": "2999-01-01"}, "Choose a day within the next two years."),
    ],
)
def test_refusal_needs_all_three(
    missing: dict[str, str], complaint: str, action: ActionItem, alice: User, bob: User
) -> None:
    response = signed_in(bob).post(f"/actions/{action.pk}/refuse/", refusal(alice, **missing), headers=HTMX)
    assert response.status_code == 422
    assert complaint in response.content.decode()
    action.refresh_from_db()
    assert action.status == Status.OPEN


def test_nobody_carries_a_risk_they_may_not_see(action: ActionItem, bob: User, mallory: User) -> None:
    Postmortem.objects.update(visibility="team")
    response = signed_in(bob).post(f"/actions/{action.pk}/refuse/", refusal(mallory), headers=HTMX)
    assert response.status_code == 422


def test_stale_refusal_keeps_the_reason_in_view(action: ActionItem, alice: User, bob: User) -> None:
    signed_in(alice).post(f"/actions/{action.pk}/status/", {"status": "in_progress", "revision": 1}, headers=HTMX)
    response = signed_in(bob).post(f"/actions/{action.pk}/refuse/", refusal(alice), headers=HTMX)
    assert response.status_code == 409
    assert "Switched off in March." in response.content.decode()


def test_second_refusal_does_not_vanish_behind_the_first(action: ActionItem, alice: User, bob: User) -> None:
    url = f"/actions/{action.pk}/refuse/"
    assert signed_in(alice).post(url, refusal(alice), headers=HTMX).status_code == 200
    assert signed_in(alice).post(url, refusal(alice), headers=HTMX).status_code == 200, "a double click"
    response = signed_in(bob).post(url, refusal(bob, reason="Its supplier does it."), headers=HTMX)
    assert response.status_code == 409
    assert "You wrote: Its supplier does it." in response.content.decode()
    action.refresh_from_db()
    assert (action.reason, action.risk_accepted_by) == ("Switched off in March.", alice)


def test_reopening_forgets_the_refusal(action: ActionItem, alice: User, bob: User) -> None:
    client = signed_in(bob)
    client.post(f"/actions/{action.pk}/refuse/", refusal(alice), headers=HTMX)
    client.post(f"/actions/{action.pk}/status/", {"status": "open", "revision": 2}, headers=HTMX)
    action.refresh_from_db()
    assert (action.status, action.reason, action.risk_accepted_by, action.look_again_on) == (
        Status.OPEN,
        "",
        None,
        None,
    )


# -- What else is decided ----------------------------------------------------------------------------------------------


def test_labels_are_words_once_each(action: ActionItem, bob: User) -> None:
    typed = {"title": "T", "priority": "P1", "kind": "prevent", "horizon": "long_term", "impact": "3", "effort": "1"}
    sent = {**typed, "labels": "queue, alerts queue  dns", "revision": 1}
    signed_in(bob).post(f"/actions/{action.pk}/edit/", sent, headers=HTMX)
    action.refresh_from_db()
    assert (action.labels, action.horizon, action.impact, action.effort) == (
        ["queue", "alerts", "dns"],
        "long_term",
        3,
        1,
    )


def test_labels_too_many_or_too_long_are_refused(action: ActionItem, bob: User) -> None:
    typed = {"title": "T", "priority": "P1", "kind": "prevent", "horizon": "immediate", "revision": 1}
    for labels in (" ".join(f"l{n}" for n in range(11)), "x" * 51):
        sent = {**typed, "labels": labels}
        assert signed_in(bob).post(f"/actions/{action.pk}/edit/", sent, headers=HTMX).status_code == 422


# -- Afterwards --------------------------------------------------------------------------------------------------------


def test_post_mortem_says_when_all_are_settled(postmortem: Postmortem, bob: User) -> None:
    postmortem.sections.create(position=1, title="Action items", kind="actions")
    make_action(postmortem, status=Status.DONE, finished_at=NOON - timedelta(days=9))
    last = make_action(postmortem, status=Status.DONE, finished_at=NOON)
    page = f"/postmortems/{postmortem.pk}/"
    assert "All are settled; the last on" in signed_in(bob).get(page, follow=True).content.decode()
    ActionItem.objects.filter(pk=last.pk).update(status=Status.OPEN, finished_at=None)
    assert "All are settled" not in signed_in(bob).get(page, follow=True).content.decode()
