"""Searching: everything one may see and nothing else, ranked, marked, filtered, however odd the words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import search as engine
from accounts.enums import Visibility
from accounts.models import User
from actions.search import index_action
from incidents.models import Incident
from incidents.search import index_incident
from postmortems.models import Postmortem
from postmortems.search import index_postmortem
from tests.factories.actions import make_action
from tests.factories.postmortems import IncidentFactory, PostmortemFactory, SectionFactory, ServiceFactory
from tests.world import CANARY, World, build_world

pytestmark = pytest.mark.django_db
As = Callable[[User], Client]
HTMX = {"HX-Request": "true"}


def make_incident(title: str, **fields: object) -> Incident:
    incident = IncidentFactory.create(title=title, **fields)
    index_incident(incident.pk)
    return incident


def make_postmortem(title: str, body: str = "", **fields: object) -> Postmortem:
    postmortem = PostmortemFactory.create(title=title, **fields)
    if body:
        SectionFactory.create(postmortem=postmortem, body=body)
    index_postmortem(postmortem.pk)
    return postmortem


def found(client: Client, **query: str) -> str:
    response = client.get("/search/", query)
    assert response.status_code == 200
    return response.content.decode()


def titles_in_order(page: str, *titles: str) -> bool:
    places = [page.find(title) for title in titles]
    return -1 not in places and places == sorted(places)


def test_words_of_a_section_find_its_postmortem_and_are_marked(as_user: As, alice: User) -> None:
    make_postmortem("Checkout failed", "The **connection pool** was exhausted within minutes.")
    page = found(as_user(alice), q="exhausted pools")
    assert "Checkout failed" in page
    assert "<mark>exhausted</mark>" in page
    assert "<mark>pool</mark>" in page


def test_what_is_shown_of_a_text_is_its_own_words(as_user: As, alice: User) -> None:
    postmortem = make_postmortem("Checkout failed", "A pool ran dry.")
    SectionFactory.create(postmortem=postmortem, body="The second section names the pool too.")
    assert "Value(" not in found(as_user(alice), q="pool")


def test_the_name_of_a_fact_is_no_word_of_the_text(as_user: As, alice: User) -> None:
    make_postmortem("Checkout failed", "It began at {{impact-start}} when the pool ran dry, {{service:billing}}.")
    page = found(as_user(alice), q="pool")
    assert "impact-start" not in page
    assert "at … when" in page
    assert "Checkout failed" not in found(as_user(alice), q="billing").partition("<main")[2]


def test_the_last_word_may_be_half_typed(as_user: As, alice: User) -> None:
    make_incident("Certificates expired on the gateway")
    assert "INC-" in found(as_user(alice), q="gateway certif")


def test_a_title_comes_before_a_mention(as_user: As, alice: User) -> None:
    make_postmortem("Replication lag in Europe")
    make_postmortem("Orders were lost", "One cause among many was replication lag.")
    page = found(as_user(alice), q="replication", kind="postmortem")
    assert titles_in_order(page, "PM-", "lag in Europe", "Orders were lost")


@pytest.mark.parametrize("shape", ["INC-{}", "inc {}", "Inc{}"])
def test_a_reference_leads_to_its_object(shape: str, as_user: As, alice: User) -> None:
    incident = make_incident("Payments were slow")
    assert f'href="/incidents/{incident.pk}/"' in found(as_user(alice), q=shape.format(incident.pk))


def test_each_filter_narrows(as_user: As, alice: User) -> None:
    database = ServiceFactory.create(slug="database")
    slow = make_incident("Slow queries", severity="SEV1")
    slow.services.add(database)
    make_incident("Slow pages", severity="SEV3")
    client = as_user(alice)
    for query in ({"severity": "SEV1"}, {"service": "database"}, {"team": slow.team.slug}, {"q": "queries"}):
        page = found(client, kind="incident", **{"q": "slow", **query})
        assert "queries" in page
        assert "pages" not in page.split('id="results"')[1], query
    assert "Nothing found" in found(client, q="slow", since="2026-04-02")
    assert "queries" in found(client, kind="incident", q="slow", since="2026-04-01", until="2026-04-01")


def test_a_state_is_one_of_postmortems_only(as_user: As, alice: User) -> None:
    make_incident("Queue stalled")
    make_postmortem("Queue stalled for an hour", state="draft")
    page = found(as_user(alice), q="queue", state="draft")
    assert page.count('class="result"') == 1
    assert "for an hour" in page


def test_filters_alone_list_what_fits(as_user: As, alice: User) -> None:
    make_incident("Quiet failure", severity="SEV4")
    assert "Quiet failure" in found(as_user(alice), severity="SEV4")


def test_actions_are_found(as_user: As, alice: User) -> None:
    postmortem = PostmortemFactory.create(owner=alice)
    action = make_action(postmortem, title="Alert on stale backups")
    index_action(action.pk)
    assert "<mark>backups</mark>" in found(as_user(alice), q="backups")


@pytest.fixture
def world() -> World:
    return build_world()


SEES = {
    "mallory": {Visibility.ORGANISATION},
    "member": {Visibility.ORGANISATION, Visibility.TEAM},
    "administrator": {Visibility.ORGANISATION, Visibility.TEAM},
    "owner": set(Visibility),
}


@pytest.mark.parametrize("role", SEES)
@pytest.mark.parametrize("address", ["/search/", "/search/quick/"])
def test_nobody_finds_what_they_may_not_see(role: str, address: str, world: World) -> None:
    client = world.client(role)
    for visibility, canary in CANARY.items():
        page = client.get(address, {"q": canary}, headers=HTMX).content.decode()
        assert (f"<mark>{canary}</mark>" in page) == (visibility in SEES[role]), (role, canary)


@pytest.mark.parametrize(
    "text",
    [
        "\x00", "'", '"',
        "& | ! ( ) :* <->", "the of and", "\\", "a" * 10_000, "%_", "-", "- -x", "👩🏽‍🚒 ﷽", "\u202eabc",
        "x:*", "<b>", '"unclosed', "or or or", "INC-99999999999999999999", "PM-0", "{{title}}", "' OR 1=1 --",
    ],
)  # fmt: skip
@pytest.mark.parametrize("address", ["/search/", "/search/quick/"])
def test_odd_words_are_answered_calmly(address: str, text: str, as_user: As, alice: User) -> None:
    make_incident("Anything")
    assert as_user(alice).get(address, {"q": text}, headers=HTMX).status_code == 200


@pytest.mark.parametrize(
    "query",
    ["severity=SEV9", "team=%00", "service=nowhere", "since=yesterday", "until=9999-12-31", "kind=people", "size=-1",
     "size=9999999"],
)  # fmt: skip
def test_odd_filters_are_passed_over(query: str, as_user: As, alice: User) -> None:
    make_incident("Anything at all")
    assert as_user(alice).get(f"/search/?q=anything&{query}").status_code == 200


def test_markup_in_a_title_or_a_text_is_only_text(as_user: As, alice: User) -> None:
    make_postmortem("<img src=x onerror=alert(1)> gateway", "gateway <script>alert(1)</script> \ue000<b>\ue001")
    page = found(as_user(alice), q="gateway")
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    assert "\ue000" not in page


def test_the_number_of_queries_does_not_grow_with_the_results(as_user: As, alice: User) -> None:
    counts = []
    for number in (1, 30):
        for n in range(number):
            make_postmortem(f"Certificate {n} expired")
            make_incident(f"Certificate {n} was not renewed")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            found(as_user(alice), q="certificate")
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(("ranked", "old"), [(3, 0), (4, 1), (300, 1)])
def test_of_many_matches_the_newest_are_ranked_however_old_the_others(
    ranked: int, old: int, as_user: As, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "RANKED", ranked)
    make_incident("An old brownout")
    for n in range(3):
        make_incident(f"A new brownout, {n}", pk=1_000_000 + n)
    page = found(as_user(alice), q="brownout")
    assert [page.count(f"A new <mark>brownout</mark>, {n}") for n in range(3)] == [1, 1, 1]
    assert page.count("An old <mark>brownout</mark>") == old


def test_more_results_are_shown_on_demand(as_user: As, alice: User) -> None:
    for n in range(35):
        make_incident(f"Timeout {n}")
    client = as_user(alice)
    assert found(client, q="timeout").count('class="result"') == 30
    assert "size=60" in found(client, q="timeout")
    assert found(client, q="timeout", size="60").count('class="result"') == 35


def test_htmx_gets_the_results_alone(as_user: As, alice: User) -> None:
    page = as_user(alice).get("/search/", {"q": "x"}, headers=HTMX).content.decode()
    assert page.lstrip().startswith('<section id="results"')


def test_quick_search_offers_the_whole_search(as_user: As, alice: User) -> None:
    page = as_user(alice).get("/search/quick/", {"q": "a&b"}, headers=HTMX).content.decode()
    assert "/search/?q=a%26b" in page
    answer = as_user(alice).get("/search/quick/", {"q": "a&b"})
    assert answer.headers["Location"] == "/search/?q=a%26b"
