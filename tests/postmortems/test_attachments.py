"""Files: known by their content, written anew, served through the gate, never run."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from accounts.enums import Visibility
from accounts.models import User
from postmortems.files import LARGEST_FILE
from postmortems.models import Attachment, Postmortem

pytestmark = pytest.mark.django_db
As = Callable[[User], Client]
SCRIPT = b"<script>alert(1)</script>"


def image(kind: str = "PNG", size: tuple[int, int] = (8, 6), **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind, **options)
    return out.getvalue()


def send(client: Client, postmortem: Postmortem, name: str, content: bytes, **more: str) -> Any:
    upload = SimpleUploadedFile(name, content, "image/png")
    # Django keeps the last part of a name before we see it; a hostile client does not.
    upload._name = name  # type: ignore[attr-defined]
    return client.post(f"/postmortems/{postmortem.pk}/files/", {"file": upload, **more})


def kept(answer: Any) -> Attachment:
    assert answer.status_code == 200, answer.content
    return Attachment.objects.latest("created_at")


def served(client: Client, attachment: Attachment) -> tuple[Any, bytes]:
    answer = client.get(attachment.get_absolute_url())
    content = b"".join(answer.streaming_content) if answer.status_code == 200 else b""  # type: ignore[attr-defined]
    return answer, content


def test_an_image_is_kept_and_shown_with_its_words(as_user: As, alice: User, postmortem: Postmortem) -> None:
    client = as_user(alice)
    answer = send(client, postmortem, "graph.png", image(), alternative_text="Errors [rise] at 14:02")
    attachment = kept(answer)
    assert answer.json()["markdown"] == f"![Errors (rise) at 14:02]({attachment.get_absolute_url()})"
    assert (attachment.content_type, attachment.width, attachment.height) == ("image/png", 8, 6)
    response, content = served(client, attachment)
    assert Image.open(io.BytesIO(content)).size == (8, 6)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response.headers["Content-Security-Policy"]
    assert response.headers["Content-Disposition"].startswith("inline")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_the_name_gets_the_ending_of_what_it_is(kind: str, as_user: As, alice: User, postmortem: Postmortem) -> None:
    attachment = kept(send(as_user(alice), postmortem, "picture.php.svg", image(kind)))
    assert attachment.name == "picture.php" + {"JPEG": ".jpg"}.get(kind, f".{kind.lower()}")


def test_what_an_image_carries_besides_the_picture_is_dropped(as_user: As, alice: User, postmortem: Postmortem) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Spy camera"
    content = image("JPEG", exif=exif, comment=b"where it was taken") + SCRIPT
    client = as_user(alice)
    _, stored = served(client, kept(send(client, postmortem, "photo.jpg", content)))
    for secret in (b"Spy camera", b"where it was taken", b"<script>"):
        assert secret in content
        assert secret not in stored


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("page.html", SCRIPT, "cannot be attached"),
        ("picture.svg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "cannot be attached"),
        ("run.exe", b"MZ\x90\x00", "cannot be attached"),
        ("archive.zip", b"PK\x03\x04", "cannot be attached"),
        ("noname", b"hello", "cannot be attached"),
        ("broken.png", image()[:40], "not an image we can read"),
        ("fake.png", b"\x89PNG\r\n\x1a\n" + SCRIPT, "not an image we can read"),
        ("huge.gif", b"GIF89a\xff\xff\xff\xff\x00\x00\x00;", "not an image we can read"),
        ("latin.csv", "naïve".encode("latin-1"), "not plain text in UTF-8"),
        ("binary.txt", b"a\x00b", "not plain text"),
        ("empty.txt", b"", "empty"),
    ],
)
def test_what_could_run_or_is_broken_is_refused_in_words(
    name: str, content: bytes, said: str, as_user: As, alice: User, postmortem: Postmortem
) -> None:
    answer = send(as_user(alice), postmortem, name, content)
    assert answer.status_code == 422
    assert said in answer.json()["error"], answer.json()
    assert not Attachment.objects.exists()


def test_a_small_file_that_decodes_to_a_giant_is_refused(as_user: As, alice: User, postmortem: Postmortem) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    pixels = zlib.compress(b"\0" * 1000)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    answer = send(as_user(alice), postmortem, "bomb.png", bomb)
    assert "pixels" in answer.json()["error"]


def test_a_file_too_large_is_refused(as_user: As, alice: User, postmortem: Postmortem) -> None:
    answer = send(as_user(alice), postmortem, "log.txt", b"x" * (LARGEST_FILE + 1))
    assert answer.status_code == 422
    assert "25.0 MB" in answer.json()["error"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\temp\\log.txt", "log.txt"),
        ("a\u202etxt.log", "atxt.log"),
        ("naïve 日本語 🔥.txt", "naïve 日本語 🔥.txt"),
        ("x" * 300 + ".txt", "x" * 146 + ".txt"),
        ("new\nline.txt", "newline.txt"),
        ('"quoted";.txt', '"quoted";.txt'),
    ],
)
def test_odd_names_are_made_harmless(name: str, shown: str, as_user: As, alice: User, postmortem: Postmortem) -> None:
    client = as_user(alice)
    attachment = kept(send(client, postmortem, name, b"words"))
    assert attachment.name == shown
    response, content = served(client, attachment)
    assert content == b"words"
    assert response.headers["Content-Disposition"].startswith("attachment")


def test_the_same_name_twice_is_two_files(as_user: As, alice: User, postmortem: Postmortem) -> None:
    client = as_user(alice)
    first, second = (kept(send(client, postmortem, "log.txt", words)) for words in (b"one", b"two"))
    assert served(client, first)[1] == b"one"
    assert served(client, second)[1] == b"two"


def test_files_lie_outside_what_the_web_server_gives_out_under_names_nobody_chose(
    as_user: As, alice: User, postmortem: Postmortem
) -> None:
    attachment = kept(send(as_user(alice), postmortem, "log.txt", b"words"))
    path = Path(attachment.file.path)
    assert path.is_relative_to(settings.FILES_ROOT)
    assert not path.is_relative_to(settings.STATIC_ROOT)
    assert path.name == attachment.id.hex


def test_a_file_is_seen_by_those_who_see_its_document(
    as_user: As, alice: User, mallory: User, client: Client, postmortem: Postmortem
) -> None:
    attachment = kept(send(as_user(alice), postmortem, "log.txt", b"words"))
    assert served(as_user(mallory), attachment)[1] == b"words"
    assert served(client, attachment)[0].status_code == 302
    Postmortem.objects.filter(pk=postmortem.pk).update(visibility=Visibility.TEAM)
    assert served(as_user(mallory), attachment)[0].status_code == 404
    assert send(as_user(mallory), postmortem, "mine.txt", b"words").status_code == 404


def test_a_file_lost_from_the_disk_is_a_page_that_says_so(as_user: As, alice: User, postmortem: Postmortem) -> None:
    client = as_user(alice)
    attachment = kept(send(client, postmortem, "log.txt", b"words"))
    Path(attachment.file.path).unlink()
    assert client.get(attachment.get_absolute_url()).status_code == 404
