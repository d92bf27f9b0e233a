"""The parts of everybody's home page: each app brings its own, the page puts them in order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from accounts.deadlines import in_words, tone
from accounts.models import User

ROWS = 6
"""So many rows of each part are shown; its link leads to the rest."""


@dataclass(frozen=True)
class Row:
    """One thing that waits or happened: where it leads, and a note that says how urgent or when."""

    url: str
    reference: str
    title: str
    note: str = ""
    tone: str = ""


class Part(ABC):
    """A short list on the home page."""

    key: ClassVar[str]
    title: ClassVar[str]
    order: ClassVar[int]
    waits: ClassVar[bool]
    """Whether it waits for the person, or only tells what happened."""
    empty: ClassVar[str] = ""
    """What stands there when nothing does; without it, an empty part is left out."""
    icon: ClassVar[str] = ""

    @abstractmethod
    def rows(self, user: User, *, now: datetime) -> list[Row]:
        """At most ROWS of what `user` may see, the most urgent or the latest first."""

    def url(self) -> str:
        """Where all of them are; "" when there is no such page."""
        return ""


_parts: list[Part] = []


def register(part: Part) -> None:
    """Show `part` on the home page; called once at start."""
    _parts.append(part)
    _parts.sort(key=lambda each: each.order)


def parts(*, waits: bool) -> list[Part]:
    return [part for part in _parts if part.waits == waits]


def deadline(at: datetime | None, user: User, *, now: datetime) -> tuple[str, str]:
    """How far `at` is from `now` in days where `user` lives, and its tone; empty without a deadline."""
    if at is None:
        return "", ""
    days = (at.astimezone(user.zone).date() - now.astimezone(user.zone).date()).days
    return in_words(days), tone(days)
