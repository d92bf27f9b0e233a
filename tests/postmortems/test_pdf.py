"""The document as PDF: on pages, with its words, and without asking anybody for anything."""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.test import Client

from accounts.models import AuditEntry, User
from postmortems.export import pdf
from postmortems.models import Postmortem, Section

As = Callable[[User], Client]
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not pdf.is_available(), reason="needs Pango from the system"),
]


@pytest.fixture
def asked() -> Iterator[tuple[int, list[str]]]:
    """A server that nobody should ask, and what it was asked for all the same."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    yield server.server_address[1], paths
    server.shutdown()
    server.server_close()


def pages_of(content: bytes) -> int:
    """How many pages there are; WeasyPrint packs what says so into compressed streams."""
    packed = re.findall(rb"stream\n(.*?)\nendstream", content, re.DOTALL)
    opened = [zlib.decompressobj().decompress(each) for each in packed if each.startswith(b"x")]
    return len(re.findall(rb"/Type ?/Page(?!s)", b"".join([content, *opened])))


def test_a_long_document_has_pages(as_user: As, alice: User, postmortem: Postmortem, section: Section) -> None:
    Section.objects.filter(pk=section.pk).update(body="\n\n".join(["The pool ran dry. " * 20] * 40))
    answer = as_user(alice).get(f"/postmortems/{postmortem.pk}/export.pdf")
    assert (answer["Content-Type"], answer.content[:5]) == ("application/pdf", b"%PDF-")
    assert 3 <= pages_of(answer.content) <= 12
    assert AuditEntry.objects.filter(verb="postmortem.exported").count() == 1


def test_nothing_is_fetched(
    as_user: As, alice: User, postmortem: Postmortem, section: Section, asked: tuple[int, list[str]]
) -> None:
    port, paths = asked
    address = f"http://127.0.0.1:{port}/secret.png"
    body = f"![x]({address})\n\n<img src='{address}'>\n\n![y](file:///etc/passwd)"
    Section.objects.filter(pk=section.pk).update(body=body)
    assert as_user(alice).get(f"/postmortems/{postmortem.pk}/export.pdf").status_code == 200
    assert paths == []


def test_where_it_cannot_be_made_it_is_not_offered(
    as_user: As, alice: User, postmortem: Postmortem, section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "_weasyprint", lambda: None)
    monkeypatch.setattr(pdf, "is_available", lambda: False)
    client = as_user(alice)
    assert "Export PDF" not in client.get(f"/postmortems/{postmortem.pk}/read/").content.decode()
    assert client.get(f"/postmortems/{postmortem.pk}/export.pdf").status_code == 404
