"""The pages of Jira: who may do what, a connection that is tried before it is kept, a mapping that is tested."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import secrets
from accounts.models import AuditEntry, User
from actions.enums import SyncState
from actions.models import ActionItem, ItemSync, JiraConnection, JiraMapping, SyncRun
from tests.actions.conftest import signed_in
from tests.actions.jira.world import Both
from tests.fakes.jira import JiraServer
from tests.fakes.jira.server import TOKEN
from tests.fakes.jira.state import SERVICE

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator(alice: User) -> Client:
    User.objects.filter(pk=alice.pk).update(is_administrator=True)
    return signed_in(alice)


def typed(server: JiraServer, **fields: str) -> dict[str, str]:
    is_cloud = server.jira.is_cloud
    values = {
        "name": "Ours",
        "kind": "cloud" if is_cloud else "dc",
        "site_url": server.url,
        "username": SERVICE.email if is_cloud else "",
        "secret": TOKEN,
        "at_once": "4",
    }
    return {**values, **fields}


# -- Connections -------------------------------------------------------------------------------------------------------


def test_a_connection_is_kept_once_it_was_signed_in_with(server: JiraServer, administrator: Client) -> None:
    answer = administrator.post("/actions/jira/connections/add/", typed(server))
    connection = JiraConnection.objects.get()
    assert answer["Location"] == connection.get_absolute_url()
    assert connection.account_id == (SERVICE.id if server.jira.is_cloud else SERVICE.name)
    assert (TOKEN in connection.secret, secrets.unseal(connection.secret)) == (False, TOKEN)
    page = administrator.get(f"{connection.get_absolute_url()}edit/").content.decode()
    assert TOKEN not in page
    assert TOKEN not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"secret": "wrong"}, "does not accept the secret"),
        ({"secret": ""}, "A token is needed"),
        ({"site_url": "http://jira.example.com"}, "must begin with https://"),
        ({"site_url": "https://user:pass@jira.example.com"}, "without a name or password"),
        ({"site_url": "not an address"}, "Enter a valid URL"),
        ({"hook_secret": "short"}, "at least 16 characters"),
    ],
)
def test_what_cannot_work_is_said_and_nothing_is_kept(
    server: JiraServer, administrator: Client, fields: dict[str, str], words: str
) -> None:
    answer = administrator.post("/actions/jira/connections/add/", typed(server, **fields))
    assert (answer.status_code, words in answer.content.decode()) == (422, True)
    assert JiraConnection.objects.count() == 0


def test_the_other_deployment_is_recognised(server: JiraServer, administrator: Client) -> None:
    kind = "dc" if server.jira.is_cloud else "cloud"
    answer = administrator.post("/actions/jira/connections/add/", typed(server, kind=kind, username=""))
    assert answer.status_code == 422
    assert JiraConnection.objects.count() == 0


def test_a_secret_that_no_key_opens_is_asked_for_again(both: Both, administrator: Client, settings: Any) -> None:
    settings.FIELD_KEYS = ["b3RoZXItZm9yLXRlc3RzLWFuZC1vZi1uby13b3J0aCE="]
    fields = typed(both.server, name="Jira 1", secret="")
    answer = administrator.post(f"{both.connection.get_absolute_url()}edit/", fields)
    assert (answer.status_code, "not in FIELD_KEYS any more" in answer.content.decode()) == (422, True)


def test_a_private_address_is_refused_unless_it_is_allowed(
    server: JiraServer, administrator: Client, settings: Any
) -> None:
    settings.JIRA_PRIVATE_HOSTS = []
    answer = administrator.post("/actions/jira/connections/add/", typed(server))
    assert (answer.status_code, server.log) == (422, [])


def test_a_name_that_leads_into_the_network_is_seen_when_it_answers(
    server: JiraServer, administrator: Client, settings: Any
) -> None:
    settings.JIRA_PRIVATE_HOSTS = []
    fields = typed(server, site_url=server.url.replace("http:", "https:"))
    answer = administrator.post("/actions/jira/connections/add/", fields)
    assert (answer.status_code, server.log) == (422, [])
    assert "inside a private network" in answer.content.decode()


def test_a_token_is_asked_for_again_when_the_address_changes(both: Both, administrator: Client) -> None:
    """Otherwise whoever edits it could have the token sent to themselves."""
    fields = typed(both.server, name="Jira 1", secret="", site_url="https://elsewhere.example.com")
    answer = administrator.post(f"{both.connection.get_absolute_url()}edit/", fields)
    assert "Type the token again" in answer.content.decode()
    both.connection.refresh_from_db()
    assert both.connection.api_url == both.server.url


def test_only_administrators_connect(both: Both, bob: User) -> None:
    client = signed_in(bob)
    assert client.get("/actions/jira/connections/add/").status_code == 404
    for path in ("edit/", "remove/"):
        assert client.get(f"{both.connection.get_absolute_url()}{path}").status_code == 403
    assert client.post(f"{both.connection.get_absolute_url()}pause/").status_code == 403


def test_paused_nothing_is_asked_and_nothing_is_lost(both: Both, administrator: Client) -> None:
    administrator.post(f"{both.connection.get_absolute_url()}pause/")
    action = both.add()
    both.sync(action)
    assert (both.server.log, both.row(action).state) == ([], SyncState.PENDING)
    administrator.post(f"{both.connection.get_absolute_url()}pause/")
    ItemSync.objects.update(due_at=both.clock())
    assert both.sync(action).state == SyncState.LINKED


def test_a_removed_connection_leaves_actions_and_issues(both: Both, administrator: Client) -> None:
    action = both.add()
    both.sync(action)
    administrator.post(f"{both.connection.get_absolute_url()}remove/")
    assert (JiraConnection.objects.count(), ItemSync.objects.count(), len(both.jira.issues)) == (0, 0, 1)
    assert both.action(action).title == "Alert when the queue is old"


# -- Mappings ----------------------------------------------------------------------------------------------------------


def mapping_fields(**fields: Any) -> dict[str, Any]:
    values = {
        "project_key": "ops",
        "issue_type": "10100",
        "labels": "postmortem",
        "is_automatic": "on",
        **{f"priority_P{each}": str(each) for each in (1, 2, 3)},
        **{f"means_{each}": "P2" for each in range(1, 6)},
        "status_done": ["30"],
        "status_will_not_do": ["31"],
    }
    return {**values, **fields}


def test_a_mapping_is_tested_before_it_is_saved(both: Both, administrator: Client) -> None:
    both.mapping.delete()
    both.jira.required = {"customfield_10010": "Team"}
    path = f"{both.connection.get_absolute_url()}mappings/add/"
    team = both.postmortem.team_id
    tested = administrator.post(path, {"team": team, "project_key": "OPS", "issue_type": "10100", "test": "1"})
    assert "Jira requires Team: give it a value below." in tested.content.decode()
    refused = administrator.post(path, mapping_fields(team=team, save="1"))
    assert (refused.status_code, JiraMapping.objects.count()) == (422, 0)
    saved = administrator.post(path, mapping_fields(team=team, save="1", default_customfield_10010="Edge"))
    assert saved.status_code == 302
    mapping = JiraMapping.objects.get()
    assert (mapping.project_key, mapping.defaults) == ("OPS", {"customfield_10010": "Edge"})
    assert (mapping.statuses, mapping.known["left_out"]) == ({"done": ["30"], "will_not_do": ["31"]}, [])
    action = both.add()
    both.sync(action)
    assert both.issue(action).fields["customfield_10010"] == "Edge"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"project_key": "NONE"}, "There is no project NONE"),
        ({"status_done": ["30", "31"]}, "one was chosen twice"),
        ({"labels": "a b c d e f"}, "At most five labels"),
        ({"closing": "resolution"}, "field = value"),
    ],
)
def test_a_mapping_at_fault_says_why(both: Both, administrator: Client, change: dict[str, Any], words: str) -> None:
    path = f"/actions/jira/mappings/{both.mapping.pk}/edit/"
    answer = administrator.post(path, mapping_fields(save="1", **change))
    assert (answer.status_code, words in answer.content.decode()) == (422, True)


def test_permissions_that_are_missing_are_named(both: Both, administrator: Client) -> None:
    both.jira.denied = {"CREATE_ISSUES", "ASSIGN_ISSUES"}
    page = administrator.get(f"/actions/jira/mappings/{both.mapping.pk}/edit/").content.decode()
    assert "The account may not create issues" in page
    assert "Owners cannot be set" in page


def test_a_field_that_is_on_no_screen_is_left_out(both: Both, administrator: Client) -> None:
    both.jira.screen.discard("duedate")
    administrator.post(f"/actions/jira/mappings/{both.mapping.pk}/edit/", mapping_fields(save="1"))
    assert JiraMapping.objects.get().known["left_out"] == ["due_on"]


def test_a_manager_maps_their_own_team_and_no_other(both: Both, alice: User, mallory: User) -> None:
    path = f"/actions/jira/mappings/{both.mapping.pk}/edit/"
    assert signed_in(alice).get(path).status_code == 200
    assert signed_in(mallory).get(path).status_code == 403


def test_a_changed_mapping_says_beforehand_what_it_would_write(both: Both, administrator: Client) -> None:
    for _ in range(2):
        both.sync(both.add(title=f"Number {_}"))
    path = f"/actions/jira/mappings/{both.mapping.pk}/edit/"
    same = {f"means_{key}": ours for key, ours in both.mapping.priorities_in.items()}
    page = administrator.post(path, mapping_fields(test="1", **{**same, "labels": "learning"})).content.decode()
    assert "2 issues are there already. Saving this writes 0 priorities, 0 statuses and the labels of 2" in page
    page = administrator.post(path, mapping_fields(test="1", **{**same, "means_3": "P1"})).content.decode()
    assert "Saving this writes 2 priorities, 0 statuses and the labels of 0" in page
    assert JiraMapping.objects.get().labels == ["postmortem"]


def test_a_changed_mapping_is_applied_to_what_is_there(both: Both, administrator: Client) -> None:
    action = both.add(labels=["queue"])
    both.sync(action)
    administrator.post(f"/actions/jira/mappings/{both.mapping.pk}/edit/", mapping_fields(save="1", labels="learning"))
    ItemSync.objects.update(due_at=both.clock(), hinted_at=both.clock())
    both.sync(action)
    assert "learning" in both.issue(action).fields["labels"]


def test_the_page_of_a_run_is_loaded_anew_once_it_ended(both: Both, alice: User) -> None:
    JiraMapping.objects.update(is_automatic=False)
    both.add()
    client = signed_in(alice)
    client.post(f"/actions/jira/mappings/{both.mapping.pk}/backlog/")
    run = SyncRun.objects.get()
    path = f"/actions/jira/runs/{run.pk}/"
    under_way = client.get(path, headers={"HX-Request": "true"})
    assert ("HX-Refresh" in under_way, f'hx-get="{path}"' in under_way.content.decode()) == (False, True)
    client.post(f"{path}stop/")
    ended = client.get(path, headers={"HX-Request": "true"})
    assert (ended.get("HX-Refresh"), ended.content) == ("true", b"")
    assert (
        "hx-get" not in client.get(both.connection.get_absolute_url()).content.decode().partition("syncrun-")[2][:400]
    )


# -- One action --------------------------------------------------------------------------------------------------------


def test_an_action_says_where_its_issue_is(both: Both, alice: User) -> None:
    action = both.add()
    both.sync(action)
    page = signed_in(alice).get(action.get_absolute_url()).content.decode()
    assert f'href="{both.server.url}/browse/OPS-1"' in page


def test_an_action_is_sent_by_hand(both: Both, alice: User) -> None:
    JiraMapping.objects.update(is_automatic=False)
    action = both.add()
    assert not ItemSync.objects.exists()
    signed_in(alice).post(f"/actions/{action.pk}/jira/", {"send": "1"})
    ItemSync.objects.update(due_at=both.clock())
    assert both.sync(action).state == SyncState.LINKED


@pytest.mark.parametrize(("side", "title"), [("theirs", "Was there"), ("ours", "Alert when the queue is old")])
def test_an_issue_that_is_there_is_linked(both: Both, alice: User, side: str, title: str) -> None:
    JiraMapping.objects.update(is_automatic=False)
    issue = both.jira.create({"project": {"key": "OPS"}, "issuetype": {"id": "10100"}, "summary": "Before"}, by="1")
    both.jira.edit(issue, {"summary": "Was there"}, by="1")
    action = both.add()
    signed_in(alice).post(f"/actions/{action.pk}/jira/", {"issue": f"{both.server.url}/browse/ops-1", "side": side})
    ItemSync.objects.update(due_at=both.clock())
    both.sync(action)
    assert (both.action(action).title, issue.fields["summary"]) == (title, title)


def test_an_issue_belongs_to_one_action(both: Both, alice: User) -> None:
    first = both.add()
    both.sync(first)
    JiraMapping.objects.update(is_automatic=False)
    second = both.add(title="Another")
    answer = signed_in(alice).post(f"/actions/{second.pk}/jira/", {"issue": "OPS-1", "side": "ours"})
    assert f"{first.reference} is linked to it." in answer.content.decode()


@pytest.mark.parametrize("issue", ["", "OPS", "WEB-1", "OPS-99", "'; drop", "https://elsewhere/x"])
def test_what_is_no_issue_of_the_project_is_said(both: Both, alice: User, issue: str) -> None:
    JiraMapping.objects.update(is_automatic=False)
    action = both.add()
    answer = signed_in(alice).post(f"/actions/{action.pk}/jira/", {"issue": issue, "side": "ours"})
    assert (answer.status_code, ItemSync.objects.count()) == (422, 0)


def test_push_ours_and_take_theirs(both: Both, alice: User) -> None:
    action = both.add(title="Ours")
    row = both.sync(action)
    client = signed_in(alice)
    both.jira.edit(both.issue(action), {"summary": "Theirs"}, by="1")
    client.post(f"/actions/jira/items/{row.pk}/take/")
    ItemSync.objects.update(due_at=both.clock(), hinted_at=both.clock())
    both.sync(action)
    assert both.action(action).title == "Theirs"
    both.jira.edit(both.issue(action), {"summary": "Theirs again"}, by="1")
    both.pull(action)
    both.edit(action, title="Ours again")
    client.post(f"/actions/jira/items/{row.pk}/push/")
    ItemSync.objects.update(due_at=both.clock(), hinted_at=both.clock())
    both.sync(action)
    assert both.issue(action).fields["summary"] == "Ours again"


def test_in_step_is_said_only_of_what_is(both: Both, alice: User) -> None:
    client = signed_in(alice)
    well, refused, unknown, gone = [both.add(title=title) for title in ("Well", "Refused", "Unknown", "Gone")]
    for action in (well, refused, unknown, gone):
        both.sync(action)
    both.edit(unknown, owner=alice)
    both.sync(unknown)
    both.jira.delete(both.issue(gone))
    both.pull(gone)
    both.jira.denied.add("EDIT_ISSUES")
    both.edit(refused, title="Refused, and more")
    both.sync(refused)
    pages = [client.get(each.get_absolute_url()).content.decode() for each in (well, refused, unknown, gone)]
    assert ["in step since" in page for page in pages] == [True, False, False, False]
    assert ["last in step on" in page for page in pages] == [False, True, True, True]


def test_letting_a_side_stand_asks_first_and_says_what_gives_way(both: Both, alice: User) -> None:
    action = both.add(owner=alice)
    row = both.sync(action)
    page = signed_in(alice).get(action.get_absolute_url()).content.decode()
    asked = {
        "push": "Write to Jira what Debrief says, in every field?",
        "take": "Say here what Jira says, in every field?",
    }
    for choice, words in asked.items():
        assert f'action="/actions/jira/items/{row.pk}/{choice}/" data-confirm="{words}' in page


def test_what_gives_way_to_theirs_is_kept_in_words(both: Both, alice: User) -> None:
    """In every field: one that Jira refuses or does not know, one that both changed, one we had not told yet."""
    action = both.add(owner=alice, title="Ours", due_on=date(2026, 5, 1), labels=["queue"])
    row = both.sync(action)
    issue = both.issue(action)
    both.jira.edit(issue, {"summary": "Theirs", "labels": ["postmortem", "theirs"]}, by="1")
    both.edit(action, due_on=date(2026, 6, 1), deliverable="Not told yet.")
    client = signed_in(alice)
    client.post(f"/actions/jira/items/{row.pk}/take/")
    ItemSync.objects.update(due_at=both.clock(), hinted_at=both.clock())
    both.sync(action)
    now = both.action(action)
    assert (now.owner, now.title, now.due_on, now.deliverable) == (None, "Theirs", date(2026, 5, 1), "")
    assert (now.labels, issue.fields["labels"]) == (["theirs"], ["postmortem", "theirs"])
    page = client.get(action.get_absolute_url()).content.decode()
    kept = [("Alice", "nobody"), ("Ours", "Theirs"), ("1 June 2026", "1 May 2026"), ("Not told yet.", "nothing")]
    for ours, theirs in [*kept, ("queue", "theirs")]:
        said = f'<dd class="sync-value">{ours}</dd></div>\n    <div><dt>Theirs</dt><dd class="sync-value">{theirs}</dd>'
        assert said in page
    assert page.count("theirs stands") == 5
    both.pull(action)
    assert both.row(action).conflicts.count() == 5


def test_what_an_issue_that_is_linked_makes_give_way_is_kept(both: Both, alice: User) -> None:
    JiraMapping.objects.update(is_automatic=False)
    both.jira.create({"project": {"key": "OPS"}, "issuetype": {"id": "10100"}, "summary": "Was there"}, by="1")
    action = both.add()
    signed_in(alice).post(f"/actions/{action.pk}/jira/", {"issue": "OPS-1", "side": "theirs"})
    ItemSync.objects.update(due_at=both.clock())
    kept = both.sync(action).conflicts.values_list("field", "ours", "theirs", "winner")
    assert list(kept) == [("title", "Alert when the queue is old", "Was there", "theirs")]


def test_unlinked_neither_hears_of_the_other(both: Both, alice: User) -> None:
    action = both.add()
    row = both.sync(action)
    signed_in(alice).post(f"/actions/jira/items/{row.pk}/unlink/")
    both.edit(action, title="Only here")
    assert not ItemSync.objects.exists()
    assert both.jira.issues[row.remote_id or ""].fields["summary"] != "Only here"


def test_conflicts_are_settled_once_however_often_it_is_said(both: Both, alice: User) -> None:
    action = both.add()
    row = both.sync(action)
    row.conflicts.create(field="title", ours="a", theirs="b", at=both.clock(), winner="ours", found_at=both.clock())
    for _ in range(2):
        assert signed_in(alice).post(f"/actions/jira/items/{row.pk}/settle/").status_code == 302
    assert AuditEntry.objects.filter(verb="action.conflicts-settled").count() == 1
    assert row.conflicts.get().resolved_by == alice


def test_a_stranger_mends_nothing(both: Both, mallory: User, bob: User) -> None:
    both.postmortem.visibility = "team"
    both.postmortem.save()
    row = both.sync(both.add())
    for choice in ("retry", "push", "take", "unlink", "settle"):
        assert signed_in(mallory).post(f"/actions/jira/items/{row.pk}/{choice}/").status_code == 404
    assert ItemSync.objects.filter(pk=row.pk).exists()


def test_choices_are_offered_only_to_those_who_may_make_them(both: Both, alice: User, mallory: User) -> None:
    actions = [both.add(owner=alice, title=title) for title in ("One", "Another")]
    rows = [both.sync(action) for action in actions]
    ActionItem.objects.filter(pk=actions[0].pk).update(owner=mallory)
    page = signed_in(mallory).get("/actions/jira/").content.decode()
    assert [page.count(f"/actions/jira/items/{row.pk}/retry/") for row in rows] == [1, 0]
    assert [each.reference in page for each in actions] == [True, True]


def test_the_page_asks_as_much_of_three_as_of_one(both: Both, alice: User, bob: User) -> None:
    client, counts = signed_in(bob), []
    for titles in (["One"], ["Two", "Three"]):
        for title in titles:
            both.sync(both.add(owner=alice, title=title))
        with CaptureQueriesContext(connection) as captured:
            page = client.get("/actions/jira/").content.decode()
        counts.append((page.count("/retry/"), len(captured)))
    assert [count[0] for count in counts] == [1, 3]
    assert counts[0][1] == counts[1][1]


def test_a_deleted_issue_needs_somebody_and_waits_for_nothing(both: Both, alice: User) -> None:
    action = both.add()
    both.sync(action)
    both.jira.delete(both.issue(action))
    both.edit(action, title="Still wanted")
    assert both.pull(action).state == SyncState.MISSING
    page = signed_in(alice).get("/actions/jira/").content.decode()
    assert '<dt>Waiting</dt><dd class="num">0</dd>' in page
    assert '<dt>Need somebody</dt><dd class="num">1</dd>' in page


def test_what_waits_is_said_on_the_page(both: Both, administrator: Client) -> None:
    both.jira.denied.add("CREATE_ISSUES")
    action = both.add()
    both.sync(action)
    page = administrator.get("/actions/jira/").content.decode()
    assert action.reference in page
    assert "Jira does not let the account do that" in page
