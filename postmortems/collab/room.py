"""One open document in this process: who is there, what is on its way, and when its text is worth keeping."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from postmortems.collab import protocol
from postmortems.collab.document import LiveDocument
from postmortems.collab.ports import Nudge, Peer
from postmortems.collab.protocol import Presence
from postmortems.collab.store import Append
from postmortems.collab.updates import Summary

FOLLOW_SECONDS = 2.0
"""How far `Section.body` may be behind while people type."""
PAUSE_SECONDS = 30.0
"""Nobody typed for so long: a moment worth keeping in the history."""
TURN_SECONDS = 5.0
"""Somebody else begins, so long after the last one stopped: keep what the last one left."""
LONGEST_SECONDS = 600.0
"""While people type without a pause, the history has the text so often at least."""


class Sent(NamedTuple):
    """One update of one peer on its way into the log."""

    peer: Peer
    update: bytes
    summary: Summary


@dataclass
class Room:
    """The document, its peers, and what they said that is not committed or told yet.

    `document` is what is committed; `draft` holds besides what is on its way. `head` is the last entry up to which all
    are merged.
    """

    postmortem_id: int
    document: LiveDocument
    head: int
    acl_version: int
    """Of the rights by which all who were there then were asked about: what is committed rests on it."""
    draft: LiveDocument = field(default_factory=LiveDocument)
    peers: set[Peer] = field(default_factory=set)
    pending: list[Sent] = field(default_factory=list)
    committing: list[Sent] = field(default_factory=list)
    is_held: bool = False
    """Whether a commit of it is under way, or all are asked about anew: its next commit waits for that."""
    acl_heard: int = 0
    """The latest version of the rights that was heard of: while all are asked about, it is ahead of `acl_version`."""
    presence: dict[int, tuple[Peer, Presence]] = field(default_factory=dict)
    presence_news: dict[int, Presence] = field(default_factory=dict)
    """What the others were not told yet: it goes with the next commit, or a moment later."""
    writers: dict[int, int] = field(default_factory=dict)
    """Whose each client is that ever wrote here, as far as this process knows."""
    new_writers: dict[int, int] = field(default_factory=dict)
    """Those of them that the log does not know yet."""
    typed_at: float = 0.0
    """When something was committed last, on the hub's clock."""
    unkept_since: float | None = None
    typing: set[int] = field(default_factory=set)
    """Who wrote since the last revision."""
    followed_at: float | None = None
    """When a worker was asked last to let the sections follow; None when they have everything."""

    @property
    def latest_acl_version(self) -> int:
        """By which whoever comes in must have been asked about."""
        return max(self.acl_version, self.acl_heard)

    @property
    def is_idle(self) -> bool:
        return not (self.peers or self.pending or self.committing)

    def begin_draft(self) -> None:
        """A draft that says what is committed, and nothing else."""
        self.draft = LiveDocument()
        self.draft.apply(self.document.update())

    def as_append(self) -> Append:
        """What is being committed."""
        updates = [sent.update for sent in self.committing]
        people = [sent.peer.person["id"] for sent in self.committing]
        return Append(self.postmortem_id, self.acl_version, updates, people, dict(self.new_writers))

    # -- Where people are ---------------------------------------------------------------------------------------------

    def take_presence(self, peer: Peer, entries: Iterable[Presence]) -> None:
        """Note where somebody is. Nobody speaks for another person's client, nor under another's name.

        A page may speak by several peers, as by two requests at once: the latest word is its, whichever brought it.
        What was said before is no news.
        """
        for entry in entries:
            owner, known = self.presence.get(entry.client, (peer, None))
            if owner.person["id"] != peer.person["id"]:
                continue
            peer.clients.add(entry.client)
            if known and known.clock > entry.clock:
                continue
            state = None if entry.state is None else {**entry.state, "user": peer.person}
            presence = Presence(entry.client, entry.clock, state)
            if state is None:
                self.presence.pop(entry.client, None)
            else:
                self.presence[entry.client] = (peer, presence)
            if presence != known:
                self.presence_news[entry.client] = presence

    def forget_presence(self, peer: Peer) -> tuple[Presence, ...]:
        """What tells the others that `peer` is gone."""
        gone = [client for client, (owner, _) in self.presence.items() if owner is peer]
        return tuple(Presence(client, self.presence.pop(client)[1].clock + 1, None) for client in gone)

    def everyone(self) -> bytes:
        """Where all are, for one who asks."""
        return protocol.awareness(tuple(presence for _, presence in self.presence.values()))

    def presence_frame(self) -> bytes:
        """All that is new about where people are; everybody may hear it, also of themselves."""
        news, self.presence_news = tuple(self.presence_news.values()), {}
        return protocol.awareness(news) if news else b""

    # -- What workers do: sections that follow, revisions at pauses ---------------------------------------------------

    def note_typing(self, people: set[int], *, before: int, now: float) -> Nudge | None:
        """`people` wrote what follows entry `before`; what the last one left, where that is worth keeping."""
        is_turn = self.typing.isdisjoint(people) and now - self.typed_at > TURN_SECONDS
        turn = self.kept("turn", upto=before) if self.unkept_since is not None and is_turn else None
        if self.unkept_since is None:
            self.unkept_since = now
            self.followed_at = now
        self.typing |= people
        self.typed_at = now
        return turn

    def due(self, now: float) -> Nudge | None:
        """What a worker should do by now; asked about once a second."""
        if self.unkept_since is None:
            return None
        if now - self.typed_at > PAUSE_SECONDS or now - self.unkept_since > LONGEST_SECONDS:
            return self.kept("pause", upto=self.head)
        if self.followed_at is not None and now - self.followed_at > FOLLOW_SECONDS:
            self.followed_at = now if now - self.typed_at < FOLLOW_SECONDS else None
            return Nudge(self.postmortem_id, self.head)
        return None

    def kept(self, reason: str, *, upto: int) -> Nudge:
        """Have the text up to entry `upto` kept; what comes after it is for the next revision."""
        self.unkept_since = None
        self.typing = set()
        return Nudge(self.postmortem_id, upto, reason)
