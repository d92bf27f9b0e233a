"""The messages: read as they are written, refused when they are something else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Text, create_sync_message, create_update_message

from postmortems.collab import protocol
from postmortems.collab.protocol import Awareness, Presence, QueryAwareness, StateVector, Update, read_frame
from postmortems.collab.wire import BadFrame, number, text


def test_messages_of_the_stock_client_are_understood() -> None:
    doc: Doc[Text] = Doc()
    updates: list[bytes] = []
    doc.observe(lambda event: updates.append(event.update))
    text_ = doc.get("section-x", type=Text)
    text_ += "hello"
    assert [*read_frame(create_sync_message(doc))] == [StateVector(doc.get_state())]
    assert [*read_frame(create_update_message(updates[0]))] == [Update(updates[0])]


def test_what_we_write_we_read() -> None:
    someone = Presence(client=7, clock=3, state={"user": {"name": "Łukasz 👩"}})
    frame = protocol.state_vector(b"v") + protocol.missing(b"m") + protocol.update(b"u")
    frame += protocol.awareness((someone, Presence(8, 1, None))) + bytes([protocol.Kind.QUERY_AWARENESS])
    assert [*read_frame(frame)] == [
        StateVector(b"v"),
        Update(b"m", is_answer=True),
        Update(b"u"),
        Awareness((someone, Presence(8, 1, None))),
        QueryAwareness(),
    ]


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x07",
        b"\x00",
        b"\x00\x03\x00",
        b"\x00\x00\x05ab",
        b"\x02\x00",
        protocol.saved(3),
        protocol.standing(may_write=True),
        b"\x01" + text("x"),
        bytes([1]) + number(3) + number(1) + b"\x01",
        protocol.awareness(tuple(Presence(n, 1, None) for n in range(3))),
        protocol.awareness((Presence(1, 1, {"x": "y" * 5_000}),)),
        b"\x01" + number(len(b"\x01\x01\x01" + text("[1]"))) + b"\x01\x01\x01" + text("[1]"),
        b"\x01" + number(len(b"\x01\x01\x01" + text("[" * 900))) + b"\x01\x01\x01" + text("[" * 900),
        b"\x00" * (protocol.LARGEST_FRAME + 1),
    ],
)
def test_anything_else_is_refused(frame: bytes) -> None:
    with pytest.raises(BadFrame):
        [*read_frame(frame)]


@given(st.binary(max_size=200))
def test_noise_raises_nothing_else(frame: bytes) -> None:
    try:
        for _ in read_frame(frame):
            pass
    except BadFrame:
        pass
