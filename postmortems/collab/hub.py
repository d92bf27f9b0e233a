"""The hub of a process: rooms of open documents, and the few writers that commit for all of them.

What arrives is checked and tried out on a draft, committed together with whatever else arrived meanwhile, and only then
merged into the room's document, acknowledged, relayed and told to other processes. So whoever sees a text, sees a text
that is kept. Nothing here knows sockets, rights or SQL: those come in by `ports`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from postmortems.collab import protocol
from postmortems.collab.changes import RESTRICTED, Changes
from postmortems.collab.document import LARGEST_DOCUMENT, DocumentBroken, Gap
from postmortems.collab.ports import CHANGE, Bus, Code, Gate, Log, LogUnreachable, News, Nudge, Peer
from postmortems.collab.protocol import Awareness, Presence, StateVector, Update, read_frame
from postmortems.collab.room import Room, Sent
from postmortems.collab.store import Append, framed, unframed
from postmortems.collab.updates import check_update, is_empty
from postmortems.collab.wire import BadFrame

logger = logging.getLogger("debrief.live")

RETRY_SECONDS = (0.1, 0.3, 1.0, 2.0)
COMMITS = 2
"""How many may be under way at once, of different documents: one that is locked or long holds up few others."""
LINGER_SECONDS = 25.0
"""Longer than a request waits for news (`polling.WAIT_SECONDS`): another may have said meanwhile where its page is."""
PRESENCE_SECONDS = 0.04
PUBLISH_SECONDS = 0.005
"""How long news for other processes gather, when there were some just now."""
ALONE_SECONDS = 0.1
"""The same while no other process listens: telling nobody takes as long."""
LOOK_SECONDS = 3.0
"""How often the heads of open documents are compared with the log, and rights with what they were."""
TEND_SECONDS = 1.0
MOST_JOINS = 5_000
"""In one update: a page sends in one piece what it wrote in one. So many cost 30 ms, ten times as many 3 s."""
MOST_PARTS = 100_000
"""Of one update: so many take half a second to read, and a page that was away for days has a few thousand."""
AGAIN_SECONDS = 1.0
"""How long a part of the work that failed unforeseen waits before it goes on."""


class Hub:
    """All rooms of this process."""

    def __init__(self, log: Log, bus: Bus, gate: Gate) -> None:
        self.log = log
        self.bus = bus
        self.gate = gate
        self.rooms: dict[int, Room] = {}
        self.changes = Changes()
        self._loading: dict[int, asyncio.Task[Room]] = {}
        self._work = asyncio.Event()
        self._nudges: set[asyncio.Task[None]] = set()
        self._presence_due: set[int] = set()
        self._news: list[News] = []
        self._has_news = asyncio.Event()

    # -- Coming and going ---------------------------------------------------------------------------------------------

    async def join(self, peer: Peer, postmortem_id: int) -> Room:
        """Let `peer` into the room of the document; the first one waits until it is loaded.

        When rights changed while it came in, it is asked about anew. Whoever lost theirs is closed, and is not there.
        """
        room = await self._room(postmortem_id)
        while peer.acl_version != room.latest_acl_version:
            try:
                may_stay = await self._may_stay(peer, room, room.latest_acl_version)
            except LogUnreachable:
                self._unload_if_idle(room)
                raise
            if not may_stay:
                return room
            room = await self._room(postmortem_id)
        room.peers.add(peer)
        _tell_standing(peer)
        peer.send(protocol.state_vector(room.document.state()))
        if room.presence:
            peer.send(room.everyone(), may_drop=True)
        return room

    async def _room(self, postmortem_id: int) -> Room:
        room = self.rooms.get(postmortem_id)
        return room if room is not None else await asyncio.shield(self._load(postmortem_id))

    def _load(self, postmortem_id: int) -> asyncio.Task[Room]:
        """A task of its own: a caller who leaves does not cancel it for the others."""
        task = self._loading.get(postmortem_id)
        if task is None:
            task = asyncio.create_task(self._open(postmortem_id))
            self._loading[postmortem_id] = task
            task.add_done_callback(lambda _: self._loading.pop(postmortem_id, None))
        return task

    async def _open(self, postmortem_id: int) -> Room:
        loaded = await self.log.load(postmortem_id)
        room = Room(postmortem_id, loaded.document, loaded.head, loaded.acl_version, writers=loaded.writers)
        room.begin_draft()
        self.rooms[postmortem_id] = room
        return room

    async def leave_later(self, peer: Peer, room: Room) -> None:
        """Take `peer` out, and let the others see it a while longer: between two requests it is not gone."""
        room.peers.discard(peer)
        await asyncio.sleep(LINGER_SECONDS)
        self.leave(peer, room)

    def leave(self, peer: Peer, room: Room) -> None:
        """Take `peer` out. What it sent before is still committed."""
        room.peers.discard(peer)
        if left := room.forget_presence(peer):
            self._tell(room.peers, protocol.awareness(left), may_drop=True)
        self._unload_if_idle(room)

    def _unload_if_idle(self, room: Room) -> None:
        if room.is_idle and self.rooms.get(room.postmortem_id) is room:
            del self.rooms[room.postmortem_id]
            if room.unkept_since is not None:
                self._nudge([room.kept("pause", upto=room.head)])

    # -- What clients send --------------------------------------------------------------------------------------------

    def receive(self, peer: Peer, room: Room, frame: bytes) -> None:
        """Take in one frame. A bad one closes the connection it came from, and harms nobody else."""
        if peer not in room.peers:
            return
        try:
            for message in read_frame(frame):
                self._take(peer, room, message)
        except BadFrame as error:
            logger.warning("a frame for PM-%s was refused: %s", room.postmortem_id, error)
            peer.close(Code.BAD_FRAME, str(error))
        except Exception:  # `DocumentBroken`, or what nobody foresaw
            logger.exception("the copy of PM-%s broke", room.postmortem_id)
            self._start_over(room)

    def _take(self, peer: Peer, room: Room, message: protocol.Message) -> None:
        if isinstance(message, StateVector):
            peer.send(protocol.missing(room.document.update(message.state)))
        elif isinstance(message, Update):
            self._take_update(peer, room, message.data)
        elif isinstance(message, Awareness):
            self._take_presence(peer, room, message.entries)
        else:
            peer.send(room.everyone(), may_drop=True)

    def _take_update(self, peer: Peer, room: Room, data: bytes) -> None:
        if is_empty(data):
            self._pass_over(peer, room)
            return
        if not peer.may_write:
            peer.close(Code.FORBIDDEN, "You may read this, and not change it.")
            return
        summary = check_update(data, most=MOST_PARTS)
        if summary.joins > MOST_JOINS:
            raise BadFrame("a text in more pieces than a page sends it in")
        clients = room.draft.new_of(summary)
        self._refuse_impostor(peer, room, clients)
        if clients and not room.draft.has_room_for(data):
            raise BadFrame(f"a document has at most {LARGEST_DOCUMENT // 2**20} MiB: remove something first")
        try:
            room.draft.apply(data, summary)
        except Gap:
            # Its page knows something that we do not: ask for all of it.
            peer.unanswered += 1
            peer.send(protocol.state_vector(room.draft.state()))
            return
        for client in clients - room.writers.keys():
            room.writers[client] = room.new_writers[client] = peer.person["id"]
        room.pending.append(Sent(peer, data, summary))
        self._work.set()

    def _refuse_impostor(self, peer: Peer, room: Room, clients: set[int]) -> None:
        """Nobody writes as the client of somebody who is here: the words of one of the two would be lost."""
        owners = {room.writers.get(client) for client in clients} - {None, peer.person["id"]}
        if owners and any(other.person["id"] in owners for other in room.peers):
            raise BadFrame("it writes as the client of somebody else")

    def _pass_over(self, peer: Peer, room: Room) -> None:
        """An update that says nothing is saved as soon as those before it are."""
        peer.unanswered += 1
        if peer.unanswered == 1 and not any(sent.peer is peer for sent in room.committing + room.pending):
            self._acknowledge(peer, room, 0)

    def _acknowledge(self, peer: Peer, room: Room, count: int) -> None:
        peer.saved += count + peer.unanswered
        peer.unanswered = 0
        if peer.wants_ours and peer in room.peers:
            peer.send(protocol.saved(peer.saved))

    def _take_presence(self, peer: Peer, room: Room, entries: tuple[Presence, ...]) -> None:
        room.take_presence(peer, entries)
        if room.presence_news and room.postmortem_id not in self._presence_due:
            self._presence_due.add(room.postmortem_id)
            asyncio.get_running_loop().call_later(PRESENCE_SECONDS, self._tell_presence, room)

    def _tell_presence(self, room: Room) -> None:
        """To everybody but those who know it all: it wakes no request that waits for news."""
        self._presence_due.discard(room.postmortem_id)
        clients = set(room.presence_news)
        if frame := room.presence_frame():
            self._tell([peer for peer in room.peers if not clients <= peer.clients], frame, may_drop=True)

    def _tell(self, peers: Iterable[Peer], frame: bytes, *, may_drop: bool = False) -> None:
        for peer in list(peers):
            peer.send(frame, may_drop=may_drop)

    # -- Committing ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Commit and catch up until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for part in (*[self._commit_next] * COMMITS, self._publish_next, self._look_next, self._tend_next):
                tasks.create_task(_for_ever(part))

    async def _commit_next(self) -> None:
        await self._work.wait()
        self._work.clear()
        await self._commit_pending()

    async def commit(self) -> None:
        """Commit all that is pending, and tell the other processes."""
        await self._commit_pending()
        await self._publish()

    async def _commit_pending(self) -> None:
        """Commit in one statement all that is pending and not held by another; meanwhile the next batch gathers.

        What an earlier call was cancelled over goes first: whether it was committed is not known, and what came after
        builds on it.
        """
        batch = [room for room in self.rooms.values() if not room.is_held and (room.pending or room.committing)]
        if not batch:
            return
        for room in batch:
            room.is_held = True
            room.committing, room.pending = room.committing + room.pending, []
        try:
            await self._commit_batch(batch)
        except Exception:  # `LogRefused`, or what nobody foresaw
            logger.exception("PM-%s cannot be committed at once", [room.postmortem_id for room in batch])
            await self._commit_one_by_one(batch)
        finally:
            for room in batch:
                room.is_held = False
            if any(room.pending for room in batch):
                self._work.set()

    async def _commit_batch(self, batch: Sequence[Room]) -> None:
        """Raises `LogRefused` when any of them cannot be taken; nothing is settled then, whatever it raises."""
        appends = [room.as_append() for room in batch]
        numbers = await self._append(appends)
        for room, append in zip(batch, appends, strict=True):
            try:
                await self._settle(room, append, numbers.get(room.postmortem_id))
            except LogUnreachable:
                room.pending, room.committing = room.committing + room.pending, []
                await asyncio.sleep(RETRY_SECONDS[0])
            except Exception:
                logger.exception("what was committed for PM-%s cannot be merged here", room.postmortem_id)
                room.committing = []
                self._start_over(room)
            self._unload_if_idle(room)

    async def _publish_next(self) -> None:
        """Tell the other processes, in order, while the next batch is committed."""
        await self._has_news.wait()
        self._has_news.clear()
        is_heard = await self._publish()
        await asyncio.sleep(PUBLISH_SECONDS if is_heard else ALONE_SECONDS)

    async def _publish(self) -> bool:
        news, self._news = self._news, []
        return bool(news) and await self.bus.publish(news)

    async def _commit_one_by_one(self, batch: Sequence[Room]) -> None:
        """One of them cannot be taken, and must not hold up the others: it starts over with what is committed."""
        for room in batch:
            try:
                await self._commit_batch([room])
            except Exception:
                logger.exception("what was written in PM-%s cannot be committed", room.postmortem_id)
                room.committing = []
                self._start_over(room)

    async def _settle(self, room: Room, append: Append, seq: int | None) -> None:
        if seq is None:
            await self._ask_again(room)
        else:
            room.new_writers = {c: p for c, p in room.new_writers.items() if c not in append.new_clients}
            await self._committed(room, seq)

    async def _append(self, appends: Sequence[Append]) -> dict[int, int]:
        """Append, however long it takes: when the outcome is unknown, once more does no harm."""
        attempt = 0
        while True:
            try:
                return await self.log.append(appends)
            except LogUnreachable:
                logger.warning("live text cannot be saved now; trying again")
                await asyncio.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
                attempt += 1

    async def _committed(self, room: Room, seq: int) -> None:
        """Only now does anybody see it."""
        done, room.committing = room.committing, []
        for sent in done:
            room.document.apply(sent.update, sent.summary)
        counts = Counter(sent.peer for sent in done)
        self._relay(room, done, counts.keys())
        for writer, count in counts.items():
            self._acknowledge(writer, room, count)
        if turn := room.note_typing({writer.person["id"] for writer in counts}, before=seq - 1, now=time.monotonic()):
            self._nudge([turn])
        if seq == room.head + 1:
            room.head = seq
        else:
            await self.catch_up(room, seq)
        self._news.append(News(room.postmortem_id, seq, framed(sent.update for sent in done)))
        self._has_news.set()

    def _relay(self, room: Room, done: Sequence[Sent], writers: Collection[Peer]) -> None:
        """To everybody what others wrote; those who wrote nothing get the same bytes."""
        frames = [(sent.peer, protocol.update(sent.update)) for sent in done]
        presence = room.presence_frame()
        everything = b"".join(frame for _, frame in frames) + presence
        for peer in room.peers:
            if peer not in writers:
                peer.send(everything)
            elif theirs := b"".join(frame for writer, frame in frames if writer is not peer) + presence:
                peer.send(theirs)

    # -- What workers do: sections that follow, revisions at pauses ---------------------------------------------------

    def tend(self) -> None:
        """Ask for what is due, in one go: to be called about once a second."""
        now = time.monotonic()
        due = [nudge for room in self.rooms.values() if (nudge := room.due(now))]
        self._nudge(due)

    def _nudge(self, nudges: Sequence[Nudge]) -> None:
        if not nudges:
            return
        task = asyncio.create_task(self.log.nudge(nudges))
        self._nudges.add(task)
        task.add_done_callback(self._nudges.discard)

    async def _tend_next(self) -> None:
        await asyncio.sleep(TEND_SECONDS)
        self.tend()

    async def _ask_again(self, room: Room) -> None:
        """Rights changed before the commit: whoever may still write keeps their words, the others are told."""
        heads = await self.log.heads([room.postmortem_id])
        if room.postmortem_id not in heads:
            logger.warning("PM-%s is gone", room.postmortem_id)
            self._start_over(room)
            return
        _, version = heads[room.postmortem_id]
        room.acl_heard = version
        while behind := [peer for peer in room.peers if peer.acl_version != version]:
            await self._check(room, behind, version)
        # From here on nothing else runs until the draft fits what is waiting again.
        room.acl_version = version
        waiting, room.committing, room.pending = room.committing + room.pending, [], []
        room.begin_draft()
        for sent in waiting:
            if sent.peer.may_write and sent.peer in room.peers:
                self._take_update(sent.peer, room, sent.update)

    async def _check(self, room: Room, peers: Sequence[Peer], version: int) -> None:
        for peer in peers:
            if not await self._may_stay(peer, room, version):
                room.peers.discard(peer)

    async def _may_stay(self, peer: Peer, room: Room, version: int) -> bool:
        """Ask about the rights of `peer`, which are of `version` at least; close it when it has fewer than before."""
        standing = await self.gate.standing(peer, room.postmortem_id)
        peer.acl_version = version
        if not standing.may_read or (peer.may_write and not standing.may_write):
            peer.may_write = False
            peer.close(Code.FORBIDDEN, "Your rights have changed.")
            return False
        if (standing.may_write, standing.is_restricted) != (peer.may_write, peer.is_restricted):
            peer.may_write, peer.is_restricted = standing.may_write, standing.is_restricted
            _tell_standing(peer)
        return True

    def _start_over(self, room: Room) -> None:
        """Throw this copy away; the log has all that was saved, and the pages have the rest."""
        if self.rooms.get(room.postmortem_id) is room:
            del self.rooms[room.postmortem_id]
        room.pending = []
        peers, room.peers = room.peers, set()
        for peer in peers:
            peer.close(Code.RESYNC, "The document is loaded anew.")

    # -- What other processes commit ----------------------------------------------------------------------------------

    async def heard(self, postmortem_id: int, seq: int, data: bytes) -> None:
        """The bus says that another process committed an entry, or that something beside the text changed.

        What cannot be fetched now is found by the next look.
        """
        if seq == CHANGE:
            self._heard_change(postmortem_id, data.decode())
            return
        room = self.rooms.get(postmortem_id)
        if room is None or seq <= room.head:
            return
        if seq == room.head + 1 and data:
            self._merge(room, seq, data)
            return
        try:
            await self.catch_up(room, seq)
        except LogUnreachable as error:
            logger.warning("entry %s of PM-%s cannot be fetched now: %s", seq, postmortem_id, error)

    def _heard_change(self, postmortem_id: int, said: str) -> None:
        self.changes.note(postmortem_id, said)
        if room := self.rooms.get(postmortem_id):
            self._tell([peer for peer in room.peers if peer.wants_ours], protocol.changed(said))

    async def catch_up(self, room: Room, head: int) -> None:
        """Merge what the log has up to `head`; what compaction took away meanwhile means loading anew."""
        for seq, data in await self.log.after(room.postmortem_id, room.head):
            if seq == room.head + 1:
                self._merge(room, seq, data)
        if room.head < head:
            logger.warning("the log of PM-%s was shortened beyond what is open; loading it anew", room.postmortem_id)
            self._start_over(room)

    def _merge(self, room: Room, seq: int, data: bytes) -> None:
        try:
            updates = unframed(data)
            for update in updates:
                room.document.apply(update)
                room.draft.apply(update)
        except (BadFrame, Gap, DocumentBroken):
            logger.exception("entry %s of PM-%s cannot be merged here", seq, room.postmortem_id)
            self._start_over(room)
            return
        room.head = seq
        self._tell(room.peers, b"".join(protocol.update(update) for update in updates))

    async def _look_next(self) -> None:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            await self.look()
        except LogUnreachable:
            logger.warning("the log cannot be looked at now; trying again")

    async def look(self) -> None:
        """Find what the bus lost, and rights that changed. What fails over one document keeps it from no other."""
        merged = [(room, room.head) for room in self.rooms.values()]
        heads = await self.log.heads([room.postmortem_id for room, _ in merged])
        doubtful = await self._doubtful()
        for room, before in merged:
            if self.rooms.get(room.postmortem_id) is not room:
                continue
            head, version = heads.get(room.postmortem_id, (None, None))
            if head is None or head < before:
                logger.warning(
                    "the log of PM-%s is gone, or older than what is open; loading it anew", room.postmortem_id
                )
                self._start_over(room)
                continue
            try:
                await self._look_at(room, head, version, doubtful)
            except LogUnreachable:
                raise
            except Exception:
                logger.exception("PM-%s cannot be looked at; loading it anew", room.postmortem_id)
                self._start_over(room)

    async def _look_at(self, room: Room, head: int, version: int | None, doubtful: Mapping[Peer, Any]) -> None:
        if version != room.acl_version and not (room.is_held or room.committing):
            await self._ask_while_held(room)
        asked = [peer for peer in room.peers if peer in doubtful]
        await self._check(room, asked, room.acl_version)
        for peer in asked:
            peer.basis = doubtful[peer]
        if head > room.head and not room.committing:  # what is under way closes any gap itself
            await self.catch_up(room, head)

    async def _ask_while_held(self, room: Room) -> None:
        """Nothing of it is committed meanwhile: what waits is sorted anew when all were asked about."""
        room.is_held = True
        try:
            await self._ask_again(room)
        finally:
            room.is_held = False
            self._work.set()

    async def _doubtful(self) -> dict[Peer, Any]:
        """Whose rights may have changed since they were asked about last, with what they rest on now."""
        peers = [peer for room in self.rooms.values() for peer in room.peers]
        bases = zip(peers, await self.gate.bases(peers), strict=True)
        return {peer: basis for peer, basis in bases if basis != peer.basis}


def _tell_standing(peer: Peer) -> None:
    if peer.wants_ours:
        peer.send(protocol.standing(may_write=peer.may_write))
        if peer.is_restricted:
            peer.send(protocol.changed(RESTRICTED))


async def _for_ever(part: Callable[[], Awaitable[None]]) -> None:
    """Do it again and again, until cancelled: a part that stopped would leave texts unsaved, or rights unasked."""
    while True:
        try:
            await part()
        except Exception:
            logger.exception("live text failed, and goes on")
            await asyncio.sleep(AGAIN_SECONDS)
