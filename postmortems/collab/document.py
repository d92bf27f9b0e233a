"""One live document in memory: texts of sections that merge whatever arrives, in whatever order.

Offsets: the CRDT library counts UTF-8 bytes here, Yjs in the browser UTF-16 units; both merge to the same text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import SequenceMatcher
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from pycrdt import Assoc, Doc, Text

from postmortems.collab.updates import NO_TEXT, ROOT, Summary, check_update, struct_ends
from postmortems.collab.wire import BadFrame, Reader
from postmortems.comparison import WORDS

LARGEST_DOCUMENT = 8 * 1024 * 1024
"""Bytes, as the update that is all of it: nobody makes it grow beyond."""


class Gap(Exception):
    """The update builds on something that is not here. Ask its sender for all that is missing.

    It is never left waiting inside the library: pycrdt 0.14 was seen to lose text when updates of one client arrive out
    of order and wait for each other.
    """


class DocumentBroken(Exception):
    """The library failed inside; this copy must be thrown away and loaded anew."""


def root_name(section: UUID) -> str:
    return f"section-{section}"


class LiveDocument:
    """A Yjs document whose roots are texts of sections."""

    def __init__(self) -> None:
        self._doc: Doc[Text] = Doc()
        self._clocks: dict[int, int] = {}
        self._halves: dict[int, set[int]] = {}
        self._bytes = 0
        self._is_broken = False

    def apply(self, update: bytes, summary: Summary | None = None) -> Summary:
        """Merge `update` and say what it brought; twice changes nothing. `summary`: what `check_update` said of it.

        Raises `BadFrame` when it is no update for texts and `Gap` when it builds on something unknown; nothing has
        changed then. `DocumentBroken` when the library fails: this copy is of no use any more.
        """
        summary = summary or check_update(update)
        self._refuse_if_broken()
        if not summary.fits(self._clocks):
            raise Gap("it builds on something that is not here")
        if summary.cuts_a_character(self._halves):
            raise BadFrame("it cuts a character in two")
        try:
            self._doc.apply_update(update)
        except ValueError as error:
            raise BadFrame(f"refused by the library: {error}") from error
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as panic:  # The library's panics are no Exception.
            self._is_broken = True
            raise DocumentBroken(str(panic)) from panic
        for client, end in summary.ends.items():
            self._clocks[client] = max(end, self._clocks.get(client, 0))
        self._bytes += len(update)
        self._note(summary)
        return summary

    def new_of(self, summary: Summary) -> set[int]:
        """The clients that an update brings something new of."""
        return {client for client, end in summary.ends.items() if end > self._clocks.get(client, 0)}

    def has_room_for(self, update: bytes) -> bool:
        """Whether it stays within `LARGEST_DOCUMENT` with `update`.

        It takes hardly more bytes than what was merged into it, and often far less: near the limit it is measured.
        """
        if self._bytes + len(update) > LARGEST_DOCUMENT:
            self._bytes = len(self.update())
        return self._bytes + len(update) <= LARGEST_DOCUMENT

    @contextmanager
    def watched(self, sections: Iterable[UUID]) -> Iterator[set[UUID]]:
        """Within it, collects which of `sections` the merged updates touched."""
        touched: set[UUID] = set()
        texts = {section: self._doc.get(root_name(section), type=Text) for section in sections}
        watches = {section: text.observe(_noting(touched, section)) for section, text in texts.items()}
        try:
            yield touched
        finally:
            for section, watch in watches.items():
                texts[section].unobserve(watch)

    def _refuse_if_broken(self) -> None:
        if self._is_broken:
            raise DocumentBroken("it failed before")

    @property
    def client(self) -> int:
        """The client as which `rewrite` and `replace` write."""
        return int(self._doc.client_id)

    def state(self) -> bytes:
        """What this copy has, as a state vector."""
        self._refuse_if_broken()
        return self._doc.get_state()

    def clocks(self) -> dict[int, int]:
        """How far the text of each client has come here: the state vector, for comparing."""
        return read_clocks(self.state())

    def update(self, since: bytes | None = None) -> bytes:
        """All of it, or what a copy with state vector `since` lacks. Raises `BadFrame` for a vector that is none."""
        self._refuse_if_broken()
        try:
            return self._doc.get_update(since)
        except ValueError as error:
            raise BadFrame(f"no state vector: {error}") from error
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as panic:
            self._is_broken = True
            raise DocumentBroken(str(panic)) from panic

    def text(self, section: UUID) -> str:
        self._refuse_if_broken()
        return str(self._doc.get(root_name(section), type=Text))

    def runs(self, section: UUID) -> list[tuple[int, str]]:
        """The text of a section in pieces, each with the client that wrote it."""
        return self.all_runs([section])[section]

    def all_runs(self, sections: Iterable[UUID]) -> dict[UUID, list[tuple[int, str]]]:
        """The same of several."""
        ends = struct_ends(self.update())
        return {
            section: [
                (client, "".join(words for _, words in piece))
                for client, piece in groupby(self._pieces(section, ends), key=itemgetter(0))
            ]
            for section in sections
        }

    def _pieces(self, section: UUID, ends: Mapping[int, Sequence[int]]) -> Iterator[tuple[int, str]]:
        """As the structs have them: only where one begins is the library asked, which looks from the start."""
        text = self._doc.get(root_name(section), type=Text)
        units = str(text).encode("utf-16-le")
        at = begin = 0
        with self._doc.transaction():
            while begin < len(units):
                item = text.sticky_index(at, Assoc.AFTER).to_json()["item"]
                client, clock = item["client"], item["clock"]
                length = ends[client][bisect_right(ends[client], clock)] - clock
                words = units[begin : begin + 2 * length].decode("utf-16-le")
                yield client, words
                begin += 2 * length
                at += len(words.encode())

    def texts(self) -> dict[UUID, str]:
        """The text of every section that anything was ever written in."""
        self._refuse_if_broken()
        names = [name for name in self._doc.keys() if ROOT.fullmatch(name)]  # noqa: SIM118  (no mapping)
        return {UUID(name.removeprefix("section-")): str(self._doc.get(name, type=Text)) for name in names}

    def rewrite(self, section: UUID, words: str) -> bytes:
        """Make the section say `words` by the smallest edits found, so that cursors stay; the update, for the log.

        Empty bytes when it says so already.
        """
        before, words = self.text(section), as_kept(words)
        return self.edit(section, splices(before, words)) if before != words else b""

    def replace(self, section: UUID, start: int, end: int, words: str) -> bytes:
        """Put `words` in the place of characters `start` to `end`, as a whole; the update, for the log.

        Nothing of what stood there stays, even where both are alike: it is one person's words instead of others', and
        whoever takes back their own takes nothing out of them.
        """
        before = self.text(section)
        begin, stop = (len(before[:at].encode()) for at in (start, end))
        return self.edit(section, [(begin, stop, as_kept(words))])

    def edit(self, section: UUID, edits: Sequence[tuple[int, int, str]]) -> bytes:
        """Change stretches of the section's text, each from and to in UTF-8 bytes of it as it is; the update.

        They follow each other; of several at one place the first comes first.
        """
        text = self._doc.get(root_name(section), type=Text)
        state = self._doc.get_state()
        with self._doc.transaction():
            for start, end, insert in reversed(edits):
                if end > start:
                    del text[start:end]
                if insert:
                    text.insert(start, insert)
        update = self._doc.get_update(state)
        self._clocks = self.clocks()
        self._bytes += len(update)
        self._note(check_update(update))
        return update

    def _note(self, summary: Summary) -> None:
        for client, halves in summary.halves.items():
            self._halves.setdefault(client, set()).update(halves)


def _noting(touched: set[UUID], section: UUID) -> Callable[[Any], None]:
    return lambda _event: touched.add(section)


def read_clocks(state: bytes) -> dict[int, int]:
    """The clocks in a state vector."""
    reader = Reader(state)
    return {reader.number(): reader.number() for _ in range(reader.number())}


def as_kept(words: str) -> str:
    """`words` as a live text holds them: lines end in one newline."""
    return NO_TEXT.sub("", words.replace("\r\n", "\n").replace("\r", "\n"))


def splices(before: str, after: str) -> list[tuple[int, int, str]]:
    """Edits that make `after` of `before`: from and to in UTF-8 bytes of `before`, and what goes there instead.

    Lines first, then words within the lines that changed: quick on long texts, small where it matters. Words are put in
    or taken out whole: of one that stays in part, its author's undo would leave a patchwork.
    """
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    found: list[tuple[int, int, str]] = []
    offsets = _offsets(old)
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            found.extend(_within("".join(old[i:j]), "".join(new[k:m]), offsets[i]))
    return found


MOST_COMPARED = 2_000
"""Characters; longer changed stretches are replaced between their common ends, for comparing takes the square of it."""


def _within(before: str, after: str, at: int) -> list[tuple[int, int, str]]:
    if max(len(before), len(after)) > MOST_COMPARED:
        return [_between_common_ends(before, after, at)]
    old, new = WORDS.findall(before), WORDS.findall(after)
    offsets = _offsets(old)
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    changed = [("".join(old[i:j]), "".join(new[k:m]), at + offsets[i]) for tag, i, j, k, m in codes if tag != "equal"]
    return [_grown(*each) or _whole(*each) for each in changed]


def _grown(before: str, after: str, at: int) -> tuple[int, int, str] | None:
    """What was put into a word, or taken out of it, if that is all."""
    start, end, insert = _between_common_ends(before, after, at)
    return (start, end, insert) if start == end or not insert else None


def _whole(before: str, after: str, at: int) -> tuple[int, int, str]:
    return at, at + len(before.encode()), after


def _between_common_ends(before: str, after: str, at: int) -> tuple[int, int, str]:
    most = min(len(before), len(after))
    head = next((n for n in range(most) if before[n] != after[n]), most)
    tail = next((n for n in range(most - head) if before[-1 - n] != after[-1 - n]), most - head)
    start = at + len(before[:head].encode())
    end = at + len(before[: len(before) - tail].encode())
    return start, end, after[head : len(after) - tail]


def _offsets(parts: list[str]) -> list[int]:
    """Where each part begins, in UTF-8 bytes, and where the last ends."""
    found = [0]
    for part in parts:
        found.append(found[-1] + len(part.encode()))
    return found
