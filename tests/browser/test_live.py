"""Writing together in real browsers: everybody sees everything, nothing is lost, and the chip says only what is so."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Dialog, Locator, Page, WebSocket, expect

from accounts.models import Team, User
from actions.services.action import ActionFacts, add_action
from incidents.models import Incident
from incidents.services import incidents
from postmortems.collab import store
from postmortems.models import Participant, Postmortem, Section
from postmortems.services import participants, state
from postmortems.services.lesson import add_lesson
from postmortems.services.section import add_section, digest, save_section
from tests.factories.postmortems import EventFactory, IncidentFactory, PostmortemFactory, SectionFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
ContextOf = Callable[..., BrowserContext]
SAVED = re.compile(r"^Saved \d\d:\d\d$")
NO_SOCKETS = "window.WebSocket = class { constructor() { setTimeout(() => this.onclose?.({code: 1006})) } close() {} };"


@pytest.fixture
def section(alice: User, bob: User, team: Team) -> Section:
    incident = IncidentFactory.create(created_by=alice, commander=bob, title="Checkout failed in the EU")
    postmortem = PostmortemFactory.create(owner=alice, incident=incident)
    Participant.objects.create(postmortem=postmortem, user=bob, role="contributor")
    SectionFactory.create(postmortem=postmortem, title="Timeline", kind="timeline", position=1)
    SectionFactory.create(postmortem=postmortem, title="Lessons", kind="lessons", position=3)
    return SectionFactory.create(postmortem=postmortem, title="Root cause", body="Begin.", position=2)


@pytest.fixture
def opened(context_of: ContextOf, section: Section) -> Callable[..., Page]:
    """A window of `person` on the writing page, ready to be typed in."""

    def open_page(person: User, context: BrowserContext | None = None, *, script: str = "", **options: Any) -> Page:
        page = (context or context_of(person, **options)).new_page()
        if script:
            page.add_init_script(script)
        page.goto(f"/postmortems/{section.postmortem_id}/write/")
        expect(page.locator("live-document[data-ready]")).to_be_visible(timeout=15_000)
        return page

    return open_page


def editor(page: Page, title: str = "Root cause") -> Locator:
    return page.get_by_role("textbox", name=title)


def nothing_is_kept_in(page: Page) -> None:
    """Or not any more, in a while. (`wait_for_function` takes any promise for a yes.)"""
    until = time.monotonic() + 20
    while kept := page.evaluate("indexedDB.databases()"):
        assert time.monotonic() < until, kept
        page.wait_for_timeout(50)


def chip(page: Page) -> Locator:
    return page.locator(".save-chip")


def type_at_end(page: Page, words: str) -> None:
    editor(page).click()
    page.keyboard.press("Control+End")
    page.keyboard.type(words)


def saved_text(section: Section) -> str:
    return store.load(section.postmortem_id).document.text(section.pk)


# -- Together ----------------------------------------------------------------------------------------------------------


def test_what_one_types_the_other_sees_and_the_chip_says_when_it_is_saved(
    opened: Callable[..., Page], section: Section, alice: User, bob: User
) -> None:
    one, two = opened(alice), opened(bob)
    type_at_end(one, " The pool ran dry.")
    expect(editor(two)).to_contain_text("Begin. The pool ran dry.")
    expect(chip(one)).to_have_text(SAVED)
    assert saved_text(section) == "Begin. The pool ran dry."
    type_at_end(two, " Nobody saw it. 👩🏽‍🚒")
    expect(editor(one)).to_contain_text("Nobody saw it. 👩🏽‍🚒")
    one.reload()
    expect(editor(one)).to_contain_text("Begin. The pool ran dry. Nobody saw it. 👩🏽‍🚒")


def test_everybody_sees_who_is_here_and_where(opened: Callable[..., Page], alice: User, bob: User) -> None:
    one, two = opened(alice), opened(bob)
    expect(one.get_by_role("button", name="Follow Bob Baker")).to_be_visible(timeout=5_000)
    editor(two).click()
    expect(one.locator(".caret")).to_have_attribute("data-name", "Bob Baker")
    expect(two.locator(".caret")).to_have_count(0)
    two.close()
    expect(one.get_by_role("button", name="Follow Bob Baker")).to_have_count(0)
    expect(one.locator(".caret")).to_have_count(0)


def test_following_somebody_brings_their_place_into_view(
    opened: Callable[..., Page], section: Section, alice: User, bob: User
) -> None:
    Section.objects.filter(pk=section.pk).update(body="\n\n".join(f"Paragraph {n}" for n in range(120)))
    one, two = opened(alice), opened(bob)
    one.get_by_role("button", name="Follow Bob Baker").click()
    editor(two).click()
    two.keyboard.press("Control+End")
    expect(editor(one).get_by_text("Paragraph 119")).to_be_in_viewport()


def test_undo_takes_back_ones_own_words_only(opened: Callable[..., Page], alice: User, bob: User) -> None:
    one, two = opened(alice), opened(bob)
    type_at_end(one, " Mine.")
    expect(editor(two)).to_contain_text("Mine.")
    type_at_end(two, " Theirs.")
    expect(editor(one)).to_contain_text("Theirs.")
    editor(one).click()
    one.keyboard.press("Control+z")
    expect(editor(two)).to_have_text("Begin. Theirs.")
    one.keyboard.press("Control+Shift+Z")
    expect(editor(two)).to_have_text("Begin. Mine. Theirs.")


CHOSEN = """() => [...document.querySelector("live-document").sections.values()].map(({ editor }) => {
    const { state } = editor.view;
    return state.sliceDoc(state.selection.main.from, state.selection.main.to);
})"""


def test_find_goes_on_in_the_next_section_and_begins_again_after_the_last(
    opened: Callable[..., Page], section: Section, alice: User
) -> None:
    Section.objects.filter(pk=section.pk).update(body="The pool ran dry.")
    SectionFactory.create(postmortem=section.postmortem, title="Impact", body="A POOL of buyers", position=4)
    page = opened(alice)
    editor(page).click()
    page.keyboard.press("Control+Home")
    page.keyboard.press("Control+f")
    page.keyboard.type("pool")
    for chosen in (["pool", ""], ["pool", "POOL"], ["pool", "POOL"]):
        page.keyboard.press("Enter")
        assert page.evaluate(CHOSEN) == chosen
    expect(page.locator(".cm-search")).to_have_count(1)
    expect(page.get_by_role("textbox", name="Find")).to_be_focused()
    page.keyboard.press("Shift+Enter")
    page.get_by_role("button", name="next", exact=True).click()
    page.keyboard.press("Escape")
    expect(editor(page)).to_be_focused()


def test_find_says_that_there_is_nothing_and_replaces_in_all_sections(
    opened: Callable[..., Page], section: Section, alice: User
) -> None:
    Section.objects.filter(pk=section.pk).update(body="The pool ran dry, the pool.")
    SectionFactory.create(postmortem=section.postmortem, title="Impact", body="A POOL of buyers", position=4)
    page = opened(alice)
    editor(page).click()
    page.keyboard.press("Control+f")
    page.keyboard.type("pond")
    page.keyboard.press("Enter")
    expect(page.locator(".toast-item")).to_contain_text("Nothing found.")
    page.get_by_role("textbox", name="Find").fill("pool")
    page.get_by_role("textbox", name="Replace").fill("queue")
    page.get_by_role("button", name="replace all").click()
    expect(page.locator(".toast-item").last).to_contain_text("3 replaced in 2 sections.")
    expect(editor(page)).to_have_text("The queue ran dry, the queue.")
    expect(editor(page, "Impact")).to_have_text("A queue of buyers")
    box = page.get_by_role("button", name="close", exact=True).bounding_box()
    assert box
    assert min(box["width"], box["height"]) >= 24


def test_what_finds_is_below_the_bars_and_what_is_found_below_that(
    opened: Callable[..., Page], section: Section, alice: User
) -> None:
    Section.objects.filter(pk=section.pk).update(body="\n\n".join(f"Paragraph {n}" for n in range(80)))
    page = opened(alice)
    editor(page).click()
    page.keyboard.press("Control+End")
    page.keyboard.press("Control+f")
    panel = page.locator(".cm-search")
    expect(panel).to_be_visible()
    bar = page.locator(".live-bar").bounding_box()
    found = panel.bounding_box()
    assert bar
    assert found
    assert found["y"] >= bar["y"] + bar["height"] - 1
    page.keyboard.type("Paragraph 7")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    for _ in range(12):
        page.keyboard.press("Shift+Enter")
    match = page.locator(".cm-searchMatch-selected").bounding_box()
    assert match
    assert match["y"] >= found["y"] + found["height"] - 1


def test_half_a_character_is_never_written(opened: Callable[..., Page], section: Section, alice: User) -> None:
    page = opened(alice)
    type_at_end(page, "😀")
    page.evaluate(
        """() => {
            const content = document.querySelector(".cm-content");
            const walk = document.createTreeWalker(content, NodeFilter.SHOW_TEXT);
            while (walk.nextNode()) walk.currentNode.data = walk.currentNode.data.replace("😀", "😁");
        }"""
    )
    expect(chip(page)).to_have_text(SAVED)
    expect(editor(page)).to_have_text("Begin.😁")
    page.wait_for_timeout(300)
    assert saved_text(section) == "Begin.😁"


# -- Away --------------------------------------------------------------------------------------------------------------


def test_without_a_network_typing_goes_on_and_everything_meets_afterwards(
    opened: Callable[..., Page], section: Section, alice: User, bob: User
) -> None:
    one, two = opened(alice), opened(bob)
    one.context.set_offline(True)
    expect(chip(one)).to_have_text("Offline — everything is saved")
    type_at_end(one, "abc")
    expect(chip(one)).to_have_text("Offline — 3 changes kept here")
    type_at_end(two, " Online.")
    assert "abc" not in saved_text(section)
    one.context.set_offline(False)
    expect(chip(one)).to_have_text(SAVED)
    expect(editor(two)).to_contain_text("abc")
    expect(editor(one)).to_contain_text("Online.")
    assert "abc" in saved_text(section)


def test_a_closed_tab_keeps_what_was_never_sent(opened: Callable[..., Page], section: Section, alice: User) -> None:
    page = opened(alice)
    context = page.context
    context.set_offline(True)
    type_at_end(page, " Written on the train.")
    expect(chip(page)).to_contain_text("changes kept here")
    page.wait_for_timeout(400)
    page.close()
    context.set_offline(False)
    again = opened(alice, context)
    expect(editor(again)).to_contain_text("Written on the train.")
    expect(chip(again)).to_have_text(SAVED)
    assert "Written on the train." in saved_text(section)


PASTE_MANY = """() => {
    const data = new DataTransfer();
    data.setData("text/plain", "日".repeat(400_000));
    const paste = new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true});
    document.activeElement.dispatchEvent(paste);
}"""


def test_more_than_a_section_holds_is_not_taken(opened: Callable[..., Page], section: Section, alice: User) -> None:
    page = opened(alice)
    editor(page).click()
    page.evaluate(PASTE_MANY)
    expect(page.get_by_text("That is too much text for one section.")).to_be_visible()
    type_at_end(page, " On.")
    expect(chip(page)).to_have_text(SAVED)
    assert saved_text(section) == "Begin. On."


def test_what_the_server_never_takes_can_be_dropped(
    opened: Callable[..., Page], section: Section, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened(alice)
    with monkeypatch.context() as patched:
        patched.setattr("postmortems.collab.hub.MOST_PARTS", 0)
        type_at_end(page, " Never.")
        expect(chip(page)).to_have_text(re.compile("^Not saved: .* kept here$"), timeout=15_000)
    page.reload()
    expect(chip(page)).to_have_text(SAVED)  # now it is taken
    with monkeypatch.context() as patched:
        patched.setattr("postmortems.collab.hub.MOST_PARTS", 0)
        type_at_end(page, " Dropped.")
        expect(page.get_by_role("button", name="Copy my text")).to_be_visible(timeout=15_000)
        page.get_by_role("button", name="Drop my changes").click()
        page.get_by_role("dialog").get_by_role("button", name="Drop my changes").click()
        expect(editor(page)).to_have_text("Begin. Never.")
    expect(chip(page)).to_have_text("All changes saved")


def test_a_tab_closed_at_once_does_not_say_that_everything_is_saved(opened: Callable[..., Page], alice: User) -> None:
    page = opened(alice)
    context = page.context
    context.set_offline(True)
    expect(chip(page)).to_have_text("Offline — everything is saved")
    type_at_end(page, " Not saved.")
    page.wait_for_timeout(150)
    page.close()
    context.set_offline(False)
    context.route("**/ws/**", lambda route: route.abort())
    again = opened(alice, context, script=NO_SOCKETS)
    expect(editor(again)).to_contain_text("Not saved.")
    expect(chip(again)).to_have_text(re.compile(r"^Offline — \d+ changes? kept here$"), timeout=10_000)


@pytest.mark.parametrize("model", [Postmortem, Incident])
def test_nothing_of_a_restricted_post_mortem_stays_in_the_browser(
    opened: Callable[..., Page], section: Section, alice: User, model: type[Postmortem | Incident]
) -> None:
    model.objects.update(visibility="restricted")
    page = opened(alice)
    type_at_end(page, " Secret.")
    expect(chip(page)).to_have_text(SAVED)
    assert page.evaluate("indexedDB.databases()") == []
    page.context.set_offline(True)
    type_at_end(page, "x")
    expect(chip(page)).to_have_text("Offline — 1 change only in this tab")


def test_what_was_kept_before_it_was_restricted_is_saved_and_goes(
    opened: Callable[..., Page], section: Section, alice: User
) -> None:
    page = opened(alice)
    context = page.context
    context.set_offline(True)
    type_at_end(page, " Secret.")
    expect(chip(page)).to_contain_text("kept here")
    page.wait_for_timeout(150)
    page.close()
    Postmortem.objects.filter(pk=section.postmortem_id).update(visibility="restricted")
    context.set_offline(False)
    again = opened(alice, context)
    expect(chip(again)).to_have_text(SAVED)
    assert saved_text(section) == "Begin. Secret."
    nothing_is_kept_in(again)


@pytest.mark.parametrize(("is_incident", "is_away"), [(False, False), (True, False), (False, True)])
def test_nothing_stays_in_the_browser_from_the_moment_it_is_restricted(
    opened: Callable[..., Page], section: Section, alice: User, bob: User, is_incident: bool, is_away: bool
) -> None:
    page = opened(bob)
    type_at_end(page, " Before.")
    expect(chip(page)).to_have_text(SAVED)
    page.context.set_offline(is_away)
    about, now = section.postmortem, timezone.now()
    if is_incident:
        case = about.incident
        incidents.set_visibility(incident=case, visibility="restricted", readers=[bob], by=alice, now=now)
    else:
        participants.set_visibility(postmortem=about, visibility="restricted", by=alice, now=now)
    if is_away:
        page.wait_for_timeout(4_000)  # longer than the hub takes to find it by itself
        page.context.set_offline(False)
    nothing_is_kept_in(page)
    type_at_end(page, " After.")
    expect(chip(page)).to_have_text(SAVED)
    assert saved_text(section) == "Begin. Before. After."
    page.context.set_offline(True)
    type_at_end(page, "x")
    expect(chip(page)).to_have_text("Offline — 1 change only in this tab")


def test_whoever_signed_out_in_another_tab_loses_no_word_of_this_one(
    opened: Callable[..., Page], context_of: ContextOf, section: Section, alice: User, bob: User
) -> None:
    page, other = opened(alice), opened(bob)
    type_at_end(page, " Before.")
    expect(chip(page)).to_have_text(SAVED)
    sign_out_elsewhere(page)
    dialog = page.get_by_role("dialog", name="You have been signed out")
    expect(dialog).to_be_visible(timeout=10_000)
    dialog.get_by_role("button", name="Not now").click()
    type_at_end(page, " Meanwhile.")
    expect(chip(page)).to_have_text("Offline — 11 changes only in this tab")
    page.wait_for_timeout(3_000)  # it is tried again, and nothing opens over what is read here
    expect(dialog).to_be_hidden()
    page.context.add_cookies(context_of(alice).cookies())  # type: ignore[arg-type]
    expect(chip(page)).to_have_text(SAVED, timeout=15_000)
    type_at_end(page, " After.")
    expect(editor(other)).to_have_text("Begin. Before. Meanwhile. After.")
    type_at_end(other, " Theirs.")
    expect(editor(page)).to_contain_text("Theirs.")
    expect(chip(page)).to_have_text(SAVED)
    assert saved_text(section) == "Begin. Before. Meanwhile. After. Theirs."


def test_what_one_person_wrote_is_not_saved_as_anothers_who_signs_in_on_the_same_machine(
    opened: Callable[..., Page], context_of: ContextOf, section: Section, alice: User, bob: User
) -> None:
    page = opened(alice)
    sign_out_elsewhere(page)
    page.context.add_cookies(context_of(bob).cookies())  # type: ignore[arg-type]
    dialog = page.get_by_role("dialog", name="You have been signed out")
    expect(dialog).to_be_visible(timeout=10_000)
    dialog.get_by_role("button", name="Not now").click()
    type_at_end(page, " Alice wrote.")
    page.wait_for_timeout(3_000)
    assert saved_text(section) == "Begin."
    page.context.add_cookies(context_of(alice).cookies())  # type: ignore[arg-type]
    expect(chip(page)).to_have_text(SAVED, timeout=15_000)
    assert saved_text(section) == "Begin. Alice wrote."


def sign_out_elsewhere(page: Page) -> None:
    tab = page.context.new_page()
    tab.goto("/postmortems/")
    tab.get_by_role("button", name="Your menu").click()
    tab.get_by_role("button", name="Sign out").click()
    tab.wait_for_url("**/accounts/login/**")
    tab.close()


def test_signing_out_leaves_no_copy_behind(opened: Callable[..., Page], alice: User) -> None:
    page = opened(alice)
    assert len(page.evaluate("indexedDB.databases()")) == 1
    page.get_by_role("button", name="Your menu").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/**")
    assert page.evaluate("indexedDB.databases()") == []


def test_where_sockets_are_blocked_plain_http_does_the_same(
    opened: Callable[..., Page], section: Section, alice: User, bob: User
) -> None:
    polling, live = opened(alice, script=NO_SOCKETS), opened(bob)
    expect(polling.locator(".save-chip[data-line=polling]")).to_be_visible(timeout=5_000)
    type_at_end(polling, " Sent by post.")
    expect(editor(live)).to_contain_text("Sent by post.")
    expect(chip(polling)).to_have_text(SAVED)
    type_at_end(live, " Read by post.")
    expect(editor(polling)).to_contain_text("Read by post.")
    expect(live.get_by_role("button", name="Follow Alice Archer")).to_be_visible()
    assert saved_text(section) == "Begin. Sent by post. Read by post."


# -- Rights ------------------------------------------------------------------------------------------------------------


def test_whoever_loses_the_right_to_write_sees_it_and_types_no_more(
    opened: Callable[..., Page], section: Section, alice: User, bob: User
) -> None:
    page = opened(bob)
    participants.remove_participant(
        participant=Participant.objects.get(user=bob, role="contributor"), by=alice, now=timezone.now()
    )
    section.postmortem.incident.team.memberships.filter(user=bob).delete()
    expect(chip(page)).to_have_text("Read-only now")
    expect(editor(page)).to_have_attribute("contenteditable", "false")
    assert saved_text(section) == "Begin."


def test_whoever_is_never_let_in_is_not_tried_again_without_a_pause(
    section: Section, alice: User, context_of: ContextOf
) -> None:
    page = context_of(alice).new_page()
    page.add_init_script(REFUSED)
    page.goto(f"/postmortems/{section.postmortem_id}/write/")
    page.wait_for_timeout(4_000)
    assert 1 <= page.evaluate("window.tries") < 10


REFUSED = """window.tries = 0; window.WebSocket = class {
    static OPEN = 1;
    readyState = 1;
    constructor() {
        window.tries += 1;
        setTimeout(() => { this.onopen?.(); setTimeout(() => this.onclose?.({code: 4403}), 1); }, 1);
    }
    send() {}
    close() {}
};"""


def test_publishing_ends_the_writing_everywhere(
    opened: Callable[..., Page], section: Section, alice: User, bob: User
) -> None:
    page = opened(bob)
    type_at_end(page, " Last words.")
    expect(chip(page)).to_have_text(SAVED)
    for seen, to in (("draft", "in_review"), ("in_review", "published")):
        state.move_postmortem(
            postmortem=section.postmortem, seen=seen, to=to, note="Good enough", by=alice, now=timezone.now()
        )
    expect(chip(page)).to_have_text("Read-only now")
    expect(page.locator(".state")).to_contain_text("Published")
    assert Section.objects.get(pk=section.pk).body == "Begin. Last words."


def test_whoever_may_no_longer_see_it_loses_the_text_and_the_copy(
    opened: Callable[..., Page], section: Section, alice: User, bob: User
) -> None:
    page = opened(bob)
    for participant in Participant.objects.filter(user=bob):
        participants.remove_participant(participant=participant, by=alice, now=timezone.now())
    participants.set_visibility(postmortem=section.postmortem, visibility="restricted", by=alice, now=timezone.now())
    expect(page.get_by_role("alert").get_by_text("You may no longer see this post-mortem.")).to_be_visible()
    expect(page.get_by_text("Begin.")).to_have_count(0)
    assert page.evaluate("indexedDB.databases()") == []


# -- Facts, people, files ----------------------------------------------------------------------------------------------


def test_the_slash_menu_inserts_a_fact_that_stays_true(
    opened: Callable[..., Page], section: Section, alice: User
) -> None:
    page = opened(alice)
    type_at_end(page, " It was /severi")
    page.get_by_role("option", name="severity").click()
    page.keyboard.type(" for us")
    expect(page.locator(".fact-name")).to_have_text("SEV2")
    expect(chip(page)).to_have_text(SAVED)
    assert saved_text(section) == "Begin. It was {{severity}} for us"
    incident = section.postmortem.incident
    incident.severity = "SEV1"
    incident.save(update_fields=["severity"])
    incidents.incident_was_changed(incident, now=timezone.now())
    expect(page.locator(".fact-name")).to_have_text("SEV1")


def test_people_are_mentioned_by_name(opened: Callable[..., Page], section: Section, alice: User, bob: User) -> None:
    page = opened(alice)
    type_at_end(page, " Ask @Bak")
    page.get_by_role("option", name="Bob Baker").click()
    expect(page.locator(".fact-name")).to_have_text("Bob Baker")
    expect(chip(page)).to_have_text(SAVED)
    assert saved_text(section) == f"Begin. Ask {{{{person:{bob.pk}}}}}"


PASTE = """(content) => {
    const data = new DataTransfer();
    for (const [type, text] of Object.entries(content)) data.setData(type, text);
    const paste = new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true});
    document.activeElement.dispatchEvent(paste);
}"""
PASTED = """<meta charset=utf-8><h2>Causes</h2><p>The <b>pool</b> of <a href="https://example.org/x">checkout</a></p>
<ul><li>one</li><li>two</li></ul><script>window.ran = true</script><img src=x onerror="window.ran = true">"""


def test_html_is_pasted_as_markdown_and_runs_nothing(
    opened: Callable[..., Page], section: Section, alice: User
) -> None:
    page = opened(alice)
    type_at_end(page, "\n")
    page.evaluate(PASTE, {"text/html": PASTED, "text/plain": "Causes The pool of checkout one two"})
    expect(chip(page)).to_have_text(SAVED)
    assert saved_text(section).startswith(
        "Begin.\n## Causes\n\nThe **pool** of [checkout](https://example.org/x)\n\n-   one\n-   two"
    )
    assert page.evaluate("window.ran") is None


def test_an_address_pasted_onto_words_links_them(opened: Callable[..., Page], section: Section, alice: User) -> None:
    page = opened(alice)
    editor(page).click()
    page.keyboard.press("Control+a")
    page.evaluate(PASTE, {"text/plain": "https://example.org/graph"})
    expect(chip(page)).to_have_text(SAVED)
    assert saved_text(section) == "[Begin.](https://example.org/graph)"


def test_markdown_keys_lists_and_tables(opened: Callable[..., Page], section: Section, alice: User) -> None:
    page = opened(alice)
    editor(page).click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+b")
    page.keyboard.press("Control+End")
    page.keyboard.type("\n- one\ntwo\n\n| a | b |\n| --- | --- |\n| c | d |")
    page.keyboard.press("Tab")
    page.keyboard.type("e")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("D")
    expect(chip(page)).to_have_text(SAVED)
    assert saved_text(section) == "**Begin.**\n- one\n- two\n\n| a | b |\n| --- | --- |\n| c | D |\n| e |  |"


def test_the_preview_shows_what_readers_will_see(opened: Callable[..., Page], alice: User) -> None:
    page = opened(alice)
    page.get_by_role("button", name="Side by side").click()
    type_at_end(page, " A **bold** word.")
    expect(page.locator(".live-preview strong")).to_have_text("bold")
    expect(editor(page)).to_be_focused()
    page.get_by_role("button", name="Preview").click()
    expect(editor(page)).to_be_hidden()


# -- Blocks ------------------------------------------------------------------------------------------------------------


def test_blocks_follow_others_without_disturbing_whoever_types(
    opened: Callable[..., Page], section: Section, alice: User, bob: User
) -> None:
    page = opened(alice)
    type_at_end(page, " Typing")
    event = EventFactory.create(incident=section.postmortem.incident, text="The pool ran dry")
    incidents.incident_was_changed(event.incident, now=timezone.now())
    expect(page.locator(".section-timeline")).to_contain_text("The pool ran dry")
    expect(editor(page)).to_be_focused()
    page.keyboard.type(" on")
    expect(editor(page)).to_have_text("Begin. Typing on")
    lesson = page.get_by_role("textbox", name="Lesson")
    lesson.fill("Half a lesson")
    add_lesson(postmortem=section.postmortem, text="Watch the pool", by=bob, now=timezone.now())
    page.wait_for_timeout(700)
    expect(lesson).to_have_value("Half a lesson")
    lesson.fill("")
    editor(page).click()
    expect(page.locator(".section-lessons")).to_contain_text("Watch the pool")


def test_what_is_chosen_in_a_block_stays_while_others_change_it(
    opened: Callable[..., Page], section: Section, alice: User, bob: User
) -> None:
    SectionFactory.create(postmortem=section.postmortem, title="Action items", kind="actions", position=4)
    page = opened(alice)
    block = page.locator(".section-actions")
    block.get_by_role("link", name="Add").first.click()
    chosen = block.locator("select").first
    before = chosen.input_value()
    chosen.select_option(index=2)
    value = chosen.input_value()
    assert value != before
    editor(page).click()
    facts = ActionFacts(title="Alert on the pool")
    add_action(postmortem=section.postmortem, facts=facts, by=bob, now=timezone.now())
    page.wait_for_timeout(1_000)
    expect(chosen).to_have_value(value)
    chosen.focus()
    chosen.select_option(before)
    editor(page).click()
    expect(block).to_contain_text("Alert on the pool")


def test_a_tab_that_nobody_looks_at_keeps_its_connection(opened: Callable[..., Page], alice: User) -> None:
    sockets: list[WebSocket] = []

    def note(socket: WebSocket) -> None:
        sockets.append(socket)

    page = opened(alice)
    page.on("websocket", note)
    page.clock.install()
    page.reload()
    expect(chip(page)).to_have_text("All changes saved")
    for _ in range(3):
        page.clock.fast_forward(60_000)  # timers of hidden tabs are let go on once a minute
        page.wait_for_timeout(300)
    expect(chip(page)).to_have_text("All changes saved")
    assert len(sockets) == 1


# -- Comments ----------------------------------------------------------------------------------------------------------


def select(page: Page, words: str) -> None:
    """Select the words as a person would, from their beginning with the keyboard."""
    line = editor(page).inner_text()
    editor(page).click()
    page.keyboard.press("Control+Home")
    for _ in range(line.index(words)):
        page.keyboard.press("ArrowRight")
    page.keyboard.down("Shift")
    for _ in words:
        page.keyboard.press("ArrowRight")
    page.keyboard.up("Shift")


def comment_on(page: Page, words: str, body: str) -> None:
    select(page, words)
    page.get_by_role("button", name="Comment", exact=True).click()
    page.get_by_role("textbox", name="Comment").fill(body)
    page.locator("#thread-new").get_by_role("button", name="Comment").click()
    expect(page.locator("article.thread", has_text=body)).to_be_visible()
    expect(page.locator("form#thread-new")).to_have_count(0)


def test_a_comment_stays_on_its_words_and_goes_to_the_tray_when_they_go(
    opened: Callable[..., Page], section: Section, alice: User, bob: User
) -> None:
    Section.objects.filter(pk=section.pk).update(body="The pool ran dry at noon.")
    one, two = opened(alice), opened(bob)
    comment_on(one, "ran dry", "How do we know?")
    expect(one.locator(".commented")).to_have_text("ran dry")
    expect(two.locator(".commented")).to_have_text("ran dry")
    expect(two.locator(".comments-count")).to_have_text("1")
    editor(two).click()
    two.keyboard.press("Control+Home")
    two.keyboard.type("On Monday, ")
    select(two, "dry")
    two.keyboard.press("ArrowLeft")
    two.keyboard.type("completely ")
    expect(one.locator(".commented")).to_have_text("ran completely dry")
    expect(editor(one)).to_have_text("On Monday, The pool ran completely dry at noon.")
    select(two, "ran completely dry")
    two.keyboard.press("Delete")
    expect(one.locator(".comments-tray .thread")).to_contain_text("How do we know?")
    expect(one.locator(".comments-tray")).to_contain_text("On deleted text")
    expect(one.locator(".commented")).to_have_count(0)
    editor(two).click()
    two.keyboard.press("Control+z")
    expect(one.locator(".comments-tray .thread")).to_have_count(0)


def test_a_suggestion_is_taken_by_one_key(
    opened: Callable[..., Page], section: Section, alice: User, bob: User
) -> None:
    Section.objects.filter(pk=section.pk).update(body="The pool ran dry at noon.")
    one, two = opened(alice), opened(bob)
    select(two, "ran dry")
    two.get_by_role("button", name="Suggest", exact=True).click()
    two.get_by_label("Say instead").fill("had no connection left")
    two.locator("#thread-new").get_by_role("button", name="Suggest").click()
    one.locator(".comments-toggle[aria-expanded=false]").click()
    thread = one.locator("article.thread")
    thread.focus()
    one.keyboard.press("a")
    expect(editor(two)).to_have_text("The pool had no connection left at noon.")
    expect(one.locator(".comments-closed > summary")).to_have_text("1 settled")
    expect(two.locator(".comments-count")).to_have_text("0")


def test_a_comment_begun_is_not_thrown_away_for_a_section_of_somebody_elses(
    opened: Callable[..., Page], section: Section, alice: User, bob: User
) -> None:
    page = opened(alice)
    select(page, "Begin")
    page.get_by_role("button", name="Comment", exact=True).click()
    page.locator("#thread-new textarea[name=body]").fill("Half a thought")
    add_section(postmortem=section.postmortem, title="Later", kind="prose", by=bob, now=timezone.now())
    asked: list[str] = []

    def refuse(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.once("dialog", refuse)
    page.get_by_role("button", name="Show them").click()
    expect(page.locator("#thread-new textarea[name=body]")).to_have_value("Half a thought")
    page.wait_for_timeout(500)
    assert asked == ["beforeunload"]
    page.locator("#thread-new").get_by_role("button", name="Comment").click()
    expect(page.get_by_text("Half a thought")).to_be_visible()
    page.get_by_role("button", name="Show them").click()
    expect(editor(page, "Later")).to_be_attached()


def test_what_others_wrote_into_suggested_words_is_shown_before_it_goes(
    opened: Callable[..., Page], section: Section, alice: User, bob: User
) -> None:
    Section.objects.filter(pk=section.pk).update(body="The pool ran dry at noon.")
    one, two = opened(alice), opened(bob)
    select(two, "ran dry")
    two.get_by_role("button", name="Suggest", exact=True).click()
    two.get_by_label("Say instead").fill("had no connection left")
    two.locator("#thread-new").get_by_role("button", name="Suggest").click()
    select(one, " dry at noon.")
    one.keyboard.press("ArrowLeft")
    one.keyboard.type(" suddenly")
    expect(editor(two)).to_have_text("The pool ran suddenly dry at noon.")
    one.locator(".comments-toggle[aria-expanded=false]").click()
    one.locator("article.thread").focus()
    one.keyboard.press("a")
    expect(one.get_by_text("Now it would replace: ran suddenly dry")).to_be_visible()
    expect(editor(one)).to_have_text("The pool ran suddenly dry at noon.")
    one.get_by_role("button", name="Replace that").click()
    expect(editor(two)).to_have_text("The pool had no connection left at noon.")


def test_a_reader_follows_the_text_live_and_comments_without_a_cursor_of_their_own(
    opened: Callable[..., Page], section: Section, alice: User, mallory: User
) -> None:
    writer, reader = opened(alice), opened(mallory)
    expect(chip(reader)).to_have_text("Read-only now")
    type_at_end(writer, " Live.")
    expect(editor(reader)).to_have_text("Begin. Live.")
    expect(writer.locator(".caret")).to_have_count(0)
    reader.evaluate("getSelection().selectAllChildren(document.querySelector('.cm-line'))")
    reader.get_by_role("button", name="Comment", exact=True).click()
    reader.get_by_role("textbox", name="Comment").fill("I wonder.")
    reader.locator("#thread-new").get_by_role("button", name="Comment").click()
    expect(writer.locator(".comments-count")).to_have_text("1")


def test_whoever_comes_back_to_an_older_page_is_led_to_the_newer_text(
    context_of: ContextOf, section: Section, alice: User, mallory: User
) -> None:
    page = context_of(mallory).new_page()
    page.goto(f"/postmortems/{section.postmortem_id}/read/")
    come_back = "window.dispatchEvent(new Event('focus'))"
    with page.expect_response("**/newer/*") as asked:
        page.evaluate(come_back)
    assert asked.value.status == 204
    save_section(section=section, seen=digest("Begin."), body="Begin. And an end.", by=alice, now=timezone.now())
    page.evaluate(come_back)
    line = page.get_by_text("was changed since you opened it")
    expect(line).to_be_visible()
    page.get_by_role("link", name="Show it as it is now").click()
    expect(page.locator(".reader-body")).to_contain_text("And an end.")
    expect(line).to_have_count(0)
