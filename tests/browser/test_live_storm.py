"""Six people at once in real browsers, and a server that is killed while they type: nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from accounts.models import User
from postmortems.collab import store
from postmortems.models import Participant, Section
from tests.browser.conftest import sign_in
from tests.browser.test_live import SAVED, chip, editor
from tests.factories.accounts import UserFactory
from tests.factories.postmortems import PostmortemFactory, SectionFactory
from tests.web import Web

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
ContextOf = Callable[..., BrowserContext]
PEOPLE, LINES = 6, 20


@pytest.fixture
def web() -> Iterator[Web]:
    web = Web()
    yield web
    web.stop()


@pytest.fixture
def section(alice: User) -> Section:
    postmortem = PostmortemFactory.create(owner=alice)
    return SectionFactory.create(postmortem=postmortem, title="Root cause", body="")


@pytest.fixture
def six(context_of: ContextOf, section: Section, web: Web) -> list[Page]:
    """Six people on the writing page."""
    pages = []
    for number in range(PEOPLE):
        person = UserFactory.create(display_name=f"Person {number}")
        Participant.objects.create(postmortem=section.postmortem, user=person, role="contributor")
        context = context_of()
        sign_in(context, person, web.url)
        page = context.new_page()
        page.goto(f"{web.url}/postmortems/{section.postmortem_id}/write/")
        expect(page.locator("live-document[data-ready]")).to_be_visible(timeout=20_000)
        editor(page).click()
        pages.append(page)
    return pages


def saved_lines(section: Section) -> list[str]:
    return [line for line in store.load(section.postmortem_id).document.text(section.pk).split("\n") if line]


def wanted(rounds: str) -> list[str]:
    return sorted(f"{rounds}-{person}-{line}" for person in range(PEOPLE) for line in range(LINES))


def type_together(pages: list[Page], rounds: str, *, between: Callable[[int], None] = lambda _line: None) -> None:
    """Everybody writes a line, in turns so quick that they cross; each at the end of what they see."""
    for line in range(LINES):
        for person, page in enumerate(pages):
            page.keyboard.press("Control+End")
            page.keyboard.insert_text(f"{rounds}-{person}-{line}\n")
        between(line)


def all_say(pages: list[Page], section: Section, rounds: str) -> None:
    for page in pages:
        expect(chip(page)).to_have_text(SAVED, timeout=30_000)
    assert sorted(line for line in saved_lines(section) if line.startswith(rounds)) == wanted(rounds)
    text = store.load(section.postmortem_id).document.text(section.pk)
    for page in pages:
        page.wait_for_function("(words) => window.__text() === words", arg=text)


READ = """() => { window.__text = () => {
    const live = document.querySelector("live-document");
    return [...live.sections.values()][0].ytext.toString();
} }"""


def test_six_people_write_twenty_lines_each_and_all_are_there(six: list[Page], section: Section) -> None:
    for page in six:
        page.evaluate(READ)
    type_together(six, "one")
    all_say(six, section, "one")


def test_a_killed_server_costs_no_word_and_the_chip_says_so(six: list[Page], section: Section, web: Web) -> None:
    for page in six:
        page.evaluate(READ)

    def kill_in_the_middle(line: int) -> None:
        if line == 6:
            web.kill()
            for page in six:
                expect(chip(page)).to_contain_text("Offline")
        if line == 12:
            web.start()

    type_together(six, "two", between=kill_in_the_middle)
    all_say(six, section, "two")


@pytest.mark.soak
def test_six_people_twenty_rounds(six: list[Page], section: Section) -> None:
    for page in six:
        page.evaluate(READ)
    for number in range(20):
        type_together(six, f"round{number:02}")
        all_say(six, section, f"round{number:02}")
