"""The dashboard: every number is the count of the list behind its link, whoever looks and however it is filtered."""

from __future__ import annotations

import csv
import io
import random
import re
from datetime import UTC, date, datetime, timedelta
from html import unescape
from itertools import cycle

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Team, User
from actions.enums import Status
from actions.models import ActionItem, SavedView
from incidents.models import Service
from postmortems.models import Postmortem
from tests.actions.conftest import person, signed_in
from tests.factories.actions import make_action, make_postmortem

LINKED = re.compile(r'<a href="(/actions/\?[^"]*)"(?: class="is-late")?>\s*([0-9,]+)\s*</a>')
TILE = re.compile(
    r'<a href="(/actions/\?[^"]*)" class="tile[^>]*>\s*<span class="tile-label">([^<]*)</span>\s*'
    r'<span class="tile-value">([^<]*)</span>'
)


def board(client: Client, query: str = "") -> str:
    return client.get(f"/actions/dashboard/?{query}").content.decode("utf-8-sig")


def tiles(page: str) -> dict[str, tuple[str, str]]:
    """Address and value by label."""
    return {label: (url, value) for url, label, value in TILE.findall(page)}


def rows_behind(client: Client, url: str) -> int:
    exported = client.get(unescape(url).replace("/actions/?", "/actions/export.csv?")).content.decode("utf-8-sig")
    return len(list(csv.DictReader(io.StringIO(exported))))


@pytest.fixture
def many(team: Team, alice: User, bob: User, mallory: User) -> None:
    """Actions of all kinds, in three time zones, some of them hidden from somebody."""
    User.objects.filter(pk=bob.pk).update(timezone="Pacific/Auckland")
    User.objects.filter(pk=mallory.pk).update(timezone="America/Los_Angeles")
    chance = random.Random(7)
    other = Team.objects.get(slug="identity")
    services = [Service.objects.create(name=name, slug=name, team=team) for name in ("dns", "cdn", "queue")]
    documents = [
        make_postmortem(owner=alice, team=chance.choice([team, other]), visibility=visibility)
        for visibility in ("organisation", "organisation", "team", "restricted")
    ]
    for number, document in enumerate(documents):
        document.incident.severity = f"SEV{1 + number % 3}"
        document.incident.save(update_fields=["severity"])
        document.incident.services.set(services[: number % 4])
    now = timezone.now()
    for _ in range(70):
        action = make_action(
            chance.choice(documents),
            owner=chance.choice([alice, bob, mallory, None]),
            due_on=chance.choice([None, now.date() + timedelta(days=chance.randint(-60, 20)), now.date()]),
            priority=chance.choice(["P1", "P2", "P3"]),
            created_at=now - timedelta(days=chance.randint(0, 120), hours=chance.randint(0, 23)),
        )
        if chance.random() < 0.5:
            status = chance.choice([Status.DONE, Status.DONE, Status.WILL_NOT_DO])
            finished = now - timedelta(days=chance.randint(0, 100), hours=chance.randint(0, 23))
            ActionItem.objects.filter(pk=action.pk).update(status=status, finished_at=finished, reason="x")


FILTERS = [
    "",
    "team=edge",
    "team=identity",
    "owner=me",
    "owner=nobody",
    "priority=P1",
    "severity=SEV1",
    "service=dns",
    "weeks=4",
    "weeks=52",
    "by=owner",
    "by=service",
    "by=severity",
    "by=priority",
    "by=owner&team=edge",
    "by=service&priority=P2",
    "by=team&service=cdn&weeks=26",
    "severity=SEV2&owner=me",
    "by=priority&severity=SEV3",
    "by=service&service=cdn&weeks=52",
    "by=service&service=dns",
    "team=edge&priority=P3&weeks=52&by=owner",
]


@pytest.mark.parametrize(("query", "role"), list(zip(FILTERS, cycle(["alice", "bob", "mallory"]), strict=False)))
def test_every_number_is_the_count_of_its_list(
    query: str, role: str, many: None, alice: User, bob: User, mallory: User
) -> None:
    client = signed_in({"alice": alice, "bob": bob, "mallory": mallory}[role])
    page = board(client, query)
    linked = LINKED.findall(page)
    assert len(linked) > 20
    for url, value in linked:
        assert rows_behind(client, url) == int(value.replace(",", "")), url
    for label in ("Open", "Overdue", "Due within a week", "Done"):
        url, value = tiles(page)[label]
        assert rows_behind(client, url) == int(value), label
    [dated] = re.findall(r"of ([0-9,]+) done<", page)
    assert rows_behind(client, tiles(page)["In time"][0]) == int(dated)


@pytest.mark.parametrize("by", ["team", "owner", "service", "severity", "priority"])
def test_every_number_of_the_table_leads_somewhere(by: str, many: None, alice: User) -> None:
    lines = re.findall(r'<th scope="row">[^<]*</th>(.*?)</tr>', board(signed_in(alice), f"by={by}&weeks=52"), re.DOTALL)
    cells = [cell for line in lines for cell in re.findall(r"<td[^>]*>(.*?)</td>", line)]
    assert len(cells) > 20
    assert [cell for cell in cells if cell != "–" and not cell.startswith("<a ")] == []


def test_list_says_which_days_a_number_led_to_and_shows_the_others_too(many: None, alice: User) -> None:
    client = signed_in(alice)
    url = unescape(tiles(board(client, "team=edge"))["In time"][0])
    page = client.get(url).content.decode()
    since = date.fromisoformat(QueryDict(url.partition("?")[2])["finished_from"])
    assert f"Only what is settled since {since:%-d %B %Y}, with a due date." in page
    assert '<a href="/actions/?team=edge&amp;status=done">Show the others too</a>' in page
    assert "Only what is" not in client.get("/actions/?team=edge&status=done").content.decode()
    other = client.get("/actions/?also_service=cdn&due_to=2026-05-04&created_from=2026-05-01&created_to=2026-05-03")
    words = "decided between 1 May 2026 and 3 May 2026, due until 4 May 2026, of cdn as well."
    assert words in other.content.decode()


def test_view_of_a_later_page_begins_with_the_first(postmortem: Postmortem, alice: User) -> None:
    for number in range(51):
        make_action(postmortem, title=f"Action {number}")
    client = signed_in(alice)
    [following] = re.findall(r'href="(\?[^"]*page=[^"]*)"', client.get("/actions/").content.decode())[:1]
    page = client.get(f"/actions/{unescape(following)}").content.decode()
    assert re.findall(r'name="of" value="[^"]*">\s*<input type="hidden" name="query" value="([^"]*)"', page) == [""]


def test_table_and_csv_say_the_same(many: None, bob: User) -> None:
    client = signed_in(bob)
    rows = list(csv.DictReader(io.StringIO(board(client, "by=priority&format=csv"))))
    page = board(client, "by=priority")
    table = page.split('id="groups-title"')[1]
    for row in rows:
        line = table.split(f">{row['priority']}</th>")[1].split("</tr>")[0]
        shown = [int(value) for _, value in LINKED.findall(line)]
        names = ("open", "overdue", "due within a week", "settled", "done")
        assert shown == [int(row[name]) for name in names]
    assert len(rows) == 3


def test_on_time_goes_by_the_calendar_of_the_owner(postmortem: Postmortem, alice: User) -> None:
    early = person("Early", timezone="Pacific/Auckland")
    due_on = timezone.now().date() - timedelta(days=3)
    after_midnight_there = datetime.combine(due_on, datetime.min.time(), tzinfo=UTC) + timedelta(hours=13)
    for owner in (early, alice):
        make_action(postmortem, owner=owner, due_on=due_on, status=Status.DONE, finished_at=after_midnight_there)
    page = board(signed_in(alice))
    assert "50 %" in tiles(page)["In time"][1]


def test_median_days_to_done(postmortem: Postmortem, alice: User) -> None:
    now = timezone.now()
    for days in (1, 10, 40):
        begun = now - timedelta(days=days, hours=1)
        make_action(postmortem, created_at=begun, status=Status.DONE, finished_at=begun + timedelta(days=days))
    page = board(signed_in(alice))
    assert tiles(page)["Median days to done"][1] == "10"


def test_same_number_of_queries_for_one_row_and_for_many(postmortem: Postmortem, alice: User, many: None) -> None:
    client = signed_in(alice)
    board(client, "by=owner")

    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            board(client, "by=owner")
        return len(captured)

    many_rows = count()
    ActionItem.objects.exclude(pk=ActionItem.objects.filter(owner=alice, status="open").latest("pk").pk).delete()
    assert count() == many_rows


@pytest.mark.parametrize("query", ["weeks=0", "weeks=x", "by=%27;drop", "team=none", "weeks=999", "severity=%00"])
def test_hostile_address_is_an_ordinary_page(query: str, many: None, bob: User) -> None:
    assert signed_in(bob).get(f"/actions/dashboard/?{query}").status_code == 200
    assert signed_in(bob).get(f"/actions/review/?{query}").status_code == 200


def test_a_long_table_shows_who_has_most_that_is_late_and_the_file_has_all(postmortem: Postmortem, bob: User) -> None:
    today = timezone.now().date()
    for number in range(103):
        owner = person(f"Owner{number}")
        for _ in range(2 if number == 102 else 1):
            make_action(postmortem, owner=owner, due_on=today - timedelta(days=30))
    page = board(signed_in(bob), "by=owner")
    assert ">Owner102</th>" in page
    assert "And 3 more with less that is late" in page
    assert len(board(signed_in(bob), "by=owner&format=csv").splitlines()) == 104


# -- The weekly review -------------------------------------------------------------------------------------------------


def review(user: User, query: str = "") -> str:
    return signed_in(user).get(f"/actions/review/?{query}").content.decode()


def test_review_names_what_is_late_by_owner_the_latest_first(postmortem: Postmortem, alice: User, bob: User) -> None:
    today = timezone.now().date()
    make_action(postmortem, title="Nine days late", owner=bob, due_on=today - timedelta(days=9))
    make_action(postmortem, title="Ninety days late", owner=bob, due_on=today - timedelta(days=90))
    make_action(
        postmortem, title="In good time", owner=bob, due_on=today + timedelta(days=9), updated_at=timezone.now()
    )
    make_action(postmortem, title="Late as well", owner=alice, due_on=today - timedelta(days=2))
    page = review(alice)
    assert page.index("Bob</h2>") < page.index("Ninety days late") < page.index("Nine days late")
    assert page.index("Nine days late") < page.index("Alice</h2>") < page.index("Late as well")
    assert "In good time" not in page


def test_review_that_is_cut_says_so(postmortem: Postmortem, alice: User) -> None:
    today = timezone.now().date()
    for number in range(301):
        make_action(postmortem, owner=alice, due_on=today - timedelta(days=2 + number))
    page = review(alice)
    assert "The 300 that are most urgent; there are more." in page
    assert "300 late of 300 shown" in page
    ActionItem.objects.order_by("due_on")[0].delete()
    assert "300 late, 300 in all" in review(alice)


@pytest.mark.parametrize(
    ("fields", "is_named"),
    [
        ({"owner": None, "created": 15}, True),
        ({"owner": None, "created": 13}, False),
        ({"due_on": None, "created": 15}, True),
        ({"touched": 43}, True),
        ({"touched": 41}, False),
    ],
)
def test_languishing_actions_are_named(
    fields: dict[str, object], is_named: bool, postmortem: Postmortem, bob: User
) -> None:
    now = timezone.now()
    created, touched = (int(str(fields.pop(name, 1))) for name in ("created", "touched"))
    values: dict[str, object] = {"owner": bob, "due_on": now.date() + timedelta(days=20), **fields}
    action = make_action(postmortem, title="Going nowhere", **values)
    ActionItem.objects.filter(pk=action.pk).update(
        created_at=now - timedelta(days=created), updated_at=now - timedelta(days=touched)
    )
    assert ("Going nowhere" in review(bob)) is is_named


def test_review_shows_only_what_the_person_may_see(postmortem: Postmortem, alice: User, mallory: User) -> None:
    make_action(postmortem, title="Secret", owner=alice, due_on=date(2026, 1, 1))
    Postmortem.objects.update(visibility="team")
    assert "Secret" not in review(mallory)
    assert "Nothing is late" in review(mallory)


# -- Saved views -------------------------------------------------------------------------------------------------------


def keep_view(user: User, **changes: str) -> str:
    data = {"of": "actions-dashboard", "name": "Edge, a year", "query": "team=edge&weeks=52", **changes}
    return str(signed_in(user).post("/actions/views/add/", data)["Location"])


def test_filters_are_kept_under_a_name_and_replaced(bob: User) -> None:
    assert keep_view(bob) == "/actions/dashboard/?team=edge&weeks=52"
    keep_view(bob, query="team=edge")
    page = board(signed_in(bob))
    assert page.count(">Edge, a year</a>") == 1
    assert 'href="/actions/dashboard/?team=edge"' in page


def test_view_leads_nowhere_else(bob: User) -> None:
    assert keep_view(bob, query="https://evil.example/&team=edge").startswith("/actions/dashboard/?")


def test_views_are_ones_own(alice: User, bob: User) -> None:
    keep_view(bob)
    view = SavedView.objects.get()
    assert "Edge, a year" not in board(signed_in(alice))
    assert signed_in(alice).post(f"/actions/views/{view.pk}/remove/").status_code == 404
    signed_in(bob).post(f"/actions/views/{view.pk}/remove/")
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("name", ["", "  ", "x" * 61])
def test_a_view_without_a_fitting_name_leads_back_to_the_filters_that_were_set(name: str, alice: User) -> None:
    data = {"of": "actions-dashboard", "name": name, "query": "team=edge&by=owner"}
    answer = signed_in(alice).post("/actions/views/add/", data, follow=True)
    assert answer.redirect_chain[-1][0] == "/actions/dashboard/?team=edge&by=owner"
    assert "Give the view a name of at most 60 letters." in answer.content.decode()
    assert not SavedView.objects.exists()
