"""A balancer for tests: passes connections on to web processes in turn, and can take somebody's network away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from itertools import count
from typing import Any, TypeVar

from tests.web import free_port

T = TypeVar("T")


class Balancer:
    """Listens on loopback, in a thread of its own. Each `front` is one person's way to the processes behind."""

    def __init__(self, backends: list[int]) -> None:
        self.backends = backends
        self.used: set[int] = set()
        """The processes that were connected to."""
        self._turns = count()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._servers: dict[int, asyncio.Server] = {}
        self._open: dict[int, set[asyncio.StreamWriter]] = {}
        self._cut: set[int] = set()

    def __enter__(self) -> Balancer:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def front(self) -> int:
        """A new way in, known by its port."""
        return self._do(self._listen())

    def cut(self, front: int) -> None:
        """From now on nothing gets through, and nobody is told: packets vanish."""
        self._cut.add(front)

    def mend(self, front: int) -> None:
        """The network is back. Connections from before are dead."""
        self._cut.discard(front)
        self._do(self._drop(front))

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _listen(self) -> int:
        port = free_port()
        self._open[port] = set()
        self._servers[port] = await asyncio.start_server(lambda r, w: self._carry(port, r, w), "127.0.0.1", port)
        return port

    async def _drop(self, front: int) -> None:
        for writer in list(self._open[front]):
            writer.close()

    async def _close(self) -> None:
        for front, server in self._servers.items():
            server.close()
            await self._drop(front)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _carry(self, front: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await self._backend()
        if there is None:
            writer.close()
            return
        self._open[front] |= {writer, there[1]}
        try:
            await asyncio.gather(self._pump(front, reader, there[1]), self._pump(front, there[0], writer))
        finally:
            self._open[front] -= {writer, there[1]}

    async def _backend(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """The process whose turn it is; the next one when it does not answer."""
        for _ in self.backends:
            port = self.backends[next(self._turns) % len(self.backends)]
            with suppress(OSError):
                found = await asyncio.open_connection("127.0.0.1", port)
                self.used.add(port)
                return found
        return None

    async def _pump(self, front: int, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                if front not in self._cut:
                    target.write(data)
                    await target.drain()
        target.close()
