"""Editors without a browser: each types one character after the other and notes when others' characters arrive.

They write Yjs updates byte by byte, so that hundreds of them cost little. The same editors speak to Debrief and to
Hocuspocus: the messages are those of y-protocols, which Hocuspocus puts behind the name of the document.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from postmortems.collab import protocol
from postmortems.collab.protocol import Kind, Presence
from postmortems.collab.wire import Reader, number, text

HOCUSPOCUS_AUTH = 2
AT_A_TIME = 20


@dataclass
class Figures:
    """What was measured, in seconds; filled by all typists of a run."""

    propagation: list[float] = field(default_factory=list)
    acknowledgement: list[float] = field(default_factory=list)
    lag: list[float] = field(default_factory=list)
    """How late the client itself was: what it adds to everything else."""
    sent_at: dict[tuple[int, int], float] = field(default_factory=dict)
    sent: int = 0

    def add(self, more: Figures) -> None:
        """Take in what another round measured."""
        self.propagation += more.propagation
        self.acknowledgement += more.acknowledgement
        self.lag += more.lag
        self.sent += more.sent


def one_character(client: int, clock: int, root: str) -> bytes:
    """The update that writes one character behind the last one of this client."""
    begin = number(1) + number(1) + number(client) + number(clock)
    place = b"\x04\x01" + text(root) if clock == 0 else b"\x84" + number(client) + number(clock - 1)
    return begin + place + text("x") + b"\x00"


def first_of(update: bytes) -> tuple[int, int] | None:
    """The client and the clock of the first character an update brings."""
    reader = Reader(update)
    if reader.number() == 0:
        return None
    reader.number()
    return reader.number(), reader.number()


@dataclass
class Typist:
    """One editor of one document."""

    url: str
    root: str
    figures: Figures
    headers: Mapping[str, str] = field(default_factory=dict)
    room: str = ""
    """The name of the document, where messages go behind it (Hocuspocus); "" for plain y-protocols."""
    client: int = field(default_factory=lambda: random.getrandbits(31) + 1)
    clock: int = 0
    messages: int = 0
    saved: int = 0
    waiting: dict[int, float] = field(default_factory=dict)
    connection: ClientConnection | None = None

    async def open(self) -> None:
        """Connect, say what we have (nothing), and wait until the server has answered."""
        subprotocols = [] if self.room else [protocol.SUBPROTOCOL]
        self.connection = await connect(
            self.url,
            additional_headers=self.headers,
            subprotocols=subprotocols or None,  # type: ignore[arg-type]
            proxy=None,
            compression=None,
            max_size=None,
            ping_interval=None,
        )
        if self.room:
            await self._send(bytes([HOCUSPOCUS_AUTH, 0]) + text("token") + text("4.7.0"))
        await self._send(protocol.state_vector(b"\x00"))

    async def _send(self, message: bytes) -> None:
        assert self.connection is not None
        await self.connection.send(text(self.room) + message if self.room else message)

    async def type_on(self, *, until: float, a_second: float) -> None:
        """Type at this pace, each key a little early or late."""
        due = time.perf_counter() + random.random() / a_second
        while due < until:
            await asyncio.sleep(max(0, due - time.perf_counter()))
            self.figures.lag.append(max(0, time.perf_counter() - due))
            await self.press()
            due += random.uniform(0.5, 1.5) / a_second

    async def press(self) -> None:
        """One key: the character, and where the caret is now."""
        update = one_character(self.client, self.clock, self.root)
        now = time.perf_counter()
        self.figures.sent_at[self.client, self.clock] = now
        self.clock += 1
        self.messages += 1
        self.waiting[self.messages] = now
        self.figures.sent += 1
        await self._send(protocol.update(update))
        here = {"user": {"name": "Typist"}, "cursor": {"anchor": self.clock, "head": self.clock}}
        await self._send(protocol.awareness((Presence(self.client, self.clock, here),)))

    async def listen(self) -> None:
        """Take in what comes until the connection ends."""
        assert self.connection is not None
        with suppress(ConnectionClosed):
            async for frame in self.connection:
                if isinstance(frame, bytes):
                    await self._take(frame, time.perf_counter())

    async def _take(self, frame: bytes, now: float) -> None:
        reader = Reader(frame)
        if self.room:
            reader.text()
            kind = reader.number()
            if kind not in {0, 4}:  # sync, and sync that answers
                return
            await self._sync(reader, now)
            return
        while not reader.is_at_end:
            kind = reader.number()
            if kind == Kind.SYNC:
                await self._sync(reader, now)
            elif kind in {Kind.AWARENESS, Kind.CHANGED}:
                reader.chunk()
            elif kind == Kind.SAVED:
                self._saved(reader.number(), now)
            else:
                reader.number()

    async def _sync(self, reader: Reader, now: float) -> None:
        step, data = reader.number(), reader.chunk()
        if step == protocol.Sync.STATE:
            self.messages += 1
            await self._send(protocol.missing(b"\x00\x00"))
        elif step == protocol.Sync.UPDATE and (key := first_of(data)) in self.figures.sent_at:
            assert key is not None
            self.figures.propagation.append(now - self.figures.sent_at[key])

    def _saved(self, count: int, now: float) -> None:
        for message in range(self.saved + 1, count + 1):
            if message in self.waiting:
                self.figures.acknowledgement.append(now - self.waiting.pop(message))
        self.saved = count

    async def close(self) -> None:
        if self.connection is not None:
            with suppress(WebSocketException, OSError):
                await self.connection.close()


async def open_all(typists: Sequence[Typist]) -> None:
    """Connect them, some at a time: hundreds at once would wait for each other's signing in."""
    for begin in range(0, len(typists), AT_A_TIME):
        await asyncio.gather(*(typist.open() for typist in typists[begin : begin + AT_A_TIME]))
