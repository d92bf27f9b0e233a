"""Links that people add at an issue come to the action, ours are not taken for theirs, and it costs next to nothing."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from actions.enums import SyncState, WorkLinkKind
from actions.jira import inbound
from actions.models import ActionItem, ItemSync, JiraMapping, WorkLink
from actions.services import trouble
from actions.services.link import LinkFacts, add_link, remove_link
from tests.actions.conftest import signed_in
from tests.actions.jira.world import Both
from tests.fakes.jira.server import Asked, Fault

pytestmark = pytest.mark.django_db

PULL_REQUEST = "https://git.example/edge/pull/7"
RUNBOOK = "https://wiki.example/runbooks/queue"


def reads_links(asked: Asked) -> bool:
    return asked.method == "GET" and asked.path.endswith("/remotelink")


def reads(both: Both) -> int:
    """How often the links of an issue were asked for."""
    return sum(reads_links(asked) for asked, _ in both.server.log)


def made(both: Both) -> ActionItem:
    action = both.add()
    both.sync(action)
    return action


def shown(action: ActionItem) -> list[str]:
    return list(action.links.values_list("url", flat=True))


def test_a_link_added_in_jira_comes_to_the_action(both: Both) -> None:
    action = made(both)
    both.wait(minutes=1)
    both.jira.show_link(both.issue(action), PULL_REQUEST, "Alert on age\x07 \u202e #7", by="1")
    both.pull(action)
    link = action.links.get()
    assert (link.kind, link.url, link.words) == (WorkLinkKind.PULL_REQUEST, PULL_REQUEST, "Alert on age #7")
    assert (link.added_by, reads(both), both.row(action).due_at) == (None, 1, None)
    assert both.row(action).log.filter(is_outward=False, fields=["links"]).get().words == f"Added a link: {link}"
    page = signed_in(both.by).get(action.get_absolute_url()).content.decode()
    assert f'href="{PULL_REQUEST}" rel="noopener noreferrer nofollow"' in page


def test_ours_are_not_brought_back_nor_shown_twice(both: Both) -> None:
    action = made(both)
    add_link(action=action, facts=LinkFacts(url=RUNBOOK), by=both.by, now=both.clock())
    both.sync(action)
    both.jira.show_link(both.issue(action), PULL_REQUEST, "Theirs", by="1")
    both.pull(action)
    both.pull(action)
    assert shown(action) == [RUNBOOK, PULL_REQUEST]
    assert len(both.issue(action).links) == 3
    assert reads(both) == 1


def test_what_is_removed_there_goes_here_and_what_somebody_added_here_stays(both: Both) -> None:
    action = made(both)
    add_link(action=action, facts=LinkFacts(url=RUNBOOK), by=both.by, now=both.clock())
    issue = both.issue(action)
    links = [both.jira.show_link(issue, url, "Work", by="1") for url in (PULL_REQUEST, RUNBOOK)]
    both.pull(action)
    assert (shown(action), action.links.get(url=RUNBOOK).added_by) == ([RUNBOOK, PULL_REQUEST], both.by)
    for link in links:
        both.wait(seconds=5)
        both.jira.hide_link(issue, link["id"])
    both.pull(action)
    assert shown(action) == [RUNBOOK]


def test_what_somebody_does_not_want_here_stays_there_and_does_not_come_back(both: Both) -> None:
    action = made(both)
    both.jira.show_link(both.issue(action), PULL_REQUEST, "Work", by="1")
    both.pull(action)
    remove_link(link=action.links.get(), by=both.by)
    both.jira.show_link(both.issue(action), RUNBOOK, "Work", by="1")
    both.pull(action)
    assert shown(action) == [RUNBOOK]
    assert len(both.issue(action).links) == 3


def test_a_link_that_was_changed_there_is_changed_here(both: Both) -> None:
    action = made(both)
    both.jira.show_link(both.issue(action), PULL_REQUEST, "Before", key="git:7", by="1")
    both.pull(action)
    both.jira.show_link(both.issue(action), PULL_REQUEST, "After", key="git:7", by="1")
    both.pull(action)
    assert list(action.links.values_list("url", "words")) == [(PULL_REQUEST, "After")]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "ftp://files.example/a",
        "https://user:secret@git.example/a",
        "https://good.example@evil.example/",
        "https://evil.example\\@good.example/",
        "https://evil.example/\x00a",
        "https://evil.example/\u202eexe.pdf",
        "https://evil.example/ a",
        'https://evil.example/"onmouseover="alert(1)',
        "https://[::1/",
        "https://evil.example:99999999/",
        "//evil.example/a",
        "https:///a",
        "https://evil.example/" + "a" * 1000,
        "",
    ],
)
def test_hostile_addresses_do_not_come(both: Both, url: str) -> None:
    action = made(both)
    both.jira.show_link(both.issue(action), url, "Click me", by="1")
    both.jira.show_link(both.issue(action), "HTTPS://git.example/ok", "Fine", by="1")
    assert both.pull(action).error_text == ""
    assert shown(action) == ["https://git.example/ok"]


def test_of_very_many_only_some_come(both: Both) -> None:
    action = made(both)
    for each in range(60):
        both.jira.show_link(both.issue(action), f"https://git.example/{each}", "Work", by="1")
    both.pull(action)
    assert action.links.count() == 50


def test_links_that_were_there_come_with_an_issue_that_is_linked(both: Both) -> None:
    theirs = both.jira.create({"project": {"key": "OPS"}, "issuetype": {"id": "10100"}, "summary": "Old"}, by="1")
    both.jira.show_link(theirs, PULL_REQUEST, "Work", by="1")
    JiraMapping.objects.update(is_automatic=False)
    action = both.add()
    signed_in(both.by).post(f"{action.get_absolute_url()}jira/", {"issue": theirs.key, "side": "theirs"})
    ItemSync.objects.update(due_at=both.clock())
    both.sync(action)
    assert shown(action) == [PULL_REQUEST]


def test_they_stay_when_the_two_are_parted(both: Both) -> None:
    action = made(both)
    both.jira.show_link(both.issue(action), PULL_REQUEST, "Work", by="1")
    both.pull(action)
    trouble.unlink(sync=both.row(action), by=both.by)
    trouble.send(action=action, mapping=both.mapping, by=both.by, now=both.clock())
    both.sync(action)
    both.pull(action)
    assert shown(action) == [PULL_REQUEST]
    second = both.issue(action)
    assert PULL_REQUEST in [each["object"]["url"] for each in second.links.values()]


def test_links_that_cannot_be_read_yet_are_read_later(both: Both) -> None:
    action = made(both)
    both.jira.show_link(both.issue(action), PULL_REQUEST, "Work", by="1")
    both.server.faults.append(Fault("503", matches=reads_links))
    row = both.pull(action)
    assert (row.are_links_due, row.error_text, shown(action)) == (True, "Jira answered 503.", [])
    both.wait(minutes=5)
    both.sync(action)
    assert (shown(action), both.row(action).are_links_due) == ([PULL_REQUEST], False)


class Killed(BaseException):
    """The worker's process is gone."""


def test_a_worker_that_dies_before_it_reads_them_leaves_them_due(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    action = made(both)
    both.jira.show_link(both.issue(action), PULL_REQUEST, "Work", by="1")

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("actions.jira.sync.bring_links", die)
        with pytest.raises(Killed):
            both.pull(action)
    both.wait(minutes=2)
    both.sync(action)
    assert shown(action) == [PULL_REQUEST]


@pytest.mark.parametrize("status", ["403", "404"])
def test_a_jira_that_shows_no_links_is_in_step_all_the_same(both: Both, status: str) -> None:
    action = made(both)
    both.jira.show_link(both.issue(action), PULL_REQUEST, "Work", by="1")
    both.server.faults.append(Fault(status, matches=reads_links))
    row = both.pull(action)
    assert (row.state, row.error_text, row.are_links_due) == (SyncState.LINKED, "", False)
    assert "Its links in Jira cannot be read" in row.log.first().words  # type: ignore[union-attr]


def test_a_refused_read_takes_nothing_away(both: Both) -> None:
    action = made(both)
    both.jira.show_link(both.issue(action), PULL_REQUEST, "Work", by="1")
    both.pull(action)
    both.jira.show_link(both.issue(action), RUNBOOK, "Work", by="1")
    both.server.faults.append(Fault("403", matches=reads_links))
    both.pull(action)
    assert shown(action) == [PULL_REQUEST]


# -- What it costs -----------------------------------------------------------------------------------------------------


def test_edits_on_either_side_and_our_own_links_read_no_links(both: Both) -> None:
    action = made(both)
    add_link(action=action, facts=LinkFacts(url=RUNBOOK), by=both.by, now=both.clock())
    both.sync(action)
    both.edit(action, title="Another")
    both.sync(action)
    both.jira.edit(both.issue(action), {"summary": "Theirs"}, by="1")
    both.pull(action)
    both.pull(action)
    assert reads(both) == 0


def test_the_night_reads_those_that_people_changed_and_no_others(both: Both) -> None:
    """Where a history says nothing of links, or says it in other words, they come at night."""
    changed, quiet = made(both), both.add(title="Quiet")
    both.sync(quiet)
    both.wait(hours=1)
    issue = both.issue(changed)
    both.jira.show_link(issue, PULL_REQUEST, "Work", by="1")
    issue.histories[-1]["items"] = [{"field": "Something new", "fieldtype": "jira", "from": None, "to": None}]
    both.pull(changed)
    assert reads(both) == 0
    for _ in range(2):
        both.wait(hours=24)
        inbound.sweep(now=both.clock())
        inbound.look_at_many(both.connection.pk, clock=both.clock)
        assert (shown(changed), reads(both)) == ([PULL_REQUEST], 1)
    assert not ItemSync.objects.filter(is_swept=True).exists()


def test_an_action_nobody_may_see_shows_no_links(both: Both, mallory: User) -> None:
    action = made(both)
    both.jira.show_link(both.issue(action), PULL_REQUEST, "Work", by="1")
    both.pull(action)
    both.postmortem.visibility = "restricted"
    both.postmortem.save()
    assert WorkLink.objects.visible_to(mallory).count() == 0
    assert signed_in(mallory).get(action.get_absolute_url()).status_code == 404
