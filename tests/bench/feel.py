"""How the editor feels in a real browser: until it can be typed in, and from a key to the screen while ten others type.

Part of `make bench-live`. The address of the browser is taken from CHROMIUM, as for the tests.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import threading
import time
from collections.abc import Callable

from playwright.sync_api import Browser, Page, sync_playwright

from tests.bench.typist import Figures, Typist
from tests.browser.conftest import ARGUMENTS

OPENED, KEYS, OTHERS = 8, 100, 10
WATCH_KEYS = """() => {
    window.keyTimes = [];
    const painted = (pressed) => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => window.keyTimes.push(performance.now() - pressed);
        channel.port2.postMessage(0);
    };
    document.querySelector(".cm-content").addEventListener("keydown", (event) => {
        requestAnimationFrame(() => painted(event.timeStamp));
    }, true);
}"""


def feel(address: str, path: str, cookie: tuple[str, str], make_other: Callable[[Figures], Typist]) -> None:
    """Print both figures for the writing page at `path`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM"), args=ARGUMENTS)
        page = _signed_in(browser, address, cookie)
        ready = [_until_ready(page, path) for _ in range(OPENED)]
        print(f"Editor ready, warm: {statistics.median(ready[1:]):.2f} s; cold: {ready[0]:.2f} s")
        others = threading.Thread(target=lambda: asyncio.run(_type_beside(make_other)))
        others.start()
        time.sleep(2)
        shown = sorted(_key_to_screen(page))
        others.join()
        print(
            f"Key to screen with {OTHERS} others typing: {statistics.median(shown):.1f} ms, "
            f"{shown[int(len(shown) * 0.95)]:.1f} ms at p95 (a screen of 60 Hz adds up to 16.7)"
        )
        browser.close()


def _signed_in(browser: Browser, address: str, cookie: tuple[str, str]) -> Page:
    context = browser.new_context(base_url=address, viewport={"width": 1360, "height": 900})
    context.add_cookies([{"name": cookie[0], "value": cookie[1], "url": address}])
    return context.new_page()


def _until_ready(page: Page, path: str) -> float:
    begun = time.perf_counter()
    page.goto(path, wait_until="commit")
    page.wait_for_selector("live-document[data-ready]")
    taken = time.perf_counter() - begun
    page.wait_for_timeout(500)
    return taken


def _key_to_screen(page: Page) -> list[float]:
    """From the key's own time stamp until the frame that shows it is made, in ms."""
    page.locator(".cm-content").first.click()
    page.evaluate(WATCH_KEYS)
    for _ in range(KEYS):
        page.keyboard.press("k")
        page.wait_for_timeout(83)
    times: list[float] = page.evaluate("window.keyTimes")
    return times


async def _type_beside(make: Callable[[Figures], Typist]) -> None:
    figures = Figures()
    typists = [make(figures) for _ in range(OTHERS)]
    await asyncio.gather(*(typist.open() for typist in typists))
    listening = [asyncio.create_task(typist.listen()) for typist in typists]
    until = time.perf_counter() + KEYS * 0.1 + 6
    await asyncio.gather(*(typist.type_on(until=until, a_second=5) for typist in typists))
    await asyncio.gather(*(typist.close() for typist in typists))
    await asyncio.gather(*listening, return_exceptions=True)
