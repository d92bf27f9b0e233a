"""Hostile bytes: whatever arrives ends one connection at most; the process lives, and honest pages notice nothing."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from pycrdt import Doc, Text

from postmortems.collab import protocol, store
from postmortems.collab.document import root_name
from postmortems.collab.ports import Code
from postmortems.collab.wire import chunk, number, text
from postmortems.models import Section
from tests.factories.postmortems import PostmortemFactory, SectionFactory
from tests.postmortems.collab.test_hub import Client, Scene, played

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
HUGE = number(2**53 - 1)
ENDINGS = {None, Code.BAD_FRAME, Code.RESYNC}


@pytest.fixture
def section() -> Section:
    section = SectionFactory.create(postmortem=PostmortemFactory.create(), body="Begin. ")
    store.open_document(section.postmortem)
    return section


def crafted(root: str) -> list[bytes]:
    """Frames made to break a reader: lengths that lie, numbers that never end, parts within parts."""
    begin = number(1) + number(1) + number(7) + number(0)
    updates = [
        b"",
        b"\x00",
        b"\x80" * 40,
        HUGE * 4,
        number(1) + HUGE,
        number(1) + HUGE + number(7) + number(0),
        begin,
        begin + b"\x04\x01" + text(root) + HUGE + b"x",
        begin + b"\x04\x01" + text(root) + number(0) + b"\x00",
        begin + b"\x04\x01" + text("section-") + text("x") + b"\x00",
        begin + b"\x84" + number(7) + number(2**52) + text("x") + b"\x00",
        begin + b"\x00" + HUGE + b"\x00",
        begin + b"\x0a" + number(5) + b"\x00",
        begin + b"\x07\x01" + text(root) + b"\x02" + b"\x00",
        begin + b"\x08\x01" + text(root) + b"\x01" + b"\x76" * 60 + b"\x00",
        begin + b"\x04\x01" + text(root) + chunk(b"\xff\xfe\xfd") + b"\x00",
        begin + b"\x04\x01" + text(root) + text("a\x00b") + b"\x00",
        b"\x00" + number(1) + number(7) + number(1) + HUGE + HUGE,
        b"\x00" + HUGE,
    ]
    frames = [protocol.update(update) for update in updates] + [protocol.missing(update) for update in updates]
    frames += [protocol.state_vector(HUGE), protocol.state_vector(b"\x01"), b"\x00", b"\x00\x09\x00", b"\x01", b"\xc8"]
    frames += [b"\x01" + chunk(number(1) + number(7) + number(0) + text("[" * 3000)), b"\x01" + chunk(HUGE)]
    frames += [bytes([kind]) * length for kind in (0, 1, 3, 100, 255) for length in (1, 7, 5000)]
    return frames


def mutated(frame: bytes, chance: random.Random) -> bytes:
    """The frame with some bytes changed, cut, doubled or put in."""
    data = bytearray(frame)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(5):
            case 0 if at < len(data):
                data[at] = chance.randrange(256)
            case 1:
                del data[at : at + chance.randint(1, 8)]
            case 2:
                data[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 8)))
            case 3 if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
            case _:
                data[at:at] = data[at : at + 20]
        if not data:
            data = bytearray(b"\x00")
    return bytes(data)


def honest_frames(root: str, chance: random.Random) -> list[bytes]:
    """What an honest page sends: the stuff that mutants are made of."""
    doc: Doc[Text] = Doc()
    page = doc.get(root, type=Text)
    frames = []
    for step in range(40):
        state = doc.get_state()
        length = len(str(page).encode())
        if step % 3 == 2 and length > 4:
            del page[1:3]
        else:
            page.insert(chance.choice([0, length]), chance.choice(["one ", "é", "two three ", "👩"]))
        frames += [protocol.update(doc.get_update(state)), protocol.state_vector(doc.get_state())]
    frames.append(protocol.missing(doc.get_update()))
    frames.append(protocol.awareness((protocol.Presence(9, 1, {"cursor": {"anchor": 1, "head": 2}}),)))
    return frames


def memory() -> int:
    """Resident memory of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def bombard(section: Section, count: int) -> int:
    """Feed so many hostile frames to a hub, each in a connection of its own; how much memory stays taken, in bytes."""
    chance = random.Random(20)
    root = root_name(section.pk)
    honest = honest_frames(root, chance)
    frames = crafted(root)
    grown = 0

    async def play(scene: Scene) -> None:
        nonlocal grown
        alice = await scene.open("Alice")
        await scene.settle()
        [hub] = scene.hubs
        before = 0
        for number_of_frame in range(count):
            frame = frames[number_of_frame] if number_of_frame < len(frames) else mutated(chance.choice(honest), chance)
            mallory = Client(section, "Mallory")
            room = await hub.join(mallory, section.postmortem_id)
            hub.receive(mallory, room, frame)
            assert mallory.end in ENDINGS, frame.hex()
            hub.leave(mallory, room)
            if number_of_frame % 200 == 199:
                await hub.commit()
                await scene.settle()
            if number_of_frame == min(count // 4, 20_000):
                before = memory()
        grown = memory() - before
        alice.type("Calm. ")
        await scene.settle()
        assert alice.end is None
        assert alice.acknowledged == alice.sent
        late = await scene.open("Late")
        await scene.settle()
        assert late.text == alice.text

    saved = played(play, section).saved_text()
    assert "Calm. " in saved
    return grown


def test_two_thousand_hostile_frames_harm_nobody(section: Section) -> None:
    bombard(section, 2_000)


@pytest.mark.soak
def test_a_hundred_thousand_hostile_frames_harm_nobody_and_leave_no_memory_taken(
    section: Section, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("ERROR", logger="debrief.live")  # what is captured of the warnings would be counted as taken
    assert bombard(section, 100_000) < 40_000_000


def test_a_frame_that_asks_for_the_document_a_thousand_times_gets_it_a_few_times(section: Section) -> None:
    async def play(scene: Scene) -> None:
        mallory = await scene.open("Mallory")
        await scene.settle()
        mallory.to_hub.append(protocol.state_vector(b"\x00") * 1_000)
        scene.deliver()
        assert mallory.end == Code.BAD_FRAME

    played(play, section)
