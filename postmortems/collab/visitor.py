"""A peer whose frames wait until its connection takes them."""

from __future__ import annotations

import asyncio
from collections import deque

from postmortems.collab.admission import Admitted, Visitor
from postmortems.collab.document import LARGEST_DOCUMENT
from postmortems.collab.ports import Code

MOST_QUEUED = LARGEST_DOCUMENT + 4 * 1024 * 1024
"""Bytes on their way to one client; for whom more than that waits when something is added, is asked to connect again.

One frame may be larger, as a document is that is answered whole.
"""
MOST_DROPPABLE = 256 * 1024


class QueueingVisitor(Visitor):
    """Keeps the frames for it in order; `news` is set whenever there is something to pass on."""

    def __init__(self, admitted: Admitted, *, wants_ours: bool) -> None:
        super().__init__(admitted, wants_ours=wants_ours)
        self.closed: tuple[int, str] | None = None
        self.news = asyncio.Event()
        self._frames: deque[bytes] = deque()
        self._queued = 0

    def send(self, frame: bytes, *, may_drop: bool = False) -> None:
        if self.closed or (may_drop and self._queued > MOST_DROPPABLE):
            return
        if self._queued > MOST_QUEUED:
            self.close(Code.TOO_SLOW, "This connection is too slow.")
            return
        self._frames.append(frame)
        self._queued += len(frame)
        self.news.set()

    def close(self, code: int, reason: str) -> None:
        if not self.closed:
            self.closed = (int(code), reason[:100])
            self.news.set()

    def taken(self) -> bytes:
        """All that waits, as one frame."""
        frame = b"".join(self._frames)
        self._frames.clear()
        self._queued = 0
        return frame
