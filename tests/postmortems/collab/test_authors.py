"""Texts in the names of several people: they say what they should, and every new word is its author's."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from postmortems.collab.authors import NOBODY, CoWriting, authors_of
from postmortems.collab.document import LiveDocument

SECTION = UUID("11111111-1111-4111-8111-111111111111")
texts = st.text("ab \n👩🏽‍🚒ß", max_size=30)
written = st.lists(st.tuples(st.sampled_from([NOBODY, 7, 8, 9]), texts), max_size=6)


def by_character(authors: list[tuple[int, int]]) -> list[int]:
    return [person for person, length in authors for _ in range(length)]


@given(written, written)
def test_what_is_written_is_its_authors_and_what_stays_is_whose_it_was(
    then: list[tuple[int, str]], now: list[tuple[int, str]]
) -> None:
    document, page = LiveDocument(), LiveDocument()
    writers: dict[int, int] = {}
    for pieces in (then, now):
        before = document.text(SECTION)
        whose = by_character(authors_of(document, [SECTION], writers)[SECTION])
        writing = CoWriting(document)
        words = "".join(text for _, text in pieces)
        writing.rewrite(SECTION, words, [(person, len(text)) for person, text in pieces])
        writers |= writing.clients
        for update in writing.updates:
            page.apply(update)
        assert document.text(SECTION) == page.text(SECTION) == words
        found = by_character(authors_of(document, [SECTION], writers)[SECTION])
        wanted = [person for person, text in pieces for _ in text]
        if not before:
            assert found == wanted
        assert all(each in (person, *whose) for each, person in zip(found, wanted, strict=True))


def test_words_without_an_author_are_nobodys() -> None:
    document = LiveDocument()
    writing = CoWriting(document)
    writing.rewrite(SECTION, "One two three", [(7, 4)])
    assert authors_of(document, [SECTION], writing.clients)[SECTION] == [(7, 4), (NOBODY, 9)]


def test_windows_line_ends_are_kept_as_one_and_their_authors_with_them() -> None:
    document = LiveDocument()
    writing = CoWriting(document)
    writing.rewrite(SECTION, "One\r\ntwo\r\n", [(7, 5), (8, 5)])
    assert document.text(SECTION) == "One\ntwo\n"
    assert authors_of(document, [SECTION], writing.clients)[SECTION] == [(7, 4), (8, 4)]
