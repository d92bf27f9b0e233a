"""The hub when something around it fails in a way that nobody foresaw: it says so, and goes on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from postmortems.collab import admission, store
from postmortems.collab.admission import Admitted, SessionGate, Visitor
from postmortems.collab.bus import RedisBus
from postmortems.collab.committing import DJANGOS_OWN
from postmortems.collab.log import PostgresLog
from postmortems.collab.ports import Code, LogRefused, LogUnreachable, News, Standing
from postmortems.collab.store import Append
from postmortems.collab.visitor import QueueingVisitor
from postmortems.models import DocumentHead, Section
from tests.factories.postmortems import PostmortemFactory, SectionFactory
from tests.loops import run_in_thread
from tests.postmortems.collab.test_hub import Scene, played, revoke

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def section() -> Iterator[Section]:
    section = SectionFactory.create(postmortem=PostmortemFactory.create(), body="Begin. ")
    store.open_document(section.postmortem)
    yield section
    connection.close()


@pytest.fixture
def other() -> Iterator[Section]:
    """A section of another post-mortem."""
    other = SectionFactory.create(postmortem=PostmortemFactory.create(), body="Other. ")
    store.open_document(other.postmortem)
    yield other
    connection.close()


@pytest.fixture
def promptly(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done every second or three is done at once."""
    for name in ("LOOK_SECONDS", "TEND_SECONDS", "AGAIN_SECONDS"):
        monkeypatch.setattr(f"postmortems.collab.hub.{name}", 0.02)


def failing(part: Any, name: str, error: Exception, *, when: Callable[..., bool] = lambda *_: True) -> None:
    """Have the first call of the method `name` that `when` is true for raise `error` instead."""
    method = getattr(part, name)
    left = [error]

    def broken(*args: Any) -> Any:
        if left and when(*args):
            raise left.pop()
        return method(*args)

    setattr(part, name, broken)


@asynccontextmanager
async def at_work(scene: Scene) -> AsyncIterator[None]:
    """Within it, the hubs commit, look and tend by themselves."""
    working = [asyncio.create_task(hub.run()) for hub in scene.hubs]
    try:
        yield
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not reached():
            await asyncio.sleep(0.01)


def breaks_append(scene: Scene) -> None:
    failing(scene.log, "append", RuntimeError("nobody foresaw it"))


def breaks_publish(scene: Scene) -> None:
    failing(scene.bus, "publish", RuntimeError("nobody foresaw it"))


def breaks_look(scene: Scene) -> None:
    failing(scene.log, "heads", RuntimeError("nobody foresaw it"))


def breaks_bases(scene: Scene) -> None:
    failing(scene, "bases", RuntimeError("nobody foresaw it"))


def breaks_tend(scene: Scene) -> None:
    failing(scene.hubs[0], "tend", RuntimeError("nobody foresaw it"))


@pytest.mark.usefixtures("promptly")
@pytest.mark.parametrize("breaks", [breaks_append, breaks_publish, breaks_look, breaks_bases, breaks_tend])
def test_an_error_that_nobody_foresaw_is_told_and_ends_nothing(
    breaks: Callable[[Scene], None],
    section: Section,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("postmortems.collab.room.FOLLOW_SECONDS", 0.05)

    async def play(scene: Scene) -> None:
        alice, bob, mallory = [
            await scene.open(name, hub=hub) for name, hub in [("Alice", 0), ("Bob", 1), ("Mallory", 0)]
        ]
        await scene.settle()
        breaks(scene)
        async with at_work(scene):
            for word in ("One. ", "Two. ", "Three. "):
                alice.type(word)
                scene.deliver()
                await scene.saved(alice)
                await asyncio.sleep(0.05)
            await until(lambda: bob.text == alice.text)
            await until(lambda: bool(scene.log.nudges))
            scene.standings["Mallory"] = Standing(may_read=False, may_write=False)
            await until(lambda: mallory.end == Code.FORBIDDEN)
        assert alice.end is None

    assert "Three." in played(play, section, hubs=2).saved_text()
    assert "nobody foresaw it" in caplog.text


@pytest.mark.usefixtures("promptly")
def test_a_document_that_fails_in_a_way_nobody_foresaw_holds_up_no_other(section: Section, other: Section) -> None:
    async def play(scene: Scene) -> None:
        alice, bob = await scene.open("Alice"), await scene.open("Bob", section=other)
        await scene.settle()
        append = scene.log.append

        async def broken(appends: Any) -> dict[int, int]:
            if any(each.postmortem_id == other.postmortem_id for each in appends):
                raise RuntimeError("nobody foresaw it")
            return await append(appends)

        scene.log.append = broken  # type: ignore[method-assign]
        async with at_work(scene):
            alice.type("Saved. ")
            bob.type("Kept in the page. ")
            scene.deliver()
            await scene.saved(alice)
            await until(lambda: bob.end == Code.RESYNC)
        scene.log.append = append  # type: ignore[method-assign]
        await scene.settle()
        assert bob.acknowledged == bob.sent
        assert "Kept in the page." in bob.text

    assert "Saved." in played(play, section).saved_text()


@pytest.mark.usefixtures("promptly")
def test_what_cannot_be_settled_after_its_commit_starts_over_alone(section: Section, other: Section) -> None:
    async def play(scene: Scene) -> None:
        alice, bob = await scene.open("Alice"), await scene.open("Bob", section=other)
        await scene.settle()
        failing(scene, "standing", RuntimeError("nobody foresaw it"), when=lambda peer, _: peer is bob)
        await asyncio.to_thread(revoke, other.postmortem_id)
        bob.type("Under other rights. ")
        alice.type("Saved. ")
        scene.deliver()
        [hub] = scene.hubs
        await hub.commit()
        assert (alice.end, alice.acknowledged) == (None, alice.sent)
        assert bob.end == Code.RESYNC
        await scene.settle()
        assert bob.acknowledged == bob.sent

    assert "Saved." in played(play, section).saved_text()


def test_when_the_process_has_no_descriptor_left_text_is_saved_once_it_has(
    section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(_: int) -> int:
        monkeypatch.undo()
        raise OSError(24, os.strerror(24))

    async def play(scene: Scene) -> None:
        alice = await scene.open("Alice")
        monkeypatch.setattr("postmortems.collab.committing.os.dup", none_left)
        alice.type("Patience. ")
        await scene.settle()
        assert (alice.end, alice.acknowledged) == (None, alice.sent)

    assert "Patience." in played(play, section).saved_text()


def test_rights_that_could_not_be_asked_about_are_asked_about_again(section: Section) -> None:
    async def play(scene: Scene) -> None:
        mallory = await scene.open("Mallory")
        await scene.settle()
        scene.standings["Mallory"] = Standing(may_read=False, may_write=False)
        failing(scene, "standing", LogUnreachable("away"))
        [hub] = scene.hubs
        with pytest.raises(LogUnreachable):
            await hub.look()
        assert mallory.end is None
        await hub.look()
        assert mallory.end == Code.FORBIDDEN

    played(play, section)


def test_a_document_that_cannot_be_looked_at_hides_no_other(section: Section, other: Section) -> None:
    async def play(scene: Scene) -> None:
        alice, mallory = await scene.open("Alice"), await scene.open("Mallory", section=other)
        await scene.settle()
        scene.standings["Alice"] = Standing(may_read=True, may_write=True)
        scene.standings["Mallory"] = Standing(may_read=False, may_write=False)
        failing(scene, "standing", RuntimeError("nobody foresaw it"), when=lambda peer, _: peer is alice)
        await scene.hubs[0].look()
        assert (alice.end, mallory.end) == (Code.RESYNC, Code.FORBIDDEN)

    played(play, section)


def test_news_that_cannot_be_looked_up_now_are_found_by_the_next_look(section: Section) -> None:
    async def play(scene: Scene) -> None:
        alice, bob = await scene.open("Alice"), await scene.open("Bob", hub=1)
        await scene.settle()
        scene.bus.lost = 1.0
        alice.type("Unheard. ")
        scene.deliver()
        await scene.hubs[0].commit()
        failing(scene.log, "after", LogUnreachable("away"))
        [(head, _)] = (await scene.log.heads([section.postmortem_id])).values()
        await scene.hubs[1].heard(section.postmortem_id, head, b"")
        assert "Unheard." not in bob.text
        await scene.hubs[1].look()
        assert "Unheard." in bob.text

    played(play, section, hubs=2)


def test_a_listener_that_fails_over_one_piece_of_news_hears_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postmortems.collab.bus.PATIENCE_SECONDS", 0.2)
    told: list[int] = []

    async def heard(postmortem_id: int, seq: int, data: bytes) -> None:
        told.append(seq)
        if seq == 1:
            raise RuntimeError("nobody foresaw it")

    async def play() -> None:
        here, there = RedisBus(settings.REDIS_URL), RedisBus(settings.REDIS_URL)
        listening = asyncio.create_task(here.listen(heard))
        await here.listening.wait()
        await there.publish([News(1, 1, b"")])
        await until(lambda: told == [1])
        async with asyncio.timeout(5):
            while 2 not in told:
                await there.publish([News(1, 2, b"")])
                await asyncio.sleep(0.05)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await here.close()
        await there.close()

    run_in_thread(play())


@pytest.mark.parametrize("count", [3, store.FEW + 1])
def test_of_several_documents_all_are_committed_or_none(count: int) -> None:
    postmortems = PostmortemFactory.create_batch(count)
    for postmortem in postmortems:
        store.open_document(postmortem)
    torn = postmortems[count // 2]
    DocumentHead.objects.filter(pk=torn.pk).update(head=0)  # its next entry has a number that is taken
    appends = [Append(each.pk, 0, [b"\x00\x00"]) for each in postmortems]

    async def play() -> dict[int, int]:
        log = PostgresLog()
        try:
            with pytest.raises(LogRefused):
                await log.append(appends)
            await asyncio.to_thread(none_is_kept)
            return await log.append([append for append in appends if append.postmortem_id != torn.pk])
        finally:
            await log.close()

    def none_is_kept() -> None:
        assert not any(store.entries_after(each.pk, 1) for each in postmortems)
        connection.close()

    assert run_in_thread(play()) == {each.pk: 2 for each in postmortems if each != torn}
    connection.close()


END_WHO_WAITS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ~ '^\\s*WITH bumped'
"""


def test_a_commit_that_postgres_ends_in_its_middle_is_made_again() -> None:
    postmortems = PostmortemFactory.create_batch(3)
    for postmortem in postmortems:
        store.open_document(postmortem)
    appends = [Append(each.pk, 0, [b"\x00\x00"]) for each in postmortems]
    known = connection.get_connection_params()
    address = {name: value for name, value in known.items() if name not in DJANGOS_OWN}

    async def play() -> dict[int, int]:
        log = PostgresLog()
        connect = psycopg.AsyncConnection.connect
        async with await connect(**address) as holder, await connect(**address, autocommit=True) as admin:
            await holder.execute(
                "SELECT 1 FROM postmortems_documenthead WHERE postmortem_id = %s FOR UPDATE", [postmortems[1].pk]
            )
            asking = asyncio.create_task(log.append(appends))
            async with asyncio.timeout(5):
                while not await (await admin.execute(END_WHO_WAITS)).fetchall():
                    await asyncio.sleep(0.01)
                with pytest.raises(LogUnreachable):
                    await asking
        try:
            return await log.append(appends)
        finally:
            await log.close()

    assert run_in_thread(play()) == {each.pk: 2 for each in postmortems}
    connection.close()


def test_whoever_publishes_knows_whether_another_process_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postmortems.collab.bus.channel", lambda: "a-channel-of-this-test")  # servers of others listen

    async def heard(postmortem_id: int, seq: int, data: bytes) -> None:
        """Nothing is asked of it here."""

    async def play() -> None:
        here, there = RedisBus(settings.REDIS_URL), RedisBus(settings.REDIS_URL)
        assert not await here.publish([News(1, 1, b"")])
        listening = [asyncio.create_task(here.listen(heard))]
        await here.listening.wait()
        assert not await here.publish([News(1, 2, b"")])
        listening.append(asyncio.create_task(there.listen(heard)))
        await there.listening.wait()
        assert await here.publish([News(1, 3, b"")])
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
        await here.close()
        await there.close()

    run_in_thread(play())


@pytest.mark.parametrize("error", [OperationalError("away"), InterfaceError("closed")])
def test_whoever_knows_the_rights_says_when_the_database_is_away(
    error: Exception, section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise error

    owner = section.postmortem.owner
    visitor = QueueingVisitor(Admitted(owner, "a-session", section.postmortem_id, True, False, (), 0), wants_ours=True)
    monkeypatch.setattr(admission, "user_of", away)
    monkeypatch.setattr(admission, "_bases", away)

    async def ask(question: Callable[[SessionGate, Visitor], Awaitable[object]]) -> None:
        with pytest.raises(LogUnreachable):
            await question(SessionGate(), visitor)

    run_in_thread(ask(lambda gate, visitor: gate.standing(visitor, section.postmortem_id)))
    run_in_thread(ask(lambda gate, visitor: gate.bases([visitor])))
