"""The log for the hub: what is read, in threads of its own; what is committed, on the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from kombu.exceptions import OperationalError as BrokerAway

from postmortems.collab import store
from postmortems.collab.committing import Committing
from postmortems.collab.failures import failures_told
from postmortems.collab.ports import Nudge
from postmortems.collab.store import Append, Loaded
from postmortems.models import DocumentHead
from postmortems.tasks import follow_texts

logger = logging.getLogger("debrief.live")

T = TypeVar("T")
READERS = 4
FOLLOW_EXPIRES_SECONDS = 6.0
"""Three times as long as the hub waits before it asks again."""
KEEP_EXPIRES_SECONDS = 86_400.0


class PostgresLog:
    """`ports.Log` over Postgres. Commits never wait behind a document that is being loaded."""

    def __init__(self) -> None:
        self._connections: list[BaseDatabaseWrapper] = []
        self._committing = Committing()
        self._readers = ThreadPoolExecutor(READERS, "live-load", self._remember_connection)

    def _remember_connection(self) -> None:
        """Each thread has one of its own, which only `close` can end once the thread is gone."""
        connection.inc_thread_sharing()
        self._connections.append(connections[DEFAULT_DB_ALIAS])

    async def append(self, appends: Sequence[Append]) -> dict[int, int]:
        with failures_told():
            return await self._committing.append(appends)

    async def load(self, postmortem_id: int) -> Loaded:
        return await _in(self._readers, lambda: store.load(postmortem_id))

    async def after(self, postmortem_id: int, seq: int) -> list[tuple[int, bytes]]:
        return await _in(self._readers, lambda: store.entries_after(postmortem_id, seq))

    async def heads(self, ids: Sequence[int]) -> dict[int, tuple[int, int]]:
        rows = DocumentHead.objects.filter(pk__in=ids).values_list("pk", "head", "acl_version")
        return await _in(self._readers, lambda: {pk: (head, version) for pk, head, version in rows})

    async def nudge(self, nudges: Sequence[Nudge]) -> None:
        """Ask a worker. That sections follow is worth nothing once it is asked again; a revision is, however late.

        So a worker that cannot keep up with many who type passes over the first, instead of falling behind for good.
        """
        for expires, some in (
            (FOLLOW_EXPIRES_SECONDS, [nudge for nudge in nudges if not nudge.reason]),
            (KEEP_EXPIRES_SECONDS, [nudge for nudge in nudges if nudge.reason]),
        ):
            asked = [(nudge.postmortem_id, nudge.upto, nudge.reason) for nudge in some]
            if asked:
                await self._ask(asked, expires=expires)

    async def _ask(self, asked: list[tuple[int, int, str]], *, expires: float) -> None:
        try:
            await _in(self._readers, lambda: follow_texts.apply_async((asked,), expires=expires))
        except BrokerAway as error:
            logger.warning("no worker could be asked to follow %s texts; the sweep will: %s", len(asked), error)

    async def close(self) -> None:
        """End the threads and all connections."""
        await self._committing.close()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._readers.shutdown()
        for each in self._connections:
            each.close()


async def _in(pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, lambda: _kept(work))


def _kept(work: Callable[[], T]) -> T:
    """Do `work`; a connection that broke over it is replaced the next time."""
    with failures_told():
        try:
            return work()
        except (OperationalError, InterfaceError):
            connection.close()
            raise
