"""The message about a publication offers to undo it: for ten seconds, or while somebody is on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from accounts.models import Team, User
from postmortems.models import Postmortem
from tests.factories.postmortems import IncidentFactory, PostmortemFactory, SectionFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
ContextOf = Callable[..., BrowserContext]


@pytest.fixture
def postmortem(alice: User, team: Team) -> Postmortem:
    incident = IncidentFactory.create(created_by=alice, team=team, title="Checkout failed")
    row = PostmortemFactory.create(incident=incident, owner=alice, state="in_review")
    SectionFactory.create(postmortem=row, title="Summary", body="Nobody could pay.", is_summary=True)
    return row


def publish(page: Page, postmortem: Postmortem) -> None:
    page.goto(f"/postmortems/{postmortem.pk}/")
    page.get_by_role("link", name="Publish…").click()
    page.get_by_label("Note").fill("It is short.")
    page.get_by_role("button", name="Publish").click()
    expect(page.locator(".toast-item")).to_contain_text("is published")


def test_publish_and_undo(context_of: ContextOf, alice: User, postmortem: Postmortem) -> None:
    context = context_of(alice)
    page = context.new_page()
    publish(page, postmortem)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".toast-item")).to_contain_text("nobody was told")
    postmortem.refresh_from_db()
    assert (postmortem.state, postmortem.published_at) == ("in_review", None)


def test_the_offer_ends_after_ten_seconds_but_not_while_somebody_is_on_it(
    context_of: ContextOf, alice: User, postmortem: Postmortem
) -> None:
    page = context_of(alice).new_page()
    page.clock.install()
    publish(page, postmortem)
    offer = page.get_by_role("button", name="Undo")
    page.clock.run_for(9_000)
    expect(offer).to_be_visible()
    offer.focus()
    page.clock.run_for(60_000)
    expect(offer).to_be_visible()
    page.locator(".toast-item").hover()
    offer.blur()
    page.clock.run_for(60_000)
    expect(offer).to_be_visible()
    page.mouse.move(1, 1)
    page.clock.run_for(9_000)
    expect(offer).to_be_visible()
    page.clock.run_for(2_000)
    expect(offer).to_be_hidden()


def test_it_works_without_javascript(context_of: ContextOf, alice: User, postmortem: Postmortem) -> None:
    page = context_of(alice, java_script_enabled=False).new_page()
    publish(page, postmortem)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".toast-item")).to_contain_text("nobody was told")
    postmortem.refresh_from_db()
    assert postmortem.state == "in_review"
