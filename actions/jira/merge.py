"""One issue and one action made one again, field by field, from the issue's history and our own marks. Pure.

The history is the truth, not a comparison of values: a person who sets a field and sets it back, or whose edit our own
write covered a moment later, changed something although nothing differs. So each field is decided by what was written
since the last look, by whom: entries of ours never count as somebody's edit, they only show that a write of ours
landed, perhaps late. Source of the rules: 5.3 of the design, proved by the state machine in tests/actions/jira/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from actions.jira.blocks import patch, same_words
from actions.tracker import Change, Entry, Issue


class Unmappable(Exception):
    """What we have cannot be said there; the text says why, and what to do."""


class Translator(Protocol):
    """How values of one side are said on the other."""

    @property
    def fields(self) -> Sequence[str]: ...

    def to_remote(self, name: str, local: Any) -> Any:
        """Raises `Unmappable`."""
        ...

    def to_local(self, name: str, remote: Any, present: Any) -> Any:
        """What `remote` means here, where we say `present` now. Raises `Unmappable`."""
        ...

    def agrees(self, name: str, local: Any, remote: Any) -> bool: ...


@dataclass(frozen=True)
class State:
    """What both sides agreed on when they were last looked at, and what we changed since.

    Nothing agreed on and nothing changed: somebody chose their side, by linking an issue or by taking theirs.
    """

    base: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By field: {"l": local, "r": remote}."""
    dirty: Mapping[str, Any] = field(default_factory=dict)
    """By field, when we changed it last; of labels, when each was added or removed."""
    last_entry: int = 0


@dataclass(frozen=True)
class Lost:
    """A value that gave way to another; both are kept for people to see."""

    field: str
    ours: Any
    theirs: Any
    author: str
    """Of theirs; empty where it was there before anybody looked."""
    at: datetime
    winner: str
    """"ours" or "theirs"."""


@dataclass
class Merged:
    """What has to be written on either side, and what to remember."""

    local: dict[str, Any] = field(default_factory=dict)
    push: dict[str, Any] = field(default_factory=dict)
    base: dict[str, dict[str, Any]] = field(default_factory=dict)
    dirty: dict[str, Any] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)
    lost: list[Lost] = field(default_factory=list)
    last_entry: int = 0


def merge(
    issue: Issue,
    local: Mapping[str, Any],
    state: State,
    translate: Translator,
    *,
    pushed: Mapping[str, Any] | None = None,
) -> Merged:
    """What to write where. `pushed` is what we said when this pass wrote a field a moment ago."""
    news = [entry for entry in issue.entries if entry.id > state.last_entry]
    merged = Merged(base={k: dict(v) for k, v in state.base.items()}, dirty=dict(state.dirty))
    merged.last_entry = max((entry.id for entry in issue.entries), default=state.last_entry)
    merged.last_entry = max(merged.last_entry, state.last_entry)
    for name in translate.fields:
        log = [entry for entry in news if name in entry.changes]
        _Field(name, issue, local[name], state, translate, log, (pushed or {}).get(name), merged).decide()
    return merged


@dataclass
class _Field:
    """The decision about one field."""

    name: str
    issue: Issue
    ours: Any
    state: State
    translate: Translator
    log: list[Entry]
    pushed: Any
    merged: Merged

    def __post_init__(self) -> None:
        self.remote = self.issue.values[self.name]
        self.foreign = [entry for entry in self.log if not entry.is_ours]
        self.is_dirty = self.name in self.state.dirty

    def decide(self) -> None:
        if not self.state.base and not self.is_dirty:
            self._give_way()
        elif not self.foreign:
            self._without_news()
        elif self.name == "labels":
            self._labels()
        elif self.name == "description":
            self._description()
        elif self.translate.agrees(self.name, self.ours, self._theirs()):
            self._settle(self.ours)
        elif not self.is_dirty:
            self._take(self._theirs())
        else:
            self._later_wins()

    # -- Cases ---------------------------------------------------------------------------------------------------------

    def _give_way(self) -> None:
        """Nothing was agreed on yet, and somebody chose theirs: what we said is kept."""
        theirs = self._theirs() if self.foreign else self.remote
        if self.translate.agrees(self.name, self.ours, theirs):
            self._settle(self.ours)
        elif (meant := self._meant(theirs)) != self.ours:
            self._lose(self.ours, meant, winner="theirs")
            self._take(theirs)
        else:
            self._take(theirs)

    def _without_news(self) -> None:
        base = self.state.base.get(self.name)
        if self._agrees(self.ours) or self._is_said():
            self._clean(self.ours)
        elif self.is_dirty or self.log:
            self._push(self.ours)
        elif base is None or base["r"] != self.remote:
            self._take(self.remote)
        elif base["l"] != self.ours:
            self._push(self.ours)

    def _is_said(self) -> bool:
        """Whether this is how our text looks over there: not every form survives the way, words do."""
        return self.name == "description" and self.pushed == self.ours and same_words(self.ours, self.remote)

    def _later_wins(self) -> None:
        theirs, last = self._theirs(), self.foreign[-1]
        at = datetime.fromisoformat(self.state.dirty[self.name])
        is_theirs = last.at > at
        self._lose(self.ours, self._meant(theirs), winner="theirs" if is_theirs else "ours")
        if is_theirs:
            self._take(theirs)
        else:
            self.merged.base[self.name] = {"l": self.ours, "r": self.remote}
            self._push(self.ours)

    def _labels(self) -> None:
        """Each label by itself: whoever added or removed it last."""
        ours, times = set(self.ours), dict(self.state.dirty.get("labels", {}))
        result = set(ours)
        for entry in self.foreign:
            change = entry.changes["labels"]
            before, after = set(change.before), set(change.after)
            for label in before ^ after:
                at = times.get(label)
                if at is not None and datetime.fromisoformat(at) >= entry.at:
                    continue
                (result.add if label in after else result.discard)(label)
        self._settle(sorted(result))

    def _description(self) -> None:
        """Each of their edits is brought into our text; only where both changed one block, one gives way."""
        text, is_plain = self.ours, not self.is_dirty and not any(entry.is_ours for entry in self.log)
        if is_plain:
            text = patch(text, before=self.state.base.get(self.name, {}).get("r", ""), after=self.remote).text
            self._settle(text if self.translate.agrees(self.name, text, self.remote) else self.remote)
            return
        for entry in self.foreign:
            change = entry.changes["description"]
            patched = patch(text, before=change.before, after=change.after)
            text = patched.text
            for theirs in patched.lost:
                self._lose(self.ours, theirs, winner="ours", entry=entry)
        self._settle(text)

    # -- What follows --------------------------------------------------------------------------------------------------

    def _settle(self, value: Any) -> None:
        """Say `value` on both sides."""
        if value != self.ours:
            self.merged.local[self.name] = value
        if self._agrees(value):
            self._clean(value)
        else:
            self._push(value)

    def _take(self, theirs: Any) -> None:
        try:
            meant = self.translate.to_local(self.name, theirs, self.ours)
        except Unmappable as error:
            self.merged.blocked[self.name] = str(error)
            return
        if meant != self.ours:
            self.merged.local[self.name] = meant
        if theirs == self.remote:
            self._clean(meant)
        else:
            self._push(meant, remote=theirs)

    def _clean(self, value: Any) -> None:
        self.merged.base[self.name] = {"l": value, "r": self.remote}
        self.merged.dirty.pop(self.name, None)

    def _push(self, value: Any, *, remote: Any = None) -> None:
        try:
            target = self.translate.to_remote(self.name, value) if remote is None else remote
        except Unmappable as error:
            self.merged.blocked[self.name] = str(error)
            return
        if self.name == "labels":
            there = set(self.remote)
            target = {"add": sorted(set(target) - there), "remove": sorted(there - set(target))}
        self.merged.push[self.name] = target
        self.merged.dirty.setdefault(self.name, self._since())

    def _since(self) -> Any:
        """From when a write counts that only answers what happened over there: any later word of theirs is newer."""
        return (
            {}
            if self.name == "labels"
            else (self.foreign[-1].at if self.foreign else self.issue.updated_at).isoformat()
        )

    def _lose(self, ours: Any, theirs: Any, *, winner: str, entry: Entry | None = None) -> None:
        of = entry or (self.foreign[-1] if self.foreign else None)
        author, at = (of.author, of.at) if of else ("", self.issue.updated_at)
        self.merged.lost.append(Lost(self.name, ours, theirs, author, at, winner))

    def _agrees(self, value: Any) -> bool:
        return self.translate.agrees(self.name, value, self.remote)

    def _meant(self, theirs: Any) -> Any:
        """What theirs is called here; where we have no word for it, as it is called there."""
        try:
            return self.translate.to_local(self.name, theirs, self.ours)
        except Unmappable:
            return theirs

    def _theirs(self) -> Any:
        """What people want it to be there: their last word, which a write of ours may have covered."""
        last = self.foreign[-1]
        is_covered = any(entry.is_ours and entry.id > last.id for entry in self.log)
        change: Change = last.changes[self.name]
        return change.after if is_covered else self.remote
