"""axe-core finds nothing on any page: light and dark, desktop and phone width; and no page reports an error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import sign_in
from tests.browser.pages import pages_of
from tests.world import World, build_world

AXE = (Path(__file__).parent.parent / "vendor" / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SETTLED = "*, ::before, ::after { transition: none !important; animation: none !important; }"
"""Colours are measured as they are, not on their way from one theme to the other."""
WIDTHS = {"desktop": (1280, 900), "phone": (360, 780)}
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


@pytest.fixture
def world(db: None) -> World:
    world = build_world()
    owner = world.people["owner"]
    owner.is_administrator = True
    owner.save(update_fields=["is_administrator"])
    return world


def violations(page: Page) -> list[str]:
    """What axe finds on the page as it stands, one line each."""
    result: dict[str, Any] = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    return [
        f"{found['id']}: {found['help']}: {node['html'][:160]}"
        for found in result["violations"]
        for node in found["nodes"]
    ]


@pytest.mark.parametrize("width", list(WIDTHS))
def test_every_page_is_accessible_and_reports_no_error(
    width: str, world: World, chromium: Browser, live_server: Any
) -> None:
    size = WIDTHS[width]
    context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, bypass_csp=True)
    sign_in(context, world.people["owner"], live_server.url)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
    found: dict[str, list[str]] = {}
    pages = pages_of(world)
    assert len(pages) > 40
    for name, address in pages.items():
        page.goto(live_server.url + address)
        page.evaluate(AXE)
        page.add_style_tag(content=SETTLED)
        for theme in ("debrief-light", "debrief-dark"):
            page.evaluate("theme => document.documentElement.setAttribute('data-theme', theme)", theme)
            found.update({f"{name} {theme} {width}": lines for lines in [violations(page)] if lines})
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if overflow > 0:
            found[f"{name} {width} scrolls sideways"] = [f"by {overflow} px"]
    context.close()
    assert errors == []
    assert found == {}, json.dumps(found, indent=1)[:8000]


def test_no_page_breaks_the_content_security_policy(world: World, chromium: Browser, live_server: Any) -> None:
    context = chromium.new_context()
    sign_in(context, world.people["owner"], live_server.url)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for name, address in pages_of(world).items():
        page.goto(live_server.url + address)
        complaints = [text for text in complaints if "404" not in text]
        assert complaints == [], f"{name}: {complaints}"
    context.close()
