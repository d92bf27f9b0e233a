"""The coach in a real browser: underlines while somebody types, questions below, reasons that stay."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from accounts.models import Team, User
from postmortems.models import Dismissal, Postmortem
from tests.factories.postmortems import IncidentFactory, PostmortemFactory, SectionFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
ContextOf = Callable[..., BrowserContext]


@pytest.fixture
def page(context_of: ContextOf, alice: User, team: Team) -> Page:
    incident = IncidentFactory.create(created_by=alice, title="Checkout failed in the EU")
    postmortem = PostmortemFactory.create(owner=alice, incident=incident)
    SectionFactory.create(postmortem=postmortem, title="Root cause", body="Begin.", position=1)
    SectionFactory.create(postmortem=postmortem, title="Lessons", kind="lessons", position=2)
    page = context_of(alice).new_page()
    page.goto(f"/postmortems/{postmortem.pk}/write/")
    expect(page.locator("live-document[data-ready]")).to_be_visible(timeout=15_000)
    return page


def write(page: Page, words: str) -> None:
    page.get_by_role("textbox", name="Root cause").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(words)


def test_words_are_underlined_once_typing_pauses_and_no_more_when_they_are_mended(page: Page) -> None:
    write(page, " 👩🏽‍🚒 The engineer carelessly restarted it.")
    expect(page.locator(".coached")).to_have_text("carelessly")
    expect(page.get_by_text("1 note of the coach")).to_be_visible()
    for _ in range(len("carelessly restarted it.")):
        page.keyboard.press("Backspace")
    page.keyboard.type("restarted it.")
    expect(page.locator(".coached")).to_have_count(0)
    expect(page.locator(".coach-fold")).to_have_count(0)


def test_f8_goes_from_finding_to_finding_and_around(page: Page) -> None:
    write(page, " Sam forgot to check it. Some customers could not pay.")
    expect(page.locator(".coached")).to_have_count(2)
    chosen = []
    for _ in range(3):
        page.keyboard.press("F8")
        chosen.append(page.evaluate("getSelection().toString()"))
    assert chosen == ["Sam forgot", "Some customers", "Sam forgot"]
    expect(page.locator(".coach-note.is-current")).to_contain_text("Sam forgot")


def test_a_finding_is_let_stand_with_a_reason_and_stays_so(page: Page) -> None:
    write(page, " Some customers could not pay.")
    expect(page.locator(".coached")).to_have_count(1)
    page.get_by_text("1 note of the coach").click()
    page.get_by_role("button", name="Let stand: How many?").click()
    page.keyboard.type("The number is not public.")
    page.keyboard.press("Enter")
    expect(page.locator(".coached")).to_have_count(0)
    assert Dismissal.objects.get().reason == "The number is not public."
    expect(page.locator("#readiness")).to_contain_text("1 let stand")
    page.reload()
    expect(page.locator("live-document[data-ready]")).to_be_visible(timeout=15_000)
    page.wait_for_timeout(1500)
    expect(page.locator(".coached")).to_have_count(0)


def test_the_panel_follows_what_is_typed(page: Page) -> None:
    expect(page.locator("#readiness")).to_contain_text("Needed to publish")
    write(page, " It was careless of Sam.")
    expect(page.locator("#readiness")).to_contain_text("careless")


def test_a_lesson_hears_of_its_words_before_it_is_added(page: Page) -> None:
    page.get_by_role("textbox", name="Lesson").fill("Add an alert on age.")
    expect(page.get_by_text("This says what we will do, not what we learned.")).to_be_visible()
    assert not Postmortem.objects.get().lessons.exists()
