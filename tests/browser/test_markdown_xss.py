"""What the renderer makes of hostile texts, shown to a real browser without the page's other guards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route

from incidents.markdown import Reference, render, render_inline
from tests.browser.conftest import close
from tests.browser.xss_vectors import HIT, vectors

pytestmark = pytest.mark.browser

ADDRESS = "http://debrief.example/postmortems/1/"
ATTRIBUTES = {"alt", "aria-label", "class", "decoding", "href", "id", "loading", "rel", "role", "src", "start", "title"}
COUNT_HITS = "window.hits = 0; window.hit = () => { window.hits += 1 };"
TOUCH_EVERYTHING = """() => {
  for (const element of document.querySelectorAll("body *")) {
    for (const kind of ["mouseover", "focus", "load", "error", "toggle", "animationstart", "beforeinput", "pageshow"])
      element.dispatchEvent(new Event(kind, {bubbles: true}));
  }
}"""
FOUND = """() => ({
  addresses: [...document.querySelectorAll("[href], [src], [action], [formaction], [data]")].flatMap(element =>
    ["href", "src", "action", "formaction", "data"].filter(name => element.hasAttribute(name)).map(name =>
      URL.canParse(element.getAttribute(name), document.baseURI)
        ? new URL(element.getAttribute(name), document.baseURI).protocol : "leads nowhere")),
  attributes: [...new Set([...document.querySelectorAll("main *")].flatMap(element => element.getAttributeNames()))],
  ids: [...document.querySelectorAll("main [id]")].map(element => element.id),
})"""


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    context.add_init_script(COUNT_HITS)
    yield context.new_page()
    close(context)


def shown(page: Page, html: str) -> int:
    """How many scripts ran when `html` was shown and every element of it was touched."""

    def answer(route: Route) -> None:
        if route.request.url == ADDRESS and route.request.is_navigation_request():
            route.fulfill(content_type="text/html; charset=utf-8", body=f"<!DOCTYPE html><main>{html}</main>")
        else:
            route.abort()

    page.unroute_all()
    page.route("**/*", answer)
    page.goto(ADDRESS, wait_until="commit")
    page.wait_for_timeout(50)
    page.evaluate(TOUCH_EVERYTHING)
    return int(page.evaluate("window.hits"))


def test_no_vector_runs_a_script(page: Page) -> None:
    texts = vectors()
    assert len(texts) >= 300
    html = "\n".join(f"<article>{render(text, prefix=str(n))}</article>" for n, text in enumerate(texts))
    html += "\n".join(f"<p>{render_inline(text)}</p>" for text in texts)
    assert shown(page, html) == 0
    found = page.evaluate(FOUND)
    assert set(found["addresses"]) <= {"http:", "https:", "mailto:", "leads nowhere"}
    assert set(found["attributes"]) <= ATTRIBUTES
    assert all(name.startswith(("u-", "fnu-", "fnrefu-")) for name in found["ids"])


def test_all_vectors_in_one_text_run_no_script(page: Page) -> None:
    together = "\n\n".join(vectors())
    assert shown(page, render(together) + render_inline(together)) == 0


def test_a_reference_cannot_carry_markup(page: Page) -> None:
    hostile = {"title": Reference(f"<img src=x onerror={HIT}>", f'/x" onmouseover="{HIT}')}
    html = render("{{title}} [{{title}}](/y) `{{title}}`", hostile)
    assert shown(page, html) == 0
    assert page.locator("img").count() == 0


def test_the_vectors_do_run_where_nothing_guards(page: Page) -> None:
    """So that the tests above can fail: shown as they are, one by one, many of the same texts run their script."""
    ran = 0
    for text in vectors()[:60]:
        ran += shown(page, text) > 0
    assert ran > 15
