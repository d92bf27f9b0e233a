"""The messages on the socket: y-protocols, as the stock y-websocket client speaks them, and three of our own.

A frame holds one message or several. Our own are only sent to clients that ask for the subprotocol `debrief.v1`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple

from postmortems.collab.wire import BadFrame, Reader, chunk, number, text

SUBPROTOCOL = "debrief.v1"
LARGEST_FRAME = 4 * 1024 * 1024
LARGEST_AWARENESS = 4_096
MOST_ASKED = 4
"""In one frame: each is answered with all its sender lacks, which may be a whole document."""
MOST_AWARE = 2
"""A connection speaks for one client; for a moment for two, when its page made a new one."""

_as_json = json.JSONEncoder(separators=(",", ":")).encode


class Kind(IntEnum):
    """First number of a message."""

    SYNC = 0
    AWARENESS = 1
    AUTH = 2
    QUERY_AWARENESS = 3
    SAVED = 100
    CHANGED = 101
    STANDING = 102


class Sync(IntEnum):
    """Second number of a sync message."""

    STATE = 0
    MISSING = 1
    UPDATE = 2


class StateVector(NamedTuple):
    """What the sender has; the answer is what it lacks."""

    state: bytes


class Update(NamedTuple):
    """A change. `is_answer`: sent because we asked for what we lack."""

    data: bytes
    is_answer: bool = False


class Presence(NamedTuple):
    """State of one client: who and where it is. None: it left."""

    client: int
    clock: int
    state: dict[str, Any] | None


class Awareness(NamedTuple):
    """States of clients; passed on, never kept."""

    entries: tuple[Presence, ...]


class QueryAwareness(NamedTuple):
    """Who is here?"""


Message = StateVector | Update | Awareness | QueryAwareness


def read_frame(frame: bytes) -> Iterator[Message]:
    """The messages of a frame from a client. Raises `BadFrame` at the first that is none."""
    if len(frame) > LARGEST_FRAME:
        raise BadFrame("the frame is too large")
    if not frame:
        raise BadFrame("the frame is empty")
    reader, asked = Reader(frame), 0
    while not reader.is_at_end:
        message = _message(reader)
        asked += isinstance(message, StateVector)
        if asked > MOST_ASKED:
            raise BadFrame("it asks too often")
        yield message


def _message(reader: Reader) -> Message:
    kind = reader.number()
    if kind == Kind.SYNC:
        return _sync(reader)
    if kind == Kind.AWARENESS:
        return read_awareness(reader.chunk())
    if kind == Kind.QUERY_AWARENESS:
        return QueryAwareness()
    raise BadFrame(f"a message of kind {kind}")


def _sync(reader: Reader) -> StateVector | Update:
    step = reader.number()
    if step == Sync.STATE:
        return StateVector(reader.chunk())
    if step in {Sync.MISSING, Sync.UPDATE}:
        return Update(reader.chunk(), is_answer=step == Sync.MISSING)
    raise BadFrame(f"a sync message of kind {step}")


def read_awareness(data: bytes) -> Awareness:
    if len(data) > LARGEST_AWARENESS:
        raise BadFrame("the awareness is too large")
    reader = Reader(data)
    count = reader.number()
    if count > MOST_AWARE:
        raise BadFrame("awareness of too many clients")
    entries = tuple(_presence(reader) for _ in range(count))
    reader.end()
    return Awareness(entries)


def _presence(reader: Reader) -> Presence:
    client, clock, written = reader.number(), reader.number(), reader.text()
    try:
        state = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise BadFrame("an awareness state is not JSON") from error
    if state is not None and not isinstance(state, dict):
        raise BadFrame("an awareness state is no object")
    return Presence(client, clock, state)


# -- What we send -----------------------------------------------------------------------------------------------------


def state_vector(state: bytes) -> bytes:
    return bytes([Kind.SYNC, Sync.STATE]) + chunk(state)


def missing(update: bytes) -> bytes:
    """The answer to a state vector."""
    return bytes([Kind.SYNC, Sync.MISSING]) + chunk(update)


def update(data: bytes) -> bytes:
    return bytes([Kind.SYNC, Sync.UPDATE]) + chunk(data)


def awareness(entries: tuple[Presence, ...]) -> bytes:
    body = number(len(entries))
    for entry in entries:
        body += number(entry.client) + number(entry.clock) + text(_as_json(entry.state))
    return bytes([Kind.AWARENESS]) + chunk(body)


def saved(count: int) -> bytes:
    """So many updates of this connection are committed."""
    return number(Kind.SAVED) + number(count)


def changed(part: str) -> bytes:
    """This part of the post-mortem, a block say, changed: pages fetch it anew, each with its own rights."""
    return number(Kind.CHANGED) + text(part)


def standing(*, may_write: bool) -> bytes:
    """Whether this connection may write from now on."""
    return number(Kind.STANDING) + number(int(may_write))
