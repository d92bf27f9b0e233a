"""The edge: `/ws/postmortems/<id>` as a plain ASGI WebSocket, beside Django's pages.

It speaks y-protocols, so the stock y-websocket client connects; ours asks for the subprotocol `debrief.v1` besides. The
room is that of the opened post-mortem, never one the client names.

config/asgi.py does not route here yet: pages still read and write `Section.body`, and a text must have one truth.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.db import close_old_connections
from django.http import Http404, HttpRequest
from django.http.request import split_domain_port, validate_host

from accounts import audit
from accounts.access import open_object
from accounts.models import User
from postmortems import rules
from postmortems.collab import store
from postmortems.collab.bus import RedisBus
from postmortems.collab.hub import Code, Hub, LogUnreachable, Peer, Room, Standing
from postmortems.collab.log import ThreadedLog
from postmortems.collab.protocol import LARGEST_FRAME, SUBPROTOCOL
from postmortems.collab.store import LogDamaged
from postmortems.models import Postmortem

logger = logging.getLogger("debrief.live")

P = ParamSpec("P")
T = TypeVar("T")
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

PATH = re.compile(r"/ws/postmortems/([0-9]{1,18})/?")
MOST_QUEUED = 4 * 1024 * 1024
"""Bytes on their way to one client; who reads more slowly than that is asked to connect again."""
MOST_DROPPABLE = 256 * 1024
FRAMES_A_SECOND, BURST = 100, 400
LAST_COMMIT_SECONDS = 2.0
NOT_FOUND, NOT_SIGNED_IN, DAMAGED = 4404, 4401, 4500


@dataclass(frozen=True)
class Refused(Exception):
    """Nobody comes in: the code to close with, and why."""

    code: int
    reason: str


@dataclass(frozen=True)
class Admitted:
    """Somebody who may read, and perhaps write."""

    user: User
    session_key: str
    postmortem_id: int
    may_write: bool


class SocketPeer(Peer):
    """One WebSocket: frames wait here until it takes them."""

    def __init__(self, admitted: Admitted, *, wants_ours: bool) -> None:
        person = {"id": admitted.user.pk, "name": admitted.user.display_name}
        super().__init__(may_write=admitted.may_write, wants_ours=wants_ours, person=person)
        self.session_key = admitted.session_key
        self.closed: tuple[int, str] | None = None
        self._frames: deque[bytes] = deque()
        self._queued = 0
        self._news = asyncio.Event()

    def send(self, frame: bytes, *, may_drop: bool = False) -> None:
        if self.closed or (may_drop and self._queued > MOST_DROPPABLE):
            return
        self._frames.append(frame)
        self._queued += len(frame)
        if self._queued > MOST_QUEUED:
            self.close(Code.TOO_SLOW, "This connection is too slow.")
        self._news.set()

    def close(self, code: int, reason: str) -> None:
        if not self.closed:
            self.closed = (int(code), reason[:100])
            self._news.set()

    async def write(self, send: Send) -> None:
        """Pass on what waits until the connection is closed by us."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._frames and not self.closed:
                frame = self._frames.popleft()
                self._queued -= len(frame)
                await send({"type": "websocket.send", "bytes": frame})
            if self.closed:
                code, reason = self.closed
                await send({"type": "websocket.close", "code": code, "reason": reason})
                return


# -- Who may come in -----------------------------------------------------------------------------------------------


def with_connection(work: Callable[P, T]) -> Callable[P, T]:
    """`work` in a thread outside any request: its database connection is looked after as a request's is."""

    @wraps(work)
    def looked_after(*args: P.args, **kwargs: P.kwargs) -> T:
        close_old_connections()
        try:
            return work(*args, **kwargs)
        finally:
            close_old_connections()

    return looked_after


@with_connection
def admit(scope: Scope, postmortem_id: int) -> Admitted:
    """The person behind the connection, with what they may do. Raises `Refused`."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    _check_origin(headers)
    session_key = _session_key(headers.get("cookie", ""))
    user = user_of(session_key)
    if user is None:
        raise Refused(NOT_SIGNED_IN, "Sign in first.")
    try:
        postmortem = open_object(user, Postmortem, pk=postmortem_id)
    except Http404 as hidden:
        raise Refused(NOT_FOUND, "There is nothing here.") from hidden
    audit.record_look(by=user, seen=postmortem, method="GET")
    store.open_document(postmortem)
    return Admitted(user, session_key, postmortem.pk, _may_write(user, postmortem))


def _check_origin(headers: dict[str, str]) -> None:
    """A page of another site must not connect in its visitor's name. Clients that are no browser say no origin."""
    host = headers.get("host", "")
    if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
        raise Refused(Code.FORBIDDEN, "This address is not served here.")
    origin = headers.get("origin")
    if origin and urlsplit(origin).netloc != host and origin not in settings.CSRF_TRUSTED_ORIGINS:
        raise Refused(Code.FORBIDDEN, "Pages of other sites may not connect.")


def _session_key(cookies: str) -> str:
    try:
        morsel = SimpleCookie(cookies).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def user_of(session_key: str) -> User | None:
    """Whose session it is, as long as it is valid."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key or None)
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active else None


def _may_write(user: User, postmortem: Postmortem) -> bool:
    return rules.can_edit(user, postmortem) and not postmortem.is_published


@with_connection
def standing_of(session_key: str, postmortem_id: int) -> Standing:
    """What the person of this session may do now."""
    user = user_of(session_key)
    postmortem = Postmortem.objects.visible_to(user).filter(pk=postmortem_id).first() if user else None
    if user is None or postmortem is None:
        return Standing(may_read=False, may_write=False)
    return Standing(may_read=True, may_write=_may_write(user, postmortem))


async def check(peer: Peer, postmortem_id: int) -> Standing:
    assert isinstance(peer, SocketPeer)  # noqa: S101  (the hub knows no other here)
    return await sync_to_async(standing_of, thread_sensitive=False)(peer.session_key, postmortem_id)


# -- The connection ------------------------------------------------------------------------------------------------

_hub: Hub | None = None
_work: set[asyncio.Task[None]] = set()


def the_hub() -> Hub:
    """The hub of this process, at work from the first connection on."""
    global _hub
    if _hub is None:
        bus = RedisBus(settings.REDIS_URL)
        _hub = Hub(ThreadedLog(), bus, check)
        for work in (_hub.run(), bus.listen(_hub.heard)):
            task = asyncio.create_task(work)
            _work.add(task)
            task.add_done_callback(_work.discard)
    return _hub


async def close_hub() -> None:
    """The process ends: save what is on its way, and let go of threads and connections."""
    global _hub
    hub, _hub = _hub, None
    for task in list(_work):
        task.cancel()
    await asyncio.gather(*_work, return_exceptions=True)
    if hub is not None:
        with suppress(TimeoutError):
            await asyncio.wait_for(hub.commit(), LAST_COMMIT_SECONDS)
        for part in (hub.log, hub.bus):
            await part.close()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application of the sockets. When its server stops, what is still on its way is saved first."""
    if scope["type"] == "websocket":
        await live_socket(scope, receive, send)
    elif scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await close_hub()
        await send({"type": "lifespan.shutdown.complete"})


async def live_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """One WebSocket from its first message to its last."""
    await receive()
    path = PATH.fullmatch(scope["path"])
    try:
        if path is None:
            raise Refused(NOT_FOUND, "There is nothing here.")
        admitted = await sync_to_async(admit, thread_sensitive=False)(scope, int(path[1]))
    except Refused as refused:
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": int(refused.code), "reason": refused.reason})
        return
    wants_ours = SUBPROTOCOL in scope.get("subprotocols", [])
    await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if wants_ours else None})
    await _talk(SocketPeer(admitted, wants_ours=wants_ours), admitted.postmortem_id, receive, send)


async def _talk(peer: SocketPeer, postmortem_id: int, receive: Receive, send: Send) -> None:
    hub = the_hub()
    try:
        room = await hub.join(peer, postmortem_id)
    except (LogUnreachable, LogDamaged):
        logger.exception("PM-%s cannot be opened", postmortem_id)
        await send({"type": "websocket.close", "code": DAMAGED, "reason": "This text cannot be opened now."})
        return
    writing = asyncio.create_task(peer.write(send))
    reading = asyncio.create_task(_read(peer, hub, room, receive))
    try:
        await asyncio.wait({writing, reading}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (writing, reading):
            task.cancel()
        await asyncio.gather(writing, reading, return_exceptions=True)
        hub.leave(peer, room)


async def _read(peer: SocketPeer, hub: Hub, room: Room, receive: Receive) -> None:
    """Take in frames, no more of them than a person and their page can make."""
    allowance, last = float(BURST), time.monotonic()
    while not peer.closed:
        message = await receive()
        if message["type"] != "websocket.receive":
            return
        frame = message.get("bytes")
        if frame is None or len(frame) > LARGEST_FRAME:
            peer.close(Code.BAD_FRAME, "Only frames of bytes, of at most a megabyte.")
            await asyncio.sleep(1)
            return
        hub.receive(peer, room, frame)
        now = time.monotonic()
        allowance = min(BURST, allowance + (now - last) * FRAMES_A_SECOND) - 1
        last = now
        if allowance < 0:
            await asyncio.sleep(-allowance / FRAMES_A_SECOND)
    await asyncio.sleep(1)
