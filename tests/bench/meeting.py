"""`make bench-meeting`: a meeting of twenty screens; how long until a captured line stands on each of them.

A screen is what a browser does without its drawing: a WebSocket that hears of the change, and the request that fetches
the stream anew, one at a time. Pages and live text are served as `make run` serves them, and as in production.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from config.embedded import services
from postmortems.collab import protocol
from postmortems.collab.protocol import Kind
from postmortems.collab.wire import Reader
from tests.bench.live import prepare, served, spread
from tests.web import free_port, web_command

SCREENS, LINES, PAUSE = 20, 60, 0.5


@dataclass
class Screen:
    """One person's screen in the meeting."""

    meeting: int
    postmortem: int
    cookie: str
    pages: int
    sockets: int
    pool: ThreadPoolExecutor
    seen: dict[str, float] = field(default_factory=dict)
    fetched: list[float] = field(default_factory=list)
    last: str = ""
    stale: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Hear of changes and fetch, until cancelled."""
        url = f"ws://127.0.0.1:{self.sockets}/ws/postmortems/{self.postmortem}"
        headers = {"Cookie": self.cookie}
        async with connect(
            url, additional_headers=headers, subprotocols=[protocol.SUBPROTOCOL], proxy=None, ping_interval=None  # type: ignore[list-item]
        ) as line:  # fmt: skip
            await line.send(protocol.state_vector(b"\x00"))
            fetching = asyncio.create_task(self.fetch())
            with suppress(ConnectionClosed):
                async for frame in line:
                    if isinstance(frame, bytes):
                        self.take(frame)
            fetching.cancel()

    def take(self, frame: bytes) -> None:
        reader = Reader(frame)
        while not reader.is_at_end:
            kind = reader.number()
            if kind == Kind.SYNC:
                reader.number()
                reader.chunk()
            elif kind == Kind.CHANGED:
                self.hear(reader.chunk().decode())
            elif kind == Kind.AWARENESS:
                reader.chunk()
            else:
                reader.number()

    def hear(self, said: str) -> None:
        """What a screen shows at once; it fetches the rest a little later."""
        part, _, detail = said.partition("\n")
        line = json.loads(detail).get("line") if detail else None
        if line:
            self.seen.setdefault(line["text"].removeprefix("line number "), time.perf_counter())
        if part == "meeting":
            self.stale.set()

    async def fetch(self) -> None:
        loop = asyncio.get_running_loop()
        connection = http.client.HTTPConnection("127.0.0.1", self.pages)
        while True:
            await self.stale.wait()
            await asyncio.sleep(0.25 + random.random() * 0.2 * (SCREENS - 1))
            self.stale.clear()
            began = time.perf_counter()
            body = await loop.run_in_executor(self.pool, self.ask, connection)
            self.fetched.append(time.perf_counter() - began)
            self.last = body

    def ask(self, connection: http.client.HTTPConnection) -> str:
        headers = {"Cookie": self.cookie, "HX-Request": "true"}
        return exchange(connection, "GET", f"/meetings/{self.meeting}/now/", None, headers)


def exchange(
    connection: http.client.HTTPConnection, method: str, path: str, body: str | None, headers: dict[str, str]
) -> str:
    """One request over a connection that the server may have closed meanwhile."""
    for attempt in (1, 2):
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            break
        except (http.client.RemoteDisconnected, ConnectionError):
            connection.close()
            if attempt == 2:
                raise
    text = answer.read().decode()
    assert answer.status == 200, answer.status
    return text


def make_meeting(screens: int) -> tuple[Any, list[tuple[str, str]]]:
    """A running meeting, and the session and secret of everybody in it."""
    from django.conf import settings
    from django.test import Client
    from django.utils import timezone

    from postmortems.services.meeting import Plan, plan_meeting
    from postmortems.services.meeting_room import start_meeting
    from tests.factories.accounts import UserFactory
    from tests.factories.postmortems import PostmortemFactory, SectionFactory

    people = [UserFactory.create(is_administrator=True) for _ in range(screens)]
    postmortem = PostmortemFactory.create(owner=people[0])
    for position, kind in enumerate(("timeline", "whys", "factors", "lessons", "actions"), start=1):
        SectionFactory.create(postmortem=postmortem, kind=kind, position=position)
    now = timezone.now()
    plan = Plan("meeting", now, 60, "", facilitator=people[0], stakeholders=people)
    meeting = start_meeting(
        meeting=plan_meeting(postmortem=postmortem, plan=plan, by=people[0], now=now), by=people[0], now=now
    )
    keys = []
    for person in people:
        client = Client()
        client.force_login(person)
        client.get("/", headers={"Host": "localhost"})
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        secret = client.cookies[settings.CSRF_COOKIE_NAME].value
        keys.append((f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={secret}", secret))
    return meeting, keys


@dataclass(frozen=True)
class Held:
    """Seconds until each line stood on each screen, of the requests that followed, and how often one never did."""

    times: list[float]
    fetched: list[float]
    missing: int


async def hold(meeting: Any, keys: list[tuple[str, str]], pages: int, sockets: int) -> Held:
    """Capture line after line."""
    with ThreadPoolExecutor(SCREENS + 2) as pool:
        screens = [Screen(meeting.pk, meeting.postmortem_id, cookie, pages, sockets, pool) for cookie, _ in keys]
        running = [asyncio.create_task(screen.run()) for screen in screens]
        await asyncio.sleep(2)
        asked: dict[str, float] = {}
        loop = asyncio.get_running_loop()
        connection = http.client.HTTPConnection("127.0.0.1", pages)
        for number in range(LINES):
            kind = ("d", "l", "p", "a", "f", "n")[number % 6]
            asked[str(number)] = time.perf_counter()
            await loop.run_in_executor(
                pool, _capture, connection, meeting.pk, f"{kind}: line number {number}", keys[number % SCREENS]
            )
            await asyncio.sleep(PAUSE)
        await asyncio.sleep(2)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    times = [screen.seen[line] - at for screen in screens for line, at in asked.items() if line in screen.seen]
    fetched = [took for screen in screens for took in screen.fetched]
    return Held(times, fetched, len(screens) * len(asked) - len(times))


def _capture(connection: http.client.HTTPConnection, meeting: int, line: str, key: tuple[str, str]) -> None:
    headers = {
        "Cookie": key[0], "X-CSRFToken": key[1], "HX-Request": "true",
        "Content-Type": "application/x-www-form-urlencoded",
    }  # fmt: skip
    exchange(connection, "POST", f"/meetings/{meeting}/captures/add/", urlencode({"line": line}), headers)


@contextmanager
def as_made_run() -> Iterator[tuple[int, int]]:
    port = free_port()
    with served(web_command(port), port):
        yield port, port


@contextmanager
def as_in_production() -> Iterator[tuple[int, int]]:
    """Pages by gunicorn's threads, live text by a process of its own."""
    pages, sockets = free_port(), free_port()
    gunicorn = [sys.executable, "-m", "gunicorn", "config.wsgi:application", f"--bind=127.0.0.1:{pages}"]
    with served([*gunicorn, "--workers=2", "--threads=4"], pages), served(web_command(sockets), sockets):
        yield pages, sockets


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="debrief-bench-meeting-"))
    try:
        with services(folder / "servers") as addresses:
            prepare(addresses.database_url, addresses.redis_url, folder)
            print(f"{SCREENS} screens, {LINES} lines, p50 / p95 / p99 in ms, {os.cpu_count()} processors")
            for label, serving in (("one process", as_made_run), ("as in production", as_in_production)):
                meeting, keys = make_meeting(SCREENS)
                with serving() as (pages, sockets):
                    held = asyncio.run(hold(meeting, keys, pages, sockets))
                told = f"a line on a screen {spread(held.times)}   the stream fetched {spread(held.fetched)}"
                print(f"  {label:<18} {told}   never arrived {held.missing}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
