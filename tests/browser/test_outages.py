"""Two web processes behind a balancer, and everything they stand on fails while six people type: nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
import requests
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from config.embedded import Postgres, Redis
from tests.browser.balancer import Balancer
from tests.browser.conftest import close
from tests.browser.test_live import SAVED, chip, editor
from tests.browser.test_live_storm import READ, type_together, wanted
from tests.web import Web

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
IN_POSTGRES = [sys.executable, "-m", "tests.browser.outage_world"]


class Stack:
    """Postgres, Redis, two web processes and a balancer, each of which can fail; and six people on one page."""

    def __init__(self, folder: Path, held: ExitStack) -> None:
        self.postgres, self.redis = Postgres(folder, durable=False), Redis(folder, durable=False)
        for server in (self.postgres, self.redis):
            held.callback(server.stop)
            server.start()
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": self.postgres.address,
            "REDIS_URL": self.redis.address,
            "LOG_LEVEL": "error",
        }
        self.world = json.loads(self.ask("world"))
        self.webs = [Web(self.environment) for _ in range(2)]
        for web in self.webs:
            held.callback(web.stop)
        self.balancer = held.enter_context(Balancer([web.port for web in self.webs]))
        self.fronts: list[int] = []
        self.pages: list[Page] = []

    def ask(self, *question: str) -> str:
        asked = [*IN_POSTGRES, *question]
        return subprocess.run(
            asked, cwd=settings.BASE_DIR, env=self.environment, check=True, capture_output=True, text=True, timeout=300
        ).stdout

    def open(self, chromium: Browser, held: ExitStack) -> None:
        """Each person has an address of their own at the balancer, so that the network of one can be cut."""
        self.fronts, self.pages = [self.balancer.front() for _ in self.world["sessions"]], []
        for front, session in zip(self.fronts, self.world["sessions"], strict=True):
            address = f"http://localhost:{front}"
            context = chromium.new_context(base_url=address)
            held.callback(close, context)
            context.add_cookies([{"name": self.world["cookie"], "value": session, "url": address}])
            page = context.new_page()
            page.goto(f"/postmortems/{self.world['postmortem']}/write/")
            expect(page.locator("live-document[data-ready]")).to_be_visible(timeout=20_000)
            page.evaluate(READ)
            editor(page).click()
            self.pages.append(page)

    def saved_lines(self) -> list[str]:
        return self.ask("text", str(self.world["postmortem"])).splitlines()

    def all_say(self, rounds: str) -> None:
        """Everybody has everything, and so has Postgres."""
        for page in self.pages:
            expect(chip(page)).to_have_text(SAVED, timeout=40_000)
        assert sorted(line for line in self.saved_lines() if line.startswith(rounds)) == wanted(rounds)
        text = "\n".join([*self.saved_lines(), ""])
        for page in self.pages:
            page.wait_for_function("(words) => window.__text() === words", arg=text)


@pytest.fixture(scope="module")
def servers(_static_files: None) -> Iterator[Stack]:
    folder = Path(tempfile.mkdtemp(prefix="debrief-"))
    with ExitStack() as held:
        held.callback(shutil.rmtree, folder, ignore_errors=True)
        yield Stack(folder, held)


@pytest.fixture
def stack(servers: Stack, chromium: Browser) -> Iterator[Stack]:
    with ExitStack() as held:
        servers.open(chromium, held)
        yield servers


def nobody_says_saved(pages: list[Page]) -> None:
    for page in pages:
        expect(chip(page)).to_contain_text("Waiting to be saved")


def test_two_processes_behind_a_balancer_are_one(stack: Stack) -> None:
    assert len(stack.balancer.used) == 2
    type_together(stack.pages, "two")
    stack.all_say("two")


def test_a_restart_of_postgres_costs_no_word_and_nobody_is_told_saved_meanwhile(stack: Stack) -> None:
    def restart(line: int) -> None:
        if line == 5:
            stack.postgres.stop()
        if line == 8:
            nobody_says_saved(stack.pages)
            stack.postgres.start()

    type_together(stack.pages, "postgres", between=restart)
    stack.all_say("postgres")


def test_a_flushed_and_then_restarted_redis_costs_no_word(stack: Stack) -> None:
    def fail(line: int) -> None:
        if line == 4:
            with redis.Redis.from_url(stack.redis.address) as client:
                client.flushall()
        if line == 8:
            stack.redis.stop()
        if line == 14:
            stack.redis.start()

    type_together(stack.pages, "redis", between=fail)
    stack.all_say("redis")


def test_a_killed_process_is_replaced_by_the_other(stack: Stack) -> None:
    type_together(stack.pages, "killed", between=lambda line: stack.webs[0].kill() if line == 6 else None)
    stack.all_say("killed")
    stack.webs[0].start()


def cut_one_off(stack: Stack, rounds: str, seconds: float) -> None:
    """The first person's network is gone for a while; both they and the others type on."""
    alone = stack.pages[0]

    def cut(line: int) -> None:
        if line == 4:
            stack.balancer.cut(stack.fronts[0])
        if line == 10:
            expect(chip(alone)).to_contain_text("Offline")
            expect(chip(alone)).to_contain_text("kept here")
            for page in stack.pages[1:]:
                expect(chip(page)).to_have_text(SAVED)
            alone.wait_for_timeout(seconds * 1000)

    type_together(stack.pages, rounds, between=cut)
    expect(chip(alone)).to_contain_text("Offline")
    stack.balancer.mend(stack.fronts[0])
    stack.all_say(rounds)


def test_whoever_is_cut_off_types_on_and_joins_again(stack: Stack) -> None:
    cut_one_off(stack, "cut", seconds=5)


@pytest.mark.soak
def test_whoever_is_cut_off_for_a_minute_types_on_and_joins_again(stack: Stack) -> None:
    cut_one_off(stack, "minute", seconds=60)


def test_without_redis_every_page_is_there(servers: Stack) -> None:
    web, postmortem = servers.webs[0], servers.world["postmortem"]
    asking = requests.Session()
    asking.cookies.set(servers.world["cookie"], servers.world["sessions"][0])
    servers.redis.stop()
    for path in (
        "/",
        "/postmortems/",
        f"/postmortems/{postmortem}/",
        f"/postmortems/{postmortem}/write/",
        "/search/?q=x",
    ):
        assert asking.get(web.url + path, timeout=20).status_code == 200, path
    assert requests.get(f"{web.url}/accounts/login/", timeout=20).status_code == 200
    ready = requests.get(f"{web.url}/readyz", timeout=20)
    servers.redis.start()
    assert (ready.status_code, ready.json()["redis"]) == (503, "unreachable")
