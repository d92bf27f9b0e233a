"""Comments and suggestions beside the live text, in real browsers: on the right words, and nothing typed is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Error, Locator, Page, Route, TimeoutError, expect

from accounts.models import User
from postmortems.enums import ThreadState
from postmortems.models import Comment, Participant, Section, Thread
from postmortems.services.comment import Place, begin_thread, close_thread, reply
from tests.browser.conftest import answered_late
from tests.browser.test_live import SAVED, chip, comment_on, editor, select
from tests.factories.postmortems import PostmortemFactory, SectionFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
Opened = Callable[[User], Page]


@pytest.fixture
def section(alice: User, bob: User) -> Section:
    postmortem = PostmortemFactory.create(owner=alice)
    Participant.objects.create(postmortem=postmortem, user=bob, role="contributor")
    return SectionFactory.create(postmortem=postmortem, title="Root cause", body="The pool ran dry at noon.")


@pytest.fixture
def opened(context_of: Callable[..., BrowserContext], section: Section) -> Opened:
    """A window of somebody on the writing page, ready to be typed in."""

    def open_page(person: User) -> Page:
        page = context_of(person).new_page()
        page.goto(f"/postmortems/{section.postmortem_id}/write/")
        expect(page.locator("live-document[data-ready]")).to_be_visible(timeout=15_000)
        return page

    return open_page


# -- Beginning ---------------------------------------------------------------------------------------------------------


def test_a_comment_begun_while_another_is_being_written_is_about_the_new_words(opened: Opened, alice: User) -> None:
    page = opened(alice)
    select(page, "ran dry")
    page.get_by_role("button", name="Comment", exact=True).click()
    page.get_by_role("textbox", name="Comment").fill("When exactly?")
    select(page, "noon")
    buttons = page.get_by_role("button", name="Comment", exact=True)
    expect(buttons).to_have_count(2)  # that of the selection, and that of the form
    buttons.first.click()
    expect(page.locator("#thread-new .thread-quote")).to_have_text("noon")
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("When exactly?")
    page.locator("#thread-new").get_by_role("button", name="Comment").click()
    expect(page.locator(".commented")).to_have_text("noon")
    assert Thread.objects.get().quote == "noon"


def test_a_refused_suggestion_says_why_and_keeps_what_was_typed(opened: Opened, alice: User) -> None:
    page = opened(alice)
    select(page, "ran dry")
    page.get_by_role("button", name="Suggest", exact=True).click()
    page.get_by_label("Say instead").fill("was empty")
    page.get_by_label("Why (if it needs saying)").evaluate("field => (field.value = 'x'.repeat(10_001))")
    page.locator("#thread-new").get_by_role("button", name="Suggest").click()
    expect(page.locator("#thread-new [role=alert]")).to_contain_text("at most 10000 characters")
    expect(page.get_by_label("Say instead")).to_have_value("was empty")
    expect(page.get_by_label("Why (if it needs saying)")).to_be_focused()
    page.get_by_label("Why (if it needs saying)").fill("It was.")
    page.locator("#thread-new").get_by_role("button", name="Suggest").click()
    expect(page.locator(".suggested")).to_have_text("ran dry")
    expect(page.locator("form#thread-new")).to_have_count(0)


def test_the_menu_of_a_selection_goes_with_the_focus_and_is_reached_by_keys(
    opened: Opened, section: Section, alice: User
) -> None:
    SectionFactory.create(postmortem=section.postmortem, title="Impact", body="Nobody could pay.")
    page = opened(alice)
    menu = page.locator(".selection-menu")
    select(page, "ran dry")
    expect(menu).to_have_count(1)
    editor(page, "Impact").click()
    expect(menu).to_have_count(0)
    editor(page).focus()
    expect(menu).to_have_count(1)
    page.keyboard.press("Tab")
    expect(menu.get_by_role("button", name="Comment")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Comment")).to_be_focused()


def test_ctrl_enter_sends_a_comment_and_the_focus_returns_to_the_text(opened: Opened, alice: User) -> None:
    page = opened(alice)
    select(page, "ran dry")
    page.get_by_role("button", name="Comment", exact=True).click()
    page.get_by_role("textbox", name="Comment").fill("When exactly?")
    page.keyboard.press("Control+Enter")
    expect(page.locator("article.thread")).to_contain_text("When exactly?")
    page.keyboard.type(" so")
    expect(editor(page)).to_have_text("The pool ran dry so at noon.")
    select(page, "noon")
    page.get_by_role("button", name="Comment", exact=True).click()
    page.get_by_role("button", name="Cancel").click()
    page.keyboard.type(" sharp")
    expect(editor(page)).to_have_text("The pool ran dry so at noon sharp.")


def test_a_comment_begun_without_a_connection_keeps_the_selection(opened: Opened, alice: User) -> None:
    page = opened(alice)
    errors: list[Error] = []
    page.on("pageerror", lambda error: errors.append(error))
    page.context.set_offline(True)
    select(page, "ran dry")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator(".toast-error")).to_be_visible()
    page.context.set_offline(False)
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator("#thread-new .thread-quote")).to_have_text("ran dry")
    assert errors == []


PLACE = """() => {
  const [{ editor: { view } }] = document.querySelector("live-document").sections.values();
  const { top, bottom } = view.coordsAtPos(view.state.selection.main.head);
  const panel = document.querySelector(".comments-panel").getBoundingClientRect();
  return [Math.round(top), Math.round(panel.top - bottom)];
}"""


def test_on_a_phone_comments_open_without_losing_the_place(
    opened: Opened, section: Section, alice: User, bob: User
) -> None:
    Section.objects.update(body="\n".join(f"Line {n} is here." for n in range(60)))
    begin_thread(section=section, place=Place("40 is"), body="Why?", replacement=None, by=bob, now=timezone.now())
    page = opened(alice)
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload(wait_until="networkidle")
    words = page.locator(".commented")
    expect(page.locator(".comments-panel")).to_be_hidden()
    page.evaluate("scrollTo(0, document.body.scrollHeight / 2)")
    words.evaluate("words => scrollBy(0, words.getBoundingClientRect().top - 300)")
    words.click(position={"x": 2, "y": 8})
    expect(page.locator("article.thread[aria-current=true]")).to_be_in_viewport()
    page.keyboard.type("x")
    expect(editor(page)).to_contain_text("Line x40 is here.")
    assert page.evaluate(PLACE)[0] == pytest.approx(300, abs=4)
    page.locator(".comments-toggle").click()
    editor(page).focus()
    page.keyboard.press("Shift+ArrowRight")
    place, _ = page.evaluate(PLACE)
    page.get_by_role("button", name="Comment", exact=True).click()
    page.get_by_role("textbox", name="Comment").fill("Which one?")
    page.locator("#thread-new").get_by_role("button", name="Comment").click()
    expect(page.locator("article.thread")).to_have_count(2)
    assert page.evaluate(PLACE)[0] == place
    page.locator(".comments-toggle").click()
    page.evaluate("scrollBy(0, -450)")
    words.first.click(position={"x": 2, "y": 8})
    page.wait_for_timeout(100)
    assert page.evaluate(PLACE)[1] > 0


# -- Answering ---------------------------------------------------------------------------------------------------------


def answer_of(thread: Locator) -> Locator:
    """The field for a reply to `thread`, opened and with the caret in it; a list drawn anew just then closes it."""
    field = thread.get_by_role("textbox", name="Reply")
    for _ in range(3):
        thread.locator("summary", has_text="Reply").click()
        with suppress(TimeoutError):
            field.focus(timeout=3_000)
            break
    expect(field).to_be_focused()
    return field


def test_settling_one_thread_leaves_what_is_being_written_in_the_others(opened: Opened, alice: User) -> None:
    page = opened(alice)
    for words in ("pool", "ran dry", "noon"):
        comment_on(page, words, f"What of “{words}”?")
    done, asked, put_better = (page.locator(f"#thread-{thread.pk}") for thread in Thread.objects.all())
    answer_of(asked).fill("The dashboard said")
    put_better.get_by_role("link", name="Edit your comment").click()
    put_better.get_by_role("textbox", name="Comment").fill("In which time zone?")
    done.get_by_role("button", name="Resolve").click()
    expect(page.locator(".comments-closed > summary")).to_have_text("1 settled")
    expect(asked.get_by_role("textbox", name="Reply")).to_have_value("The dashboard said")
    expect(put_better.get_by_role("textbox", name="Comment")).to_have_value("In which time zone?")
    put_better.get_by_role("button", name="Save").click()
    expect(put_better.locator(".comment")).to_contain_text("In which time zone?")
    expect(asked.get_by_role("textbox", name="Reply")).to_have_value("The dashboard said")
    asked.get_by_role("button", name="Reply").click()
    expect(asked.locator(".comment").last).to_contain_text("The dashboard said")
    expect(asked.locator(".thread-reply[open]")).to_have_count(0)


def slowly(route: Route) -> None:
    time.sleep(1)
    route.continue_()


def test_an_answer_finds_its_place_though_others_changed_the_list_meanwhile(opened: Opened, alice: User) -> None:
    page = opened(alice)
    comment_on(page, "noon", "When?")
    shown = page.locator("article.thread")
    shown.get_by_role("link", name="Edit your comment").click()
    shown.get_by_role("textbox", name="Comment").fill("In which time zone?")
    page.route("**/comments/*/edit/", answered_late)
    shown.get_by_role("button", name="Save").click()
    expect(shown.locator(".comment .prose")).to_contain_text("In which time zone?")
    expect(shown.get_by_role("textbox", name="Comment")).to_have_count(0)


def test_a_button_that_is_pressed_while_the_list_is_drawn_anew_does_what_it_says(
    opened: Opened, section: Section, alice: User, bob: User
) -> None:
    page = opened(alice)
    comment_on(page, "noon", "When?")
    thread = page.locator("article.thread")
    answer_of(thread).fill("At noon, in Paris.")
    answer_of(thread).blur()
    page.wait_for_timeout(1_000)
    page.route("**/comments/", answered_late)
    with page.expect_request("**/comments/"):
        reply(thread=section.threads.get(), body="In which zone?", by=bob, now=timezone.now())
    thread.get_by_role("button", name="Reply").hover()
    page.mouse.down()
    page.wait_for_timeout(1_500)
    page.mouse.up()
    expect(thread.locator(".comment")).to_have_count(3)
    expect(thread).to_contain_text("At noon, in Paris.")


def test_what_others_say_neither_waits_for_a_draft_nor_takes_it_away(
    opened: Opened, section: Section, alice: User, bob: User
) -> None:
    page = opened(alice)
    comment_on(page, "ran dry", "How do we know?")
    thread = Thread.objects.get()
    shown = page.locator(f"#thread-{thread.pk}")
    field = answer_of(shown)
    field.fill("The dashboard said so.")
    editor(page).click()
    reply(thread=thread, body="From the logs.", by=bob, now=timezone.now())
    expect(shown).to_contain_text("From the logs.")
    expect(field).to_have_value("The dashboard said so.")
    page.route("**/comments/", slowly)
    close_thread(thread=thread, to=ThreadState.RESOLVED, by=bob, now=timezone.now())
    page.wait_for_timeout(300)
    field.focus()
    page.keyboard.press("Home")
    page.keyboard.type("Yes: ")
    expect(page.locator(".comments-closed")).to_contain_text("From the logs.")
    expect(field).to_be_focused()
    page.keyboard.type("look, ")
    expect(field).to_have_value("Yes: look, The dashboard said so.")


def test_a_reply_goes_on_while_its_thread_goes_to_the_tray(opened: Opened, alice: User, bob: User) -> None:
    one, two = opened(alice), opened(bob)
    comment_on(one, "ran dry", "How do we know?")
    answer_of(one.locator("article.thread"))
    one.keyboard.type("The dash")
    select(two, "ran dry")
    two.keyboard.press("Delete")
    expect(one.locator(".comments-tray .thread")).to_be_visible()
    one.keyboard.type("board")
    expect(one.get_by_role("textbox", name="Reply")).to_have_value("The dashboard")


def test_a_refused_reply_keeps_what_was_typed(opened: Opened, alice: User) -> None:
    page = opened(alice)
    comment_on(page, "ran dry", "How do we know?")
    thread = page.locator("article.thread")
    answer_of(thread).evaluate("field => (field.value = 'x'.repeat(10_001))")
    thread.get_by_role("button", name="Reply").click()
    expect(thread.locator("[role=alert]")).to_contain_text("at most 10000 characters")
    expect(thread.get_by_role("textbox", name="Reply")).to_have_value("x" * 10_001)


# -- Mentioning --------------------------------------------------------------------------------------------------------


def test_people_are_offered_by_their_name_and_told_of_it(
    opened: Opened, section: Section, alice: User, bob: User, mallory: User
) -> None:
    page = opened(alice)
    select(page, "ran dry")
    page.get_by_role("button", name="Comment", exact=True).click()
    field = page.locator("#thread-new textarea[name=body]")
    field.press_sequentially("Ask @Bak")
    expect(page.get_by_role("option", selected=True)).to_contain_text("Bob Baker")
    expect(field).to_have_attribute("aria-expanded", "true")
    field.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)
    expect(field).to_have_value("Ask @Bak")
    field.press("e")
    expect(page.get_by_role("option", selected=True)).to_contain_text("Bob Baker")
    field.press("Enter")
    expect(field).to_have_value("Ask @Bob Baker")
    field.press_sequentially(" or @M")
    expect(page.get_by_role("option", selected=True)).to_contain_text("Mallory Moss")
    field.press("ArrowDown")
    expect(page.get_by_role("option", selected=True)).to_contain_text("Maya Mason")
    field.press("ArrowUp")
    page.get_by_role("option", name="Mallory Moss").click()
    expect(field).to_have_value("Ask @Bob Baker or @Mallory Moss")
    field.press_sequentially(".")
    page.locator("#thread-new").get_by_role("button", name="Comment").click()
    thread = page.locator("article.thread")
    expect(thread.locator(".comment")).to_contain_text("Ask Bob Baker or Mallory Moss.")
    comment = Comment.objects.get()
    assert comment.body == f"Ask {{{{person:{bob.pk}}}}} or {{{{person:{mallory.pk}}}}}."
    told = {(notice.person, notice.is_mention) for notice in comment.notices.all()}
    assert told == {(bob, True), (mallory, True)}


def test_whoever_is_mentioned_stays_so_when_a_comment_is_put_better(
    opened: Opened, section: Section, alice: User, bob: User
) -> None:
    User.objects.filter(pk=bob.pk).update(display_name="Bob-Bo O'Neil (SRE)")
    place, body = Place("ran dry"), f"Ask {{{{person:{bob.pk}}}}}"
    begin_thread(section=section, place=place, body=body, replacement=None, by=alice, now=timezone.now())
    page = opened(alice)
    thread = page.locator("article.thread")
    thread.get_by_role("link", name="Edit your comment").click()
    field = thread.get_by_role("textbox", name="Comment")
    expect(field).to_have_value("Ask @Bob-Bo O'Neil (SRE)")
    field.fill("Please ask @Bob-Bo O'Neil (SRE), who was there.")
    thread.get_by_role("button", name="Save").click()
    expect(thread.locator(".comment")).to_contain_text("Please ask Bob-Bo O'Neil (SRE), who was there.")
    assert Comment.objects.get().body == f"Please ask {{{{person:{bob.pk}}}}}, who was there."
    field = answer_of(thread)
    field.press_sequentially("@ali")
    thread.locator(".mention-list").get_by_role("option", name="Alice Archer").click()
    thread.get_by_role("button", name="Reply").click()
    expect(thread.locator(".comment .prose")).to_have_text(
        ["Please ask Bob-Bo O'Neil (SRE), who was there.", "Alice Archer"]
    )
    assert Comment.objects.last().body == f"{{{{person:{alice.pk}}}}}"  # type: ignore[union-attr]


# -- Finding the words -------------------------------------------------------------------------------------------------


def test_a_comment_on_deleted_words_is_on_no_others(opened: Opened, section: Section, alice: User) -> None:
    words = "The pool ran dry at noon. Nobody saw it. Later the other one ran dry too."
    Section.objects.update(body=words)
    page = opened(alice)
    comment_on(page, "ran dry", "How do we know?")
    select(page, "ran dry")
    page.keyboard.press("Delete")
    expect(page.locator(".comments-tray .thread")).to_contain_text("How do we know?")
    expect(page.locator(".commented")).to_have_count(0)
    page.keyboard.press("Control+a")
    page.keyboard.type(f"Later it ran dry too. {words}")
    expect(page.locator(".comments-tray .thread")).to_have_count(0)
    page.locator(".thread-quote").click()
    editor(page).focus()
    page.keyboard.type("was empty")
    expect(editor(page)).to_have_text(f"Later it ran dry too. {words.replace('ran dry', 'was empty', 1)}")


# -- Accepting ---------------------------------------------------------------------------------------------------------


def test_undo_after_accepting_takes_back_ones_own_words_and_leaves_the_others_whole(
    opened: Opened, section: Section, alice: User, bob: User
) -> None:
    page = opened(alice)
    editor(page).click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" Then the queue was drained.")
    expect(chip(page)).to_have_text(SAVED)
    place = Place("was drained", " Then the queue ", ".")
    words = "grew at random and drained late"
    begin_thread(section=section, place=place, body="", replacement=words, by=bob, now=timezone.now())
    page.locator(".comments-toggle[aria-expanded=false]").click()
    page.locator("article.thread").focus()
    page.keyboard.press("a")
    accepted = f"The pool ran dry at noon. Then the queue {words}."
    expect(editor(page)).to_have_text(accepted)
    editor(page).focus()
    page.keyboard.press("Control+z")
    expect(editor(page)).to_have_text(f"The pool ran dry at noon.{words}")
    page.keyboard.press("Control+y")
    expect(editor(page)).to_have_text(accepted)


# -- Reading -----------------------------------------------------------------------------------------------------------


def test_clicking_commented_words_shows_their_thread_and_leaves_the_caret_in_the_text(
    opened: Opened, alice: User
) -> None:
    page = opened(alice)
    comment_on(page, "ran dry", "How do we know?")
    comment_on(page, "noon", "In which zone?")
    page.locator(".comments-toggle").click()
    page.locator(".commented", has_text="noon").click()
    expect(page.locator("article.thread[aria-current=true]")).to_contain_text("In which zone?")
    expect(page.locator("article.thread", has_text="In which zone?")).to_be_in_viewport()
    page.keyboard.press("Control+End")
    page.keyboard.type(" rrr")
    expect(editor(page)).to_have_text("The pool ran dry at noon. rrr")
    expect(page.locator(".comments-count")).to_have_text("2")
    page.locator("article.thread", has_text="In which zone?").focus()
    page.keyboard.press("r")
    expect(page.locator(".comments-count")).to_have_text("1")
    page.locator(".commented", has_text="ran dry").click()
    expect(page.locator("article.thread[aria-current=true]")).to_contain_text("How do we know?")
    page.locator(".cm-line", has_text="rrr").click(position={"x": 3, "y": 8})
    expect(page.locator("article.thread[aria-current=true]")).to_have_count(0)
