"""News between processes through Redis: which document has a new entry, and what it says."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import redis
from django.conf import settings
from django.utils.crypto import salted_hmac
from redis.asyncio import Redis
from redis.exceptions import RedisError

from postmortems.collab.ports import CHANGE, News
from postmortems.collab.wire import BadFrame, Reader, chunk, number

logger = logging.getLogger("debrief.live")

LARGEST_NEWS = 256 * 1024
"""Beyond this only the number goes through Redis; the others fetch the entry from the log."""
PATIENCE_SECONDS = 2.0

Heard = Callable[[int, int, bytes], Awaitable[None]]


@cache
def channel() -> str:
    """Where the processes of this Debrief speak: Redis tells everybody, whichever of its databases they use."""
    database = _redis().get_connection_kwargs().get("db", 0)
    return f"debrief:live:{salted_hmac('debrief.live', str(database)).hexdigest()[:16]}"


def message_of(sender: bytes, news: Iterable[News]) -> bytes:
    """The message: who says it, and each entry with its number; under number 0, what else changed."""
    parts = [chunk(sender)]
    for postmortem_id, seq, data in news:
        parts += [number(postmortem_id), number(seq), chunk(data if len(data) <= LARGEST_NEWS else b"")]
    return b"".join(parts)


@cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=1)


def announce(postmortem_id: int, seq: int, data: bytes) -> None:
    """Tell every process of an entry that a service committed; without Redis they find it in the log a little later."""
    try:
        _redis().publish(channel(), message_of(b"", [News(postmortem_id, seq, data)]))
    except RedisError as error:
        logger.warning("other processes were not told of entry %s of PM-%s: %s", seq, postmortem_id, error)


def announce_change(postmortem_id: int, part: str, detail: Mapping[str, Any] | None = None) -> None:
    """Tell every open page of the post-mortem that `part` of it changed: each fetches it anew, with its own rights.

    `detail` is what may be shown at once, before that: only what everybody who sees the post-mortem may see.
    """
    said = f"{part}\n{json.dumps(detail)}" if detail else part
    announce(postmortem_id, CHANGE, said.encode())


class RedisBus:
    """`ports.Bus` over publish and subscribe. Losing news costs seconds, never text."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, socket_timeout=None, socket_connect_timeout=PATIENCE_SECONDS)
        self._self = secrets.token_bytes(8)
        self.listening = asyncio.Event()
        """Set once it hears the others: cancelled while it connects, the client would leave its connection open."""

    async def publish(self, news: Sequence[News]) -> bool:
        message = message_of(self._self, news)
        with suppress(RedisError, OSError, TimeoutError):
            heard = await asyncio.wait_for(self._redis.publish(channel(), message), PATIENCE_SECONDS)
            return bool(heard > self.listening.is_set())  # itself among them
        return False

    async def listen(self, heard: Heard) -> None:
        """Pass on what other processes say, until cancelled."""
        while True:
            try:
                await self._listen(heard)
            except (RedisError, OSError) as error:
                logger.warning("no news from other processes: %s", error)
            except Exception:
                logger.exception("news from other processes could not be taken in")
            await asyncio.sleep(PATIENCE_SECONDS)

    async def close(self) -> None:
        with suppress(RedisError, OSError):
            await self._redis.aclose()

    async def _listen(self, heard: Heard) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(channel())
            self.listening.set()
            async for message in subscription.listen():
                with suppress(BadFrame):
                    await self._pass_on(message["data"], heard)

    async def _pass_on(self, news: bytes, heard: Heard) -> None:
        reader = Reader(news)
        if reader.chunk() == self._self:
            return
        while not reader.is_at_end:
            await heard(reader.number(), reader.number(), reader.chunk())
