"""Actions in a real browser: chosen together, placed by hand and by key, walked through, dated by a click."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone
from playwright.sync_api import BrowserContext, FloatRect, Locator, Page, expect

from accounts.models import Team, User
from actions.enums import Answer
from actions.models import ActionItem, Notice, SavedView
from actions.services.answer import token_for
from actions.services.notice import tell_person
from postmortems.models import Postmortem
from postmortems.services.lesson import add_lesson
from postmortems.services.revision import name_revision
from tests.factories.actions import make_action
from tests.factories.postmortems import IncidentFactory, PostmortemFactory, SectionFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
ContextOf = Callable[..., BrowserContext]


@pytest.fixture
def postmortem(alice: User, team: Team) -> Postmortem:
    incident = IncidentFactory.create(created_by=alice, commander=alice, title="Checkout failed in the EU")
    return PostmortemFactory.create(incident=incident, owner=alice)


@pytest.fixture
def three(postmortem: Postmortem, alice: User) -> list[ActionItem]:
    late = timezone.localdate() - timedelta(days=9)
    return [
        make_action(postmortem, title=f"Action {n}", owner=alice, due_on=late - timedelta(days=n)) for n in range(3)
    ]


@pytest.fixture
def placed(three: list[ActionItem]) -> ActionItem:
    """The first of the three, of high impact and low effort."""
    three[0].impact, three[0].effort = 3, 1
    three[0].save(update_fields=["impact", "effort"])
    return three[0]


@pytest.fixture
def page(context_of: ContextOf, alice: User) -> Iterator[Page]:
    """Alice's window, in which nothing may go wrong."""
    page = context_of(alice).new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield page
    assert errors == []


def test_chosen_actions_change_together_and_back(page: Page, three: list[ActionItem]) -> None:
    page.goto("/actions/")
    expect(page.get_by_role("button", name="Change")).to_be_hidden()
    page.get_by_label("Choose all on this page").check()
    expect(page.get_by_text("3 chosen")).to_be_visible()
    page.get_by_label(f"Choose {three[0].reference}").uncheck()
    bar = page.locator(".bulk-bar")
    bar.get_by_label("Status").select_option("done")
    bar.get_by_label("What shows it").fill("Merged on Friday.")
    bar.get_by_role("button", name="Change").click()
    expect(page.get_by_text("2 actions changed.")).to_be_visible()
    expect(page.get_by_role("link", name="Action 1")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("2 actions say again what they said before.")).to_be_visible()
    expect(page.get_by_role("link", name="Action 1")).to_be_visible()


def test_saving_mine_leaves_alone_what_i_left_alone(
    context_of: ContextOf, alice: User, bob: User, three: list[ActionItem]
) -> None:
    action = three[0]
    hers, his = (context_of(alice).new_page() for _ in range(2))
    for page in (hers, his):
        page.goto(f"/actions/{action.pk}/edit/")
    hers.get_by_label("Due", exact=True).fill("2026-05-05")
    hers.get_by_label("Owner").select_option(str(bob.pk))
    hers.get_by_role("button", name="Save").click()
    expect(hers.get_by_role("button", name="Save")).to_have_count(0)
    his.get_by_label("Deliverable").fill("His words\non two lines")
    his.get_by_role("button", name="Save").click()
    expect(his.locator(".conflict dt")).to_have_text(["Owner", "Due"])
    expect(his.get_by_label("Due", exact=True)).to_have_value("2026-05-05")
    his.get_by_role("button", name="Save mine").click()
    expect(his.locator(".action-deliverable")).to_contain_text("on two lines")
    action.refresh_from_db()
    assert (action.owner, str(action.due_on)) == (bob, "2026-05-05")
    assert action.deliverable.splitlines() == ["His words", "on two lines"]


def test_shift_chooses_everything_between(page: Page, three: list[ActionItem]) -> None:
    page.goto("/actions/")
    boxes = page.locator("[name=chosen]")
    boxes.first.click()
    boxes.last.click(modifiers=["Shift"])
    expect(page.get_by_text("3 chosen")).to_be_visible()


def test_an_action_is_placed_by_keys_and_keeps_the_focus(
    page: Page, postmortem: Postmortem, three: list[ActionItem]
) -> None:
    page.goto(f"/postmortems/{postmortem.pk}/actions/matrix/")
    item = page.locator(f"#matrix-item-{three[0].pk}")
    item.focus()
    for key, place in [("ArrowUp", "High impact, medium effort"), ("ArrowLeft", "High impact, low effort")]:
        page.keyboard.press(key)
        expect(page.get_by_role("region", name=place).locator(f"#matrix-item-{three[0].pk}")).to_be_focused()
    three[0].refresh_from_db()
    assert (three[0].impact, three[0].effort) == (3, 1)


AT_ONCE = """(id) => {
  const before = document.getElementById(id);
  window.isSamePage = true;
  new MutationObserver((_, watch) => {
    const now = document.getElementById(id);
    if (!now || now === before) return;
    watch.disconnect();
    now.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
  }).observe(document.body, { childList: true, subtree: true });
}"""
"""A key that is pressed before anything else happens once the item stands at its new place."""


def test_a_key_right_after_a_move_moves_on_and_loads_no_page(
    page: Page, postmortem: Postmortem, three: list[ActionItem]
) -> None:
    page.goto(f"/postmortems/{postmortem.pk}/actions/matrix/")
    name = f"matrix-item-{three[0].pk}"
    page.evaluate(AT_ONCE, name)
    page.locator(f"#{name}").press("ArrowUp")
    expect(page.get_by_role("region", name="High impact, low effort").locator(f"#{name}")).to_be_focused()
    assert page.evaluate("window.isSamePage")


PRESSED_QUICKLY = """(item, keys) => {
  for (const key of keys) item.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
}"""
"""All keys, before the first has its answer."""


def test_keys_pressed_quickly_all_count(page: Page, postmortem: Postmortem, placed: ActionItem) -> None:
    page.goto(f"/postmortems/{postmortem.pk}/actions/matrix/")
    item = page.locator(f"#matrix-item-{placed.pk}")
    item.evaluate(PRESSED_QUICKLY, ["ArrowDown", "ArrowRight", "ArrowDown"])
    expect(page.get_by_role("region", name="Low impact, medium effort").locator(item)).to_be_focused()
    placed.refresh_from_db()
    assert (placed.impact, placed.effort) == (1, 2)


def test_two_actions_moved_quickly_both_move(page: Page, postmortem: Postmortem, three: list[ActionItem]) -> None:
    page.goto(f"/postmortems/{postmortem.pk}/actions/matrix/")
    items = [page.locator(f"#matrix-item-{action.pk}") for action in three[:2]]
    page.evaluate(
        f"(items) => items.forEach((item) => ({PRESSED_QUICKLY})(item, ['ArrowUp']))",
        [item.element_handle() for item in items],
    )
    for item in items:
        expect(page.get_by_role("region", name="High impact, medium effort").locator(item)).to_be_visible()


def test_a_move_that_came_too_late_is_not_followed_by_another(
    context_of: ContextOf, postmortem: Postmortem, placed: ActionItem, alice: User
) -> None:
    page = context_of(alice).new_page()
    page.goto(f"/postmortems/{postmortem.pk}/actions/matrix/")
    placed.effort, placed.revision = 3, placed.revision + 1
    placed.save(update_fields=["effort", "revision"])
    item = page.locator(f"#matrix-item-{placed.pk}")
    item.evaluate(PRESSED_QUICKLY, ["ArrowDown", "ArrowDown"])
    expect(page.get_by_text(f"Someone changed {placed.reference} meanwhile.")).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("region", name="High impact, high effort").locator(item)).to_be_visible()
    item.press("ArrowDown")
    expect(page.get_by_role("region", name="Medium impact, high effort").locator(item)).to_be_focused()


def test_a_move_that_failed_is_made_by_the_next_key(
    context_of: ContextOf, postmortem: Postmortem, placed: ActionItem, alice: User
) -> None:
    page = context_of(alice).new_page()
    page.goto(f"/postmortems/{postmortem.pk}/actions/matrix/")
    page.route("**/place/", lambda route: route.abort())
    item = page.locator(f"#matrix-item-{placed.pk}")
    with page.expect_event("requestfailed"):
        item.evaluate(PRESSED_QUICKLY, ["ArrowDown", "ArrowDown"])
    expect(item.locator("[name=impact]")).to_have_value("3")
    page.unroute("**/place/")
    item.press("ArrowDown")
    expect(page.get_by_role("region", name="Medium impact, low effort").locator(item)).to_be_focused()


def test_an_action_is_placed_by_dragging(page: Page, postmortem: Postmortem, three: list[ActionItem]) -> None:
    page.goto(f"/postmortems/{postmortem.pk}/actions/matrix/")
    place = page.get_by_role("region", name="Medium impact, high effort")
    page.locator(f"#matrix-item-{three[1].pk}").drag_to(place)
    expect(place.locator(f"#matrix-item-{three[1].pk}")).to_be_visible()
    three[1].refresh_from_db()
    assert (three[1].impact, three[1].effort) == (2, 3)


def box(locator: Locator) -> FloatRect:
    """Where it is drawn."""
    found = locator.bounding_box()
    assert found is not None
    return found


def test_a_cell_of_the_matrix_is_wide_enough_for_its_cards(
    page: Page, postmortem: Postmortem, placed: ActionItem
) -> None:
    page.goto(f"/postmortems/{postmortem.pk}/actions/matrix/")
    cell = box(page.get_by_role("region", name="High impact, low effort"))
    card = box(page.locator(f"#matrix-item-{placed.pk}"))
    assert cell["x"] < card["x"] < card["x"] + card["width"] < cell["x"] + cell["width"]
    assert cell["y"] < card["y"] < card["y"] + card["height"] < cell["y"] + cell["height"]
    assert card["width"] > 120
    empty = box(page.get_by_role("region", name="Low impact, high effort"))
    assert empty["width"] == pytest.approx(cell["width"], abs=1)


def test_a_cell_of_the_matrix_says_its_effort_on_a_phone(
    page: Page, postmortem: Postmortem, placed: ActionItem
) -> None:
    page.goto(f"/postmortems/{postmortem.pk}/actions/matrix/")
    cell = page.get_by_role("region", name="High impact, low effort")
    expect(cell.locator(".matrix-cell-effort")).to_be_hidden()
    page.set_viewport_size({"width": 390, "height": 844})
    for impact in ("High", "Medium", "Low"):
        for effort in ("Low", "Medium", "High"):
            region = page.get_by_role("region", name=f"{impact} impact, {effort.lower()} effort")
            expect(region.locator(".matrix-cell-effort")).to_have_text(f"{effort} effort")
            expect(region.locator(".matrix-cell-effort")).to_be_visible()
    assert box(page.locator(f"#matrix-item-{placed.pk}"))["width"] > 300


def test_a_lesson_is_tied_to_an_action_by_a_square(
    page: Page, postmortem: Postmortem, placed: ActionItem, alice: User
) -> None:
    add_lesson(postmortem=postmortem, text="Locks must end.", by=alice, now=timezone.now())
    page.goto(f"/postmortems/{postmortem.pk}/lesson-matrix/")
    button = page.get_by_role("button", name=f"{placed.reference} serves lesson 1")
    square = box(button)
    assert (square["width"], square["height"]) == (28, 28)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    button.hover()
    assert box(button) == square


def test_the_review_is_walked_through_by_keys(page: Page, three: list[ActionItem]) -> None:
    page.goto("/actions/review/")
    for key in "jjk":
        page.keyboard.press(key)
    expect(page.get_by_role("link", name="Action 2")).to_be_focused()
    page.keyboard.press("x")
    expect(page.locator("[data-walk]").first).to_have_class("waiting-item walk-item is-talked-about")
    expect(page.get_by_role("link", name="Action 1")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Action 1")).to_be_visible()


def test_marks_of_the_review_are_there_again_after_an_item_was_opened(page: Page, three: list[ActionItem]) -> None:
    page.goto("/actions/review/")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Action 1")).to_be_visible()
    page.goto("/actions/review/")
    marked = page.locator("[data-walk].is-talked-about")
    expect(marked).to_have_count(1)
    expect(marked.get_by_role("link", name="Action 2")).to_have_attribute("aria-description", "Talked about")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.reload()
    expect(marked).to_have_count(0)


def test_marks_of_the_review_are_those_of_today(page: Page, three: list[ActionItem]) -> None:
    page.goto("/actions/review/")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.clock.set_fixed_time(timezone.now() + timedelta(days=7))
    page.reload()
    expect(page.locator("[data-walk]")).to_have_count(3)
    expect(page.locator(".is-talked-about")).to_have_count(0)


def test_the_heading_of_an_action_follows_its_title(page: Page, three: list[ActionItem]) -> None:
    page.goto(f"/actions/{three[0].pk}/")
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("What will be done").fill("Alert on age")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Action 0")).to_have_count(0)
    expect(page.get_by_role("heading", name="Alert on age")).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).to_have_text("Alert on age")


def test_lists_fit_a_phone_with_what_matters_most(page: Page, postmortem: Postmortem, three: list[ActionItem]) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    for url, words in (
        ("/actions/", ["Overdue by 11 days", "Alice"]),
        ("/incidents/", ["SEV2 · Resolved"]),
        ("/postmortems/", ["Draft · SEV2 · Alice"]),
    ):
        page.goto(url)
        row = page.locator("tbody tr").first
        for word in words:
            expect(row.get_by_text(word).locator("visible=true")).to_be_in_viewport(ratio=1)
        assert page.locator(".table-wrap").evaluate("wrap => wrap.scrollWidth - wrap.clientWidth") == 0, url


@pytest.mark.parametrize("width", [390, 1280])
def test_a_long_word_in_a_title_widens_no_page(page: Page, postmortem: Postmortem, alice: User, width: int) -> None:
    late = timezone.localdate() - timedelta(days=2)
    action = make_action(postmortem, title="Drop " + "checkout_" * 20, owner=alice, due_on=late)
    SectionFactory.create(postmortem=postmortem, title="Actions", kind="actions")
    page.set_viewport_size({"width": width, "height": 844})
    for url in ("/", "/actions/", "/actions/review/", f"/actions/{action.pk}/", f"/postmortems/{postmortem.pk}/write/"):
        page.goto(url)
        expect(page.get_by_text(action.title).locator("visible=true").first).to_be_visible()
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert (url, overflow) == (url, 0)


def test_a_long_word_widens_no_answer_to_a_mail_no_saved_view_and_no_history(
    page: Page, postmortem: Postmortem, alice: User
) -> None:
    today = timezone.localdate()
    action = make_action(postmortem, title="Drop " + "checkout_" * 20, owner=alice, due_on=today)
    notice = Notice.objects.create(person=alice, kind="on_day", action=action, for_on=today)
    name_revision(postmortem=postmortem, name="checkout_" * 13, by=alice, now=timezone.now())
    SavedView.objects.create(person=alice, of="actions", name="checkout_" * 6, query="status=overdue")
    page.set_viewport_size({"width": 390, "height": 844})
    for url in (
        f"/actions/answer/{token_for(notice, Answer.DONE)}/",
        "/actions/",
        f"/postmortems/{postmortem.pk}/history/",
    ):
        page.goto(url)
        expect(page.get_by_text("checkout_checkout_").first).to_be_visible()
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert (url, overflow) == (url, 0)


def test_a_long_word_widens_no_mail(page: Page, postmortem: Postmortem, alice: User) -> None:
    today = timezone.localdate()
    action = make_action(postmortem, title="Drop " + "checkout_" * 20, owner=alice, due_on=today)
    Notice.objects.create(person=alice, kind="on_day", action=action, for_on=today, due_on=today)
    tell_person(person_id=alice.pk, now=timezone.now())
    [message] = mail.outbox
    assert isinstance(message, EmailMultiAlternatives)
    page.set_viewport_size({"width": 390, "height": 844})
    page.set_content(str(message.alternatives[0][0]))
    expect(page.get_by_role("link", name=action.reference)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0


def test_the_weekly_review_is_printed_with_its_name_and_day_and_without_its_keys(
    page: Page, three: list[ActionItem]
) -> None:
    page.goto("/actions/review/")
    keys, title = page.get_by_role("button", name="Talked about"), page.get_by_text("Weekly review, ")
    expect(keys).to_be_visible()
    expect(title).to_be_hidden()
    page.emulate_media(media="print")
    expect(keys).to_be_hidden()
    expect(title).to_have_text(f"Weekly review, {timezone.localdate():%-d %B %Y}")
    expect(title).to_be_visible()


def test_a_long_word_in_a_title_leaves_owner_and_due_in_sight(page: Page, postmortem: Postmortem, alice: User) -> None:
    make_action(postmortem, title="Drop " + "checkout_" * 20, owner=alice, due_on=timezone.localdate())
    page.goto("/actions/")
    for name in ("Owner", "Due"):
        expect(page.get_by_role("columnheader", name=name)).to_be_in_viewport(ratio=1)


def test_the_key_of_a_chart_is_printed_in_the_colours_of_its_bars(page: Page, three: list[ActionItem]) -> None:
    page.goto("/actions/dashboard/")
    page.emulate_media(media="print")
    for n in range(2):
        key = page.locator(f".chart-swatch.chart-series-{n}")
        bar = page.locator(f".chart-bar.chart-series-{n}").first
        colour = bar.evaluate("(bar) => getComputedStyle(bar).fill")
        expect(key).to_have_css("background-color", colour)
        expect(key).to_have_css("print-color-adjust", "exact")


def test_a_lesson_to_choose_is_told_in_full(
    page: Page, postmortem: Postmortem, placed: ActionItem, alice: User
) -> None:
    text = "Queues need an alert on age, since their length says nothing about how long who is in them has waited."
    add_lesson(postmortem=postmortem, text=text, by=alice, now=timezone.now())
    page.goto(f"/actions/{placed.pk}/edit/")
    page.get_by_role("checkbox", name=f"L1 {text}", exact=True).check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Edit")).to_be_visible()
    assert placed.lessons.get().text == text


def test_a_due_date_is_set_by_a_click(page: Page, three: list[ActionItem]) -> None:
    page.goto(f"/actions/{three[0].pk}/edit/")
    page.get_by_role("button", name="In 30 days").click()
    today = date.fromisoformat(page.evaluate("new Date().toLocaleDateString('sv')"))
    expect(page.get_by_label("Due", exact=True)).to_have_value((today + timedelta(days=30)).isoformat())


def test_a_number_of_the_dashboard_leads_to_its_list(page: Page, three: list[ActionItem]) -> None:
    page.goto("/actions/dashboard/")
    page.get_by_role("link", name="Overdue 3").click()
    expect(page.get_by_role("checkbox", name="Choose ACT")).to_have_count(3)
    page.go_back()
    page.get_by_label("Table by").select_option("owner")
    expect(page.get_by_role("rowheader", name="Alice Archer")).to_be_visible()
    assert "by=owner" in page.url
