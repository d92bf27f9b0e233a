"""A real Chromium, once a process, and pages in it that are signed in and report their errors."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from django.conf import settings
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Route, expect, sync_playwright

from accounts.models import User

# Playwright's loop runs in this thread, and Django would refuse its ordinary, synchronous database calls beside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
# A busy machine is no fault: how quick pages are is measured by `make bench-live`.
expect.set_options(timeout=20_000)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium(django_db_setup: None) -> Iterator[Browser]:
    """The browser. It is the system's own: CHROMIUM names it, or it is found on the PATH."""
    first_rows = connection._test_serialized_contents  # type: ignore[attr-defined]
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    assert path, "No Chromium found: install one, or set CHROMIUM to its path."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        # With Playwright's loop running, Django has another connection here, which must know them too.
        connection._test_serialized_contents = first_rows  # type: ignore[attr-defined]
        yield browser
        browser.close()


@dataclass(frozen=True)
class Served:
    """Debrief as `make run` serves it, pages and live text, on a port of its own."""

    url: str


@pytest.fixture(scope="session")
def served(_static_files: None, django_db_setup: None) -> Iterator[Served]:
    """One server for all browser tests of a process. It lets go of the database before that is dropped."""
    from config.asgi import application  # after the static files are collected: WhiteNoise looks once

    server = uvicorn.Server(
        uvicorn.Config(
            application,
            port=0,
            log_level="warning",
            lifespan="on",
            ws="websockets-sansio",
            timeout_graceful_shutdown=5,
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Served(f"http://localhost:{server.servers[0].sockets[0].getsockname()[1]}")
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def context_of(chromium: Browser, served: Served) -> Iterator[Callable[..., BrowserContext]]:
    """Opens a browser's window, so to speak: `context_of(alice)` is one in which Alice is signed in."""
    opened: list[BrowserContext] = []

    def open_context(user: User | None = None, **options: Any) -> BrowserContext:
        context = chromium.new_context(base_url=served.url, **options)
        opened.append(context)
        if user is not None:
            sign_in(context, user, served.url)
        return context

    yield open_context
    for context in opened:
        close(context)
    wait_for_quiet()


def close(context: BrowserContext) -> None:
    """Close the window; what a test holds back of its requests ends first."""
    for page in context.pages:
        page.unroute_all(behavior="wait")
    context.close()


def wait_for_quiet() -> None:
    """Until the server has no transaction open: one under way would hold locks while tables are emptied."""
    quiet, until = 0, time.monotonic() + 10
    while quiet < 4 and time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
            )
            quiet = 0 if cursor.fetchone()[0] else quiet + 1
        time.sleep(0.015)


def answered_late(route: Route) -> None:
    """For `page.route`: the server answers at once, the browser hears of it a second later."""
    response = route.fetch()
    time.sleep(1)
    route.fulfill(response=response)


def sign_in(context: BrowserContext, user: User, address: str) -> None:
    """Give the browser a session of `user`."""
    client = Client()
    client.force_login(user)
    value = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": address}])
