"""The edge: `/ws/postmortems/<id>` as a plain ASGI WebSocket, beside Django's pages.

It speaks y-protocols, so the stock y-websocket client connects; ours asks for the subprotocol `debrief.v1` besides. The
room is that of the opened post-mortem, never one the client names. Where WebSockets are blocked, `polling` answers.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import sys
import time

from asgiref.sync import sync_to_async

from postmortems.collab.admission import NOT_FOUND, UNOPENED, Receive, Refused, Scope, Send, admit
from postmortems.collab.hub import Hub
from postmortems.collab.polling import poll
from postmortems.collab.ports import Code, LogUnreachable
from postmortems.collab.process import close_hub, the_hub
from postmortems.collab.protocol import LARGEST_FRAME, SUBPROTOCOL
from postmortems.collab.room import Room
from postmortems.collab.store import LogDamaged
from postmortems.collab.visitor import QueueingVisitor

logger = logging.getLogger("debrief.live")

PATH = re.compile(r"/ws/postmortems/([0-9]{1,18})/?")
FRAMES_A_SECOND, BURST = 100, 400
YOUNG_OBJECTS = 20_000
"""So many new objects before the collector looks: a keystroke leaves few behind, and none in a circle."""


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application of the sockets. When its server stops, what is still on its way is saved first."""
    if scope["type"] == "websocket":
        await live_socket(scope, receive, send)
    elif scope["type"] == "http":
        await poll(scope, receive, send)
    elif scope["type"] == "lifespan":
        await receive()
        be_prompt()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await close_hub()
        gc.unfreeze()
        await send({"type": "lifespan.shutdown.complete"})


def be_prompt() -> None:
    """Keystrokes wait for nothing that can be avoided.

    The garbage collector leaves alone what was loaded once (looking through it takes 80 ms), and a thread that reads a
    document gives the interpreter back to the loop after a millisecond instead of five.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    sys.setswitchinterval(0.001)


async def live_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """One WebSocket from its first message to its last."""
    await receive()
    path = PATH.fullmatch(scope["path"])
    wants_ours = SUBPROTOCOL in scope.get("subprotocols", [])
    accept = {"type": "websocket.accept", "subprotocol": SUBPROTOCOL if wants_ours else None}
    try:
        if path is None:
            raise Refused(NOT_FOUND, "There is nothing here.")
        admitted = await sync_to_async(admit, thread_sensitive=False)(scope, int(path[1]))
    except Refused as refused:
        await send(accept)  # only an open connection can be closed with a reason
        await _refuse(send, refused)
        return
    except LogUnreachable:
        logger.exception("%s cannot be opened", scope["path"])
        await send(accept)
        await _refuse(send, UNOPENED)
        return
    await send(accept)
    await _talk(QueueingVisitor(admitted, wants_ours=wants_ours), admitted.postmortem_id, receive, send)


async def _refuse(send: Send, refused: Refused) -> None:
    await send({"type": "websocket.close", "code": int(refused.code), "reason": refused.reason})


async def _talk(peer: QueueingVisitor, postmortem_id: int, receive: Receive, send: Send) -> None:
    hub = the_hub()
    try:
        room = await hub.join(peer, postmortem_id)
    except (LogUnreachable, LogDamaged):
        logger.exception("PM-%s cannot be opened", postmortem_id)
        await _refuse(send, UNOPENED)
        return
    writing = asyncio.create_task(_write(peer, send))
    reading = asyncio.create_task(_read(peer, hub, room, receive))
    try:
        await asyncio.wait({writing, reading}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (writing, reading):
            task.cancel()
        for error in await asyncio.gather(writing, reading, return_exceptions=True):
            if isinstance(error, Exception) and not isinstance(error, OSError):  # whoever left raises that
                logger.error("a connection to PM-%s failed", postmortem_id, exc_info=error)
        hub.leave(peer, room)


async def _write(peer: QueueingVisitor, send: Send) -> None:
    """Pass on what waits until the connection is closed by us."""
    while True:
        await peer.news.wait()
        peer.news.clear()
        if peer.closed:
            code, reason = peer.closed
            await send({"type": "websocket.close", "code": code, "reason": reason})
            return
        if frame := peer.taken():
            await send({"type": "websocket.send", "bytes": frame})


async def _read(peer: QueueingVisitor, hub: Hub, room: Room, receive: Receive) -> None:
    """Take in frames, no more of them than a person and their page can make."""
    allowance, last = float(BURST), time.monotonic()
    while not peer.closed:
        message = await receive()
        if message["type"] != "websocket.receive":
            return
        frame = message.get("bytes")
        if frame is None or len(frame) > LARGEST_FRAME:
            peer.close(Code.BAD_FRAME, "Only frames of bytes, of at most four megabytes.")
            await asyncio.sleep(1)
            return
        hub.receive(peer, room, frame)
        now = time.monotonic()
        allowance = min(BURST, allowance + (now - last) * FRAMES_A_SECOND) - 1
        last = now
        if allowance < 0:
            await asyncio.sleep(-allowance / FRAMES_A_SECOND)
    await asyncio.sleep(1)
