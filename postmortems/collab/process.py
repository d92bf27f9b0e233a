"""The one hub of a process, at work from the first connection on."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from django.conf import settings

from postmortems.collab.admission import SessionGate
from postmortems.collab.bus import RedisBus
from postmortems.collab.hub import Hub
from postmortems.collab.log import PostgresLog

LAST_COMMIT_SECONDS = 2.0

_hub: Hub | None = None
_work: set[asyncio.Task[None]] = set()


def the_hub() -> Hub:
    """The hub of this process."""
    global _hub
    if _hub is None:
        bus = RedisBus(settings.REDIS_URL)
        _hub = Hub(PostgresLog(), bus, SessionGate())
        for work in (_hub.run(), bus.listen(_hub.heard)):
            task = asyncio.create_task(work)
            _work.add(task)
            task.add_done_callback(_work.discard)
    return _hub


def is_hub_open() -> bool:
    return _hub is not None


async def close_hub() -> None:
    """The process ends: save what is on its way, and let go of threads and connections."""
    global _hub
    hub, _hub = _hub, None
    if hub is not None and isinstance(hub.bus, RedisBus):
        with suppress(TimeoutError):
            await asyncio.wait_for(hub.bus.listening.wait(), 1)
    for task in list(_work):
        task.cancel()
    await asyncio.gather(*_work, return_exceptions=True)
    if hub is not None:
        with suppress(TimeoutError):
            await asyncio.wait_for(hub.commit(), LAST_COMMIT_SECONDS)
        for part in (hub.log, hub.bus):
            await part.close()
