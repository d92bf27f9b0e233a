"""The log for the hub: `store` in threads of its own, one of them for commits alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection
from kombu.exceptions import OperationalError as BrokerAway

from postmortems.collab import store
from postmortems.collab.ports import LogRefused, LogUnreachable, Nudge
from postmortems.collab.store import Append, Loaded
from postmortems.models import DocumentHead
from postmortems.tasks import follow_texts

logger = logging.getLogger("debrief.live")

T = TypeVar("T")
READERS = 4


class ThreadedLog:
    """`ports.Log` over Django's connections. Commits never wait behind a document that is being loaded."""

    def __init__(self) -> None:
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="live-commit")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="live-load")

    async def append(self, appends: Sequence[Append]) -> dict[int, int]:
        return await _in(self._writer, lambda: store.append(appends))

    async def load(self, postmortem_id: int) -> Loaded:
        return await _in(self._readers, lambda: store.load(postmortem_id))

    async def after(self, postmortem_id: int, seq: int) -> list[tuple[int, bytes]]:
        return await _in(self._readers, lambda: store.entries_after(postmortem_id, seq))

    async def heads(self, ids: Sequence[int]) -> dict[int, tuple[int, int]]:
        rows = DocumentHead.objects.filter(pk__in=ids).values_list("pk", "head", "acl_version")
        return await _in(self._readers, lambda: {pk: (head, version) for pk, head, version in rows})

    async def nudge(self, nudges: Sequence[Nudge]) -> None:
        asked = [(nudge.postmortem_id, nudge.upto, nudge.reason) for nudge in nudges]
        try:
            await _in(self._readers, lambda: follow_texts.delay(asked))
        except BrokerAway as error:
            logger.warning("no worker could be asked to follow %s texts; the sweep will: %s", len(asked), error)

    async def close(self) -> None:
        """End the threads and their connections."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        for pool, size in ((self._writer, 1), (self._readers, READERS)):
            together = Barrier(size)  # so that each thread of the pool takes one
            for _ in range(size):
                pool.submit(_leave, together)
            pool.shutdown()


def _leave(together: Barrier) -> None:
    together.wait(5)
    connection.close()


async def _in(pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, lambda: _kept(work))


def _kept(work: Callable[[], T]) -> T:
    """Do `work`; a connection that broke over it is replaced the next time."""
    try:
        return work()
    except (OperationalError, InterfaceError) as error:
        connection.close()
        raise LogUnreachable(str(error)) from error
    except DatabaseError as error:
        raise LogRefused(str(error)) from error
