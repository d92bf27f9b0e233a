"""The edge for browsers behind a proxy that blocks WebSockets: the same frames and the same hub, by plain HTTP.

`POST /ws/postmortems/<id>/poll` takes a frame and answers with one: at least the sender's acknowledgements. With
`?since=` the number in the header `Debrief-Head` of the last answer, it waits some seconds for something new; with
`?changes=` what stood in its header `Debrief-Changes`, it is told what changed beside the text since then. A connection
lives as long as its request, so any process may answer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from contextlib import suppress
from typing import NamedTuple

from asgiref.sync import sync_to_async

from postmortems.collab import protocol
from postmortems.collab.admission import NOT_FOUND, NOT_SIGNED_IN, UNOPENED, Receive, Refused, Scope, Send, admit, asked
from postmortems.collab.ports import Code, LogUnreachable
from postmortems.collab.process import the_hub
from postmortems.collab.room import Room
from postmortems.collab.store import LogDamaged
from postmortems.collab.visitor import QueueingVisitor

logger = logging.getLogger("debrief.live")

PATH = re.compile(r"/ws/postmortems/([0-9]{1,18})/poll/?")
WAIT_SECONDS = 20.0
"""Shorter than the patience of any proxy we know of."""
COMMIT_SECONDS = 10.0
UNREACHABLE = 503

_lingering: set[asyncio.Task[None]] = set()


async def poll(scope: Scope, receive: Receive, send: Send) -> None:
    """One request."""
    path = PATH.fullmatch(scope["path"])
    try:
        if path is None or scope["method"] != "POST":
            raise Refused(NOT_FOUND, "There is nothing here.")
        frame = await _body(receive)
        admitted = await sync_to_async(admit, thread_sensitive=False)(scope, int(path[1]))
        visitor = QueueingVisitor(admitted, wants_ours=True)
        told = asked(scope, "changes")
        answer = await _exchange(visitor, admitted.postmortem_id, frame, since=_since(scope), told=told)
    except Refused as refused:
        await _send_refusal(send, refused)
        return
    except (LogUnreachable, LogDamaged):
        logger.exception("%s cannot be answered", scope["path"])
        await _send_refusal(send, UNOPENED)
        return
    await _send(send, 200, b"application/octet-stream", answer)


class Answer(NamedTuple):
    """What is sent back."""

    body: bytes
    head: int = 0
    """The last entry it knows of."""
    changes: str = ""
    """Until where it tells what changed beside the text."""


def _since(scope: Scope) -> int:
    """The entry the sender had heard of; 0 when it does not want to wait."""
    value = asked(scope, "since")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else 0


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > protocol.LARGEST_FRAME:
            raise Refused(Code.BAD_FRAME, "At most four megabytes.")
        if not message.get("more_body"):
            return body


async def _exchange(visitor: QueueingVisitor, postmortem_id: int, frame: bytes, *, since: int, told: str) -> Answer:
    """Hand in `frame` and wait until what it brought is committed; who has heard of entry `since` waits for another.

    Nobody waits who was not told of all changes yet. `told`: until where they were; empty for whoever does not ask.
    """
    hub = the_hub()
    room = await hub.join(visitor, postmortem_id)
    missed = hub.changes.since(told, postmortem_id) if told else []
    for said in missed:
        visitor.send(protocol.changed(said))
    try:
        if frame:
            hub.receive(visitor, room, frame)
        await _committed(visitor, room)
        if since == room.head and not visitor.closed and not missed:
            await _news(visitor)
    finally:
        task = asyncio.create_task(hub.leave_later(visitor, room))
        _lingering.add(task)
        task.add_done_callback(_lingering.discard)
    if visitor.closed:
        raise Refused(*visitor.closed)
    return Answer(visitor.taken(), room.head, hub.changes.mark)


async def _committed(visitor: QueueingVisitor, room: Room) -> None:
    """Until nothing of the visitor waits for the database, or that takes too long: then it is not acknowledged."""
    until = asyncio.get_running_loop().time() + COMMIT_SECONDS
    while not visitor.closed and any(sent.peer is visitor for sent in room.pending + room.committing):
        if asyncio.get_running_loop().time() > until:
            return
        visitor.news.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(visitor.news.wait(), 0.5)


async def _news(visitor: QueueingVisitor) -> None:
    visitor.news.clear()
    with suppress(TimeoutError):
        await asyncio.wait_for(visitor.news.wait(), WAIT_SECONDS)


async def _send_refusal(send: Send, refused: Refused) -> None:
    """The code a WebSocket would be closed with, in the body; the status says the same as far as HTTP can."""
    statuses = {NOT_FOUND: 404, NOT_SIGNED_IN: 401, Code.FORBIDDEN: 403, Code.BAD_FRAME: 400, Code.RESYNC: 409}
    body = json.dumps({"code": int(refused.code), "reason": refused.reason}).encode()
    await _send(send, statuses.get(refused.code, UNREACHABLE), b"application/json", Answer(body))


async def _send(send: Send, status: int, content_type: bytes, answer: Answer) -> None:
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(answer.body)).encode()),
        (b"cache-control", b"no-store"),
        (b"debrief-head", str(answer.head).encode()),
        (b"debrief-changes", answer.changes.encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
