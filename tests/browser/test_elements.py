"""What the page does by itself: toasts, dialogs, shortcuts, kept text, files, focus. One real browser, both sides."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.sessions.models import Session
from PIL import Image
from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, expect

from accounts.enums import Visibility
from accounts.models import User
from incidents.models import Incident, TimelineEvent
from incidents.search import index_incident
from postmortems.models import Attachment, Participant, Postmortem, Section
from tests.browser.conftest import Served, sign_in
from tests.factories.postmortems import STARTED, EventFactory, IncidentFactory, PostmortemFactory, SectionFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
ContextOf = Callable[..., BrowserContext]
PROVOKED = ("Failed to load resource", "htmx:error: Failed to fetch")
"""What the browser says of requests that a test has made fail."""
RECORDED = re.compile(r"/incidents/\d+/$")


@pytest.fixture
def incident(alice: User) -> Incident:
    return IncidentFactory.create(created_by=alice, commander=alice, title="Checkout failed in the EU")


@pytest.fixture
def section(incident: Incident, alice: User) -> Section:
    postmortem = PostmortemFactory.create(incident=incident, owner=alice)
    return SectionFactory.create(postmortem=postmortem, title="What happened", kind="prose")


@pytest.fixture
def page(context_of: ContextOf, alice: User) -> Iterator[Page]:
    """Alice's window. A test fails when the browser reports an error in it that the test did not ask for."""
    page = context_of(alice).new_page()
    errors: list[str] = []

    def report(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", report)
    yield page
    assert [error for error in errors if not any(asked in error for asked in PROVOKED)] == []


def write(page: Page, section: Section) -> Any:
    """Open the section's form, which does without the live editor; its text field."""
    page.goto(f"/sections/{section.pk}/edit/")
    return page.get_by_label("What happened", exact=True).and_(page.locator("textarea"))


# -- Search ------------------------------------------------------------------------------------------------------------


def test_quick_search_opens_by_key_answers_and_goes_where_the_arrows_point(page: Page, incident: Incident) -> None:
    index_incident(incident.pk)
    page.goto("/teams/")
    page.keyboard.press("/")
    search = page.get_by_role("combobox", name="Search or go to")
    expect(search).to_be_focused()
    search.press_sequentially("checkout")
    answer = page.get_by_role("option", name="Checkout failed in the EU")
    expect(answer).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(answer).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/incidents/{incident.pk}/")


def test_quick_search_gives_the_focus_back_and_starts_anew(page: Page) -> None:
    page.goto("/teams/")
    page.locator(".search-button").focus()
    page.keyboard.press("Control+k")
    search = page.get_by_role("combobox", name="Search or go to")
    search.press_sequentially("no such thing")
    expect(page.get_by_role("option", name="Home")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator(".search-button")).to_be_focused()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option", name="Home")).to_be_visible()
    expect(search).to_have_value("")


# -- Shortcuts, theme, rail --------------------------------------------------------------------------------------------


def test_shortcuts_go_places_but_not_while_typing_and_can_be_switched_off(page: Page) -> None:
    page.goto("/teams/")
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/incidents/")
    page.goto("/incidents/new/")
    page.get_by_label("Title").press_sequentially("ga/ ?")
    expect(page.get_by_label("Title")).to_have_value("ga/ ?")
    assert page.url.endswith("/incidents/new/")
    page.locator("h1").click()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog.get_by_text("Post-mortems")).to_be_visible()
    expect(dialog.get_by_text("Quick search")).to_be_visible()
    dialog.get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    page.goto("/teams/")
    page.keyboard.press("/")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog", name="Search")).to_be_visible()


def test_the_theme_and_the_rail_are_remembered(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Your menu").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "debrief-dark")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Narrow").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "debrief-dark")
    expect(page.locator("html")).to_have_attribute("data-rail", "collapsed")
    page.get_by_role("button", name="Your menu").click()
    page.get_by_role("button", name="As the system").click()
    page.reload()
    assert page.locator("html").get_attribute("data-theme") is None


# -- Questions, double clicks, failures --------------------------------------------------------------------------------


def test_deleting_asks_first(page: Page, incident: Incident, alice: User) -> None:
    event = EventFactory.create(incident=incident, text="Pager rang")
    page.goto(f"/incidents/{incident.pk}/")
    page.get_by_role("button", name="Delete Pager rang").click()
    question = page.get_by_role("dialog", name="Delete “Pager rang”?")
    question.get_by_role("button", name="Cancel").click()
    assert TimelineEvent.objects.filter(pk=event.pk).exists()
    page.get_by_role("button", name="Delete Pager rang").click()
    question.get_by_role("button", name="Delete").click()
    expect(page.locator("#incident-timeline").get_by_text("Pager rang")).to_have_count(0)
    assert not TimelineEvent.objects.filter(pk=event.pk).exists()


def test_a_double_click_records_one_incident(page: Page) -> None:
    page.goto("/incidents/new/")
    page.get_by_label("Title").fill("Search was slow for everyone")
    page.get_by_role("button", name="Record the incident").dblclick()
    page.wait_for_url(RECORDED)
    assert Incident.objects.filter(title="Search was slow for everyone").count() == 1


def test_a_double_click_adds_one_event(page: Page, incident: Incident) -> None:
    page.goto(f"/incidents/{incident.pk}/")
    page.get_by_label("Quick add").fill("10:05 rollback started")
    page.locator(".quick-add").get_by_role("button").dblclick()
    expect(page.locator(".timeline-text", has_text="rollback started")).to_have_count(1)
    page.wait_for_load_state("networkidle")
    assert TimelineEvent.objects.filter(text__contains="rollback started").count() == 1


def test_a_request_that_fails_is_said_once_and_the_text_stays(page: Page, section: Section) -> None:
    text = write(page, section)
    text.fill("The pool ran dry.")
    toasts = page.locator(".toast-error")
    page.route("**/sections/*/edit/", lambda route: route.fulfill(status=500, headers={"X-Request-ID": "abc-1"}))
    page.get_by_role("button", name="Save").click()
    expect(toasts).to_contain_text("reference: abc-1")
    toasts.get_by_role("button", name="Close").click()
    page.unroute("**/sections/*/edit/")
    page.route("**/sections/*/edit/", lambda route: route.abort())
    page.get_by_role("button", name="Save").click()
    expect(toasts).to_contain_text("cannot be reached")
    expect(text).to_have_value("The pool ran dry.")
    page.unroute("**/sections/*/edit/")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved ")).to_be_visible()
    section.refresh_from_db()
    assert section.body.strip() == "The pool ran dry."


# -- Text that is not saved yet ----------------------------------------------------------------------------------------


def test_text_typed_and_not_saved_is_offered_again(page: Page, section: Section) -> None:
    write(page, section).fill("Half a thought")
    page.wait_for_timeout(500)
    text = write(page, section)
    expect(page.get_by_text("was not saved")).to_be_visible()
    page.get_by_role("button", name="Put it back").click()
    expect(text).to_have_value("Half a thought")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved ")).to_be_visible()
    write(page, section)
    expect(page.get_by_role("button", name="Save")).to_be_visible()
    expect(page.get_by_text("was not saved")).to_have_count(0)


@pytest.mark.parametrize("model", [Postmortem, Incident])
def test_nothing_of_a_restricted_text_is_kept_in_the_browser(
    page: Page, section: Section, model: type[Postmortem | Incident]
) -> None:
    model.objects.update(visibility=Visibility.RESTRICTED)
    write(page, section).fill("A secret thought")
    page.wait_for_timeout(500)
    assert "secret" not in str(page.evaluate("JSON.stringify(localStorage)"))
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    page.goto("/teams/")
    assert asked == ["beforeunload"]


def test_nobody_else_at_the_same_machine_is_offered_it(page: Page, section: Section, bob: User, served: Served) -> None:
    Participant.objects.create(postmortem=section.postmortem, user=bob, role="contributor")
    write(page, section).fill("What Alice wrote")
    page.wait_for_timeout(500)
    sign_in(page.context, bob, served.url)
    write(page, section)
    expect(page.get_by_role("button", name="Save")).to_be_visible()
    expect(page.get_by_text("was not saved")).to_have_count(0)


def test_signing_out_leaves_nothing_behind(page: Page, section: Section) -> None:
    write(page, section).fill("What Alice wrote")
    page.wait_for_timeout(500)
    assert "What Alice wrote" in page.evaluate("JSON.stringify(localStorage)")
    page.get_by_role("button", name="Your menu").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/**")
    assert page.evaluate("localStorage.length") == 0


def test_a_recorded_incident_leaves_no_draft_behind(page: Page) -> None:
    page.goto("/incidents/new/")
    page.get_by_label("Title").fill("Search was slow for everyone")
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Record the incident").click()
    page.wait_for_url(RECORDED)
    page.goto("/incidents/new/")
    expect(page.get_by_text("was not saved")).to_have_count(0)


def test_a_session_that_ends_while_writing_costs_no_text(
    page: Page, section: Section, alice: User, served: Served
) -> None:
    text = write(page, section)
    text.fill("Written while signed out")
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    alice.set_password("right horse staple")
    alice.save()
    Session.objects.all().delete()
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog", name="You have been signed out")
    dialog.get_by_role("button", name="I have signed in").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    with page.context.expect_page() as opened:
        dialog.get_by_role("link", name="Sign in").click()
    opened.value.get_by_label("Email").fill(alice.email)
    opened.value.get_by_label("Password").fill("right horse staple")
    opened.value.get_by_role("button", name="Sign in").click()
    opened.value.wait_for_url(lambda url: "login" not in url)
    dialog.get_by_role("button", name="I have signed in").click()
    expect(dialog).to_be_hidden()
    expect(text).to_have_value("Written while signed out")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved ")).to_be_visible()


# -- In the text -------------------------------------------------------------------------------------------------------


def test_a_pasted_image_becomes_a_file_and_stands_in_the_text(page: Page, section: Section) -> None:
    text = write(page, section)
    text.fill("Before ")
    picture = io.BytesIO()
    Image.new("RGB", (4, 4), "teal").save(picture, "PNG")
    page.locator("attach-files input[type=file]").set_input_files(
        {"name": "graph [1].png", "mimeType": "image/png", "buffer": picture.getvalue()}
    )
    expect(text).to_have_value(re.compile(r"Before !\[.+\]\(/files/.+\)"))
    assert Attachment.objects.get().get_absolute_url() in text.input_value()
    page.get_by_role("button", name="Save").click()
    shown = page.locator(".prose img")
    expect(shown).to_be_visible()
    expect(shown).to_have_js_property("naturalWidth", 4)


def test_a_refused_file_is_explained_and_leaves_no_trace_in_the_text(page: Page, section: Section) -> None:
    text = write(page, section)
    text.fill("Before ")
    page.locator("attach-files input[type=file]").set_input_files(
        {"name": "run.exe", "mimeType": "application/octet-stream", "buffer": b"MZ\x90\x00"}
    )
    expect(page.locator(".toast-error")).to_contain_text("run.exe")
    expect(text).to_have_value("Before ")


def test_a_fact_is_inserted_where_the_caret_is(page: Page, section: Section) -> None:
    text = write(page, section)
    text.fill("It took .")
    text.press("ArrowLeft")
    page.get_by_text("Insert a fact").click()
    choice = page.locator(".insert-choice").first
    name = choice.get_attribute("value")
    choice.click()
    expect(text).to_have_value(f"It took {{{{{name}}}}}.")
    expect(text).to_be_focused()


def test_the_focus_stays_where_one_works(page: Page, section: Section) -> None:
    write(page, section).fill("Words")
    page.get_by_role("button", name="Save").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved ")).to_be_visible()
    expect(page.locator(f"#section-{section.pk}")).to_be_focused()


def test_a_definition_opens_on_hover_and_closes(page: Page, incident: Incident) -> None:
    Incident.objects.filter(pk=incident.pk).update(detected_at=STARTED + timedelta(minutes=4))
    page.goto(f"/incidents/{incident.pk}/")
    term = page.get_by_role("button", name="Time to detect")
    term.hover()
    panel = page.locator(f"#{term.get_attribute('aria-describedby')}")
    expect(panel).to_be_visible()
    page.mouse.move(0, 0)
    expect(panel).to_be_hidden()
