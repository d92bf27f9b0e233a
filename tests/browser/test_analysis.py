"""The analysis in real browsers: by keyboard, by several people at once, and graphs that point at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from accounts.models import Team, User
from postmortems.models import Branch, Participant, Postmortem
from postmortems.series import read_series
from postmortems.services.metric import MetricFacts, add_metric
from postmortems.services.why import add_why
from tests.browser.conftest import answered_late
from tests.factories.postmortems import IncidentFactory, PostmortemFactory, SectionFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
ContextOf = Callable[..., BrowserContext]


@pytest.fixture
def postmortem(alice: User, bob: User, team: Team) -> Postmortem:
    incident = IncidentFactory.create(created_by=alice, commander=bob, title="Checkout failed in the EU")
    postmortem = PostmortemFactory.create(owner=alice, incident=incident)
    Participant.objects.create(postmortem=postmortem, user=bob, role="contributor")
    for position, kind in enumerate(("whys", "factors", "metrics"), start=1):
        SectionFactory.create(postmortem=postmortem, title=kind.title(), kind=kind, position=position)
    return postmortem


@pytest.fixture
def branch(postmortem: Postmortem) -> Branch:
    return Branch.objects.create(postmortem=postmortem, position=1, kind="cause", question="Why did it happen?")


@pytest.fixture
def opened(context_of: ContextOf, postmortem: Postmortem) -> Callable[..., Page]:
    def open_page(person: User, **options: Any) -> Page:
        page = context_of(person, **options).new_page()
        page.goto(f"/postmortems/{postmortem.pk}/write/")
        expect(page.locator("live-document[data-ready]")).to_be_visible(timeout=15_000)
        expect(page.locator("#whys-list")).to_be_visible()
        return page

    return open_page


def read(page: Page) -> list[str]:
    """Numbers and answers as they stand."""
    numbers, answers = page.locator(".why-number"), page.locator(".why-answer")
    return [f"{n} {a}" for n, a in zip(numbers.all_inner_texts(), answers.all_inner_texts(), strict=True)]


def test_whys_are_dug_by_keyboard_alone(opened: Callable[..., Page], alice: User, branch: Branch) -> None:
    add_why(branch=branch, question="", answer="The pool ran dry.", by=alice, now=timezone.now())
    page = opened(alice)
    page.locator(".why").focus()
    page.keyboard.press("b")
    expect(page.get_by_label("Why…?")).to_be_focused()
    page.keyboard.type("Why did it?")
    page.keyboard.press("Tab")
    page.keyboard.type("The limit was 20.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".why").nth(1)).to_be_focused()
    assert read(page) == ["1.1 The pool ran dry.", "1.2 The limit was 20."]
    page.keyboard.press("Alt+ArrowLeft")
    expect(page.locator(".why").nth(1)).to_have_class("why why-depth-0")
    expect(page.locator(".why").nth(1)).to_be_focused()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator(".why-answer").first).to_have_text("The limit was 20.")
    expect(page.locator(".why").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Delete")
    expect(page.get_by_role("button", name="Undo")).to_be_focused()
    assert read(page) == ["1.1 The limit was 20."]
    page.keyboard.press("Enter")
    expect(page.locator(".why")).to_have_count(2)
    assert read(page) == ["1.1 The limit was 20.", "1.2 The pool ran dry."]


def test_the_offer_to_undo_stays_when_the_branch_is_drawn_anew(
    opened: Callable[..., Page], alice: User, bob: User, branch: Branch
) -> None:
    add_why(branch=branch, question="", answer="The pool ran dry.", by=alice, now=timezone.now())
    page = opened(alice)
    page.route("**/branches/*/", answered_late)
    page.locator(".why").press("Delete")
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    add_why(branch=branch, question="", answer="The limit was 20.", by=bob, now=timezone.now())
    expect(page.locator(".why-answer")).to_have_text("The limit was 20.")
    expect(undo).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".why")).to_have_count(2)
    expect(undo).to_have_count(0)


def test_what_one_digs_all_see_and_an_open_form_is_left_alone(
    opened: Callable[..., Page], alice: User, bob: User, branch: Branch
) -> None:
    other = Branch.objects.create(postmortem=branch.postmortem, position=2, kind="detection", question="Why so late?")
    one, two = opened(alice), opened(bob)
    two.locator(f"#branch-{other.pk}").get_by_role("link", name="First why").click()
    two.get_by_label("Because").fill("No alert on age")
    one.locator(f"#branch-{branch.pk}").get_by_role("link", name="First why").click()
    one.get_by_label("Because").fill("The pool ran dry")
    one.get_by_role("button", name="Add why").click()
    expect(two.locator(f"#branch-{branch.pk} .why-answer")).to_have_text("The pool ran dry")
    expect(two.get_by_label("Because")).to_have_value("No alert on age")
    two.get_by_role("button", name="Add why").click()
    expect(one.locator(f"#branch-{other.pk} .why-answer")).to_have_text("No alert on age")


def test_a_comment_hangs_on_a_why_and_leads_back_to_it(
    opened: Callable[..., Page], alice: User, branch: Branch
) -> None:
    why = add_why(branch=branch, question="", answer="The pool ran dry.", by=alice, now=timezone.now())
    page = opened(alice)
    page.get_by_role("link", name="Comment on why 1.1").click()
    expect(page.get_by_role("textbox", name="Comment")).to_be_focused()
    page.keyboard.type("Is that all?")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator(".thread .comment")).to_contain_text("Is that all?")
    page.locator(".thread .thread-quote").click()
    expect(page.locator(f"#why-{why.pk}")).to_be_focused()


def test_a_factor_is_drawn_as_soon_as_it_is_noted(opened: Callable[..., Page], alice: User, bob: User) -> None:
    one, two = opened(alice), opened(bob)
    one.get_by_label("What was missing").fill("A lock without a lease")
    one.get_by_role("button", name="Add factor").click()
    for page in (one, two):
        expect(page.get_by_role("img", name="Layers of defence")).to_be_visible()


def test_graphs_show_the_same_moment_and_the_lines_stand_where_they_belong(
    opened: Callable[..., Page], alice: User, postmortem: Postmortem
) -> None:
    began = int(datetime(2026, 4, 1, 9, 0, tzinfo=UTC).timestamp())
    numbers = "".join(f"{began + at * 60},{at % 50}\n" for at in range(240))
    series = read_series(numbers, zone=postmortem.incident.zone)
    for title in ("Errors", "Latency"):
        facts = MetricFacts(title, "a minute", "It rose.", series)
        add_metric(postmortem=postmortem, facts=facts, by=alice, now=timezone.now())
    page = opened(alice)
    expect(page.locator("metric-graph[data-drawn]")).to_have_count(2)
    places = page.evaluate(
        """() => [...document.querySelectorAll("metric-graph")].map(({ plot }) => {
          const x = Date.UTC(2026, 3, 1, 9, 47) / 1000;
          const { min: from, max: to } = plot.scales.x;
          return { at: plot.valToPos(x, "x"), from, to, wide: plot.over.clientWidth };
        })"""
    )
    assert places[0] == places[1]
    wanted = (began + 47 * 60 - places[0]["from"]) / (places[0]["to"] - places[0]["from"]) * places[0]["wide"]
    assert places[0]["at"] == pytest.approx(wanted, abs=1)
    page.locator(".u-over").first.hover(position={"x": 150, "y": 60})
    times = [text.split("EU")[0] for text in page.locator(".u-legend .u-series:first-child").all_inner_texts()]
    assert times[0] == times[1]
    assert "Apr" in times[0]


def test_without_script_the_graph_is_a_picture(context_of: ContextOf, alice: User, postmortem: Postmortem) -> None:
    facts = MetricFacts(
        "Errors", "a minute", "It rose.", read_series("1775035620,1\n1775035680,4", zone=postmortem.incident.zone)
    )
    add_metric(postmortem=postmortem, facts=facts, by=alice, now=timezone.now())
    page = context_of(alice, java_script_enabled=False).new_page()
    page.goto(f"/postmortems/{postmortem.pk}/read/")
    expect(page.get_by_role("img", name="Errors (a minute)")).to_be_visible()
