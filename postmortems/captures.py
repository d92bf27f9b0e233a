"""What a captured line becomes: the row each kind makes. An app above registers its own kind, as with blocks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from accounts.models import User
from postmortems.meetings.lines import Line
from postmortems.models import Postmortem


class CannotCapture(Exception):
    """The line cannot become what it says it is; the message says why and what to write instead."""


@dataclass(frozen=True)
class Made:
    """The row a line became: what people call it, and what it says now."""

    label: str
    text: str
    layer: str = ""
    """Of a factor: the layer of defence it is on."""


@dataclass(frozen=True)
class LooseEnd:
    """Something that must not be left like this when the meeting closes."""

    reference: str
    title: str
    lacks: str
    url: str


class Maker(ABC):
    """One kind of line that becomes a row of its own."""

    kind: ClassVar[str]
    moves_in_place: ClassVar[bool] = False
    """Whether `rewrite` also puts the row where the line says; else another row is made there instead."""

    @abstractmethod
    def make(self, postmortem: Postmortem, line: Line, *, by: User, now: datetime) -> int:
        """Make the row; its primary key. Raises `CannotCapture`."""

    @abstractmethod
    def read(self, postmortem: Postmortem, keys: Iterable[int]) -> dict[int, Made]:
        """What those rows say now; a row that was deleted is missing."""

    @abstractmethod
    def rewrite(self, postmortem: Postmortem, key: int, line: Line, *, by: User, now: datetime) -> None:
        """Say it in other words; nothing when the row is gone. Raises `CannotCapture`."""

    @abstractmethod
    def remove(self, postmortem: Postmortem, key: int, *, by: User, now: datetime) -> None:
        """Take the row away; nothing when it is gone."""

    def loose_ends(self, postmortem: Postmortem) -> list[LooseEnd]:
        """What its rows lack at the end of a meeting."""
        return []


_makers: dict[str, Maker] = {}


def register(maker: Maker) -> None:
    """Make rows of `maker.kind` through `maker`; called once at start."""
    _makers[maker.kind] = maker


def maker_of(kind: str) -> Maker | None:
    """Who makes rows of this kind; None for what stays a line."""
    return _makers.get(kind)


def loose_ends_of(postmortem: Postmortem) -> list[LooseEnd]:
    """Everything that every kind says of `postmortem`."""
    return [end for maker in _makers.values() for end in maker.loose_ends(postmortem)]
