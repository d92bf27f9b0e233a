"""What may be written into a document: text of sections, and nothing that breaks the library or the document."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text

from postmortems.collab.document import DocumentBroken, Gap, LiveDocument, root_name
from postmortems.collab.updates import check_update, is_empty
from postmortems.collab.wire import LARGEST_NUMBER, BadFrame, Reader, number

SECTION = UUID("0189f9c2-7f57-7c3e-9d2e-6a2b6f1a2b3c")
ROOT = root_name(SECTION)


def written(*words: str, root: str = ROOT) -> bytes:
    """The update of a client that types, deletes and types again."""
    doc: Doc[Text] = Doc(client_id=len(words) + 10_000)
    text = doc.get(root, type=Text)
    for word in words:
        text.insert(0, word)
    if len(words) > 1:
        del text[0 : len(words[-1].encode())]
    return doc.get_update()


def test_numbers_are_read_as_they_are_written() -> None:
    for value in (0, 1, 127, 128, 2**31, LARGEST_NUMBER):
        assert Reader(number(value)).number() == value


@pytest.mark.parametrize("data", [b"", b"\xff", b"\xff" * 9, b"\xff" * 8 + b"\x7f", number(LARGEST_NUMBER + 1)])
def test_a_number_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(BadFrame):
        Reader(data).number()


@pytest.mark.parametrize("words", [("hello",), ("héllo", "👩🏽‍🚒", "שלום"), ("a" * 100_000,), ("x", "\n", "\u2028")])
def test_texts_of_sections_pass(words: tuple[str, ...]) -> None:
    check_update(written(*words))


def test_an_update_without_anything_passes_and_is_known_as_such() -> None:
    check_update(Doc().get_update())
    assert is_empty(Doc().get_update())


def other(make: Any) -> bytes:
    doc: Doc[Any] = Doc()
    make(doc)
    return doc.get_update()


def formatted(doc: Doc[Any]) -> None:
    text = doc.get(ROOT, type=Text)
    text += "bold"
    text.format(0, 4, {"bold": True})


def embedded(doc: Doc[Any]) -> None:
    doc.get(ROOT, type=Text).insert_embed(0, {"image": "x"})


REFUSED = [
    written("x\r"),
    written("x\0y"),
    written("x", root="section-1"),
    written("x", root="title"),
    written("x", root=ROOT.upper()),
    written("x", root=f"{ROOT}/../x"),
    other(lambda doc: doc.get("map", type=Map).update({"a": 1})),
    other(lambda doc: doc.get("map", type=Map).update({"a": Text("x")})),
    other(lambda doc: doc.get(ROOT, type=Array).extend([1, 2])),
    other(formatted),
    other(embedded),
    b"",
    b"\x00",
    b"\x00\x00\x00",
    b"\x01\x01\x00",
    b"\xff" * 40,
    written("hello")[:-2],
    written("hello") + b"\x00",
]


@pytest.mark.parametrize("number", range(len(REFUSED)))  # the bytes themselves differ from run to run
def test_anything_else_is_refused(number: int) -> None:
    with pytest.raises(BadFrame):
        check_update(REFUSED[number])


def deletion(client: int, begin: int, length: int) -> bytes:
    return b"\x00\x01" + number(client) + b"\x01" + number(begin) + number(length)


def test_an_update_that_cuts_a_character_in_two_is_refused() -> None:
    doc: Doc[Text] = Doc(client_id=5)
    text = doc.get(ROOT, type=Text)
    text += "a👩b"
    document = LiveDocument()
    document.apply(doc.get_update())
    for begin, length in ((0, 2), (2, 1), (2, 2)):
        with pytest.raises(BadFrame, match="cuts a character"):
            document.apply(deletion(5, begin, length))
    document.apply(deletion(5, 1, 2))
    assert document.text(SECTION) == "ab"


def test_mutated_updates_are_refused_or_harmless() -> None:
    chance = random.Random(7)
    seeds = [written("hello", "world"), written("héllo 👩🏽‍🚒", "b", "c"), written("a" * 300)]
    document, survived = LiveDocument(), 0
    document.apply(seeds[0])
    for _ in range(20_000):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(data))
            match chance.randrange(3):
                case 0:
                    data[at] = chance.randrange(256)
                case 1:
                    data.insert(at, chance.choice([0, 1, 0x7F, 0x80, 0xFF]))
                case 2 if len(data) > 1:
                    del data[at]
        try:
            document.apply(bytes(data))
            survived += 1
        except (BadFrame, Gap):
            continue
        except DocumentBroken:
            document = LiveDocument()
            document.apply(seeds[0])
    fresh = LiveDocument()
    fresh.apply(document.update())
    assert fresh.texts() == document.texts()
    assert 0 < survived < 20_000


@given(st.binary(max_size=60))
def test_noise_is_never_anything_but_refused(data: bytes) -> None:
    try:
        check_update(data)
        LiveDocument().apply(data)
    except (BadFrame, Gap):
        return
