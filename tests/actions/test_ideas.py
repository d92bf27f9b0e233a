"""The shelf of ideas, and the matrix of impact by effort."""

from __future__ import annotations

import pytest

from accounts.models import User
from actions.models import ActionIdea, ActionItem
from postmortems.models import Postmortem
from tests.actions.conftest import signed_in

HTMX = {"HX-Request": "true"}


def keep(user: User, postmortem: Postmortem, text: str) -> str:
    url = f"/postmortems/{postmortem.pk}/actions/ideas/add/"
    return signed_in(user).post(url, {"text": text}, headers=HTMX).content.decode()


def test_idea_is_kept_once_and_shown(postmortem: Postmortem, bob: User) -> None:
    keep(bob, postmortem, "Two people at every deploy?")
    page = keep(bob, postmortem, "Two people at every deploy?")
    assert page.count("Two people at every deploy? <span") == 1
    assert "Write the idea first." in keep(bob, postmortem, "  ")


def test_idea_becomes_an_action_and_leaves_the_shelf(postmortem: Postmortem, bob: User) -> None:
    keep(bob, postmortem, "Alert on age")
    idea = ActionIdea.objects.get()
    url = f"/postmortems/{postmortem.pk}/actions/add/?idea={idea.pk}"
    assert 'value="Alert on age"' in signed_in(bob).get(url, headers=HTMX).content.decode()
    typed = {"title": "Alert when the queue is old", "priority": "P2", "kind": "detect", "horizon": "immediate"}
    signed_in(bob).post(url, typed, headers=HTMX)
    idea.refresh_from_db()
    assert idea.became == ActionItem.objects.get(title="Alert when the queue is old")
    assert not ActionIdea.objects.on_shelf().exists()


def test_idea_too_long_for_a_title_is_kept_whole(postmortem: Postmortem, bob: User) -> None:
    long = "Nobody deploys alone in the night before a sale, " * 5 + "and that is all."
    keep(bob, postmortem, long)
    url = f"/postmortems/{postmortem.pk}/actions/add/?idea={ActionIdea.objects.get().pk}"
    page = signed_in(bob).get(url, headers=HTMX).content.decode()
    assert f'value="{long[:199]}…"' in page
    assert f">\n{long}</textarea>" in page


def test_dropped_idea_is_gone_from_the_shelf(postmortem: Postmortem, bob: User) -> None:
    keep(bob, postmortem, "Alert on age")
    page = signed_in(bob).post(f"/actions/ideas/{ActionIdea.objects.get().pk}/drop/", headers=HTMX).content.decode()
    assert "Alert on age" not in page


def test_outsider_puts_nothing_on_the_shelf(postmortem: Postmortem, mallory: User) -> None:
    keep(mallory, postmortem, "Mine")
    assert not ActionIdea.objects.exists()


def place(user: User, action: ActionItem, **place: object) -> tuple[int, str]:
    response = signed_in(user).post(f"/actions/{action.pk}/place/", {"revision": 1, **place}, headers=HTMX)
    return response.status_code, response.content.decode()


def test_action_gets_its_place(action: ActionItem, bob: User) -> None:
    status, page = place(bob, action, impact=3, effort=1)
    action.refresh_from_db()
    assert (status, action.impact, action.effort) == (200, 3, 1)
    bargains = page.split('aria-label="High impact, low effort"')[1].split("</section>")[0]
    assert action.title in bargains


def test_late_move_shows_where_it_stands(action: ActionItem, alice: User, bob: User) -> None:
    place(alice, action, impact=1, effort=1)
    status, page = place(bob, action, impact=3, effort=3)
    action.refresh_from_db()
    assert (status, action.impact) == (409, 1)
    assert "Someone changed" in page


@pytest.mark.parametrize("level", ["0", "4", "x", "-1"])
def test_place_that_does_not_exist_is_refused(level: str, action: ActionItem, bob: User) -> None:
    assert place(bob, action, impact=level, effort=1)[0] == 422


def test_outsider_sees_the_matrix_and_moves_nothing(action: ActionItem, postmortem: Postmortem, mallory: User) -> None:
    page = signed_in(mallory).get(f"/postmortems/{postmortem.pk}/actions/matrix/").content.decode()
    assert action.title in page
    assert "draggable=" not in page.replace('draggable="false"', "")
    assert place(mallory, action, impact=1, effort=1)[0] == 403
