"""What Debrief asks of a tracker, in words that no one tracker owns. `actions/jira/client.py` answers for Jira.

A value as the tracker has it is "remote", as we have it "local"; both are plain JSON. Which means what is the business
of `actions/jira/mapping.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

FIELDS = ("title", "description", "owner", "due_on", "priority", "status", "labels")


@dataclass(frozen=True)
class Change:
    """One field in one entry of the history, as remote values; a description is Markdown here."""

    before: Any
    after: Any


@dataclass(frozen=True)
class Entry:
    """One entry of an issue's history. Numbers rise with time."""

    id: int
    at: datetime
    author: str
    is_ours: bool
    changes: Mapping[str, Change]
    links: tuple[str, ...] = ()
    """Links of the issue that it added, changed or removed, as the tracker calls them; "" where it does not say."""


@dataclass(frozen=True)
class Issue:
    """An issue with its history, as one answer gave it."""

    id: str
    key: str
    project: str
    updated_at: datetime
    values: Mapping[str, Any]
    entries: Sequence[Entry]
    marker: str = ""
    """Which action it was made for; empty where Debrief did not make it."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What people call the owner, the priority and the status it has."""
    text: Any = None
    """The description in the tracker's own format, so that what we cannot say is kept when we write."""


@dataclass(frozen=True)
class RemoteLink:
    """A link that somebody or something shows at an issue. `key` is what its maker calls it, if anything."""

    id: str
    key: str
    url: str
    title: str


@dataclass(frozen=True)
class Draft:
    """An issue to be made: remote values, the tracker's own fields, and the marker that tells for which action."""

    marker: str
    project: str
    kind: str
    values: Mapping[str, Any]
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """The answer to one draft: the issue's id and key, or why there is none."""

    id: str = ""
    key: str = ""
    refusal: Refused | None = None


@dataclass(frozen=True)
class Step:
    """A way from an issue's status to another; `missing` names fields its screen requires and nobody gave."""

    id: str
    name: str
    to: str
    category: str
    missing: tuple[str, ...] = ()


class TrackerError(Exception):
    """The tracker did not do what was asked. The text is for the person who can mend it."""

    code = "error"
    may_be_done = False
    """Whether what was asked may have happened all the same."""


class Unreachable(TrackerError):
    """No answer, or none that says what happened: it may have been done, or not."""

    code = "unreachable"
    may_be_done = True


class NotReached(Unreachable):
    """The connection was refused, so nothing was done."""

    code = "not-reached"
    may_be_done = False


class Throttled(TrackerError):
    """Too many requests; nothing was done. `wait` is in seconds."""

    code = "throttled"

    def __init__(self, message: str, *, wait: float, reason: str = "") -> None:
        super().__init__(message)
        self.wait = wait
        self.reason = reason


class Refused(TrackerError):
    """What was sent is not acceptable; nothing was done. `fields` has a sentence for each field at fault."""

    code = "refused"

    def __init__(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})


class SignInRefused(TrackerError):
    """The secret is not accepted (any more)."""

    code = "sign-in"


class Forbidden(TrackerError):
    """The account lacks a permission."""

    code = "forbidden"


class Missing(TrackerError):
    """The issue is not there, or not for the account to see."""

    code = "missing"


class Conflicting(TrackerError):
    """Somebody changed it at the same moment; nothing was done. Ask again."""

    code = "conflicting"


class Gone(TrackerError):
    """The tracker does not offer this any more: Debrief is too old for it."""

    code = "gone"


class Tracker(Protocol):
    """A tracker as the synchronisation sees it. Every method may raise any `TrackerError`."""

    def create(self, draft: Draft) -> Made: ...

    def create_many(self, drafts: Sequence[Draft]) -> list[Made]: ...

    def issue(self, issue_id: str) -> Issue: ...

    def issues(self, ids: Sequence[str]) -> list[Issue]:
        """Those of `ids` (at most 100) that are there."""
        ...

    def walk(self, project: str, *, after: int) -> Iterable[Issue]:
        """The issues of `project` with numbers above `after`, until so many are missing that none can follow."""
        ...

    def update(self, issue: Issue, values: Mapping[str, Any]) -> Issue:
        """Write remote values; labels as `{"add": […], "remove": […]}`. Returns the issue as it is afterwards."""
        ...

    def steps(self, issue_id: str) -> list[Step]: ...

    def take_step(self, issue_id: str, step: str, fields: Mapping[str, Any] | None = None) -> None: ...

    def can_browse(self, project: str) -> bool:
        """Whether the account may see the project at all, so that what is missing is missing."""
        ...

    def changed_since(self, project: str, *, minutes: int) -> Iterable[tuple[str, datetime]]:
        """Ids of issues that changed in the last `minutes`, and when; may lag, so only hints."""
        ...

    def add_link(self, issue_id: str, *, key: str, url: str, title: str) -> str:
        """Show a link at the issue; the same `key` again replaces it. Returns what the tracker calls it."""
        ...

    def links(self, issue_id: str) -> list[RemoteLink]:
        """All links that are shown at the issue, ours among them."""
        ...
