"""What Debrief asks of a wiki, in words that no one wiki owns, and how asking may fail."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True)
class Page:
    """A page as the wiki has it. `version` rises by one with every change, whoever makes it."""

    id: str
    title: str
    version: int
    url: str


@dataclass(frozen=True)
class Picture:
    """A file that pages show. Its name is its own: the same name is the same content, always."""

    name: str
    content_type: str
    content: bytes


class Wiki(Protocol):
    """A wiki, signed in. Raises `WikiError`s only."""

    def check_place(self, space: str, parent: str) -> None:
        """That there is such a space, and such a page to stand below (none where ""). Raises `NotThere`."""

    def page(self, page_id: str) -> Page:
        """The page as it is now. Raises `NotThere`."""

    def titled(self, space: str, title: str) -> Page | None:
        """The page of that title; a space has at most one."""

    def create(self, *, space: str, parent: str, title: str, body: str) -> Page:
        """Make a page. After `Unreachable` it may be there or not. Raises `TitleTaken`."""

    def update(self, page: Page, *, title: str, body: str) -> Page:
        """Write the page as its next version. Raises `ChangedMeanwhile` where `page` is no longer its latest."""

    def is_marked(self, page_id: str, marker: str, link: str) -> bool:
        """Whether the page is the one made for `marker`: by its property or, where that was never set, by `link`."""

    def mark(self, page_id: str, marker: str) -> None:
        """Say on the page for what it was made; repeating it is harmless."""

    def attached(self, page_id: str) -> Collection[str]:
        """The names of the files it has."""

    def attach(self, page_id: str, picture: Picture) -> None:
        """Give it a file; one of that name is left as it is."""


class WikiError(Exception):
    """Asking failed; the message says why and what to do about it."""

    tries_again = False


class SignInRefused(WikiError):
    """The account or its token is not accepted."""


class Forbidden(WikiError):
    """The account may not do that."""


class NotThere(WikiError):
    """There is nothing of that name, or the account may not see it."""


class TitleTaken(WikiError):
    """Another page of the space has the title."""


class ChangedMeanwhile(WikiError):
    """Somebody else wrote a newer version."""

    tries_again = True


class Refused(WikiError):
    """What was sent is not accepted."""


class Unreachable(WikiError):
    """No answer, or one that says nothing: it may have been done or not."""

    tries_again = True


class Throttled(Unreachable):
    """It asks to wait; nothing was done."""

    def __init__(self, words: str, *, wait: timedelta) -> None:
        super().__init__(words)
        self.wait = wait
