"""One document, many copies: whatever the order, they end up the same; rewriting is small and exact."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Assoc, Doc, Text

from postmortems.collab.document import Gap, LiveDocument, root_name, splices
from postmortems.collab.wire import BadFrame

ONE = UUID("0189f9c2-7f57-7c3e-9d2e-6a2b6f1a2b3c")
TWO = UUID("0189f9c2-7f57-7c3e-9d2e-6a2b6f1a2b3d")
WORDS = st.text(alphabet=st.sampled_from("ab \né👩🏽‍🚒ש\u0301"), max_size=40)


@given(WORDS, WORDS)
def test_rewriting_makes_exactly_the_new_text(before: str, after: str) -> None:
    document, other = LiveDocument(), LiveDocument()
    first = document.rewrite(ONE, before)
    second = document.rewrite(ONE, after)
    assert document.text(ONE) == after
    for update in (first, second, second):
        if update:
            other.apply(update)
    assert other.text(ONE) == (after if second else before)


def test_rewriting_touches_only_what_changed() -> None:
    before = "First line.\nThe pool had 20 connections.\nLast line.\n" * 50
    after = before.replace("20", "200", 1)
    assert splices(before, after) == [(27, 27, "0")]


def test_a_word_is_replaced_as_a_whole_and_not_letter_by_letter() -> None:
    assert splices("It went to production.", "It reached customers.") == [(3, 7, "reached"), (8, 21, "customers")]


def test_rewriting_a_long_stretch_keeps_its_ends() -> None:
    before, after = "a" * 5_000 + "é" + "b" * 5_000, "a" * 5_000 + "👩" + "b" * 5_000
    assert splices(before, after) == [(5_000, 5_002, "👩")]


def test_someone_typing_elsewhere_in_the_line_keeps_their_words() -> None:
    base = LiveDocument()
    base.rewrite(ONE, "The pool had 20 connections.")
    theirs: Doc[Text] = Doc()
    theirs.apply_update(base.update())
    text = theirs.get(root_name(ONE), type=Text)
    text += " Every time."
    server_edit = base.rewrite(ONE, "The pool had 200 connections.")
    theirs.apply_update(server_edit)
    base.apply(theirs.get_update())
    assert base.text(ONE) == str(text) == "The pool had 200 connections. Every time."


def test_replaced_words_keep_nothing_of_what_they_replace() -> None:
    document = LiveDocument()
    document.rewrite(ONE, "👩🏽‍🚒: the pool ran dry at noon.")
    other = LiveDocument()
    other.apply(document.update())
    at = document.text(ONE).index("ran dry")
    document.apply(other.replace(ONE, at, at + len("ran dry"), "was drained\r\nat random"))
    assert document.runs(ONE) == [
        (document.client, "👩🏽‍🚒: the pool "),
        (other.client, "was drained\nat random"),
        (document.client, " at noon."),
    ]


def runs_by_character(copy: Doc[Text]) -> list[tuple[int, str]]:
    """Whose each character is, asked one by one."""
    text, found = copy.get(root_name(ONE), type=Text), list[tuple[int, str]]()
    with copy.transaction():
        for at, character in enumerate(str(text)):
            item = text.sticky_index(len(str(text)[:at].encode()), Assoc.AFTER).to_json()["item"]
            found.append((item["client"], character))
    pieces = groupby(found, key=itemgetter(0))
    return [(client, "".join(character for _, character in piece)) for client, piece in pieces]


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.floats(0, 1), st.integers(0, 3), WORDS, st.booleans()), min_size=1, max_size=30
    )
)
def test_runs_say_whose_each_character_is(edits: list[tuple[int, float, int, str, bool]]) -> None:
    hands = [LiveDocument() for _ in range(3)]
    for who, where, deleted, words, is_told in edits:
        characters = list(hands[who].text(ONE))
        start = int(where * len(characters))
        begin, end = (len("".join(characters[:at]).encode()) for at in (start, start + deleted))
        hands[who].edit(ONE, [(begin, end, words)])
        if is_told:
            for other in hands:
                other.apply(hands[who].update())
    document, copy = LiveDocument(), Doc[Text]()
    for hand in hands:
        document.apply(hand.update())
    copy.apply_update(document.update())
    runs = document.runs(ONE)
    assert runs == runs_by_character(copy)
    assert "".join(words for _, words in runs) == document.text(ONE)


def test_texts_lists_what_was_written_in() -> None:
    document = LiveDocument()
    document.rewrite(ONE, "x")
    document.rewrite(TWO, "y")
    document.rewrite(TWO, "")
    assert document.texts() == {ONE: "x", TWO: ""}


@pytest.mark.parametrize("vector", [b"\xff", b"\x01\x01", b"\x05\x01"])
def test_a_state_vector_that_is_none_is_refused(vector: bytes) -> None:
    with pytest.raises(BadFrame):
        LiveDocument().update(vector)


def is_taken(client: LiveDocument, update: bytes) -> bool:
    """Whether the client could merge the update by now."""
    try:
        client.apply(update)
    except Gap:
        return False
    return True


def test_an_update_that_builds_on_something_unknown_is_not_taken_in() -> None:
    writer, reader = LiveDocument(), LiveDocument()
    updates = [writer.rewrite(ONE, words) for words in ("a", "ab", "b")]
    for update in updates[1:]:
        with pytest.raises(Gap):
            reader.apply(update)
    assert reader.texts() == {}
    for update in updates:
        reader.apply(update)
    assert reader.text(ONE) == "b"


EDITS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 200), st.integers(0, 6), WORDS), min_size=1, max_size=25)


@given(EDITS, st.randoms(use_true_random=False))
def test_copies_converge_whatever_the_order_and_however_often(
    edits: list[tuple[int, int, int, str]], chance: object
) -> None:
    clients = [LiveDocument() for _ in range(4)]
    updates: list[bytes] = []
    for who, at, length, words in edits:
        before = clients[who].text(ONE)
        start = min(at, len(before))
        update = clients[who].rewrite(ONE, before[:start] + words + before[start + length :])
        if update:
            updates.append(update)
    for client in clients:
        waiting = updates * 2
        chance.shuffle(waiting)  # type: ignore[attr-defined]
        while waiting:
            waiting = [update for update in waiting if not is_taken(client, update)]
    assert len({client.text(ONE) for client in clients}) == 1
    assert all(client.clocks() == clients[0].clocks() for client in clients)
