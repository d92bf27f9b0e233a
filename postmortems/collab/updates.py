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
NO_TEXT = re.compile(r"[\0\r]")
"""Postgres keeps no NUL, and editors count a carriage return differently."""
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
    halves: dict[int, set[int]] = field(default_factory=dict)
    """Clocks in the middle of a character that takes two UTF-16 units, in the texts it brings."""
    joins: int = 0
    """Texts that go on where the one before them ends. The library makes one of them, and takes the square of it."""
    cuts: set[tuple[int, int]] = field(default_factory=set)
    """Client and clock of every place where a text would have to be cut for it."""

    def cuts_a_character(self, halves: Mapping[int, set[int]]) -> bool:
        """Whether it would cut a character in two. The library writes what it cannot read again then."""
        if not halves and not self.halves:
            return False
        nothing: set[int] = set()
        return any(
            clock in halves.get(client, nothing) or clock in self.halves.get(client, nothing)
            for client, clock in self.cuts
        )

    def fits(self, known: Mapping[int, int]) -> bool:
        """Whether a document that has come to `known` has all that the update builds on."""
        if self.has_gap or any(start > known.get(client, 0) for client, start in self.starts.items()):
            return False
        return all(need <= max(known.get(client, 0), self.ends.get(client, 0)) for client, need in self.needs.items())

    def need(self, client: int, clock: int) -> None:
        self.needs[client] = max(self.needs.get(client, 0), clock)


def check_update(data: bytes, *, most: int | None = None) -> Summary:
    """What `data` brings and needs. Raises `BadFrame` unless it only writes and deletes text of sections.

    `most`: parts that it may have; None for as many as there are bytes.
    """
    reader, summary = Reader(data), Summary()
    left = len(data) if most is None else most
    for _ in range(_count(reader, left)):
        structs = _count(reader, left)
        left -= structs
        client = reader.number()
        clock = _clock(reader)
        if client in summary.starts:
            raise BadFrame("a client stands in it twice")
        summary.starts[client] = clock
        before = GC
        for _ in range(structs):
            kind, length = _struct(reader, summary, client, clock, before)
            clock, before = _checked_end(clock, length), kind
        summary.ends[client] = clock
    _deletions(reader, left, summary)
    reader.end()
    return summary


def struct_ends(data: bytes) -> dict[int, list[int]]:
    """Where each struct of a client ends in an update that was checked, as clocks: the text of one stands together."""
    reader, ends = Reader(data), dict[int, list[int]]()
    for _ in range(reader.number()):
        structs, client, clock = reader.number(), reader.number(), reader.number()
        ends[client] = []
        for _ in range(structs):
            clock += _struct(reader, Summary(), client, clock, GC)[1]
            ends[client].append(clock)
    return ends


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


def _struct(reader: Reader, summary: Summary, client: int, clock: int, before: int) -> tuple[int, int]:
    """Read one struct, of which kind it is and how far it moves the clock; `before`: the kind of the last one."""
    info = reader.byte()
    kind = info & _KIND
    if info in {GC, SKIP}:
        summary.has_gap |= info == SKIP
        return info, _length(reader)
    if kind in {GC, SKIP}:
        raise BadFrame("an unknown struct")
    left = _origins(reader, info, summary)
    summary.joins += kind == before == STRING and left == (client, clock - 1)
    return kind, _content(reader, kind, summary, client, clock)


def _length(reader: Reader) -> int:
    length = reader.number()
    if length == 0:
        raise BadFrame("a part of no length")
    return length


def _origins(reader: Reader, info: int, summary: Summary) -> tuple[int, int] | None:
    """What it was written behind; None when that is the beginning."""
    left = _neighbour(reader, summary, 1) if info & HAS_LEFT else None
    if info & HAS_RIGHT:
        _neighbour(reader, summary, 0)
    if info & (HAS_LEFT | HAS_RIGHT):
        return left
    if reader.number() == 1:
        if not ROOT.fullmatch(reader.text()):
            raise BadFrame("a text that is no section's")
    else:
        _id(reader, summary)
    if info & HAS_PARENT_KEY:
        raise BadFrame("a text has no keys")
    return None


def _neighbour(reader: Reader, summary: Summary, offset: int) -> tuple[int, int]:
    client, clock = _id(reader, summary)
    summary.cuts.add((client, clock + offset))
    return client, clock


def _id(reader: Reader, summary: Summary) -> tuple[int, int]:
    client, clock = reader.number(), _clock(reader)
    summary.need(client, _checked_end(clock, 1))
    return client, clock


def _content(reader: Reader, kind: int, summary: Summary, client: int, clock: int) -> int:
    if kind == DELETED:
        return _length(reader)
    if kind == STRING:
        words = reader.text()
        if not words:
            raise BadFrame("a part of no length")
        if NO_TEXT.search(words):
            raise BadFrame("a character that no text holds")
        if words.isascii():
            return len(words)
        return _length_of(words, summary, client, clock)
    if kind == FORMAT:
        raise BadFrame("formatted text")
    raise BadFrame(f"content of kind {kind}")


def _length_of(words: str, summary: Summary, client: int, clock: int) -> int:
    """The length in UTF-16 units; where characters of two units have their middle is noted."""
    length = 0
    for character in words:
        if ord(character) > 0xFFFF:
            summary.halves.setdefault(client, set()).add(clock + length + 1)
            length += 1
        length += 1
    return length


def _deletions(reader: Reader, most: int, summary: Summary) -> None:
    for _ in range(_count(reader, most)):
        client = reader.number()
        ranges = _count(reader, most)
        most -= ranges
        for _ in range(ranges):
            begin = _clock(reader)
            end = _checked_end(begin, _length(reader))
            summary.need(client, end)
            summary.cuts.update({(client, begin), (client, end)})
