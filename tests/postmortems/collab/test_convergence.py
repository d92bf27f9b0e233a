"""Any schedule: pages come, type, lose the line and come back, processes stop, the log is shortened. All end up alike.

The state machine plays protocol, store and hub together over a real Postgres. What a page was told is saved is checked
against the log at every step; at the end every page and the log say the same, and hold all that was typed and not
deleted.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest
from django.db import connection
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from postmortems.collab import protocol, store
from postmortems.collab.hub import Hub
from postmortems.collab.ports import Code, Peer, Standing
from postmortems.collab.protocol import Kind
from postmortems.collab.wire import Reader
from postmortems.models import Section
from tests.factories.postmortems import PostmortemFactory, SectionFactory
from tests.postmortems.collab.test_hub import Client, DirectBus, HeldLog

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
PROCESSES = 2


class Loop:
    """An event loop in a thread of its own, for steps that are taken one at a time."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class SlowPage(Client):
    """A page at the end of a slow line: what the hub sends waits until it arrives, in order, sometimes twice."""

    def __init__(self, section: Section, name: str) -> None:
        super().__init__(section, name)
        self.from_hub: list[bytes] = []
        self.typed: list[str] = []
        self.is_connected = False

    def send(self, frame: bytes, *, may_drop: bool = False) -> None:
        if self.is_connected:
            self.from_hub.append(frame)

    def arrive(self) -> None:
        if self.from_hub:
            super().send(self.from_hub.pop(0))

    def arrive_twice(self) -> None:
        if self.from_hub:
            frame = self.from_hub[0]
            self.arrive()
            reader = Reader(frame)
            if reader.number() == Kind.SYNC and reader.number() == protocol.Sync.UPDATE:
                self.doc.apply_update(reader.chunk())

    def cut(self) -> None:
        """The line is gone, with everything on it."""
        self.is_connected = False
        self.from_hub, self.to_hub = [], []

    def begin(self) -> None:
        self.cut()
        self.closed = None
        self.saved = self.acknowledged = self.sent = self.unanswered = 0
        self.is_connected = True
        self.to_hub = [protocol.state_vector(self.doc.get_state())]


class Schedule(RuleBasedStateMachine):
    """One schedule after the other over one section."""

    section: Section

    def __init__(self) -> None:
        super().__init__()
        self.loop = Loop()
        self.log: HeldLog = self.loop.run(self._make_log())
        self.bus = DirectBus(lost=0.4)
        self.hubs: list[Hub] = []
        self.pages: list[SlowPage] = []
        self.typed = 0
        self.deleted: set[str] = set()

    async def _make_log(self) -> HeldLog:
        return HeldLog()

    @initialize(count=st.integers(3, 8))
    def open_document(self, count: int) -> None:
        self.section = SectionFactory.create(postmortem=PostmortemFactory.create(), body="Begin. ")
        store.open_document(self.section.postmortem)
        self.hubs = [Hub(self.log, self.bus, OpenGate()) for _ in range(PROCESSES)]
        self.bus.hubs = self.hubs
        self.pages = [SlowPage(self.section, f"Person {number}") for number in range(count)]
        for number in range(count):
            self._connect(number)

    def _hub_of(self, number: int) -> Hub:
        return self.hubs[number % PROCESSES]

    def _connect(self, number: int) -> None:
        page = self.pages[number]
        page.begin()
        self.loop.run(self._hub_of(number).join(page, self.section.postmortem_id))

    def _deliver(self, number: int, most: int = 1) -> None:
        page, hub = self.pages[number], self._hub_of(number)

        async def hand_in() -> None:
            room = hub.rooms.get(self.section.postmortem_id)
            for _ in range(most):
                if room and page.to_hub and page.is_connected and not page.closed:
                    hub.receive(page, room, page.to_hub.pop(0))

        self.loop.run(hand_in())

    @rule(number=st.integers(0, 7), at=st.floats(0, 1), is_wide=st.booleans())
    def type(self, number: int, at: float, is_wide: bool) -> None:
        """One character that stands nowhere else, of one UTF-16 unit or of two."""
        page = self.pages[number % len(self.pages)]
        character = chr((0x20000 if is_wide else 0x4E00) + self.typed)
        self.typed += 1
        page.typed.append(character)
        page.type(character, at=len(page.text[: int(at * len(page.text))].encode()))
        if not page.is_connected:
            page.to_hub.clear()

    @rule(number=st.integers(0, 7), at=st.floats(0, 0.999))
    def delete(self, number: int, at: float) -> None:
        page = self.pages[number % len(self.pages)]
        text = page.text
        if not text:
            return
        place = int(at * len(text))
        self.deleted.add(text[place])
        page.delete(len(text[:place].encode()), len(text[place].encode()))
        if not page.is_connected:
            page.to_hub.clear()

    @rule(number=st.integers(0, 7), most=st.integers(1, 5))
    def reach_the_server(self, number: int, most: int) -> None:
        self._deliver(number % len(self.pages), most)

    @rule(number=st.integers(0, 7), is_twice=st.booleans())
    def reach_the_page(self, number: int, is_twice: bool) -> None:
        page = self.pages[number % len(self.pages)]
        (page.arrive_twice if is_twice else page.arrive)()

    @rule(process=st.integers(0, PROCESSES - 1))
    def commit(self, process: int) -> None:
        self.loop.run(self.hubs[process].commit())

    @rule(process=st.integers(0, PROCESSES - 1))
    def look(self, process: int) -> None:
        self.loop.run(self.hubs[process].look())

    @rule(number=st.integers(0, 7))
    def lose_the_line(self, number: int) -> None:
        number %= len(self.pages)
        page, hub = self.pages[number], self._hub_of(number)

        async def leave() -> None:
            if room := hub.rooms.get(self.section.postmortem_id):
                hub.leave(page, room)

        page.cut()
        self.loop.run(leave())

    @rule(number=st.integers(0, 7))
    def come_back(self, number: int) -> None:
        number %= len(self.pages)
        page = self.pages[number]
        if not page.is_connected or page.closed:
            self.lose_the_line(number)
            self._connect(number)

    @rule(process=st.integers(0, PROCESSES - 1))
    def kill_a_process(self, process: int) -> None:
        """All that was in its memory is gone."""
        self.hubs[process] = Hub(self.log, self.bus, OpenGate())
        self.bus.hubs = self.hubs
        for number, page in enumerate(self.pages):
            if number % PROCESSES == process:
                page.cut()

    @rule()
    def shorten_the_log(self) -> None:
        store.compact(self.section.postmortem_id)

    @precondition(lambda self: self.pages)
    @invariant()
    def what_was_called_saved_is_saved(self) -> None:
        acknowledged = [page for page in self.pages if page.acknowledged and page.acknowledged == page.sent]
        if not acknowledged:
            return
        kept = store.load(self.section.postmortem_id).document.text(self.section.pk)
        for page in acknowledged:
            assert set(page.typed) <= self.deleted | set(kept)

    def teardown(self) -> None:
        try:
            if self.pages:
                self._settle()
        finally:
            self.loop.run(self.log.close())
            self.loop.close()
            connection.close()

    def _settle(self) -> None:
        for number, page in enumerate(self.pages):
            if not page.is_connected or page.closed:
                self.lose_the_line(number)
                self._connect(number)
        for _ in range(60):
            for number, page in enumerate(self.pages):
                if page.closed:
                    assert page.end == Code.RESYNC
                    self.lose_the_line(number)
                    self._connect(number)
                self._deliver(number, 100)
                while page.from_hub:
                    page.arrive()
            for process in range(PROCESSES):
                self.commit(process)
                self.look(process)
            if all(page.acknowledged == page.sent and not page.to_hub and not page.from_hub for page in self.pages):
                break
        kept = store.load(self.section.postmortem_id).document.text(self.section.pk)
        assert {page.text for page in self.pages} == {kept}
        typed = {character for page in self.pages for character in page.typed}
        assert typed - self.deleted <= set(kept)
        assert {character for character in self.deleted if ord(character) >= 0x4E00}.isdisjoint(kept)
        ours = [character for character in kept if ord(character) >= 0x4E00]
        assert len(ours) == len(set(ours))


class OpenGate:
    """Everybody may write, always."""

    async def standing(self, peer: Peer, postmortem_id: int) -> Standing:
        return Standing(may_read=True, may_write=True)

    async def bases(self, peers: Sequence[Peer]) -> list[Any]:
        return [None for _ in peers]


def test_any_schedule_ends_with_one_text_and_nothing_lost() -> None:
    run_state_machine_as_test(Schedule, settings=settings(max_examples=250, stateful_step_count=30, deadline=None))


@pytest.mark.soak
def test_ten_thousand_schedules_end_with_one_text_and_nothing_lost() -> None:
    run_state_machine_as_test(Schedule, settings=settings(max_examples=10_000, stateful_step_count=40, deadline=None))
