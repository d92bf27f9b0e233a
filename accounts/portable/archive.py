"""The file itself: a zip with a manifest, a file of lines for each kind, and the files people attached.

Reading trusts nothing: names, sizes, sums and shapes are checked before anything of it is used.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

from accounts.portable.codecs import MOMENT, Unfit, Value, read_json, write_moment

FORMAT = "debrief-organisation"
VERSION = 1
"""Rises when an archive is no longer what a reader of this version expects; more kinds or fields do not raise it."""
MANIFEST, FILES, FOLDER = "manifest.json", "files.jsonl", "files/"
STORED_NAME = re.compile(r"attachments/[0-9a-f]{2}/[0-9a-f]{32}(?:_[A-Za-z0-9]{1,16})?")
"""What files are called below the folder of files, here and in an archive."""

LONGEST_MANIFEST = 1024 * 1024
LONGEST_LINE = 64 * 1024 * 1024
"""Bytes. The longest there is holds the whole live text of a document."""
MOST_ENTRIES = 5_000_000
DENSEST = 400
"""No file of lines shrinks to less than this part of itself, unless it was made to fill a disk."""
DENSE_FROM = 16 * 1024 * 1024
"""Bytes; smaller ones fill no disk."""
PORTION = 1024 * 1024
_SUM = re.compile(r"[0-9a-f]{64}")
_MARKED_ENCRYPTED = 1


class BadArchive(Exception):
    """What was given is no archive that can be read here; says where and why, in words for whoever brought it."""

    def __init__(self, words: str, *, file: str = "", line: int = 0) -> None:
        place = f"{file}, line {line}: " if line else f"{file}: " if file else ""
        super().__init__(place + words)


@dataclass
class Sum:
    """What was written or read of one file."""

    lines: int = 0
    size: int = 0
    _digest: Any = field(default_factory=hashlib.sha256, repr=False)

    def add(self, data: bytes) -> None:
        self.size += len(data)
        self._digest.update(data)

    @property
    def sha256(self) -> str:
        return str(self._digest.hexdigest())


@dataclass(frozen=True)
class Listed:
    """What the manifest says of one file of lines; `last_id` is the highest number that was ever given."""

    lines: int
    size: int
    """Bytes."""
    sha256: str
    last_id: int | None = None


@dataclass(frozen=True)
class Manifest:
    """What an archive says of itself. `holds` says in words whether it has everything."""

    product: str
    made_at: datetime
    holds: str
    kinds: Mapping[str, Listed]
    files: Listed

    def as_json(self) -> str:
        def listed(name: str, each: Listed) -> dict[str, Value]:
            told = {"file": name, "lines": each.lines, "bytes": each.size, "sha256": each.sha256}
            return told if each.last_id is None else {**told, "last_id": each.last_id}

        whole = {
            "format": FORMAT,
            "version": VERSION,
            "product": self.product,
            "made_at": write_moment(self.made_at),
            "holds": self.holds,
            "kinds": {name: listed(f"{name}.jsonl", each) for name, each in self.kinds.items()},
            "files": listed(FILES, self.files),
        }
        return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


# -- Writing -----------------------------------------------------------------------------------------------------------


class Writer:
    """Writes an archive from its beginning to its end: `into` may be a pipe."""

    def __init__(self, into: IO[bytes], *, made_at: datetime) -> None:
        self._zip = zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED, allowZip64=True)
        self._date = made_at.timetuple()[:6]

    @contextmanager
    def file(self, name: str, *, is_packed: bool = True) -> Iterator[tuple[IO[bytes], Sum]]:
        """One file of it; what is written has to be told to the sum too."""
        entry = zipfile.ZipInfo(name, self._date)
        entry.compress_type = zipfile.ZIP_DEFLATED if is_packed else zipfile.ZIP_STORED
        entry.external_attr = 0o600 << 16
        with self._zip.open(entry, "w", force_zip64=True) as written:
            yield written, Sum()

    def close(self, manifest: Manifest) -> None:
        with self.file(MANIFEST) as (written, _):
            written.write(manifest.as_json().encode())
        self._zip.close()


def line_of(value: Mapping[str, Value]) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode() + b"\n"


# -- Reading -----------------------------------------------------------------------------------------------------------


class Reader:
    """An archive that somebody brought. Everything raises `BadArchive`, and nothing else, for what is wrong with it."""

    def __init__(self, source: IO[bytes]) -> None:
        try:
            self._zip = zipfile.ZipFile(source)
        except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError) as error:
            raise BadArchive("This is no archive of Debrief: it is not a zip file, or a damaged one.") from error
        self._entries = self._checked_entries()
        self.manifest = self._read_manifest()

    def _checked_entries(self) -> dict[str, zipfile.ZipInfo]:
        infos = self._zip.infolist()
        if len(infos) > MOST_ENTRIES:
            raise BadArchive(f"It holds {len(infos):,} files; at most {MOST_ENTRIES:,} are read.")
        entries: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            if info.filename in entries:
                raise BadArchive("It is in the archive twice.", file=info.filename)
            _check_entry(info)
            entries[info.filename] = info
        return entries

    def _read_manifest(self) -> Manifest:
        info = self._entries.get(MANIFEST)
        if info is None:
            raise BadArchive("This is no archive of Debrief: it has no manifest.json.")
        if info.file_size > LONGEST_MANIFEST:
            raise BadArchive("It is too long.", file=MANIFEST)
        with self._open(MANIFEST) as opened:
            return _manifest_of(parsed(opened.read(LONGEST_MANIFEST + 1), file=MANIFEST))

    @property
    def stored_files(self) -> set[str]:
        """What people attached, by name."""
        return {name.removeprefix(FOLDER) for name in self._entries if name.startswith(FOLDER)}

    def verify(self) -> None:
        """Compare every file with what the manifest says of it."""
        listed = {f"{name}.jsonl": each for name, each in self.manifest.kinds.items()}
        for name, each in {**listed, FILES: self.manifest.files}.items():
            found = self._sum(name)
            if (found.lines, found.size, found.sha256) != (each.lines, each.size, each.sha256):
                raise BadArchive("It is not what the manifest says: it was changed or damaged.", file=name)
        strange = set(self._entries) - set(listed) - {MANIFEST, FILES}
        for name in sorted(strange):
            if not name.startswith(FOLDER):
                raise BadArchive("The manifest does not name it.", file=name)
        self._verify_files()

    def _verify_files(self) -> None:
        waiting = self.stored_files
        for number, line in self.lines(FILES):
            name, size, digest = _stored(line, number)
            if size is None:
                continue
            if name not in waiting:
                raise BadArchive(f"{name} is not in the archive, or named twice.", file=FILES, line=number)
            waiting.remove(name)
            found = self._sum(FOLDER + name)
            if (found.size, found.sha256) != (size, digest):
                raise BadArchive("It is not what files.jsonl says: it was changed or damaged.", file=FOLDER + name)
        if waiting:
            raise BadArchive("files.jsonl does not name it.", file=FOLDER + min(waiting))

    def _sum(self, name: str) -> Sum:
        total = Sum()
        with self._open(name) as opened:
            while data := opened.read(PORTION):
                total.add(data)
                total.lines += data.count(b"\n")
        return total

    def lines(self, name: str) -> Iterator[tuple[int, dict[str, Value]]]:
        """The lines of a file with their numbers, counted from 1."""
        with self._open(name) as opened:
            number = 0
            while raw := opened.readline(LONGEST_LINE + 1):
                number += 1
                if len(raw) > LONGEST_LINE:
                    raise BadArchive("It is too long.", file=name, line=number)
                yield number, parsed(raw, file=name, line=number)

    @contextmanager
    def stored_file(self, name: str) -> Iterator[IO[bytes]]:
        with self._open(FOLDER + name) as opened:
            yield opened

    @contextmanager
    def _open(self, name: str) -> Iterator[IO[bytes]]:
        info = self._entries.get(name)
        if info is None:
            raise BadArchive("It is missing.", file=name)
        damaged = BadArchive("It cannot be unpacked: the archive is damaged.", file=name)
        try:
            opened = self._zip.open(info)
        except (zipfile.BadZipFile, struct.error, EOFError, NotImplementedError, ValueError, OSError) as error:
            raise damaged from error
        with opened:
            try:
                yield opened
            except (zipfile.BadZipFile, zlib.error, EOFError) as error:
                raise damaged from error


def _check_entry(info: zipfile.ZipInfo) -> None:
    name = info.filename
    is_stored = name.startswith(FOLDER) and STORED_NAME.fullmatch(name.removeprefix(FOLDER))
    if not is_stored and not re.fullmatch(r"[a-z_]+\.jsonl|manifest\.json", name):
        raise BadArchive(f"It holds a file “{name[:100]}”, which no archive of Debrief has.")
    if info.flag_bits & _MARKED_ENCRYPTED or info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise BadArchive("It is encrypted, or packed in a way that is not read here.", file=name)
    if info.file_size > DENSE_FROM and info.file_size > DENSEST * max(info.compress_size, 1):
        raise BadArchive(f"It would unpack to {info.file_size:,} bytes: that is no honest archive.", file=name)


def parsed(raw: bytes, *, file: str, line: int = 0) -> dict[str, Value]:
    """The JSON object that `raw` holds."""
    try:
        value = json.loads(raw.decode(), object_pairs_hook=_once_each, parse_constant=_no_number)
        read_json(value)
    except json.JSONDecodeError as error:
        raise BadArchive(f"This is not JSON: {error.msg} (column {error.colno}).", file=file, line=line) from error
    except Unfit as error:
        raise BadArchive(f"{str(error).capitalize()}.", file=file, line=line) from error
    except RecursionError as error:
        raise BadArchive("It is nested too deeply.", file=file, line=line) from error
    except ValueError as error:
        raise BadArchive("This is not UTF-8, or holds a number of too many digits.", file=file, line=line) from error
    if not isinstance(value, dict):
        raise BadArchive("This has to be a JSON object.", file=file, line=line)
    return value


def _once_each(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise Unfit("a name stands twice in one object")
    return made


def _no_number(name: str) -> Value:
    raise Unfit(f"{name} is no number of JSON")


def _manifest_of(told: Mapping[str, Value]) -> Manifest:
    if told.get("format") != FORMAT:
        raise BadArchive("This is no archive of an organisation's data.", file=MANIFEST)
    version = told.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BadArchive("It does not say the version of its format.", file=MANIFEST)
    if version > VERSION:
        made_by = str(told.get("product"))[:20]
        raise BadArchive(
            f"The archive has format {version}, made by Debrief {made_by}; this Debrief reads up to format {VERSION}. "
            "Bring it up to date first."
        )
    kinds = told.get("kinds")
    if not isinstance(kinds, dict):
        raise BadArchive("It does not name the kinds of rows.", file=MANIFEST)
    try:
        made_at = MOMENT.read(told.get("made_at"))
    except Unfit as error:
        raise BadArchive(f"made_at: {error}.", file=MANIFEST) from error
    return Manifest(
        product=str(told.get("product", ""))[:40],
        made_at=made_at,
        holds=str(told.get("holds", ""))[:500],
        kinds={name: _listed(f"{name}.jsonl", each) for name, each in kinds.items()},
        files=_listed(FILES, told.get("files")),
    )


def _listed(name: str, told: Value) -> Listed:
    if not isinstance(told, dict) or told.get("file") != name:
        raise BadArchive(f"It does not say what {name[:60]} is.", file=MANIFEST)
    last = told.get("last_id")
    numbers = [told.get("lines"), told.get("bytes"), 0 if last is None else last]
    if not all(isinstance(each, int) and not isinstance(each, bool) and 0 <= each < 2**62 for each in numbers):
        raise BadArchive(f"It does not say how much {name} holds.", file=MANIFEST)
    digest = told.get("sha256")
    if not isinstance(digest, str) or not _SUM.fullmatch(digest):
        raise BadArchive(f"It has no SHA-256 of {name}.", file=MANIFEST)
    return Listed(lines=told["lines"], size=told["bytes"], sha256=digest, last_id=last)


def _stored(line: Mapping[str, Value], number: int) -> tuple[str, int | None, str]:
    """Name, size and sum of a file; size None: it was missing already where the archive was made."""
    name, size, digest = line.get("file"), line.get("bytes"), line.get("sha256")
    if not isinstance(name, str) or not STORED_NAME.fullmatch(name):
        raise BadArchive("It does not name a file.", file=FILES, line=number)
    if size is None and digest is None:
        return name, None, ""
    if not isinstance(size, int) or isinstance(size, bool) or not isinstance(digest, str):
        raise BadArchive("It does not say what the file is.", file=FILES, line=number)
    return name, size, digest
