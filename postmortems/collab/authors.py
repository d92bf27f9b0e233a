"""Whose words are whose in a live text, and texts that are written in the names of several people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from postmortems.collab.document import LiveDocument, as_kept, splices

NOBODY = 0
Authors = Sequence[Sequence[int]]
"""Of a text from its begin on: a person, or `NOBODY` that is known, and how many characters follow of theirs."""


def pieces_of(
    document: LiveDocument, sections: Iterable[UUID], writers: Mapping[int, int]
) -> dict[UUID, list[tuple[int, str]]]:
    """What each section says in pieces, each with the person who wrote it; `writers`: whose each client is."""

    def person(run: tuple[int, str]) -> int:
        return writers.get(run[0], NOBODY)

    return {
        section: [(who, "".join(text for _, text in theirs)) for who, theirs in groupby(runs, key=person)]
        for section, runs in document.all_runs(sections).items()
    }


def authors_of(
    document: LiveDocument, sections: Iterable[UUID], writers: Mapping[int, int]
) -> dict[UUID, list[tuple[int, int]]]:
    """Who wrote what each section says."""
    pieces = pieces_of(document, sections, writers)
    return {section: [(person, len(text)) for person, text in theirs] for section, theirs in pieces.items()}


class _Part(NamedTuple):
    """A stretch of the text that is to be: what stays, or what `person` is to write."""

    person: int | None
    text: str


class CoWriting:
    """Edits of one live text in the names of several people, each as a client of their own."""

    def __init__(self, document: LiveDocument) -> None:
        self.updates: list[bytes] = []
        """What was written, for the log."""
        self._document = document
        self._hands: dict[int, LiveDocument] = {}

    @property
    def clients(self) -> dict[int, int]:
        """Whose each client is that wrote."""
        return {hand.client: person for person, hand in self._hands.items()}

    def rewrite(self, section: UUID, words: str, authors: Authors) -> None:
        """Make the section say `words`: what is not there yet is written by its authors, what is in excess by nobody.

        What no author is given for is nobody's too.
        """
        before = self._document.text(section)
        words, authors = _as_kept(words, authors)
        edits = splices(before, words)
        self._edit(NOBODY, section, [(start, end, "") for start, end, _ in edits if end > start])
        parts = list(_parts(before, words, edits, authors))
        there: set[int | None] = {None}
        for person in dict.fromkeys(part.person for part in parts if part.person is not None):
            self._edit(person, section, _written_by(person, parts, there))
            there.add(person)

    def _edit(self, person: int, section: UUID, edits: list[tuple[int, int, str]]) -> None:
        if not edits:
            return
        if person == NOBODY:
            self.updates.append(self._document.edit(section, edits))
            return
        hand = self._hands.setdefault(person, LiveDocument())
        hand.apply(self._document.update(hand.state()))
        update = hand.edit(section, edits)
        self._document.apply(update)
        self.updates.append(update)


def _as_kept(words: str, authors: Authors) -> tuple[str, Authors]:
    texts = [(person, as_kept(words[i:j])) for person, i, j in _cut(authors, 0, len(words))]
    return "".join(text for _, text in texts), [(person, len(text)) for person, text in texts]


def _parts(before: str, words: str, edits: Sequence[tuple[int, int, str]], authors: Authors) -> Iterator[_Part]:
    old, at, end = before.encode(), 0, 0
    for start, stop, insert in edits:
        stays = old[end:start].decode()
        yield _Part(None, stays)
        at += len(stays)
        yield from (_Part(person, words[i:j]) for person, i, j in _cut(authors, at, at + len(insert)))
        at += len(insert)
        end = stop


def _cut(authors: Authors, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The authors of characters `begin` to `end`, each with where theirs begin and end."""
    at = 0
    for person, length in authors:
        start, at = at, at + length
        if start < end and at > begin:
            yield person, max(start, begin), min(at, end)
    if at < end:
        yield NOBODY, max(at, begin), end


def _written_by(person: int, parts: Sequence[_Part], there: set[int | None]) -> list[tuple[int, int, str]]:
    """What they write among the parts that are there, as edits."""
    edits, at = [], 0
    for part in parts:
        if part.person in there:
            at += len(part.text.encode())
        elif part.person == person:
            edits.append((at, at, part.text))
    return edits
