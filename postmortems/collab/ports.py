"""What the hub asks of those around it: connections, the log, the bus, and whoever knows the rights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple, Protocol

from postmortems.collab.store import Append, Loaded

CHANGE = 0
"""On the bus, no entry has this number: under it goes the name of another part of the post-mortem that changed, and
on further lines, as JSON, what pages may show of it at once."""


class Code(IntEnum):
    """Why a connection was closed, beyond the standard's codes; the client acts on it."""

    RESYNC = 4409
    """Connect again at once: nothing is wrong with what was typed."""
    FORBIDDEN = 4403
    BAD_FRAME = 4400
    TOO_SLOW = 4408


class LogUnreachable(Exception):
    """Postgres does not answer now; what was to be committed may or may not have been."""


@dataclass(frozen=True)
class Nudge:
    """Work for later: let the sections follow the log up to entry `upto`, and with a `reason` keep a revision."""

    postmortem_id: int
    upto: int
    reason: str = ""


class LogRefused(Exception):
    """Postgres answers, and does not take this: nothing of it was committed."""


class Log(Protocol):
    """The log in Postgres. Every method raises `LogUnreachable` while it does not answer."""

    async def load(self, postmortem_id: int) -> Loaded: ...

    async def append(self, appends: Sequence[Append]) -> dict[int, int]: ...

    async def after(self, postmortem_id: int, seq: int) -> list[tuple[int, bytes]]: ...

    async def heads(self, ids: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Number of the last entry and version of rights, of each document that is there."""
        ...

    async def nudge(self, nudges: Sequence[Nudge]) -> None:
        """Have a worker do what `nudges` say. Should they be lost, a sweep finds what is left to do."""
        ...

    async def close(self) -> None: ...


class News(NamedTuple):
    """An entry of the log: of which document, its number, and what it says."""

    postmortem_id: int
    seq: int
    data: bytes


class Bus(Protocol):
    """Tells the other processes. What it loses is found in the log."""

    async def publish(self, news: Sequence[News]) -> bool:
        """Say it to the others; whether anybody else listens."""

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Standing:
    """What somebody may do with the document now."""

    may_read: bool
    may_write: bool
    is_restricted: bool = False
    """It is for named people only: nothing of it may stay in a browser."""


class Peer(ABC):
    """One connection, as the hub sees it."""

    may_write: bool
    is_restricted: bool
    wants_ours: bool
    person: dict[str, Any]
    """Who it is, for the others: their presence says this, whatever the client claims."""

    def __init__(
        self,
        *,
        may_write: bool,
        wants_ours: bool,
        person: dict[str, Any],
        acl_version: int | None = None,
        is_restricted: bool = False,
    ) -> None:
        self.may_write = may_write
        self.is_restricted = is_restricted
        self.wants_ours = wants_ours
        self.person = person
        self.saved = 0
        """So many of its updates are committed, as it was told last."""
        self.acl_version = acl_version
        """Which version of the rights it was asked about by; None when that is not known: ask anew."""
        self.basis: Any = None
        """What its rights rested on when they were asked about last."""
        self.clients: set[int] = set()
        """For which clients it spoke: it knows where these are."""
        self.unanswered = 0
        """Updates that were not taken in by themselves: they count as saved with the next one that is."""

    @abstractmethod
    def send(self, frame: bytes, *, may_drop: bool = False) -> None:
        """Queue a frame; `may_drop` when losing it harms nobody."""

    @abstractmethod
    def close(self, code: int, reason: str) -> None:
        """End the connection. Repeating it does nothing."""


class Gate(Protocol):
    """Asks anew who may do what. Both raise `LogUnreachable` while the database does not answer."""

    async def standing(self, peer: Peer, postmortem_id: int) -> Standing:
        """What `peer` may do with the document now."""
        ...

    async def bases(self, peers: Sequence[Peer]) -> list[Any]:
        """What each one's rights rest on; asked for all at once. Whose has changed is asked about one by one."""
        ...
