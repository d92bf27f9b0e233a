"""Action items through their pages: in place, without JavaScript, and never over someone else's change."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Team, User
from actions.enums import Status
from actions.models import ActionItem
from postmortems.models import Lesson, Postmortem
from tests.actions.conftest import person, signed_in
from tests.factories.actions import NOON, make_action, make_postmortem

HTMX = {"HX-Request": "true"}


def typed(**changes: Any) -> dict[str, Any]:
    return {
        "title": "Rotate certificates",
        "priority": "P1",
        "kind": "prevent",
        "horizon": "immediate",
        "revision": 1,
        **changes,
    }


# -- Adding ------------------------------------------------------------------------------------------------------------


def test_member_adds_an_action(postmortem: Postmortem, bob: User, alice: User, lesson: Lesson) -> None:
    fields = typed(owner=alice.pk, due_on="2026-05-01", lessons=[lesson.pk], deliverable="A *runbook*")
    response = signed_in(bob).post(f"/postmortems/{postmortem.pk}/actions/add/", fields, headers=HTMX)
    action = postmortem.action_items.get()
    assert (action.title, action.owner, action.due_on, action.priority) == (
        "Rotate certificates",
        alice,
        date(2026, 5, 1),
        "P1",
    )
    assert list(action.lessons.all()) == [lesson]
    assert response["HX-Retarget"] == f"#actions-{postmortem.pk}"
    assert f'id="action-{action.pk}"' in response.content.decode()


def test_adding_without_javascript_leads_back_to_the_document(postmortem: Postmortem, bob: User) -> None:
    response = signed_in(bob).post(f"/postmortems/{postmortem.pk}/actions/add/", typed())
    assert response.status_code == 302
    assert response["Location"] == f"/postmortems/{postmortem.pk}/#actions-{postmortem.pk}"


def test_action_without_a_title_is_shown_again(postmortem: Postmortem, bob: User) -> None:
    url = f"/postmortems/{postmortem.pk}/actions/add/"
    response = signed_in(bob).post(url, typed(title=" ", deliverable="what I wrote"), headers=HTMX)
    assert response.status_code == 422
    assert "what I wrote" in response.content.decode()
    assert not postmortem.action_items.exists()


def test_owner_must_be_someone_who_may_see_it(postmortem: Postmortem, bob: User, mallory: User) -> None:
    Postmortem.objects.update(visibility="team")
    url = f"/postmortems/{postmortem.pk}/actions/add/"
    response = signed_in(bob).post(url, typed(owner=mallory.pk), headers=HTMX)
    assert response.status_code == 422
    assert "Choose a person who may see this post-mortem." in response.content.decode()
    assert "Mallory" not in signed_in(bob).get(url).content.decode()


def test_outsider_may_not_add(postmortem: Postmortem, mallory: User) -> None:
    assert signed_in(mallory).post(f"/postmortems/{postmortem.pk}/actions/add/", typed()).status_code == 403
    assert not postmortem.action_items.exists()


@pytest.mark.parametrize("due_on", ["0001-01-01", "9999-12-31", "tomorrow"])
def test_impossible_due_date_is_refused(due_on: str, postmortem: Postmortem, bob: User) -> None:
    url = f"/postmortems/{postmortem.pk}/actions/add/"
    assert signed_in(bob).post(url, typed(due_on=due_on), headers=HTMX).status_code == 422
    assert not postmortem.action_items.exists()


def test_control_characters_are_dropped(postmortem: Postmortem, bob: User) -> None:
    url = f"/postmortems/{postmortem.pk}/actions/add/"
    signed_in(bob).post(url, typed(deliverable="a\x07b"), headers=HTMX)
    assert postmortem.action_items.get().deliverable == "ab"


# -- Editing -----------------------------------------------------------------------------------------------------------


def test_edit_answers_with_the_action(action: ActionItem, bob: User) -> None:
    response = signed_in(bob).post(f"/actions/{action.pk}/edit/", typed(), headers=HTMX)
    page = response.content.decode()
    assert response.status_code == 200
    assert "Rotate certificates" in page
    assert page.count(f'id="action-{action.pk}"') == 1


def test_stale_edit_shows_both_and_keeps_what_was_typed(action: ActionItem, alice: User, bob: User) -> None:
    signed_in(alice).post(f"/actions/{action.pk}/edit/", typed(title="Hers"), headers=HTMX)
    url = f"/actions/{action.pk}/edit/"
    response = signed_in(bob).post(url, typed(title="His", deliverable="His words"), headers=HTMX)
    page = response.content.decode()
    assert response.status_code == 409
    assert "Hers" in page
    assert 'value="His"' in page
    assert "His words" in page
    action.refresh_from_db()
    assert action.title == "Hers"
    again = signed_in(bob).post(url, typed(title="His", revision=2), headers=HTMX)
    action.refresh_from_db()
    assert (again.status_code, action.title) == (200, "His")


def test_edit_of_a_deleted_action_is_not_found(action: ActionItem, bob: User) -> None:
    url = f"/actions/{action.pk}/edit/"
    action.delete()
    assert signed_in(bob).post(url, typed(), headers=HTMX).status_code == 404


def test_owner_outside_the_team_writes_the_deliverable_only(postmortem: Postmortem, mallory: User) -> None:
    action = make_action(postmortem, owner=mallory)
    url = f"/actions/{action.pk}/edit/"
    form = signed_in(mallory).get(url, headers=HTMX).content.decode()
    assert 'name="deliverable"' in form
    assert 'name="title"' not in form
    signed_in(mallory).post(url, typed(deliverable="Done here"), headers=HTMX)
    action.refresh_from_db()
    assert (action.title, action.deliverable) == ("Alert when the queue is old", "Done here")


def test_outsider_may_not_edit(action: ActionItem, mallory: User) -> None:
    assert signed_in(mallory).post(f"/actions/{action.pk}/edit/", typed()).status_code == 403
    action.refresh_from_db()
    assert action.revision == 1


# -- Status ------------------------------------------------------------------------------------------------------------


def test_click_moves_the_status(action: ActionItem, bob: User) -> None:
    url = f"/actions/{action.pk}/status/"
    page = signed_in(bob).post(url, {"status": "in_progress", "revision": 1}, headers=HTMX).content.decode()
    action.refresh_from_db()
    assert action.status == Status.IN_PROGRESS
    assert "In progress" in page


def test_late_click_shows_how_it_stands(action: ActionItem, alice: User, bob: User) -> None:
    signed_in(alice).post(f"/actions/{action.pk}/edit/", typed(), headers=HTMX)
    url = f"/actions/{action.pk}/status/"
    response = signed_in(bob).post(url, {"status": "in_progress", "revision": 1}, headers=HTMX)
    assert response.status_code == 409
    assert "Someone changed this action meanwhile" in response.content.decode()
    assert "Rotate certificates" in response.content.decode()


@pytest.mark.parametrize("status", ["will_not_do", "done"])
def test_status_button_cannot_settle_without_asking(status: str, action: ActionItem, bob: User) -> None:
    url = f"/actions/{action.pk}/status/"
    assert signed_in(bob).post(url, {"status": status, "revision": 1}, headers=HTMX).status_code == 422
    action.refresh_from_db()
    assert action.status == Status.OPEN


def test_finished_action_cannot_be_started(postmortem: Postmortem, bob: User) -> None:
    action = make_action(postmortem, status=Status.DONE, finished_at=NOON)
    url = f"/actions/{action.pk}/status/"
    response = signed_in(bob).post(url, {"status": "in_progress", "revision": 1}, headers=HTMX)
    assert response.status_code == 409
    assert "Done cannot become In progress." in response.content.decode()


# -- Deleting ----------------------------------------------------------------------------------------------------------


def test_deleting_asks_first(action: ActionItem, bob: User) -> None:
    page = signed_in(bob).get(f"/actions/{action.pk}/delete/", headers=HTMX).content.decode()
    assert "It cannot be brought back" in page
    assert ActionItem.objects.filter(pk=action.pk).exists()


def test_deleting_in_the_document_shows_what_is_left(postmortem: Postmortem, bob: User) -> None:
    action, other = make_action(postmortem), make_action(postmortem, title="The other")
    headers = {**HTMX, "HX-Current-URL": f"http://testserver/postmortems/{postmortem.pk}/"}
    response = signed_in(bob).post(f"/actions/{action.pk}/delete/", headers=headers)
    assert f'id="action-{other.pk}"' in response.content.decode()
    assert f'id="action-{action.pk}"' not in response.content.decode()


def test_deleting_on_its_own_page_leads_to_the_document(action: ActionItem, bob: User) -> None:
    headers = {**HTMX, "HX-Current-URL": f"http://testserver/actions/{action.pk}/"}
    response = signed_in(bob).post(f"/actions/{action.pk}/delete/", headers=headers)
    assert response["HX-Redirect"] == f"/postmortems/{action.postmortem_id}/#actions-{action.postmortem_id}"


def test_owner_outside_the_team_may_not_delete(postmortem: Postmortem, mallory: User) -> None:
    action = make_action(postmortem, owner=mallory)
    assert signed_in(mallory).post(f"/actions/{action.pk}/delete/").status_code == 403


# -- The page and the list ---------------------------------------------------------------------------------------------


def test_page_shows_the_action_and_its_fragment_alone(action: ActionItem, bob: User) -> None:
    whole = signed_in(bob).get(f"/actions/{action.pk}/").content.decode()
    alone = signed_in(bob).get(f"/actions/{action.pk}/", headers=HTMX).content.decode()
    assert "<title>" in whole
    assert "<title>" not in alone
    assert f'id="action-{action.pk}"' in alone


def test_overdue_is_said_in_words(postmortem: Postmortem, bob: User) -> None:
    action = make_action(postmortem, due_on=timezone.now().date() - timedelta(days=3))
    assert "Overdue by 3 days" in signed_in(bob).get(f"/actions/{action.pk}/").content.decode()
    assert "Overdue by 3 days" in signed_in(bob).get("/actions/").content.decode()


def test_incomplete_action_says_gently_what_is_missing(postmortem: Postmortem, bob: User) -> None:
    action = make_action(postmortem, title="Investigate the queue")
    page = signed_in(bob).get(f"/actions/{action.pk}/").content.decode()
    assert "Nobody owns this yet" in page
    assert "No due date yet" in page
    assert "looking never ends" in page


def titles(user: User, query: str) -> list[str]:
    rows = signed_in(user).get(f"/actions/{query}", headers=HTMX).context["page"].rows
    return [row.action.title for row in rows]


@pytest.fixture
def many(postmortem: Postmortem, alice: User, bob: User, mallory: User, team: Team) -> None:
    today = timezone.now().date()
    make_action(postmortem, title="late", owner=bob, due_on=today - timedelta(days=9), priority="P1")
    make_action(postmortem, title="soon", owner=alice, due_on=today + timedelta(days=3))
    make_action(postmortem, title="undated", owner=None)
    make_action(postmortem, title="started", owner=bob, due_on=today + timedelta(days=9), status=Status.IN_PROGRESS)
    make_action(postmortem, title="finished", owner=bob, status=Status.DONE, finished_at=NOON)
    make_action(postmortem, title="refused", status=Status.WILL_NOT_DO, finished_at=NOON, reason="No.")
    other = make_postmortem(owner=mallory, team=mallory.teams.get())
    make_action(other, title="elsewhere", owner=mallory, due_on=today + timedelta(days=30))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["late", "soon", "started", "elsewhere", "undated"]),
        ("?status=overdue", ["late"]),
        ("?status=in_progress", ["started"]),
        ("?status=done", ["finished"]),
        ("?status=will_not_do", ["refused"]),
        ("?status=all&team=edge", ["refused", "finished", "started", "undated", "soon", "late"]),
        ("?team=identity", ["elsewhere"]),
        ("?owner=me", ["late", "started"]),
        ("?owner=nobody", ["undated"]),
        ("?priority=P1", ["late"]),
        ("?team=unheard-of&status=nonsense&priority=P9", ["late", "soon", "started", "elsewhere", "undated"]),
    ],
)
def test_list_is_filtered_by_its_address(query: str, expected: list[str], many: None, bob: User) -> None:
    assert titles(bob, query) == expected


def test_list_is_filtered_by_owner_and_post_mortem(many: None, bob: User, alice: User, postmortem: Postmortem) -> None:
    assert titles(bob, f"?owner={alice.pk}") == ["soon"]
    assert "elsewhere" not in titles(bob, f"?postmortem={postmortem.pk}")


def test_list_finds_a_reference(many: None, bob: User) -> None:
    action = ActionItem.objects.get(title="soon")
    assert titles(bob, f"?q=ACT-{action.pk}") == ["soon"]


@pytest.mark.parametrize("query", ["?q=%00", "?owner=99999999999999999999999", "?postmortem=-1", "?page=nonsense"])
def test_hostile_address_is_an_ordinary_page(query: str, many: None, bob: User) -> None:
    assert signed_in(bob).get(f"/actions/{query}").status_code == 200


def test_list_shows_only_what_the_person_may_see(many: None, mallory: User) -> None:
    Postmortem.objects.filter(team__slug="edge").update(visibility="team")
    assert titles(mallory, "?status=all") == ["elsewhere"]


def test_filter_by_a_hidden_post_mortem_does_not_betray_it(many: None, mallory: User, postmortem: Postmortem) -> None:
    Postmortem.objects.filter(pk=postmortem.pk).update(visibility="restricted", title="canary")
    page = signed_in(mallory).get(f"/actions/?postmortem={postmortem.pk}").content.decode()
    assert "canary" not in page


def test_pages_of_the_list_hold_every_action_once(postmortem: Postmortem, bob: User) -> None:
    for number in range(120):
        due_on = None if number % 7 == 0 else date(2026, 4, 1) + timedelta(days=number % 5)
        make_action(postmortem, title=f"a{number}", due_on=due_on)
    client, query, seen = signed_in(bob), "", []
    while True:
        page = client.get(f"/actions/{query}", headers=HTMX).context["page"]
        seen += [row.action.pk for row in page.rows]
        if not page.next_cursor:
            break
        query = f"?page={page.next_cursor}"
    in_order = sorted(ActionItem.objects.all(), key=lambda action: (action.due_on or date.max, action.pk))
    assert seen == [action.pk for action in in_order]
    back = client.get(f"/actions/?page={page.previous_cursor}", headers=HTMX).context["page"]
    assert [row.action.pk for row in back.rows] == seen[50:100]


@pytest.mark.parametrize("url", ["/actions/", "/actions/?owner=me&status=overdue", "/actions/mine/", "editor"])
def test_same_number_of_queries_for_one_row_and_for_three(
    url: str, postmortem: Postmortem, bob: User, lesson: Lesson
) -> None:
    address = f"/postmortems/{postmortem.pk}/actions/" if url == "editor" else url
    client = signed_in(bob)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            client.get(address)
        return len(captured)

    late = timezone.now().date() - timedelta(days=9)
    make_action(postmortem, owner=bob, due_on=late).lessons.add(lesson)
    queries()
    one = queries()
    for name in ("Cleo", "Dan"):
        other = make_postmortem(owner=person(name), team=postmortem.team) if url != "editor" else postmortem
        make_action(other, owner=bob, due_on=late)
        make_action(postmortem, owner=bob, due_on=late).lessons.add(lesson)
    assert queries() == one


# -- The block of a document -------------------------------------------------------------------------------------------


def test_block_reads_without_forms_and_exports_dates_only(postmortem: Postmortem, bob: User, lesson: Lesson) -> None:
    from django.template.loader import render_to_string

    from actions.block import ActionsBlock

    make_action(postmortem, owner=bob, due_on=date(2020, 1, 1), deliverable="A runbook").lessons.add(lesson)
    block = ActionsBlock()
    page = render_to_string(block.template, block.context(postmortem, bob))
    export = render_to_string(block.template, block.context(postmortem, None))
    assert "<form" not in page
    assert "Overdue by" in page
    assert "Overdue" not in export
    assert "1 Jan 2020" in export
    assert "href" not in export


def test_block_as_markdown(postmortem: Postmortem, bob: User, lesson: Lesson) -> None:
    from actions.block import ActionsBlock

    action = make_action(postmortem, title="Split a|b", owner=bob, due_on=date(2026, 5, 1), deliverable="A runbook")
    action.lessons.add(lesson)
    text = ActionsBlock().markdown(postmortem)
    assert f"| {action.reference} Split a\\|b | Bob | 2026-05-01 | P2 | Open | L1 |" in text
    assert text.endswith("A runbook")


def test_block_says_what_publication_still_lacks(postmortem: Postmortem, bob: User) -> None:
    from actions.block import ActionsBlock

    make_action(postmortem, owner=bob)
    make_action(postmortem, due_on=date(2026, 5, 1))
    make_action(postmortem, due_on=date(2026, 5, 1))
    assert ActionsBlock().missing(postmortem) == ["2 action items have no owner.", "1 action item has no due date."]
