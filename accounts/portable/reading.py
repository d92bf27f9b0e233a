"""Reading an archive into an empty Debrief: all of it or nothing, and nobody is told anything because of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

from django.core.files.base import File
from django.core.files.storage import default_storage
from django.core.management.color import no_style
from django.db import DataError, IntegrityError, connection, models, transaction
from django.db.models import Exists, F, OuterRef

from accounts.models import Arrival, User
from accounts.portable.archive import FILES, PORTION, BadArchive, Manifest, Reader
from accounts.portable.codecs import Unfit
from accounts.portable.kinds import Kind, all_kinds, file_names, kind_named, kind_of

ROWS_AT_A_TIME = 500
BYTES_AT_A_TIME = 4 * 1024 * 1024
HOMES = ("postmortem", "meeting")
"""A row and what it points to belong to the same of these, where both belong to one."""


class DebriefInUse(Exception):
    """There is something here already; says what, in words."""


@dataclass(frozen=True)
class Imported:
    """What came in: lines by kind, and files that were missing where the archive was made."""

    manifest: Manifest
    missing: Sequence[str]


def read_organisation(source: IO[bytes], *, now: datetime) -> Imported:
    """Fill this empty Debrief with what an archive holds.

    Raises `BadArchive` or `DebriefInUse`, and nothing was changed then. Everything is compared with its sums first.
    """
    archive = Reader(source)
    _check_kinds(archive.manifest)
    archive.verify()
    return _Reading(archive, now=now).read()


def _check_kinds(manifest: Manifest) -> None:
    for name in manifest.kinds:
        if kind_named(name) is None:
            raise BadArchive(
                f"It holds “{name[:60]}”, which this Debrief does not know: it was made by Debrief "
                f"{manifest.product or 'of another version'}. Bring this one up to date first."
            )


@dataclass
class _Batch:
    """Rows that go to the database together, with their lines and what they are linked to."""

    numbers: list[int] = field(default_factory=list)
    rows: list[models.Model] = field(default_factory=list)
    links: list[Mapping[str, list[Any]]] = field(default_factory=list)
    bytes: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.rows) >= ROWS_AT_A_TIME or self.bytes >= BYTES_AT_A_TIME


class _Reading:
    def __init__(self, archive: Reader, *, now: datetime) -> None:
        self._archive = archive
        self._now = now
        self._kept: list[str] = []
        """Files written by this import: taken away again when it fails."""

    def read(self) -> Imported:
        try:
            with transaction.atomic(durable=True):
                return self._read()
        except BaseException:
            for name in self._kept:
                with suppress(OSError):
                    default_storage.delete(name)
            raise

    def _read(self) -> Imported:
        manifest = self._archive.manifest
        _lock_and_check_empty()
        kinds = [kind for kind in all_kinds() if kind.name in manifest.kinds]
        for kind in kinds:
            self._store_kind(kind)
        for kind in kinds:
            self._check_kind(kind)
        missing = self._store_files(kinds)
        for kind in kinds:
            if kind.refresh:
                kind.refresh()
        _reset_numbers(kinds, manifest)
        Arrival.objects.create(at=self._now, made_at=manifest.made_at, product=manifest.product)
        return Imported(manifest, missing)

    # -- Rows ----------------------------------------------------------------------------------------------------------

    def _store_kind(self, kind: Kind) -> None:
        batch = _Batch()
        for number, line in self._archive.lines(kind.file):
            try:
                row, links = kind.row(line, now=self._now)
            except Unfit as unfit:
                raise BadArchive(f"{unfit}.", file=kind.file, line=number) from unfit
            batch.numbers.append(number)
            batch.rows.append(row)
            batch.links.append(links)
            batch.bytes += _weight(line)
            if batch.is_full:
                self._store_batch(kind, batch)
                batch = _Batch()
        self._store_batch(kind, batch)

    def _store_batch(self, kind: Kind, batch: _Batch) -> None:
        try:
            _insert(kind, batch.rows, batch.links)
        except (IntegrityError, DataError) as error:
            for number, row, links in zip(batch.numbers, batch.rows, batch.links, strict=True):
                try:
                    _insert(kind, [row], [links])
                except (IntegrityError, DataError) as refused:
                    raise BadArchive(_words_of(refused), file=kind.file, line=number) from refused
            raise BadArchive(_words_of(error), file=kind.file, line=batch.numbers[0]) from error

    # -- What the rows say of each other -------------------------------------------------------------------------------

    def _check_kind(self, kind: Kind) -> None:
        for reference in kind.references:
            self._check_reference(kind, reference)
        for name in kind.lists:
            self._check_list(kind, name)
        if kind.tree and (key := _in_a_circle(kind)) is not None:
            self._refuse(kind, key, f"{kind.tree}: it leads back to itself")

    def _check_reference(self, kind: Kind, reference: models.ForeignKey[Any, Any]) -> None:
        target = reference.remote_field.model
        there = target._default_manager.filter(pk=OuterRef(reference.attname))
        rows = kind.model._default_manager.filter(**{f"{reference.name}__isnull": False})
        self._refuse_first(kind, rows.filter(~Exists(there)), f"{reference.name}: there is no such row", target)
        for home in HOMES:
            if home != reference.name and home in kind.columns and _has_home(target, home):
                both = rows.filter(**{f"{home}__isnull": False, f"{reference.name}__{home}__isnull": False})
                strays = both.exclude(**{f"{reference.name}__{home}": F(home)})
                self._refuse_first(kind, strays, f"{reference.name}: it belongs to another {home}", target)

    def _check_list(self, kind: Kind, name: str) -> None:
        link = kind.lists[name]
        there = link.model._default_manager.filter(pk=OuterRef(link.target))
        strays = link.between._default_manager.filter(~Exists(there)).values(link.source)
        rows = kind.model._default_manager.filter(pk__in=strays)
        self._refuse_first(kind, rows, f"{name}: there is no such row", link.model)

    def _refuse_first(self, kind: Kind, rows: models.QuerySet[Any], words: str, target: type[models.Model]) -> None:
        keys = [each.attname for each in kind.keys]
        found = rows.order_by(*keys).values_list(*keys).first()
        if found is not None:
            known = kind_of(target)
            self._refuse(kind, found, f"{words} in {known.file}" if known and "no such" in words else words)

    def _refuse(self, kind: Kind, key: Sequence[Any], words: str) -> None:
        wanted = kind.written_key(key)
        for number, line in self._archive.lines(kind.file):
            if kind.key(line) == wanted:
                raise BadArchive(f"{words}.", file=kind.file, line=number)
        raise BadArchive(f"{words}.", file=kind.file)

    # -- Files ---------------------------------------------------------------------------------------------------------

    def _store_files(self, kinds: Iterable[Kind]) -> list[str]:
        """Every file that a row names, and no other; those that were missing where the archive was made."""
        missing, listed, named = [], 0, set(file_names(kinds))
        for number, line in self._archive.lines(FILES):
            name, listed = str(line["file"]), listed + 1
            if name not in named:
                raise BadArchive(f"No row has the file {name}.", file=FILES, line=number)
            if line["bytes"] is None:
                missing.append(name)
            else:
                self._store_file(name, str(line["sha256"]))
        if listed != len(named):
            raise BadArchive(f"It lists {listed} files, and the rows name {len(named)}.", file=FILES)
        return missing

    def _store_file(self, name: str, digest: str) -> None:
        if default_storage.exists(name):
            with default_storage.open(name, "rb") as opened:
                if hashlib.file_digest(opened, "sha256").hexdigest() != digest:
                    raise DebriefInUse(f"The folder of files has another {name} already.")
            return
        self._kept.append(name)
        with self._archive.stored_file(name) as opened:
            default_storage.save(name, _InPortions(opened))


class _InPortions(File):  # type: ignore[type-arg]  # Django's is no generic at run time
    """A file of an archive, which knows no size of its own."""

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        while data := self.read(PORTION):
            yield data


def _weight(line: Mapping[str, Any]) -> int:
    """About how many bytes a line's row takes."""
    return sum(
        len(value) if isinstance(value, str) else 100 * len(value) for value in line.values() if _has_parts(value)
    )


def _has_parts(value: Any) -> bool:
    return isinstance(value, str | list | dict)


def _insert(kind: Kind, rows: Sequence[models.Model], links: Sequence[Mapping[str, list[Any]]]) -> None:
    """Within a savepoint, so that what is refused can be looked for."""
    with transaction.atomic():
        kind.model._default_manager.bulk_create(rows)
        for name, link in kind.lists.items():
            link.between._default_manager.bulk_create(
                link.between(**{link.source: row.pk, link.target: to})
                for row, each in zip(rows, links, strict=True)
                for to in each[name]
            )


def _words_of(error: Exception) -> str:
    """What the database said against a row, without the row itself."""
    diagnosis = getattr(error.__cause__, "diag", None)
    rule = getattr(diagnosis, "constraint_name", None)
    if rule:
        return f"It breaks the rule “{rule}”."
    said = getattr(diagnosis, "message_primary", None) or "it does not fit"
    return f"The database refuses it: {said}."


def _lock_and_check_empty() -> None:
    """Nobody else may begin here meanwhile. Raises `DebriefInUse` unless there is only what every new Debrief has."""
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {_quoted(User._meta.db_table)} IN SHARE ROW EXCLUSIVE MODE")
    for kind in all_kinds():
        if not kind.is_seeded and (count := kind.model._default_manager.count()):
            raise DebriefInUse(
                f"This Debrief is in use: it has {kind.name.replace('_', ' ')} already ({count}). An archive is read "
                "into a new one, in which nobody was made yet."
            )
    for kind in reversed(all_kinds()):
        if kind.is_seeded:
            kind.model._default_manager.all().delete()


def _has_home(target: type[models.Model], home: str) -> bool:
    return any(each.name == home for each in target._meta.concrete_fields)


def _in_a_circle(kind: Kind) -> tuple[Any, ...] | None:
    """A row from which its tree's reference never leads to a root."""
    table, [key] = _quoted(kind.model._meta.db_table), kind.keys
    own, up = _quoted(key.column), _quoted(kind.columns[kind.tree].column)
    with connection.cursor() as cursor:
        cursor.execute(f"""
            WITH RECURSIVE reached AS (
                SELECT {own} AS id FROM {table} WHERE {up} IS NULL
                UNION ALL SELECT below.{own} FROM {table} below JOIN reached ON below.{up} = reached.id
            ) SELECT {own} FROM {table} WHERE {own} NOT IN (SELECT id FROM reached) ORDER BY 1 LIMIT 1
        """)  # noqa: S608  (names of columns, none of them from outside)
        found: tuple[Any, ...] | None = cursor.fetchone()
    return found


def _quoted(name: str | None) -> str:
    return connection.ops.quote_name(name or "")


def _reset_numbers(kinds: Sequence[Kind], manifest: Manifest) -> None:
    """Give no number twice: neither one that is here, nor one whose row was deleted where the archive was made."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [kind.model for kind in kinds]):
            cursor.execute(statement)
        for kind in kinds:
            last = manifest.kinds[kind.name].last_id
            key = kind.model._meta.pk
            if last and isinstance(key, models.AutoField):
                table = _quoted(kind.model._meta.db_table)
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence(%s, %s), "  # noqa: S608
                    f"greatest(%s, (SELECT max({_quoted(key.column)}) FROM {table})))",
                    [table, key.column, last],
                )
