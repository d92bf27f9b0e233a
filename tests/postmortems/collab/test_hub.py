"""The hub over a real Postgres: saved before seen, nothing lost, nothing let through."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import Any
from zlib import crc32

import psycopg
import pytest
from django.db import connection
from pycrdt import Doc, Text

from postmortems.collab import protocol, store
from postmortems.collab.committing import DJANGOS_OWN
from postmortems.collab.document import root_name
from postmortems.collab.hub import Hub
from postmortems.collab.log import PostgresLog
from postmortems.collab.ports import Code, LogRefused, LogUnreachable, News, Nudge, Peer, Standing
from postmortems.collab.protocol import Kind, Presence
from postmortems.collab.room import FOLLOW_SECONDS, PAUSE_SECONDS, TURN_SECONDS
from postmortems.collab.store import Append
from postmortems.collab.wire import Reader, number, text
from postmortems.models import DocumentHead, DocumentUpdate, Section
from tests.factories.postmortems import PostmortemFactory, SectionFactory
from tests.loops import run_in_thread

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


class Client(Peer):
    """A page: its copy of the document, what it has heard, and what it has been told is saved."""

    def __init__(self, section: Section, name: str = "Alice", *, may_write: bool = True) -> None:
        person = {"id": crc32(name.encode()), "name": name}
        super().__init__(may_write=may_write, wants_ours=True, person=person, acl_version=0)
        self.section = section
        self.doc: Doc[Text] = Doc()
        self.to_hub: list[bytes] = []
        self.acknowledged = 0
        self.sent = 0
        self.seen: dict[int, Any] = {}
        self.closed: tuple[int, str] | None = None

    @property
    def end(self) -> int | None:
        """The code with which it was closed, if it was."""
        return self.closed[0] if self.closed else None

    @property
    def text(self) -> str:
        return str(self.doc.get(root_name(self.section.pk), type=Text))

    def type(self, words: str, at: int = 0) -> None:
        state = self.doc.get_state()
        self.doc.get(root_name(self.section.pk), type=Text).insert(at, words)
        self.to_hub.append(protocol.update(self.doc.get_update(state)))
        self.sent += 1

    def delete(self, at: int, length: int) -> None:
        state = self.doc.get_state()
        del self.doc.get(root_name(self.section.pk), type=Text)[at : at + length]
        self.to_hub.append(protocol.update(self.doc.get_update(state)))
        self.sent += 1

    def send(self, frame: bytes, *, may_drop: bool = False) -> None:
        if self.closed:
            return
        reader = Reader(frame)
        while not reader.is_at_end:
            kind = reader.number()
            if kind == Kind.SYNC:
                self._sync(reader.number(), reader.chunk())
            elif kind == Kind.AWARENESS:
                self.seen.update({p.client: p.state for p in protocol.read_awareness(reader.chunk()).entries})
            elif kind == Kind.SAVED:
                self.acknowledged = reader.number()
            elif kind == Kind.STANDING:
                self.may_write = bool(reader.number())

    def _sync(self, step: int, data: bytes) -> None:
        if step == protocol.Sync.STATE:
            self.to_hub.append(protocol.missing(self.doc.get_update(data)))
            self.sent += 1
        else:
            self.doc.apply_update(data)

    def close(self, code: int, reason: str) -> None:
        self.closed = self.closed or (code, reason)


class DirectBus:
    """Carries news to the other hubs; a lossy one forgets some of it."""

    def __init__(self, lost: float = 0.0) -> None:
        self.hubs: list[Hub] = []
        self.lost = lost
        self.chance = random.Random(11)
        self.answers = asyncio.Event()
        self.answers.set()
        self.published = 0

    async def publish(self, news: Sequence[News]) -> bool:
        await self.answers.wait()
        self.published += 1
        for hub in self.hubs:
            for postmortem_id, seq, data in news:
                if self.chance.random() >= self.lost:
                    await hub.heard(postmortem_id, seq, data)
        return len(self.hubs) > 1

    async def close(self) -> None:
        """Nothing to let go of."""


class HeldLog(PostgresLog):
    """A log that can be made to wait, or to fail."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()
        self.answers = asyncio.Event()
        self.answers.set()
        self.heads_told = asyncio.Event()
        self.heads_told.set()
        self.failures = 0
        self.nudges: list[Nudge] = []
        self.refused: set[int] = set()

    async def nudge(self, nudges: Sequence[Nudge]) -> None:
        self.nudges += nudges

    async def forget_prepared_statements(self) -> None:
        """As a pooler does that lends another connection to each transaction."""
        for link in self._committing._idle:
            link._pgconn.send_query_params(b"DEALLOCATE ALL", [])
            await link._answer()

    async def heads(self, ids: Sequence[int]) -> dict[int, tuple[int, int]]:
        found = await super().heads(ids)
        await self.heads_told.wait()
        return found

    async def append(self, appends: Sequence[Append]) -> dict[int, int]:
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise LogUnreachable("asked to")
        if any(append.postmortem_id in self.refused for append in appends):
            raise LogRefused("asked to")
        numbers = await super().append(appends)
        await self.answers.wait()
        return numbers


class Scene:
    """Hubs, as if each were a process, and pages connected to them."""

    def __init__(self, section: Section, hubs: int = 1, lost: float = 0.0) -> None:
        self.section = section
        self.log = HeldLog()
        self.bus = DirectBus(lost)
        self.standings: dict[str, Standing] = {}
        self.hubs = [Hub(self.log, self.bus, self) for _ in range(hubs)]
        self.bus.hubs = self.hubs
        self.clients: list[tuple[Client, Hub]] = []

    async def standing(self, peer: Peer, postmortem_id: int) -> Standing:
        return self.standings.get(peer.person["name"], Standing(may_read=True, may_write=True))

    async def bases(self, peers: Sequence[Peer]) -> list[Any]:
        return [self.standings.get(peer.person["name"]) for peer in peers]

    async def open(
        self, name: str = "Alice", hub: int = 0, *, may_write: bool = True, section: Section | None = None
    ) -> Client:
        client = Client(section or self.section, name, may_write=may_write)
        client.to_hub.append(protocol.state_vector(client.doc.get_state()))
        await self.hubs[hub].join(client, client.section.postmortem_id)
        self.clients.append((client, self.hubs[hub]))
        self.deliver()
        return client

    def deliver(self) -> None:
        """Give the hubs what the pages have sent."""
        for client, hub in self.clients:
            room = hub.rooms.get(client.section.postmortem_id)
            while client.to_hub and room is not None and not client.closed:
                hub.receive(client, room, client.to_hub.pop(0))
            if room is not None:
                hub._tell_presence(room)

    async def settle(self) -> None:
        """Until nobody has anything left to say."""
        for _ in range(50):
            await self.reconnect()
            self.deliver()
            for hub in self.hubs:
                await hub.commit()
                await hub.look()
            rooms = [room for hub in self.hubs for room in hub.rooms.values()]
            waiting = [
                client for client, _ in self.clients if client.end == Code.RESYNC or (not client.end and client.to_hub)
            ]
            if not waiting and not any(room.pending for room in rooms):
                return

    async def reconnect(self) -> None:
        """As a page does that was told to: with all it has, also what was never acknowledged."""
        for client, hub in self.clients:
            if client.end == Code.RESYNC:
                client.closed, client.to_hub = None, [protocol.state_vector(client.doc.get_state())]
                client.saved = client.acknowledged = client.sent = client.unanswered = 0
                await hub.join(client, client.section.postmortem_id)

    async def saved(self, client: Client) -> None:
        """Wait until the hub, which is at work, has told `client` that all is saved."""
        async with asyncio.timeout(5):
            while client.acknowledged < client.sent:
                await asyncio.sleep(0.01)

    def saved_text(self) -> str:
        return store.load(self.section.postmortem_id).document.text(self.section.pk)


@pytest.fixture
def section() -> Iterator[Section]:
    section = SectionFactory.create(postmortem=PostmortemFactory.create(), body="Begin. ")
    store.open_document(section.postmortem)
    yield section
    connection.close()


def played(play: Callable[[Scene], Awaitable[None]], section: Section, **options: Any) -> Scene:
    """Let `play` run on a new scene, and end its threads."""

    @asynccontextmanager
    async def scene() -> AsyncIterator[Scene]:
        scene = Scene(section, **options)
        try:
            yield scene
        finally:
            await scene.log.close()

    async def whole() -> Scene:
        async with scene() as begun:
            await play(begun)
            return begun

    return run_in_thread(whole())


def test_two_pages_see_the_same_and_both_know_what_is_saved(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice, bob = await scene.open("Alice"), await scene.open("Bob")
        assert alice.text == bob.text == "Begin. "
        alice.type("One. ")
        bob.type("👩🏽‍🚒 ")
        await scene.settle()
        assert alice.text == bob.text
        assert {alice.acknowledged == alice.sent, bob.acknowledged == bob.sent} == {True}

    scene = played(play, section)
    assert sorted(scene.saved_text().split()) == sorted(["Begin.", "One.", "👩🏽‍🚒"])


def test_nobody_sees_or_is_told_anything_before_it_is_committed(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice, bob = await scene.open("Alice"), await scene.open("Bob")
        await scene.settle()
        before = alice.acknowledged
        scene.log.gate.clear()
        alice.type("Not yet. ")
        scene.deliver()
        commit = asyncio.create_task(scene.hubs[0].commit())
        await asyncio.sleep(0.05)
        carol = await scene.open("Carol")
        assert "Not yet." not in bob.text + carol.text
        assert alice.acknowledged == before
        scene.log.gate.set()
        await commit
        assert "Not yet." in bob.text
        assert "Not yet." in carol.text
        assert alice.acknowledged > before

    played(play, section)


def test_what_arrives_while_a_commit_is_under_way_is_in_the_next(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice = await scene.open("Alice")
        await scene.settle()
        scene.log.gate.clear()
        alice.type("One. ")
        scene.deliver()
        commit = asyncio.create_task(scene.hubs[0].commit())
        await asyncio.sleep(0)
        for word in ("Two. ", "Three. "):
            alice.type(word)
        scene.deliver()
        scene.log.gate.set()
        await commit
        await scene.settle()
        assert alice.acknowledged == alice.sent

    scene = played(play, section)
    assert sorted(scene.saved_text().split()) == ["Begin.", "One.", "Three.", "Two."]


def test_while_the_database_is_away_nothing_is_called_saved_and_nothing_is_lost(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice = await scene.open("Alice")
        await scene.settle()
        scene.log.failures = 3
        alice.type("Patience. ")
        scene.deliver()
        commit = asyncio.create_task(scene.hubs[0].commit())
        await asyncio.sleep(0.2)
        assert alice.acknowledged < alice.sent
        await commit
        assert alice.acknowledged == alice.sent

    assert "Patience." in played(play, section).saved_text()


@pytest.mark.parametrize(("hubs", "told"), [(1, 1), (2, 2)])
def test_news_are_told_at_once_while_another_process_listens_and_seldom_otherwise(
    hubs: int, told: int, section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postmortems.collab.hub.ALONE_SECONDS", 60)

    async def play(scene: Scene) -> None:
        alice = await scene.open("Alice")
        working = asyncio.create_task(scene.hubs[0].run())
        for word in ("One. ", "Two. "):
            alice.type(word)
            scene.deliver()
            await scene.saved(alice)
            await asyncio.sleep(0.2)
        assert scene.bus.published == told
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await scene.hubs[0].commit()
        assert scene.bus.published == 2

    played(play, section, hubs=hubs)


def test_a_redis_that_does_not_answer_holds_up_nobodys_text_and_hears_of_all_of_it_later(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice, bob = await scene.open("Alice"), await scene.open("Bob", hub=1)
        await scene.settle()
        scene.bus.answers.clear()
        working = asyncio.create_task(scene.hubs[0].run())
        for word in ("One. ", "Two. "):
            alice.type(word)
            scene.deliver()
            await scene.saved(alice)
        assert "Two." not in bob.text
        scene.bus.answers.set()
        async with asyncio.timeout(2):
            while "Two." not in bob.text:
                await asyncio.sleep(0.01)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        assert bob.text == alice.text

    assert sorted(played(play, section, hubs=2).saved_text().split()) == ["Begin.", "One.", "Two."]


def test_a_document_that_is_locked_holds_up_no_other(section: Section) -> None:
    other = SectionFactory.create(postmortem=PostmortemFactory.create(), body="Begin. ")
    store.open_document(other.postmortem)

    async def play(scene: Scene) -> None:
        alice, bob = await scene.open("Alice"), await scene.open("Bob", section=other)
        await scene.settle()
        working = asyncio.create_task(scene.hubs[0].run())
        async with locked(section.postmortem_id):
            alice.type("Waits. ")
            scene.deliver()
            await asyncio.sleep(0.05)
            for word in ("One. ", "Two. "):
                bob.type(word)
                scene.deliver()
                await scene.saved(bob)
            alice.type("Too. ")
            scene.deliver()
            await asyncio.sleep(0.05)
            assert alice.acknowledged < alice.sent - 1
        await scene.saved(alice)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    assert sorted(played(play, section).saved_text().split()) == ["Begin.", "Too.", "Waits."]


@asynccontextmanager
async def locked(postmortem_id: int) -> AsyncIterator[None]:
    """While somebody else is at the head of this log, as whoever shortens it is."""
    known = {name: value for name, value in connection.get_connection_params().items() if name not in DJANGOS_OWN}
    other = await psycopg.AsyncConnection.connect(**known)
    async with other:
        await other.execute("SELECT FROM postmortems_documenthead WHERE postmortem_id = %s FOR UPDATE", [postmortem_id])
        yield


def test_a_connection_that_postgres_ended_is_replaced_and_the_text_saved(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice = await scene.open("Alice")
        for word in ("One. ", "Two. "):
            alice.type(word)
            await scene.settle()
            await asyncio.to_thread(end_other_connections)
        assert alice.acknowledged == alice.sent

    assert sorted(played(play, section).saved_text().split()) == ["Begin.", "One.", "Two."]


def test_a_socket_that_took_the_number_of_an_ended_connection_is_left_alone(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice = await scene.open("Alice")
        alice.type("One. ")
        await scene.settle()
        await asyncio.to_thread(end_other_connections)
        await asyncio.sleep(0.2)
        with ExitStack() as held:
            for pair in [socket.socketpair() for _ in range(20)]:
                for end in pair:
                    held.callback((await asyncio.open_connection(sock=end))[1].close)
            alice.type("Two. ")
            await scene.settle()
        assert alice.acknowledged == alice.sent

    assert sorted(played(play, section).saved_text().split()) == ["Begin.", "One.", "Two."]


def end_other_connections() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            r" WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ~ '^\s*WITH (wanted|bumped)'"
        )
        assert cursor.fetchall(), "the hub has none"
    connection.close()


def test_text_larger_than_a_socket_takes_at_once_is_saved(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice = await scene.open("Alice")
        for _ in range(4):
            alice.type("Long enough. " * 60_000)
        await scene.settle()
        assert alice.acknowledged == alice.sent

    assert len(played(play, section).saved_text()) == 4 * 60_000 * 13 + len("Begin. ")


def test_a_commit_that_was_cancelled_leaves_no_hole_in_the_log(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice = await scene.open("Alice")
        await scene.settle()
        scene.log.gate.clear()
        alice.type("First. ")
        scene.deliver()
        commit = asyncio.create_task(scene.hubs[0].commit())
        await asyncio.sleep(0.05)
        alice.type("Then. ")
        scene.deliver()
        commit.cancel()
        await asyncio.gather(commit, return_exceptions=True)
        scene.log.gate.set()
        await scene.hubs[0].commit()
        assert alice.acknowledged == alice.sent

    assert sorted(played(play, section).saved_text().split()) == ["Begin.", "First.", "Then."]


def test_a_look_between_a_commit_and_its_answer_closes_nobody_whose_log_was_shortened(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice = await scene.open("Alice")
        await scene.settle()
        pk = section.postmortem_id
        [(before, _)] = (await scene.log.heads([pk])).values()
        scene.log.answers.clear()
        alice.type("First. ")
        scene.deliver()
        commit = asyncio.create_task(scene.hubs[0].commit())
        while (await scene.log.heads([pk]))[pk][0] == before:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(shortened, pk)
        await scene.hubs[0].look()
        scene.log.answers.set()
        await commit
        assert (alice.end, alice.acknowledged == alice.sent) == (None, True)

    assert sorted(played(play, section).saved_text().split()) == ["Begin.", "First."]


def test_a_document_that_is_opened_during_a_look_stays_open(section: Section) -> None:
    async def play(scene: Scene) -> None:
        scene.log.heads_told.clear()
        look = asyncio.create_task(scene.hubs[0].look())
        await asyncio.sleep(0.05)
        alice = await scene.open("Alice")
        scene.log.heads_told.set()
        await look
        assert (alice.end, alice.text) == (None, "Begin. ")

    played(play, section)


def shortened(postmortem_id: int) -> None:
    store.compact(postmortem_id)
    connection.close()


def test_behind_a_pooler_that_forgets_prepared_statements_text_is_saved(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice = await scene.open("Alice")
        for word in ("One. ", "Two. ", "Three. "):
            alice.type(word)
            await scene.settle()
            await scene.log.forget_prepared_statements()
        assert alice.acknowledged == alice.sent

    assert sorted(played(play, section).saved_text().split()) == ["Begin.", "One.", "Three.", "Two."]


def test_one_document_that_cannot_be_saved_does_not_hold_up_the_others(section: Section) -> None:
    other = SectionFactory.create(postmortem=PostmortemFactory.create(), body="Other. ")
    store.open_document(other.postmortem)

    async def play(scene: Scene) -> None:
        alice = await scene.open("Alice")
        [hub] = scene.hubs
        bob = Client(other, "Bob")
        room = await hub.join(bob, other.postmortem_id)
        bob.to_hub.append(protocol.state_vector(bob.doc.get_state()))
        for frame in bob.to_hub:
            hub.receive(bob, room, frame)
        scene.log.refused = {other.postmortem_id}
        alice.type("Saved. ")
        bob.type("Refused. ")
        hub.receive(bob, room, bob.to_hub[-1])
        await scene.settle()
        assert (alice.acknowledged, bob.end) == (alice.sent, Code.RESYNC)

    assert "Saved." in played(play, section).saved_text()


def test_a_reader_who_writes_is_closed_and_changes_nothing(section: Section) -> None:
    async def play(scene: Scene) -> None:
        reader = await scene.open("Reader", may_write=False)
        assert reader.text == "Begin. "
        reader.type("Mine. ")
        await scene.settle()
        assert reader.end == Code.FORBIDDEN

    assert played(play, section).saved_text() == "Begin. "


def test_a_right_revoked_in_the_middle_stops_even_what_was_sent(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice, mallory = await scene.open("Alice"), await scene.open("Mallory")
        await scene.settle()
        mallory.type("Mine. ")
        alice.type("Ours. ")
        scene.deliver()
        scene.standings["Mallory"] = Standing(may_read=True, may_write=False)
        await asyncio.to_thread(revoke, section.postmortem_id)
        await scene.settle()
        assert mallory.end == Code.FORBIDDEN
        assert "Mine." not in alice.text
        assert alice.acknowledged == alice.sent
        heard = mallory.text
        alice.type("Later. ")
        await scene.settle()
        assert mallory.text == heard

    text = played(play, section).saved_text()
    assert "Ours." in text
    assert "Mine." not in text


@pytest.mark.parametrize("is_looked_at", [True, False])
def test_whoever_lost_the_right_while_coming_in_hears_nothing(is_looked_at: bool, section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice = await scene.open("Alice")
        mallory = Client(section, "Mallory")
        mallory.to_hub.append(protocol.state_vector(mallory.doc.get_state()))
        scene.standings["Mallory"] = Standing(may_read=False, may_write=False)
        mallory.basis = scene.standings["Mallory"]
        await asyncio.to_thread(revoke, section.postmortem_id)
        [hub] = scene.hubs
        if is_looked_at:
            await hub.look()
        await hub.join(mallory, section.postmortem_id)
        scene.clients.append((mallory, hub))
        await hub.look()
        alice.type("Secret. ")
        await scene.settle()
        assert (mallory.text, mallory.end) == ("", Code.FORBIDDEN)

    played(play, section)


class SlowGate:
    """Lets only Alice in, and thinks about her until `answer` is set."""

    def __init__(self) -> None:
        self.asked, self.answer = asyncio.Event(), asyncio.Event()

    async def standing(self, peer: Peer, postmortem_id: int) -> Standing:
        is_alice = peer.person["name"] == "Alice"
        if is_alice:
            self.asked.set()
            await self.answer.wait()
        return Standing(may_read=is_alice, may_write=is_alice)

    async def bases(self, peers: Sequence[Peer]) -> list[Any]:
        return [None for _ in peers]


@asynccontextmanager
async def asking_about_alice(scene: Scene) -> AsyncIterator[None]:
    """While the hub, whose rights changed, does not know yet whether she may stay."""
    [hub] = scene.hubs
    hub.gate = gate = SlowGate()
    await asyncio.to_thread(revoke, scene.section.postmortem_id)
    look = asyncio.create_task(hub.look())
    await gate.asked.wait()
    yield
    gate.answer.set()
    await look


def test_whoever_comes_in_while_all_are_asked_about_is_asked_too(section: Section) -> None:
    async def play(scene: Scene) -> None:
        await scene.open("Alice")
        await scene.settle()
        async with asking_about_alice(scene):
            mallory = await scene.open("Mallory")
            assert (mallory.text, mallory.end) == ("", Code.FORBIDDEN)

    played(play, section)


def test_nothing_is_committed_while_all_are_asked_about_and_all_of_it_after_that(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice = await scene.open("Alice")
        await scene.settle()
        [hub] = scene.hubs
        working = asyncio.create_task(hub.run())
        async with asking_about_alice(scene):
            alice.type("Meanwhile. ")
            scene.deliver()
            await asyncio.sleep(0.05)
            assert hub.rooms[section.postmortem_id].committing == []
        await scene.saved(alice)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    assert "Meanwhile." in played(play, section).saved_text()


def revoke(postmortem_id: int) -> None:
    store.rights_changed(postmortem_id)
    connection.close()


def test_a_bad_frame_ends_the_connection_it_came_from_and_no_other(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice, mallory = await scene.open("Alice"), await scene.open("Mallory")
        for frame in (b"\xff\xff", b"", protocol.update(b"\x01\x01"), b"\x00" * 2_000_000):
            mallory.closed = None
            mallory.to_hub.append(frame)
            scene.deliver()
            assert mallory.end == Code.BAD_FRAME
        alice.type("Calm. ")
        await scene.settle()
        assert alice.closed is None

    assert "Calm." in played(play, section).saved_text()


def in_pieces(client: int, root: str, count: int) -> bytes:
    """A text of so many characters, each in a piece of its own: what no page sends."""
    parts = number(1) + number(count) + number(client) + number(0) + b"\x04\x01" + text(root) + text("x")
    later = b"".join(b"\x84" + number(client) + number(clock) + text("x") for clock in range(count - 1))
    return parts + later + b"\x00"


def test_a_text_in_tens_of_thousands_of_pieces_is_refused_and_one_typed_letter_by_letter_is_not(
    section: Section,
) -> None:
    async def play(scene: Scene) -> None:
        alice, mallory = await scene.open("Alice"), await scene.open("Mallory")
        mallory.to_hub.append(protocol.update(in_pieces(7, root_name(section.pk), 20_000)))
        scene.deliver()
        assert mallory.end == Code.BAD_FRAME
        await scene.settle()
        for _ in range(6_000):
            alice.type("y")
        alice.to_hub = [protocol.missing(alice.doc.get_update())]
        await scene.settle()
        assert alice.closed is None

    assert "y" * 6_000 in played(play, section).saved_text()


def test_a_document_that_is_full_takes_no_more_until_something_was_deleted(
    section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postmortems.collab.document.LARGEST_DOCUMENT", 100_000)

    async def play(scene: Scene) -> None:
        alice, mallory = await scene.open("Alice"), await scene.open("Mallory")
        for _ in range(3):
            alice.type("x" * 60_000)
            await scene.settle()
            alice.delete(0, 60_000)
            await scene.settle()
        alice.type("y" * 60_000)
        await scene.settle()
        mallory.type("z" * 60_000)
        await scene.settle()
        assert mallory.closed
        assert mallory.closed[0] == Code.BAD_FRAME
        assert "at most" in mallory.closed[1]
        alice.delete(0, 30_000)
        alice.type("w" * 40_000)
        await scene.settle()
        assert (alice.end, alice.acknowledged) == (None, alice.sent)

    assert played(play, section).saved_text() == "w" * 40_000 + "y" * 30_000 + "Begin. "


def test_an_update_that_builds_on_something_unknown_is_asked_for_whole(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice = await scene.open("Alice")
        await scene.settle()
        alice.type("Lost on the way. ")
        alice.to_hub.pop()
        alice.type("After it. ")
        await scene.settle()
        await scene.settle()
        assert alice.closed is None

    text = played(play, section).saved_text()
    assert "Lost on the way." in text
    assert "After it." in text


def test_presence_is_passed_on_under_ones_own_name_and_ends_with_the_connection(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice, bob = await scene.open("Alice"), await scene.open("Bob")
        bob.to_hub.append(protocol.awareness((Presence(7, 1, {"user": {"name": "Alice"}, "cursor": 3}),)))
        scene.deliver()
        assert alice.seen[7] == {"user": bob.person, "cursor": 3}
        alice.to_hub.append(protocol.awareness((Presence(7, 9, None),)))
        scene.deliver()
        late = await scene.open("Late")
        assert late.seen[7]["user"]["name"] == "Bob"
        room = scene.hubs[0].rooms[section.postmortem_id]
        scene.hubs[0].leave(bob, room)
        assert alice.seen[7] is None

    played(play, section)


def test_the_latest_presence_is_told_whichever_request_of_the_page_brought_it(section: Section) -> None:
    async def play(scene: Scene) -> None:
        bob, waiting, handing_in = await scene.open("Bob"), await scene.open(), await scene.open()
        waiting.to_hub.append(protocol.awareness((Presence(7, 1, {"cursor": 1}),)))
        scene.deliver()
        handing_in.to_hub.append(protocol.awareness((Presence(7, 2, {"cursor": 2}),)))
        scene.deliver()
        assert bob.seen[7]["cursor"] == 2
        waiting.to_hub.append(protocol.awareness((Presence(7, 1, {"cursor": 1}),)))
        bob.to_hub.append(protocol.awareness((Presence(7, 3, {"cursor": 3}),)))
        scene.deliver()
        late = await scene.open("Late")
        assert late.seen[7] == {"user": waiting.person, "cursor": 2}

    played(play, section)


def test_presence_that_is_said_again_is_told_to_nobody_and_ends_with_who_said_it_last(section: Section) -> None:
    async def play(scene: Scene) -> None:
        bob, before, after = await scene.open("Bob"), await scene.open(), await scene.open()
        before.to_hub.append(protocol.awareness((Presence(7, 1, {"cursor": 1}),)))
        scene.deliver()
        bob.seen.clear()
        after.to_hub.append(protocol.awareness((Presence(7, 1, {"cursor": 1}),)))
        scene.deliver()
        [hub] = scene.hubs
        hub.leave(before, hub.rooms[section.postmortem_id])
        assert bob.seen == {}
        hub.leave(after, hub.rooms[section.postmortem_id])
        assert bob.seen == {7: None}

    played(play, section)


def test_nobody_is_told_where_they_are_themselves(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice, bob = await scene.open("Alice"), await scene.open("Bob")
        alice.to_hub.append(protocol.awareness((Presence(7, 1, {"cursor": 1}),)))
        scene.deliver()
        assert (alice.seen, set(bob.seen)) == ({}, {7})

    played(play, section)


def test_an_empty_room_is_let_go_but_not_before_all_is_saved(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice = await scene.open("Alice")
        await scene.settle()
        hub = scene.hubs[0]
        alice.type("Last words. ")
        scene.deliver()
        hub.leave(alice, hub.rooms[section.postmortem_id])
        assert hub.rooms
        await hub.commit()
        assert not hub.rooms

    assert "Last words." in played(play, section).saved_text()


def test_nobody_writes_as_the_client_of_somebody_who_is_here(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice, mallory = await scene.open("Alice"), await scene.open("Mallory")
        alice.type("Ours. ")
        await scene.settle()
        mallory.doc = Doc(client_id=alice.doc.client_id)
        mallory.doc.apply_update(alice.doc.get_update())
        mallory.type("Mine. ")
        await scene.settle()
        assert mallory.end == Code.BAD_FRAME
        alice.type("Still ours. ")
        await scene.settle()
        assert alice.acknowledged == alice.sent

    assert "Mine." not in played(play, section).saved_text()


def test_workers_are_asked_to_follow_and_to_keep_what_a_pause_a_turn_or_leaving_ends(
    section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("postmortems.collab.hub.time.monotonic", lambda: now[0])

    async def play(scene: Scene) -> None:
        alice, bob = await scene.open("Alice"), await scene.open("Bob")
        [hub], log = scene.hubs, scene.log

        async def typed(client: Client, after: float) -> None:
            now[0] += after
            client.type("x")
            await scene.settle()
            hub.tend()
            await asyncio.sleep(0)

        await typed(alice, 0)
        await typed(alice, FOLLOW_SECONDS + 1)
        assert [nudge.reason for nudge in log.nudges] == [""]
        await typed(bob, TURN_SECONDS + 1)
        assert log.nudges[1] == Nudge(section.postmortem_id, log.nudges[0].upto, "turn")
        now[0] += PAUSE_SECONDS + 1
        hub.tend()
        hub.tend()
        await typed(alice, 1)
        hub.leave(alice, hub.rooms[section.postmortem_id])
        hub.leave(bob, hub.rooms[section.postmortem_id])
        await asyncio.sleep(0)
        assert [nudge.reason for nudge in log.nudges if nudge.reason] == ["turn", "pause", "pause"]

    played(play, section)


@pytest.mark.parametrize("lost", [0.0, 0.5, 1.0])
def test_pages_at_different_processes_agree_whatever_the_bus_loses(lost: float, section: Section) -> None:
    async def play(scene: Scene) -> None:
        clients = [await scene.open(f"Person {n}", hub=n % 3) for n in range(6)]
        chance = random.Random(3)
        for round_number in range(15):
            for n, client in enumerate(clients):
                client.type(f"{n}:{round_number} ", at=chance.choice([0, len(client.text.encode())]))
            if round_number % 4 == 0:
                await asyncio.to_thread(compact, section.postmortem_id)
            scene.deliver()
            await asyncio.gather(*(hub.commit() for hub in scene.hubs))
            await scene.reconnect()
        await scene.settle()
        assert len({client.text for client in clients}) == 1
        assert all(client.end is None and client.acknowledged == client.sent for client in clients)

    words = played(play, section, hubs=3, lost=lost).saved_text().split()
    assert len(words) == len(set(words))
    assert set(words) == {"Begin.", *(f"{n}:{round_number}" for n in range(6) for round_number in range(15))}


def compact(postmortem_id: int) -> None:
    store.compact(postmortem_id)
    connection.close()


def test_a_look_while_others_commit_starts_nothing_over(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice = await scene.open("Alice")
        await scene.settle()
        [hub] = scene.hubs
        asked, answer = asyncio.Event(), asyncio.Event()
        heads = scene.log.heads

        async def slow_heads(ids: Sequence[int]) -> dict[int, tuple[int, int]]:
            found = await heads(ids)
            asked.set()
            await answer.wait()
            return found

        scene.log.heads = slow_heads  # type: ignore[method-assign]
        look = asyncio.create_task(hub.look())
        await asked.wait()
        alice.type("Meanwhile. ")
        scene.deliver()
        await hub.commit()
        answer.set()
        await look
        assert alice.end is None

    assert "Meanwhile." in played(play, section).saved_text()


def test_after_an_older_backup_was_restored_pages_send_what_it_lacks(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice = await scene.open("Alice")
        alice.type("Before. ")
        await scene.settle()
        await asyncio.to_thread(forget_last_entry, section.postmortem_id)
        await scene.settle()
        assert alice.acknowledged == alice.sent

    assert "Before." in played(play, section).saved_text()


def forget_last_entry(postmortem_id: int) -> None:
    head = DocumentHead.objects.get(pk=postmortem_id)
    DocumentUpdate.objects.filter(postmortem=postmortem_id, seq=head.head).delete()
    head.head -= 1
    head.save(update_fields=["head"])
    connection.close()
