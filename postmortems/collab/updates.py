"""Looks into a Yjs update (encoding V1) before the CRDT library does.

The library was seen to panic on crafted updates of a few bytes, and a post-mortem holds nothing but plain texts. So an
update is read here first, and refused unless all it does is write and delete text of sections: no other types, no
embedded objects, no other names at the root.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from postmortems.collab.wire import BadFrame, Reader

ROOT = re.compile(r"section-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
"""The name of a section's text: "section-" and its id."""
MOST_CLIENTS = 10_000
FURTHEST_CLOCK = 2**31 - 1
"""A text of two thousand million characters written by one client: beyond it the library's arithmetic may wrap."""

GC, SKIP = 0, 10
DELETED, STRING, FORMAT = 1, 4, 6
HAS_LEFT, HAS_RIGHT, HAS_PARENT_KEY = 0x80, 0x40, 0x20
_KIND = 0x1F


@dataclass
class Summary:
    """What an update brings, and what must be there before it, as clocks by client.

    A clock counts what one client has written, in UTF-16 units. `needs` holds what the update refers to besides.
    """

    starts: dict[int, int] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)
    needs: dict[int, int] = field(default_factory=dict)
    has_gap: bool = False

    def fits(self, known: Mapping[int, int]) -> bool:
        """Whether a document that has come to `known` has all that the update builds on."""
        if self.has_gap or any(start > known.get(client, 0) for client, start in self.starts.items()):
            return False
        return all(need <= max(known.get(client, 0), self.ends.get(client, 0)) for client, need in self.needs.items())

    def need(self, client: int, clock: int) -> None:
        self.needs[client] = max(self.needs.get(client, 0), clock)


def check_update(data: bytes) -> Summary:
    """What `data` brings and needs. Raises `BadFrame` unless it only writes and deletes text of sections."""
    reader, summary = Reader(data), Summary()
    for _ in range(_count(reader, MOST_CLIENTS)):
        structs = _count(reader, len(data))
        client = reader.number()
        clock = _clock(reader)
        if client in summary.starts:
            raise BadFrame("a client stands in it twice")
        summary.starts[client] = clock
        for _ in range(structs):
            clock = _checked_end(clock, _struct(reader, summary))
        summary.ends[client] = clock
    _deletions(reader, len(data), summary)
    reader.end()
    return summary


def is_empty(data: bytes) -> bool:
    """Whether the update changes nothing: what a client sends that has nothing new."""
    return data == b"\x00\x00"


def _count(reader: Reader, most: int) -> int:
    count = reader.number()
    if count > most:
        raise BadFrame("more parts than there can be")
    return count


def _clock(reader: Reader) -> int:
    return _checked_end(0, reader.number())


def _checked_end(clock: int, length: int) -> int:
    if clock + length > FURTHEST_CLOCK:
        raise BadFrame("a clock runs too far")
    return clock + length


def _struct(reader: Reader, summary: Summary) -> int:
    """Read one struct; how far it moves the clock."""
    info = reader.byte()
    kind = info & _KIND
    if info in {GC, SKIP}:
        summary.has_gap |= info == SKIP
        return _length(reader)
    if kind in {GC, SKIP}:
        raise BadFrame("an unknown struct")
    _origins(reader, info, summary)
    return _content(reader, kind)


def _length(reader: Reader) -> int:
    length = reader.number()
    if length == 0:
        raise BadFrame("a part of no length")
    return length


def _origins(reader: Reader, info: int, summary: Summary) -> None:
    for has in (HAS_LEFT, HAS_RIGHT):
        if info & has:
            _id(reader, summary)
    if info & (HAS_LEFT | HAS_RIGHT):
        return
    if reader.number() == 1:
        if not ROOT.fullmatch(reader.text()):
            raise BadFrame("a text that is no section's")
    else:
        _id(reader, summary)
    if info & HAS_PARENT_KEY:
        raise BadFrame("a text has no keys")


def _id(reader: Reader, summary: Summary) -> None:
    client = reader.number()
    summary.need(client, _checked_end(_clock(reader), 1))


def _content(reader: Reader, kind: int) -> int:
    if kind == DELETED:
        return _length(reader)
    if kind == STRING:
        words = reader.text()
        if not words:
            raise BadFrame("a part of no length")
        return len(words.encode("utf-16-le")) // 2
    if kind == FORMAT:
        raise BadFrame("formatted text")
    raise BadFrame(f"content of kind {kind}")


def _deletions(reader: Reader, most: int, summary: Summary) -> None:
    for _ in range(_count(reader, MOST_CLIENTS)):
        client = reader.number()
        for _ in range(_count(reader, most)):
            summary.need(client, _checked_end(_clock(reader), _length(reader)))
