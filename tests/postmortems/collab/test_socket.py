"""The socket, on a real server: who comes in, what they may do, and that what was acknowledged is kept."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from django.conf import settings
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from pycrdt import Doc, Text
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from accounts.access import open_object
from accounts.enums import Visibility
from accounts.models import AuditEntry, Membership, User
from accounts.services.person import end_sessions
from postmortems.collab import admission, bus, changes, protocol, socket, store
from postmortems.collab.document import root_name
from postmortems.collab.hub import PRESENCE_SECONDS
from postmortems.collab.ports import Code
from postmortems.collab.process import is_hub_open, the_hub
from postmortems.collab.protocol import SUBPROTOCOL, Kind
from postmortems.collab.wire import Reader
from postmortems.models import Participant, Postmortem, Section
from postmortems.services import participants as services
from tests.factories.postmortems import IncidentFactory, PostmortemFactory, SectionFactory

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
PATIENCE = 15


@pytest.fixture
def address(db: None) -> Iterator[str]:
    """A server of our own, with sockets, for one test."""
    server = uvicorn.Server(
        uvicorn.Config(socket.application, port=0, log_level="warning", lifespan="on", ws="websockets-sansio")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    until = time.monotonic() + PATIENCE
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
    assert not is_hub_open()


@pytest.fixture
def windows(address: str) -> Iterator[ExitStack]:
    """Closes what was opened, before the server goes."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def section(alice: User) -> Section:
    postmortem = PostmortemFactory.create(owner=alice, incident=IncidentFactory.create(created_by=alice))
    return SectionFactory.create(postmortem=postmortem, body="Begin. ")


class Page:
    """A client as our own will be: it knows what is saved."""

    def __init__(self, windows: ExitStack, address: str, section: Section, person: User | None, **options: Any) -> None:
        self.name = root_name(section.pk)
        headers = {"Origin": f"http://{address}", "Host": address, **options.pop("headers", {})}
        if person:
            client = Client()
            client.force_login(person)
            headers["Cookie"] = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
        host = headers.pop("Host")
        origin = headers.pop("Origin")
        url = f"ws://{host}/ws/postmortems/{options.pop('postmortem', section.postmortem_id)}"
        protocols = options.pop("subprotocols", [SUBPROTOCOL])
        known = {"additional_headers": headers, "subprotocols": protocols, "proxy": None, "max_size": None}
        opening = connect(url, origin=origin, **known)
        self.connection: ClientConnection = windows.enter_context(opening)
        self.doc: Doc[Text] = Doc()
        self.saved = 0
        self.seen: dict[int, Any] = {}
        self.changed: list[str] = []
        with suppress(ConnectionClosed):  # refused already
            self.connection.send(protocol.state_vector(self.doc.get_state()))

    @property
    def text(self) -> str:
        return str(self.doc.get(self.name, type=Text))

    def type(self, words: str) -> None:
        state = self.doc.get_state()
        text = self.doc.get(self.name, type=Text)
        text += words
        self.connection.send(protocol.update(self.doc.get_update(state)))

    def until(self, reached: Callable[[], bool]) -> None:
        """Listen until it is so."""
        deadline = time.monotonic() + PATIENCE
        while not reached():
            self.take(self.connection.recv(timeout=max(deadline - time.monotonic(), 0.01)))

    def take(self, frame: Any) -> None:
        reader = Reader(frame)
        while not reader.is_at_end:
            match reader.number():
                case Kind.SYNC:
                    if reader.number() == protocol.Sync.STATE:
                        self.connection.send(protocol.missing(self.doc.get_update(reader.chunk())))
                    else:
                        self.doc.apply_update(reader.chunk())
                case Kind.AWARENESS:
                    self.seen.update({p.client: p.state for p in protocol.read_awareness(reader.chunk()).entries})
                case Kind.SAVED:
                    self.saved = reader.number()
                case Kind.STANDING:
                    reader.number()
                case Kind.CHANGED:
                    self.changed.append(reader.text())

    def end(self) -> int:
        """The code it is closed with."""
        with pytest.raises(ConnectionClosed):
            self.until(lambda: False)
        return self.connection.close_code or 0


def test_two_pages_share_a_text_and_know_what_is_saved(
    windows: ExitStack, address: str, section: Section, alice: User, bob: User
) -> None:
    Participant.objects.create(postmortem=section.postmortem, user=bob, role="contributor")
    one, two = Page(windows, address, section, alice), Page(windows, address, section, bob)
    one.until(lambda: one.text == "Begin. ")
    two.until(lambda: two.text == "Begin. ")
    one.type("Both see this. 👩🏽‍🚒")
    two.until(lambda: "Both see this. 👩🏽‍🚒" in two.text)
    one.until(lambda: one.saved == 2)
    assert "Both see this." in store.load(section.postmortem_id).document.text(section.pk)
    one.connection.send(protocol.awareness((protocol.Presence(one.doc.client_id, 1, {"user": {"name": "Root"}}),)))
    two.until(lambda: bool(two.seen))
    assert two.seen[one.doc.client_id]["user"] == {"id": alice.pk, "name": "Alice Archer"}


def test_the_stock_client_is_served_without_our_own_messages(
    windows: ExitStack, address: str, section: Section, alice: User
) -> None:
    page = Page(windows, address, section, alice, subprotocols=None)
    assert page.connection.subprotocol is None
    page.until(lambda: page.text == "Begin. ")
    page.type("More. ")
    other = Page(windows, address, section, alice)
    other.until(lambda: "More." in other.text)
    assert page.saved == 0


def test_a_document_of_many_full_sections_opens(
    windows: ExitStack, address: str, section: Section, alice: User
) -> None:
    for _ in range(5):
        SectionFactory.create(postmortem=section.postmortem, body="x" * 900_000)
    page = Page(windows, address, section, alice)
    page.until(lambda: page.text == "Begin. ")
    page.type("Still writable. ")
    page.until(lambda: page.saved == 2)


def test_nobody_comes_in_who_may_not(
    windows: ExitStack, address: str, section: Section, alice: User, mallory: User
) -> None:
    assert Page(windows, address, section, None).end() == admission.NOT_SIGNED_IN
    assert Page(windows, address, section, alice, headers={"Origin": "https://evil.example"}).end() == Code.FORBIDDEN
    assert Page(windows, address, section, alice, postmortem=999_999).end() == admission.NOT_FOUND
    assert (
        Page(windows, address, section, None, headers={"Cookie": "sessionid=forged"}).end() == admission.NOT_SIGNED_IN
    )
    as_another = f"{section.postmortem_id}?as={mallory.pk}"
    assert Page(windows, address, section, alice, postmortem=as_another).end() == admission.NOT_SIGNED_IN
    oneself = Page(windows, address, section, alice, postmortem=f"{section.postmortem_id}?as={alice.pk}")
    oneself.until(lambda: oneself.text == "Begin. ")
    Postmortem.objects.update(visibility=Visibility.RESTRICTED)
    assert Page(windows, address, section, mallory).end() == admission.NOT_FOUND
    assert Page(windows, address, section, alice).text == ""
    assert AuditEntry.objects.filter(verb="restricted.viewed", actor=alice).exists()


def test_a_reader_sees_and_does_not_write(windows: ExitStack, address: str, section: Section, mallory: User) -> None:
    page = Page(windows, address, section, mallory)
    page.until(lambda: page.text == "Begin. ")
    page.type("Mine. ")
    assert page.end() == Code.FORBIDDEN
    assert store.load(section.postmortem_id).document.text(section.pk) == "Begin. "


@pytest.mark.parametrize("way", ["signed out elsewhere", "deactivated", "no longer shared"])
def test_whoever_loses_the_right_is_closed_within_seconds(
    way: str, windows: ExitStack, address: str, section: Section, alice: User, mallory: User
) -> None:
    page = Page(windows, address, section, mallory)
    page.until(lambda: page.text == "Begin. ")
    if way == "signed out elsewhere":
        end_sessions(person=mallory, by=mallory)
    elif way == "deactivated":
        User.objects.filter(pk=mallory.pk).update(is_active=False)
    else:
        services.set_visibility(
            postmortem=section.postmortem, visibility=Visibility.RESTRICTED, by=alice, now=timezone.now()
        )
    assert page.end() == Code.FORBIDDEN
    writer = Page(windows, address, section, alice)
    writer.until(lambda: writer.text == "Begin. ")
    writer.type("Secret. ")
    writer.until(lambda: writer.saved == 2)
    assert "Secret." not in page.text


def test_whoever_leaves_the_team_may_read_on_and_no_longer_write(
    windows: ExitStack, address: str, section: Section, alice: User, bob: User
) -> None:
    membership = Membership.objects.create(team=section.postmortem.team, user=bob)
    page = Page(windows, address, section, bob)
    page.until(lambda: page.text == "Begin. ")
    page.type("Still here. ")
    page.until(lambda: page.saved == 2)
    membership.delete()
    assert page.end() == Code.FORBIDDEN
    again = Page(windows, address, section, bob)
    again.until(lambda: "Still here." in again.text)


def test_whoever_loses_the_right_while_coming_in_is_closed(
    windows: ExitStack,
    address: str,
    section: Section,
    alice: User,
    mallory: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writer = Page(windows, address, section, alice)
    writer.until(lambda: writer.text == "Begin. ")

    def open_before_it_is_restricted(*args: Any, **named: Any) -> Any:
        monkeypatch.undo()
        found = open_object(*args, **named)
        services.set_visibility(
            postmortem=section.postmortem, visibility=Visibility.RESTRICTED, by=alice, now=timezone.now()
        )
        room = the_hub().rooms[section.postmortem_id]
        before = room.acl_version
        until = time.monotonic() + PATIENCE
        while room.acl_version == before and time.monotonic() < until:
            time.sleep(0.05)
        return found

    monkeypatch.setattr(admission, "open_object", open_before_it_is_restricted)
    page = Page(windows, address, section, mallory)
    assert (page.end(), page.text) == (Code.FORBIDDEN, "")


# -- Without WebSockets ------------------------------------------------------------------------------------------------


class PollingPage:
    """A page behind a proxy that lets no WebSocket through."""

    def __init__(self, address: str, section: Section, person: User | None) -> None:
        self.address = address
        self.section = section
        self.doc: Doc[Text] = Doc()
        self.head = 0
        self.saved = 0
        self.seen: dict[int, Any] = {}
        self.mark = ""
        self.changed: list[str] = []
        self.cookie = ""
        if person:
            client = Client()
            client.force_login(person)
            self.cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"

    @property
    def text(self) -> str:
        return str(self.doc.get(root_name(self.section.pk), type=Text))

    def post(self, frame: bytes, *, since: int = 0, origin: str = "") -> tuple[int, bytes]:
        connection = HTTPConnection(self.address, timeout=PATIENCE + 10)
        headers = {"Cookie": self.cookie, "Origin": origin or f"http://{self.address}"}
        asked = f"since={since}&changes={self.mark}"
        connection.request("POST", f"/ws/postmortems/{self.section.postmortem_id}/poll?{asked}", frame, headers)
        answer = connection.getresponse()
        self.head = int(answer.headers.get("Debrief-Head", self.head))
        self.mark = answer.headers.get("Debrief-Changes", self.mark)
        body = answer.read()
        connection.close()
        return answer.status, body

    def poll(self, frame: bytes = b"", *, since: int = 0) -> None:
        status, body = self.post(protocol.state_vector(self.doc.get_state()) + frame, since=since)
        assert status == 200
        reader = Reader(body)
        while not reader.is_at_end:
            kind = reader.number()
            if kind == Kind.SYNC:
                step, data = reader.number(), reader.chunk()
                if step != protocol.Sync.STATE:
                    self.doc.apply_update(data)
            elif kind == Kind.SAVED:
                self.saved = reader.number()
            elif kind == Kind.CHANGED:
                self.changed.append(reader.text())
            elif kind == Kind.STANDING:
                reader.number()
            elif kind == Kind.AWARENESS:
                self.seen.update({p.client: p.state for p in protocol.read_awareness(reader.chunk()).entries})

    def typed(self, words: str) -> bytes:
        state = self.doc.get_state()
        text = self.doc.get(root_name(self.section.pk), type=Text)
        text += words
        return protocol.update(self.doc.get_update(state))


def test_without_websockets_the_same_hub_answers(
    windows: ExitStack, address: str, section: Section, alice: User, bob: User
) -> None:
    Participant.objects.create(postmortem=section.postmortem, user=bob, role="contributor")
    polling, live = PollingPage(address, section, alice), Page(windows, address, section, bob)
    polling.poll()
    assert polling.text == "Begin. "
    presence = protocol.awareness((protocol.Presence(polling.doc.client_id, 1, {"user": {"name": "Root"}}),))
    polling.poll(polling.typed("By polling. ") + presence)
    assert polling.saved == 1
    live.until(lambda: "By polling." in live.text)
    assert live.seen[polling.doc.client_id]["user"]["name"] == "Alice Archer"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(polling.poll, since=polling.head)
        live.type("By socket. ")
        waiting.result()
    assert "By socket." in polling.text


def test_a_polling_page_waits_for_what_others_do_and_not_for_itself(
    windows: ExitStack, address: str, section: Section, alice: User, bob: User
) -> None:
    Participant.objects.create(postmortem=section.postmortem, user=bob, role="contributor")
    polling, live = PollingPage(address, section, alice), Page(windows, address, section, bob)
    live.until(lambda: live.text == "Begin. ")
    presence = protocol.awareness((protocol.Presence(polling.doc.client_id, 1, {"cursor": 1}),))
    polling.poll(presence)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(polling.poll, presence, since=polling.head)
        time.sleep(5 * PRESENCE_SECONDS)
        live.type("By socket. ")
        waiting.result()
    assert "By socket." in polling.text


def test_a_polling_page_is_told_what_changed_between_two_requests(
    windows: ExitStack, address: str, section: Section, alice: User
) -> None:
    polling, live = PollingPage(address, section, alice), Page(windows, address, section, alice)
    live.until(lambda: live.text == "Begin. ")
    polling.poll()
    for part in ("whys", "timeline"):
        bus.announce_change(section.postmortem_id, part)
    live.until(lambda: live.changed == ["whys", "timeline"])
    polling.poll(since=polling.head)
    assert polling.changed == ["whys", "timeline"]
    polling.poll()
    assert polling.changed == ["whys", "timeline"]
    polling.mark = "0123456789abcdef-1"
    polling.poll(since=polling.head)
    assert polling.changed == ["whys", "timeline", changes.EVERYTHING]


def test_polling_is_open_to_nobody_else(
    windows: ExitStack, address: str, section: Section, alice: User, mallory: User
) -> None:
    page = PollingPage(address, section, mallory)
    page.poll()
    assert page.post(page.typed("Mine. "))[0] == 403
    assert PollingPage(address, section, None).post(b"")[0] == 401
    assert PollingPage(address, section, alice).post(b"", origin="https://evil.example")[0] == 403
    assert PollingPage(address, section, alice).post(b"\xff\xff")[0] == 400
    assert PollingPage(address, section, alice).post(b"x" * (protocol.LARGEST_FRAME + 1))[0] == 400
    Postmortem.objects.update(visibility=Visibility.RESTRICTED)
    status, body = PollingPage(address, section, mallory).post(b"")
    assert (status, b"Begin" in body) == (404, False)


# -- When something fails ----------------------------------------------------------------------------------------------


def test_whoever_comes_while_the_database_is_away_is_told_to_try_again(
    windows: ExitStack, address: str, section: Section, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: str) -> None:
        raise OperationalError("away")

    with monkeypatch.context() as patched:
        patched.setattr("postmortems.collab.admission.user_of", away)
        assert Page(windows, address, section, alice).end() == admission.DAMAGED
        status, body = PollingPage(address, section, alice).post(b"")
        assert (status, json.loads(body)["code"]) == (503, admission.DAMAGED)
    back = Page(windows, address, section, alice)
    back.until(lambda: back.text == "Begin. ")


def test_a_connection_that_fails_is_told_of_and_ends_alone(
    windows: ExitStack,
    address: str,
    section: Section,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    page = Page(windows, address, section, alice)
    page.until(lambda: page.text == "Begin. ")
    with monkeypatch.context() as patched:
        patched.setattr("postmortems.collab.socket.LARGEST_FRAME", None)
        page.type("Lost on the way. ")
        assert page.end()
    assert "a connection to PM-" in caplog.text
    back = Page(windows, address, section, alice)
    back.until(lambda: back.text == "Begin. ")


# -- Bad bytes ---------------------------------------------------------------------------------------------------------


def test_a_bad_frame_ends_one_connection(windows: ExitStack, address: str, section: Section, alice: User) -> None:
    good = Page(windows, address, section, alice)
    for frame in (b"\xff" * 50, "text", b"\x00\x02\x03abc"):
        bad = Page(windows, address, section, alice)
        bad.connection.send(frame)
        assert bad.end() == Code.BAD_FRAME
    good.until(lambda: good.text == "Begin. ")
    good.type("Calm. ")
    good.until(lambda: good.saved == 2)


# -- The stock client --------------------------------------------------------------------------------------------------

STOCK = Path(__file__).with_name("stock_client.mjs")
NODE = shutil.which("node")
HAS_STOCK = NODE is not None and (Path(settings.BASE_DIR) / "node_modules" / "y-websocket").exists()


@pytest.mark.skipif(not HAS_STOCK, reason="needs Node and the packages of package.json")
def test_the_provider_from_npm_connects_and_edits(
    windows: ExitStack, address: str, section: Section, alice: User
) -> None:
    page = Page(windows, address, section, alice)
    page.until(lambda: page.text == "Begin. ")
    client = Client()
    client.force_login(alice)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    room = str(section.postmortem_id)
    command = [str(NODE), str(STOCK), f"ws://{address}/ws/postmortems", room, cookie, page.name, "From npm. 👩"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60, cwd=settings.BASE_DIR)
    assert json.loads(done.stdout) == {"text": "Begin. From npm. 👩", "warnings": []}
    page.until(lambda: "From npm. 👩" in page.text)
    assert "From npm. 👩" in store.load(section.postmortem_id).document.text(section.pk)
