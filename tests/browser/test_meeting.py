"""A review meeting on five real screens at once: they follow, they capture, and the meeting outlives its leader."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, Route, expect

from accounts.models import Team, User
from actions.models import ActionItem
from postmortems.enums import MeetingForm
from postmortems.models import Branch, Meeting, Postmortem, Why
from postmortems.services.meeting import Plan, plan_meeting
from postmortems.services.meeting_room import start_meeting
from tests.browser.conftest import answered_late
from tests.factories.postmortems import EventFactory, IncidentFactory, PostmortemFactory, SectionFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
ContextOf = Callable[..., BrowserContext]
KINDS = ("timeline", "whys", "factors", "lessons", "actions")


@pytest.fixture
def meeting(alice: User, bob: User, team: Team) -> Meeting:
    incident = IncidentFactory.create(created_by=alice, commander=bob, title="Checkout failed", team=team)
    for _ in range(3):
        EventFactory.create(incident=incident)
    postmortem = PostmortemFactory.create(owner=alice, incident=incident, team=team)
    for position, kind in enumerate(KINDS, start=1):
        SectionFactory.create(postmortem=postmortem, title=kind.title(), kind=kind, position=position)
    SectionFactory.create(postmortem=postmortem, title="What went well", position=9)
    Branch.objects.create(postmortem=postmortem, position=1, kind="cause", question="Why did it happen?")
    now = timezone.now()
    plan = Plan(MeetingForm.MEETING, now, 60, "", facilitator=alice, note_taker=bob)
    return start_meeting(meeting=plan_meeting(postmortem=postmortem, plan=plan, by=alice, now=now), by=alice, now=now)


@pytest.fixture
def screen(context_of: ContextOf, meeting: Meeting) -> Callable[..., Page]:
    def open_screen(person: User, **options: Any) -> Page:
        page = context_of(person, **options).new_page()
        page.goto(f"/meetings/{meeting.pk}/")
        expect(page.locator("live-document[data-ready]")).to_be_visible(timeout=20_000)
        return page

    return open_screen


Screen = Callable[..., Page]


def capture(page: Page, line: str) -> None:
    field = page.locator("#capture-line")
    field.fill(line)
    field.press("Enter")
    expect(field).to_have_value("")


def test_five_screens_follow_and_see_every_line(
    screen: Screen, meeting: Meeting, alice: User, bob: User, manager: User, administrator: User, mallory: User
) -> None:
    lead, *others = [screen(person) for person in (alice, bob, manager, administrator, mallory)]
    lead.keyboard.press("n")
    for page in (lead, *others):
        expect(page.locator("#step-timeline")).to_be_visible()
        expect(page.locator("#step-tone")).to_be_hidden()
    lead.keyboard.press("j")
    lead.keyboard.press("j")
    for page in (lead, *others):
        expect(page.locator(".timeline-event.is-pointed")).to_have_count(1)
    lead.keyboard.press("n")
    capture(others[0], "y 1: The pool ran dry")
    capture(others[1], "a: Raise the limit")
    for page in (lead, *others):
        expect(page.locator(".capture")).to_have_count(2)
        expect(page.locator("#step-causes .why")).to_have_count(1)
    assert others[3].locator("#capture-line").count() == 0
    assert (Why.objects.get().answer, ActionItem.objects.get().title) == ("The pool ran dry", "Raise the limit")


def test_a_key_of_the_leader_counts_while_the_room_is_fetched(screen: Screen, alice: User, bob: User) -> None:
    lead, other = screen(alice), screen(bob)
    lead.keyboard.press("n")
    expect(other.locator("#step-timeline")).to_be_visible()
    lead.wait_for_timeout(1_500)
    fetched: list[str] = []

    def first_late_then_never(route: Route) -> None:
        fetched.append(route.request.url)
        if len(fetched) == 1:
            answered_late(route)
        else:
            route.abort()

    lead.route("**/now/", first_late_then_never)
    with lead.expect_request("**/now/"):
        capture(other, "a: Raise the limit")
    lead.keyboard.press("j")
    expect(lead.locator(".timeline-event.is-pointed")).to_have_count(1)


def test_who_looks_around_returns_by_one_key(screen: Screen, alice: User, bob: User) -> None:
    lead, other = screen(alice), screen(bob)
    other.get_by_role("link", name="Actions", exact=True).nth(1).click()
    expect(other.locator("#step-actions")).to_be_visible()
    lead.keyboard.press("n")
    expect(other.locator(".meeting-apart")).to_be_visible()
    expect(other.locator("#step-actions")).to_be_visible()
    other.keyboard.press(".")
    expect(other.locator("#step-timeline")).to_be_visible()
    expect(other.locator(".meeting-apart")).to_be_hidden()


def test_what_is_half_typed_survives_what_others_do(screen: Screen, alice: User, bob: User) -> None:
    lead, other = screen(alice), screen(bob)
    other.locator("#capture-line").fill("lesson: half a thou")
    capture(lead, "d: Keep the old limit")
    lead.evaluate("document.activeElement.blur()")
    lead.keyboard.press("n")
    expect(other.locator("#step-timeline")).to_be_visible()
    expect(other.locator(".capture")).to_have_count(1)
    expect(other.locator("#capture-line")).to_have_value("lesson: half a thou")
    expect(other.locator("#capture-line")).to_be_focused()


def test_the_meeting_goes_on_when_the_leader_closes_the_laptop(
    screen: Screen, meeting: Meeting, alice: User, bob: User
) -> None:
    lead, other = screen(alice), screen(bob)
    lead.keyboard.press("n")
    expect(other.locator("#step-timeline")).to_be_visible()
    lead.context.set_offline(True)
    other.get_by_role("button", name="Take over").click()
    expect(other.locator("#meeting-now[data-leads]")).to_have_count(1)
    other.keyboard.press("n")
    expect(other.locator("#step-causes")).to_be_visible()
    capture(other, "d: Go on without Alice")
    lead.context.set_offline(False)
    expect(lead.locator("#step-causes")).to_be_visible(timeout=20_000)
    expect(lead.locator(".capture")).to_have_count(1)
    lead.reload()
    expect(lead.locator("#step-causes")).to_be_visible()
    expect(lead.get_by_role("button", name="Take over")).to_be_visible()


def test_two_clocks_agree(screen: Screen, meeting: Meeting, alice: User, bob: User) -> None:
    first = screen(alice)
    time.sleep(2)
    second = screen(bob)
    time.sleep(1)
    shown = [seconds_on(page) for page in (first, second)]
    assert abs(shown[0] - shown[1]) <= 1
    first.keyboard.press("h")
    expect(second.get_by_text("paused")).to_be_visible()
    stood = seconds_on(second)
    time.sleep(1.5)
    assert seconds_on(second) == stood


def seconds_on(page: Page) -> int:
    minutes, seconds = page.locator("[data-shown]").inner_text().split(":")
    return int(minutes) * 60 + int(seconds)


def test_the_end_takes_everybody_to_the_minutes(screen: Screen, meeting: Meeting, alice: User, bob: User) -> None:
    lead, other = screen(alice), screen(bob)
    capture(lead, "d: Keep the old limit")
    go_to_the_last_step(lead, meeting)
    lead.get_by_role("button", name="End the meeting").click()
    lead.locator("dialog[open] [value=yes]").click()
    for page in (lead, other):
        page.wait_for_url(f"**/meetings/{meeting.pk}/minutes/")
        expect(page.get_by_text("Keep the old limit").first).to_be_visible()
    notes = Postmortem.objects.get().sections.get(title="Debrief notes").body
    assert "Keep the old limit" in notes


def go_to_the_last_step(lead: Page, meeting: Meeting) -> None:
    lead.evaluate("document.activeElement.blur()")
    for _ in range(meeting.agenda.count() - 1):
        at = lead.locator("#meeting-now").get_attribute("data-current")
        lead.keyboard.press("n")
        expect(lead.locator("#meeting-now")).not_to_have_attribute("data-current", str(at))


def test_what_is_asked_outlives_what_others_do_meanwhile(
    screen: Screen, meeting: Meeting, alice: User, bob: User
) -> None:
    lead, other = screen(alice), screen(bob)
    capture(lead, "a: Raise the limit")
    lead.get_by_role("button", name="Remove: Raise the limit").click()
    line_meanwhile(lead, other, "d: Keep the old limit")
    lead.locator("dialog[open] [value=yes]").click()
    expect(lead.locator(".capture")).to_have_count(1)
    assert not ActionItem.objects.exists()
    go_to_the_last_step(lead, meeting)
    lead.get_by_role("button", name="End the meeting").click()
    line_meanwhile(lead, other, "d: Try again in May")
    lead.locator("dialog[open] [value=yes]").click()
    lead.wait_for_url(f"**/meetings/{meeting.pk}/minutes/")


def line_meanwhile(lead: Page, other: Page, line: str) -> None:
    """A line of somebody else's, come with all that belongs to it while a question is open."""
    capture(other, line)
    expect(lead.locator(f"[aria-label='Correct: {line[3:]}']")).to_be_attached()


def test_a_phone_captures(screen: Screen, alice: User) -> None:
    page = screen(alice, viewport={"width": 390, "height": 844})
    capture(page, "lesson: Limits are tested")
    expect(page.locator(".capture")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_projector_follows_and_has_nothing_to_press(context_of: ContextOf, alice: User, meeting: Meeting) -> None:
    leader = context_of(alice).new_page()
    leader.goto(f"/meetings/{meeting.pk}/")
    with leader.context.expect_page() as opened:
        leader.get_by_role("link", name="Projector").click()
    wall = opened.value
    expect(wall.locator("html")).to_have_attribute("data-theme", "debrief-dark")
    expect(wall.locator(".meeting-clock strong")).to_have_text("Tone")
    expect(wall.get_by_role("button")).to_have_count(0)
    expect(wall.get_by_role("textbox")).to_have_count(0)
    leader.locator(".meeting-controls").get_by_role("button", name="Timeline").click()
    expect(wall.locator(".meeting-clock strong")).to_have_text("Timeline")
    expect(wall.locator("#step-timeline")).to_be_visible()
    expect(wall.get_by_role("button")).to_have_count(0)
    assert float(wall.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")) >= 24
