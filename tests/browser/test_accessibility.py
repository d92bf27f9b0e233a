"""axe-core finds nothing on any page: light and dark, desktop and phone width; and no page reports an error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from accounts.enums import Visibility
from accounts.models import Invitation
from accounts.services.invitation import digest
from postmortems.models import Postmortem
from tests.browser.conftest import Served, close, sign_in
from tests.browser.pages import pages_of
from tests.factories.accounts import with_password
from tests.routes import routes
from tests.world import World, build_world

AXE = (Path(__file__).parent.parent / "vendor" / "axe.min.js").read_text()
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
RULES_OF_COLOUR = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""All that another theme can change; the rest is looked at once."""
SETTLED = "*, ::before, ::after { transition: none !important; animation: none !important; }"
"""Colours are measured as they are, not on their way from one theme to the other."""
NEXT_YEAR = datetime(2100, 1, 1, tzinfo=UTC)
FORM_OPENERS = re.compile("^(Edit|Write|Add action|Add event|Override|Add$)")
SIZES: dict[str, ViewportSize] = {
    "desktop": {"width": 1280, "height": 900},
    "phone": {"width": 360, "height": 780},
}
WIDTHS = tuple(SIZES)
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.fixture
def world(db: None) -> World:
    world = build_world()
    owner = world.people["owner"]
    owner.is_administrator = True
    owner.save(update_fields=["is_administrator"])
    return world


def violations(page: Page, rules: dict[str, Any]) -> list[str]:
    """What axe finds on the page as it stands, one line each."""
    result: dict[str, Any] = page.evaluate(
        "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", rules
    )
    return [
        f"{found['id']}: {found['help']}: {node['html'][:160]}"
        for found in result["violations"]
        for node in found["nodes"]
    ]


def inspect(page: Page, name: str, found: dict[str, list[str]], widths: Sequence[str] = WIDTHS) -> None:
    """Add to `found` what is wrong with the page as it stands, at each width and in both themes.

    No script of ours asks for the width, so a page need not be loaded anew for another.
    """
    page.evaluate(AXE)
    page.add_style_tag(content=SETTLED)
    for width in widths:
        page.set_viewport_size(SIZES[width])
        for theme, rules in (("debrief-light", RULES), ("debrief-dark", RULES_OF_COLOUR)):
            page.evaluate("theme => document.documentElement.setAttribute('data-theme', theme)", theme)
            if lines := violations(page, rules):
                found[f"{name} {width} {theme}"] = lines
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if overflow > 0:
            found[f"{name} {width} scrolls sideways"] = [f"by {overflow} px"]


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A window without the policy that keeps axe out."""
    context = chromium.new_context(bypass_csp=True)
    yield context
    close(context)


def test_every_page_is_accessible_and_reports_no_error(world: World, context: BrowserContext, served: Served) -> None:
    sign_in(context, world.people["owner"], served.url)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
    found: dict[str, list[str]] = {}
    pages = pages_of(world)
    assert len(pages) > 40
    for name, address in pages.items():
        page.goto(served.url + address)
        inspect(page, name, found)
    assert errors == []
    assert found == {}, json.dumps(found, indent=1)[:8000]


def test_the_way_in_is_accessible(world: World, context: BrowserContext, served: Served, settings: Any) -> None:
    """The pages of allauth, first as a stranger, then as a person, and the one behind an invitation."""
    settings.SIGNUP_DOMAINS = ["example.org"]
    token = "a-token-of-an-invitation"
    Invitation.objects.create(
        email="nia@example.org", token_digest=digest(token), invited_by=world.people["owner"], expires_at=NEXT_YEAR
    )
    addresses = [f"/{route.pattern}" for route in routes() if not route.is_ours and not route.parameters]
    assert len(addresses) > 15
    page, found = context.new_page(), dict[str, list[str]]()
    for address in [*addresses, f"/invitations/{token}/", "/invitations/unknown/"]:
        page.goto(served.url + address)
        inspect(page, f"{address} (stranger)", found)
    sign_in(context, with_password(world.people["owner"]), served.url)
    for address in addresses:
        page.goto(served.url + address)
        inspect(page, f"{address} (person)", found)
    assert found == {}, json.dumps(found, indent=1)[:8000]


@pytest.mark.parametrize("width", WIDTHS)
def test_what_opens_in_a_page_is_accessible(width: str, world: World, context: BrowserContext, served: Served) -> None:
    sign_in(context, world.people["owner"], served.url)
    page, found = context.new_page(), dict[str, list[str]]()
    page.set_viewport_size(SIZES[width])
    postmortem = world.objects[Postmortem, Visibility.ORGANISATION]
    for path in (f"/incidents/{postmortem.incident_id}/", f"/postmortems/{postmortem.pk}/write/"):  # type: ignore[attr-defined]
        page.goto(served.url + path)
        page.wait_for_load_state("networkidle")
        openers = page.locator("main a[hx-get]").and_(page.get_by_role("link", name=FORM_OPENERS))
        assert openers.count() >= 3
        for address in openers.evaluate_all("links => links.map((link) => link.getAttribute('hx-get'))"):
            opener = openers.and_(page.locator(f'[hx-get="{address}"]'))
            if opener.count():
                opener.click()
                expect(opener).to_have_count(0)
                page.evaluate("scrollTo(0, 0)")  # what a sticky bar half covers is no smaller for that
                inspect(page, f"{path} {address}", found, [width])
        inspect(page, f"{path} with its forms open", found, [width])
    page.goto(f"{served.url}/teams/")
    for keys, name in (("/", "search"), ("?", "shortcuts")):
        page.locator("h1").click()
        page.keyboard.press(keys)
        expect(page.get_by_role("dialog")).to_be_visible()
        inspect(page, f"the dialog of {name}", found, [width])
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Your menu").click()
    inspect(page, "the menu", found, [width])
    assert found == {}, json.dumps(found, indent=1)[:8000]


def test_no_page_breaks_the_content_security_policy(world: World, chromium: Browser, served: Served) -> None:
    context = chromium.new_context()
    sign_in(context, world.people["owner"], served.url)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for name, address in pages_of(world).items():
        page.goto(served.url + address)
        complaints = [text for text in complaints if "404" not in text]
        assert complaints == [], f"{name}: {complaints}"
    close(context)
