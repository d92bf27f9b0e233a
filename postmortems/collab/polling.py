"""The edge for browsers behind a proxy that blocks WebSockets: the same frames and the same hub, by plain HTTP.

`POST /ws/postmortems/<id>/poll` takes a frame and answers with one: at least the sender's acknowledgements. With
`?since=` the number in the header `Debrief-Head` of the last answer, it waits some seconds for something new. A
connection lives as long as its request, so any process may answer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from contextlib import suppress
from urllib.parse import parse_qs

from asgiref.sync import sync_to_async

from postmortems.collab import protocol
from postmortems.collab.admission import NOT_FOUND, NOT_SIGNED_IN, UNOPENED, Receive, Refused, Scope, Send, admit
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
        head, answer = await _exchange(visitor, admitted.postmortem_id, frame, since=_since(scope))
    except Refused as refused:
        await _send_refusal(send, refused)
        return
    except (LogUnreachable, LogDamaged):
        logger.exception("%s cannot be answered", scope["path"])
        await _send_refusal(send, UNOPENED)
        return
    await _send(send, 200, b"application/octet-stream", answer, head)


def _since(scope: Scope) -> int:
    """The entry the sender had heard of; 0 when it does not want to wait."""
    value = parse_qs(scope["query_string"].decode("latin-1")).get("since", ["0"])[0]
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


async def _exchange(visitor: QueueingVisitor, postmortem_id: int, frame: bytes, *, since: int) -> tuple[int, bytes]:
    """Hand in `frame` and wait until what it brought is committed; who has heard of entry `since` waits for another.

    Returns the number of the last entry the answer knows of, and the answer.
    """
    hub = the_hub()
    room = await hub.join(visitor, postmortem_id)
    try:
        if frame:
            hub.receive(visitor, room, frame)
        await _committed(visitor, room)
        if since == room.head and not visitor.closed:
            await _news(visitor)
    finally:
        task = asyncio.create_task(hub.leave_later(visitor, room))
        _lingering.add(task)
        task.add_done_callback(_lingering.discard)
    if visitor.closed:
        raise Refused(*visitor.closed)
    return room.head, visitor.taken()


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
    await _send(send, statuses.get(refused.code, UNREACHABLE), b"application/json", body)


async def _send(send: Send, status: int, content_type: bytes, body: bytes, head: int = 0) -> None:
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"debrief-head", str(head).encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
