"""Writing an archive: everything as it stood at one moment, however long that takes."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, models, transaction

from accounts.models import User
from accounts.portable.archive import FILES, FOLDER, PORTION, Listed, Manifest, Sum, Writer, line_of
from accounts.portable.kinds import Kind, all_kinds, file_names, is_guarded, rows_seen

ROWS_AT_A_TIME = 500
BIG_ROWS_AT_A_TIME = 8
"""Of those with texts of megabytes."""
EVERYTHING = "Everything, but for secrets, passwords and sessions."

Progress = Callable[[int, int], None]
"""Told how many lines are written, and of how many."""


@dataclass
class Written:
    """What an archive holds: lines by kind, and the files that could not be found on the disk."""

    manifest: Manifest
    missing: list[str] = field(default_factory=list)

    @property
    def lines(self) -> int:
        return sum(each.lines for each in self.manifest.kinds.values())


class Busy(Exception):
    """Somebody else is at it."""


def hold_alone(number: int) -> None:
    """Be the only one in this database with `number` until the transaction ends. Raises `Busy`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        [is_ours] = cursor.fetchone()
    if not is_ours:
        raise Busy


def write_organisation(
    into: IO[bytes],
    *,
    by: User | None,
    now: datetime,
    alone: int | None = None,
    progress: Progress = lambda done, total: None,
) -> Written:
    """Write what `by` may see into a new archive; for None, everything.

    Reads one snapshot, so that what is changed meanwhile does not tear it. Must not be called within a transaction.
    With `alone`, raises `Busy` while somebody else writes under that number.
    """
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        if alone is not None:
            hold_alone(alone)
        return _Writing(Writer(into, made_at=now), by, progress).write(now=now)


class _Writing:
    def __init__(self, writer: Writer, by: User | None, progress: Progress) -> None:
        self._writer = writer
        self._by = by
        self._progress = progress
        self._done = 0
        self._total = 0
        self._missing: list[str] = []

    def write(self, *, now: datetime) -> Written:
        kinds = all_kinds()
        self._total = sum(kind.rows(self._by).order_by().count() for kind in kinds)
        listed = {kind.name: self._write_kind(kind) for kind in kinds}
        holds = EVERYTHING if self._by is None else holds_for(self._by)
        manifest = Manifest(
            product=product_version(), made_at=now, holds=holds, kinds=listed, files=self._write_files(kinds)
        )
        self._writer.close(manifest)
        return Written(manifest, self._missing)

    def _write_kind(self, kind: Kind) -> Listed:
        with self._writer.file(kind.file) as (written, total):
            for line in self._lines(kind):
                _append(written, total, line_of(line))
            last = _last_id(kind) if self._by is None else None
        return Listed(total.lines, total.size, total.sha256, last)

    def _lines(self, kind: Kind) -> Iterator[Mapping[str, Any]]:
        at_a_time = BIG_ROWS_AT_A_TIME if _is_big(kind) else ROWS_AT_A_TIME
        rows = kind.rows(self._by).iterator(chunk_size=at_a_time)
        while portion := [row for _, row in zip(range(at_a_time), rows, strict=False)]:
            linked = {name: self._linked(kind, name, portion) for name in kind.lists}
            self._forget(kind, portion)
            for row in portion:
                if kind.settle:
                    kind.settle(row)
                yield kind.line(row, {name: ids[row.pk] for name, ids in linked.items()})
            self._done += len(portion)
            self._progress(self._done, self._total)

    def _linked(self, kind: Kind, name: str, portion: list[Any]) -> Mapping[Any, list[Any]]:
        """What each row of the portion is linked to."""
        link = kind.lists[name]
        rows = link.between._default_manager.filter(**{f"{link.source}__in": [row.pk for row in portion]})
        if self._by is not None and is_guarded(link.model):
            rows = rows.filter(**{f"{link.target}__in": rows_seen(link.model, self._by).values("pk")})
        found: defaultdict[Any, list[Any]] = defaultdict(list)
        for of, to in rows.values_list(link.source, link.target):
            found[of].append(to)
        return found

    def _forget(self, kind: Kind, portion: list[Any]) -> None:
        """Leave references empty that lead to what is not shown."""
        for reference in kind.references:
            if self._by is not None and reference.name in kind.forgets:
                ids = {getattr(row, reference.attname) for row in portion} - {None}
                seen = rows_seen(reference.remote_field.model, self._by).filter(pk__in=ids)
                shown = set(seen.values_list("pk", flat=True))
                for row in portion:
                    if getattr(row, reference.attname) not in shown:
                        setattr(row, reference.attname, None)

    # -- Files ---------------------------------------------------------------------------------------------------------

    def _write_files(self, kinds: Iterable[Kind]) -> Listed:
        """The files themselves first, and then what each is, in the same order."""
        told = [self._write_file(name) for name in file_names(kinds, self._by)]
        with self._writer.file(FILES) as (written, total):
            for each in told:
                _append(written, total, line_of(each))
        return Listed(total.lines, total.size, total.sha256)

    def _write_file(self, name: str) -> dict[str, Any]:
        try:
            stored = default_storage.open(name, "rb")
        except FileNotFoundError:
            self._missing.append(name)
            return {"file": name, "bytes": None, "sha256": None}
        with stored, self._writer.file(FOLDER + name, is_packed=False) as (written, total):
            for data in stored.chunks(PORTION):
                written.write(data)
                total.add(data)
        return {"file": name, "bytes": total.size, "sha256": total.sha256}


def _append(written: IO[bytes], total: Sum, line: bytes) -> None:
    written.write(line)
    total.add(line)
    total.lines += 1


def _is_big(kind: Kind) -> bool:
    return any(isinstance(column, models.BinaryField) for column in kind.columns.values())


def _last_id(kind: Kind) -> int | None:
    """The highest number ever given to a row of this kind, so that it is given to no other; None where none is."""
    key = kind.model._meta.pk
    if not isinstance(key, models.AutoField):
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [f'"{kind.model._meta.db_table}"', key.column])
        [sequence] = cursor.fetchone()
        cursor.execute(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}")  # noqa: S608
        [last] = cursor.fetchone()
    return int(last)


def holds_for(person: User) -> str:
    """What an archive of the page holds, in words."""
    return (
        f"What {person.display_name} may see. Not in it: post-mortems and incidents restricted to others, perspectives "
        "that were not shared, other people's own settings, and what may quote any of these."
    )


def product_version() -> str:
    """The version of this Debrief."""
    with (settings.BASE_DIR / "pyproject.toml").open("rb") as opened:
        return str(tomllib.load(opened)["project"]["version"])
