"""A serving process is killed while people type: what it acknowledged is there, and all are back within seconds."""

from __future__ import annotations

import asyncio
import random
import time

import pytest
from django.conf import settings
from django.test import Client
from websockets.exceptions import WebSocketException

from postmortems.collab import store
from postmortems.models import Section
from tests.bench.typist import Figures, Typist
from tests.factories.accounts import UserFactory
from tests.factories.postmortems import PostmortemFactory, SectionFactory
from tests.loops import run_in_thread
from tests.web import Web

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
DOCUMENTS, EDITORS = 10, 50
BACK_WITHIN_SECONDS = 10


async def type_until_killed(web: Web, sections: list[Section], cookies: list[str], seconds: float) -> list[Typist]:
    """Fifty editors at ten keys a second each; the process is killed at some moment after an acknowledgement."""
    figures = Figures()
    typists = [
        Typist(
            f"ws://localhost:{web.port}/ws/postmortems/{sections[number % DOCUMENTS].postmortem_id}",
            f"section-{sections[number % DOCUMENTS].pk}",
            figures,
            {"Cookie": cookies[number % len(cookies)]},
        )
        for number in range(EDITORS)
    ]
    await asyncio.gather(*(typist.open() for typist in typists))
    listening = [asyncio.create_task(typist.listen()) for typist in typists]
    await asyncio.sleep(0.3)
    typing = [asyncio.create_task(typist.type_on(until=time.perf_counter() + 30, a_second=10)) for typist in typists]
    while not figures.acknowledgement:
        await asyncio.sleep(0.01)
    await asyncio.sleep(seconds)
    web.kill()
    await asyncio.gather(*listening)
    for task in typing:
        task.cancel()
    await asyncio.gather(*typing, return_exceptions=True)
    return typists


async def seconds_to_reconnect(typist: Typist) -> float:
    begun = time.perf_counter()
    while time.perf_counter() - begun < 2 * BACK_WITHIN_SECONDS:
        try:
            await typist.open()
        except (OSError, WebSocketException):
            await asyncio.sleep(0.05)
        else:
            await typist.close()
            break
    return time.perf_counter() - begun


def lost(typists: list[Typist], sections: list[Section]) -> int:
    """Acknowledged characters that the log does not have. Each message but the first holds one."""
    clocks = [store.load(section.postmortem_id).document.clocks() for section in sections]
    missing = 0
    for number, typist in enumerate(typists):
        kept = clocks[number % DOCUMENTS].get(typist.client, 0)
        missing += max(0, typist.saved - 1 - kept)
    return missing


def crash(times: int) -> None:
    sections = [SectionFactory.create(postmortem=PostmortemFactory.create()) for _ in range(DOCUMENTS)]
    cookies = []
    for _ in range(10):
        client = Client()
        client.force_login(UserFactory.create(is_administrator=True))
        cookies.append(f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}")
    chance = random.Random(5)
    web = Web()
    try:
        for _ in range(times):
            typists = run_in_thread(type_until_killed(web, sections, cookies, chance.uniform(0, 2)))
            assert sum(typist.saved for typist in typists) > EDITORS
            assert lost(typists, sections) == 0
            web.start()
            assert run_in_thread(seconds_to_reconnect(typists[0])) < BACK_WITHIN_SECONDS
    finally:
        web.stop()


def test_a_killed_process_loses_nothing_it_acknowledged() -> None:
    crash(2)


@pytest.mark.soak
def test_twenty_killed_processes_lose_nothing_they_acknowledged() -> None:
    crash(20)
