"""What a file is, by its content; never by the name or type its sender claims.

Images are decoded and written anew, which drops everything that is not the picture: place, camera, a script behind the
end. What can run in a page (SVG, HTML) is refused.
"""

from __future__ import annotations

import io
import re
import struct
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import cast

from django.core.files.uploadedfile import UploadedFile
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from postmortems.enums import AttachmentKind

MEGABYTE = 1_000_000
LARGEST_IMAGE = 15 * MEGABYTE
LARGEST_FILE = 25 * MEGABYTE
MOST_PIXELS = 25_000_000
"""Of all frames together: 100 MB when decoded. A screenshot has 8 million, most phones' photographs 12."""
LONGEST_NAME = 150

IMAGE_TYPES = {
    "PNG": (".png", "image/png"),
    "JPEG": (".jpg", "image/jpeg"),
    "WEBP": (".webp", "image/webp"),
    "GIF": (".gif", "image/gif"),
}
TEXT_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".log": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}
ACCEPTED = "Images (PNG, JPEG, WebP, GIF), PDF, CSV, JSON and plain text can be attached."
_BROKEN_IMAGE = (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, struct.error, KeyError, IndexError)
"""What Pillow's readers raise over broken data; found by feeding them some."""
_SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF")


@dataclass(frozen=True)
class CheckedFile:
    """A file we keep: `content` is what to store, `name` has the ending that goes with it."""

    kind: AttachmentKind
    name: str
    content_type: str
    content: bytes
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class RefusedFile:
    """A file we do not keep, and why in words for the person who chose it."""

    reason: str


def inspect(upload: UploadedFile[bytes]) -> CheckedFile | RefusedFile:
    """Decide what `upload` is and whether it may be kept. Never raises over what is in the file."""
    name = safe_name(upload.name or "")
    size = upload.size or 0
    if size > LARGEST_FILE:
        return RefusedFile(f"{name} has {_megabytes(size)}; a file may have {_megabytes(LARGEST_FILE)}.")
    content = upload.read()
    if not content:
        return RefusedFile(f"{name} is empty.")
    if content.startswith(_SIGNATURES):
        return _checked_image(name, content)
    return _checked_file(name, content)


def safe_name(name: str) -> str:
    """A name that can be shown and saved: no folders, no invisible characters, at most LONGEST_NAME long."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    visible = "".join(" " if character.isspace() else character for character in last if _is_visible(character))
    path = PurePosixPath(re.sub(r" +", " ", visible).strip(" ."))
    stem, ending = path.stem or "file", path.suffix[:20]
    return stem[: LONGEST_NAME - len(ending)] + ending


def _is_visible(character: str) -> bool:
    return character.isspace() or unicodedata.category(character)[0] != "C"


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:.1f} MB"


# -- Images -----------------------------------------------------------------------------------------------------------


def _checked_image(name: str, content: bytes) -> CheckedFile | RefusedFile:
    if len(content) > LARGEST_IMAGE:
        return RefusedFile(f"{name} has {_megabytes(len(content))}; an image may have {_megabytes(LARGEST_IMAGE)}.")
    try:
        with Image.open(io.BytesIO(content), formats=list(IMAGE_TYPES)) as image:
            return _written_anew(name, image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return _too_many_pixels(name)
    except _BROKEN_IMAGE:
        return RefusedFile(f"{name} is not an image we can read; it may be damaged.")


def _written_anew(name: str, image: Image.Image) -> CheckedFile | RefusedFile:
    frames = int(getattr(image, "n_frames", 1)) if image.format != "MPO" else 1
    if image.width * image.height * frames > MOST_PIXELS:
        return _too_many_pixels(name)
    kind = "JPEG" if image.format == "MPO" else cast("str", image.format)
    ending, content_type = IMAGE_TYPES[kind]
    output = io.BytesIO()
    if frames > 1:
        width, height = image.size
        _save_animation(image, kind, output)
    else:
        picture = _bare(ImageOps.exif_transpose(image), kind)
        width, height = picture.size
        picture.save(output, kind, **({"quality": 90} if kind != "PNG" else {}))
    stem = PurePosixPath(name).stem[: LONGEST_NAME - len(ending)]
    return CheckedFile(AttachmentKind.IMAGE, stem + ending, content_type, output.getvalue(), width, height)


def _bare(image: Image.Image, kind: str) -> Image.Image:
    """The picture without what its file said besides."""
    picture = image.convert("RGB") if kind == "JPEG" and image.mode not in {"RGB", "L"} else image.copy()
    transparency = picture.info.get("transparency") if kind != "JPEG" else None
    picture.info.clear()
    if transparency is not None:
        picture.info["transparency"] = transparency
    return picture


def _save_animation(image: Image.Image, kind: str, output: io.BytesIO) -> None:
    durations, frames = [], []
    for frame in ImageSequence.Iterator(image):
        durations.append(int(frame.info.get("duration", 100)))
        frames.append(_bare(frame.convert("RGBA"), kind))
    frames[0].save(output, kind, save_all=True, append_images=frames[1:], duration=durations, loop=0)


def _too_many_pixels(name: str) -> RefusedFile:
    return RefusedFile(f"{name} has more than {MOST_PIXELS // 1_000_000} million pixels; scale it down first.")


# -- Other files ------------------------------------------------------------------------------------------------------


def _checked_file(name: str, content: bytes) -> CheckedFile | RefusedFile:
    ending = PurePosixPath(name).suffix.lower()
    if content.startswith(b"%PDF-"):
        name = name if ending == ".pdf" else f"{PurePosixPath(name).stem[: LONGEST_NAME - 4]}.pdf"
        return CheckedFile(AttachmentKind.FILE, name, "application/pdf", content)
    if ending in TEXT_TYPES:
        if _is_text(content):
            return CheckedFile(AttachmentKind.FILE, name, TEXT_TYPES[ending], content)
        return RefusedFile(f"{name} is not plain text in UTF-8. Save it as UTF-8 and try again.")
    return RefusedFile(f"{name} cannot be attached. {ACCEPTED}")


def _is_text(content: bytes) -> bool:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return not re.search(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]", text)
