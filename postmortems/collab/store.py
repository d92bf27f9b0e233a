"""The live text in Postgres: a log of updates behind a snapshot. What is not in it was never saved.

Numbers in the log have no gaps: they come from the head row, under its lock. So a reader sees when something is
missing, and refuses rather than serve a text with a hole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Greatest

from postmortems.collab.authors import NOBODY, CoWriting
from postmortems.collab.document import DocumentBroken, Gap, LiveDocument
from postmortems.collab.wire import BadFrame, Reader, chunk
from postmortems.enums import SectionKind
from postmortems.models import DocumentHead, DocumentSnapshot, DocumentUpdate, Postmortem

APPEND = """
WITH wanted AS (
    SELECT * FROM unnest(%s::bigint[], %s::int[], %s::bytea[], %s::text[])
        AS w(postmortem_id, version, data, people)
), locked AS (
    SELECT h.postmortem_id FROM postmortems_documenthead h
    JOIN wanted w ON w.postmortem_id = h.postmortem_id AND w.version = h.acl_version
    ORDER BY h.postmortem_id FOR UPDATE OF h
), bumped AS (
    UPDATE postmortems_documenthead h
    SET head = h.head + 1, tail_bytes = h.tail_bytes + length(w.data)
    FROM wanted w JOIN locked l USING (postmortem_id)
    WHERE h.postmortem_id = w.postmortem_id AND h.acl_version = w.version
    RETURNING h.postmortem_id, h.head
), writers AS (
    INSERT INTO postmortems_documentwriter (postmortem_id, client, user_id)
    SELECT n.postmortem_id, n.client, n.user_id
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[])
        AS n(postmortem_id, client, user_id)
    JOIN bumped USING (postmortem_id) JOIN accounts_user u ON u.id = n.user_id
    ON CONFLICT DO NOTHING
)
INSERT INTO postmortems_documentupdate (postmortem_id, seq, data, people, created_at)
SELECT b.postmortem_id, b.head, w.data, w.people::bigint[], now() FROM bumped b JOIN wanted w USING (postmortem_id)
RETURNING postmortem_id, seq
"""
"""Appends to many logs at once. Heads are locked in the order of their ids, so two processes never wait for each other.

A document that is missing from the answer was not appended to: rights changed since its writer was checked.
"""

APPEND_ONE = """
WITH bumped AS (
    UPDATE postmortems_documenthead SET head = head + 1, tail_bytes = tail_bytes + %s::int
    WHERE postmortem_id = %s::bigint AND acl_version = %s::int
    RETURNING postmortem_id, head
)
INSERT INTO postmortems_documentupdate (postmortem_id, seq, data, people, created_at)
SELECT postmortem_id, head, %s::bytea, %s::bigint[], now() FROM bumped
RETURNING postmortem_id, seq
"""
"""The same for one document in which nobody writes for the first time, at a third of the cost: most are such."""
FEW = 8
"""So many documents are appended to one by one, in the order of their ids too; more of them together."""


LOAD = """
SELECT h.head, h.acl_version, coalesce(s.seq, 0), s.data,
    (SELECT array_agg(u.seq ORDER BY u.seq) FROM postmortems_documentupdate u
     WHERE u.postmortem_id = h.postmortem_id AND u.seq > coalesce(s.seq, 0)),
    (SELECT array_agg(u.data ORDER BY u.seq) FROM postmortems_documentupdate u
     WHERE u.postmortem_id = h.postmortem_id AND u.seq > coalesce(s.seq, 0)),
    (SELECT json_object_agg(w.client, w.user_id) FROM postmortems_documentwriter w
     WHERE w.postmortem_id = h.postmortem_id)
FROM postmortems_documenthead h LEFT JOIN postmortems_documentsnapshot s USING (postmortem_id)
WHERE h.postmortem_id = %s
"""
"""All of a document as it stood at one moment: one statement, so no lock is needed against commits meanwhile."""


MEASURE = """
UPDATE postmortems_documenthead h SET snapshot_seq = %(seq)s, tail_bytes = coalesce((
    SELECT sum(length(u.data)) FROM postmortems_documentupdate u
    WHERE u.postmortem_id = h.postmortem_id AND u.seq > %(seq)s), 0)
WHERE h.postmortem_id = %(id)s
"""


class NeverOpened(Exception):
    """The post-mortem has no live text yet: `open_document` begins it."""


class LogDamaged(Exception):
    """The log has a hole, or cannot be read: nothing is served from it, and a person must look."""


@dataclass(frozen=True)
class Append:
    """Updates of one document to be committed together."""

    postmortem_id: int
    acl_version: int
    updates: Sequence[bytes]
    people: Sequence[int] = ()
    """Who sent each update; 0 for nobody. Empty when none of them is of a person."""
    new_clients: Mapping[int, int] = field(default_factory=dict)
    """Clients that write here for the first time, and whose they are."""

    @property
    def data(self) -> bytes:
        return framed(self.updates)


@dataclass(frozen=True)
class Loaded:
    """A document as the log has it."""

    document: LiveDocument
    head: int
    acl_version: int
    writers: dict[int, int] = field(default_factory=dict)
    """Whose each client is."""


@dataclass(frozen=True)
class Authorship:
    """Who touched a section last, and when."""

    people: tuple[int, ...]
    """Everybody who touched it, the last of them at the end; 0 for nobody."""
    at: datetime


@dataclass(frozen=True)
class Changes:
    """What a stretch of the log did, and what the sections say at its end."""

    texts: dict[UUID, str]
    touched: dict[UUID, Authorship]
    strays: dict[UUID, str]
    """What is written besides, where there was no such section to keep it any more."""
    end: int


def framed(updates: Iterable[bytes]) -> bytes:
    """Several updates as one row."""
    return b"".join(chunk(update) for update in updates)


def unframed(data: bytes) -> list[bytes]:
    reader, updates = Reader(data), []
    while not reader.is_at_end:
        updates.append(reader.chunk())
    return updates


def statements(appends: Sequence[Append]) -> list[tuple[str, list[str]]]:
    """What appends them, in one transaction: `APPEND`, or `APPEND_ONE` for each; with its parameters as text."""
    if len(appends) <= FEW and not any(append.new_clients for append in appends):
        return [(APPEND_ONE, _one(append)) for append in sorted(appends, key=lambda append: append.postmortem_id)]
    return [(APPEND, _many(appends))]


def _one(append: Append) -> list[str]:
    data = append.data
    numbers = [str(len(data)), str(append.postmortem_id), str(append.acl_version)]
    return [*numbers, f"\\x{data.hex()}", _array(append.people)]


def _many(appends: Sequence[Append]) -> list[str]:
    new = [(append.postmortem_id, client, user) for append in appends for client, user in append.new_clients.items()]
    return [
        _array(append.postmortem_id for append in appends),
        _array(append.acl_version for append in appends),
        _array(f'"\\\\x{append.data.hex()}"' for append in appends),
        _array(f'"{_array(append.people)}"' for append in appends),
        _array(postmortem_id for postmortem_id, _, _ in new),
        _array(client for _, client, _ in new),
        _array(user for _, _, user in new),
    ]


def _array(values: Iterable[object]) -> str:
    return "{" + ",".join(map(str, values)) + "}"


def append(appends: Sequence[Append]) -> dict[int, int]:
    """Commit updates; the number of each document's new entry. A document whose rights changed is missing."""
    numbers: dict[int, int] = {}
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        for each in statements(appends):
            cursor.execute(*each)
            numbers.update(cursor.fetchall())
    return numbers


@transaction.atomic
def open_document(postmortem: Postmortem) -> DocumentHead:
    """The head of the post-mortem's log; the first time, the log is begun with what its sections say."""
    found = DocumentHead.objects.filter(postmortem=postmortem).first()
    if found:
        return found
    Postmortem.objects.select_for_update(of=("self",)).get(pk=postmortem.pk)
    head, is_new = DocumentHead.objects.get_or_create(postmortem=postmortem)
    if not is_new:
        return head
    append([_seed(postmortem, head)])
    head.refresh_from_db()
    reached(postmortem.pk, body_seq=head.head, kept_seq=head.head)
    return head


def _seed(postmortem: Postmortem, head: DocumentHead) -> Append:
    """What the sections say, as the first entry: in the names that the history has for it, or of who saved it last."""
    writing = CoWriting(LiveDocument())
    for section in postmortem.sections.filter(kind=SectionKind.PROSE).exclude(body=""):
        kept = section.revisions.filter(body=section.body).first()
        last = [(section.updated_by_id or NOBODY, len(section.body))]
        writing.rewrite(section.pk, section.body, (kept and kept.authors) or last)
    return Append(postmortem.pk, head.acl_version, writing.updates, new_clients=writing.clients)


def reached(postmortem_id: int, **until: int) -> None:
    """Note up to where `Section.body` and the history have the log; never backwards."""
    values = {name: Greatest(name, seq) for name, seq in until.items()}
    DocumentHead.objects.filter(pk=postmortem_id).update(**values)


def load(postmortem_id: int, *, upto: int | None = None) -> Loaded:
    """The document from snapshot and log; nobody waits for it. `upto` leaves out the entries after that number.

    Raises `LogDamaged`, `NeverOpened`.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOAD, [postmortem_id])
        row = cursor.fetchone()
    if row is None:
        raise NeverOpened
    return loaded_from(row, upto=upto)


def loaded_from(row: Sequence[Any], *, upto: int | None = None) -> Loaded:
    """The document in the row that `LOAD` returns, or what of it came up to entry `upto`."""
    head, version, begin, snapshot, numbers, data, writers = row
    document = LiveDocument()
    if snapshot:
        with _read("the snapshot"):
            document.apply(bytes(snapshot))
    entries = [(seq, bytes(entry)) for seq, entry in zip(numbers or [], data or [], strict=True)]
    if upto is not None:
        head = max(begin, min(head, upto))
        entries = [(seq, entry) for seq, entry in entries if seq <= head]
    apply_entries(document, entries, begin=begin, end=head)
    return Loaded(document, head, version, {int(client): user for client, user in (writers or {}).items()})


def apply_entries(document: LiveDocument, entries: Sequence[tuple[int, bytes]], *, begin: int, end: int) -> None:
    """Merge entries `begin` + 1 to `end`. Raises `LogDamaged` unless they are all there and readable."""
    if [seq for seq, _ in entries] != list(range(begin + 1, end + 1)):
        raise LogDamaged(f"entries {begin + 1} to {end} are not all there")
    for seq, data in entries:
        with _read(f"entry {seq}"):
            for update in unframed(data):
                document.apply(update)


@contextmanager
def _read(what: str) -> Iterator[None]:
    """Raises `LogDamaged` when no document takes in what is read here, for whatever reason."""
    try:
        yield
    except (BadFrame, Gap, DocumentBroken) as error:
        raise LogDamaged(f"{what}: {error}") from error


def entries_after(postmortem_id: int, seq: int) -> list[tuple[int, bytes]]:
    """What was committed since `seq`, in order; empty also when compaction took it away meanwhile."""
    rows = DocumentUpdate.objects.filter(postmortem=postmortem_id, seq__gt=seq).order_by("seq")
    return [(number, bytes(data)) for number, data in rows.values_list("seq", "data")]


def acl_version_of(postmortem_id: int) -> int | None:
    """The version of its rights; None as long as it has no live text."""
    return DocumentHead.objects.filter(pk=postmortem_id).values_list("acl_version", flat=True).first()


@transaction.atomic
def rights_changed(postmortem_id: int) -> None:
    """Whoever was checked before must be checked again: nothing they still send is committed until then."""
    for head in DocumentHead.objects.select_for_update().filter(pk=postmortem_id):
        head.acl_version += 1
        head.save(update_fields=["acl_version"])


def changes_since(postmortem_id: int, seq: int, sections: Iterable[UUID], *, upto: int) -> Changes:
    """What was written in `sections` after entry `seq`, up to entry `upto`; lock the post-mortem first.

    Entries that compaction has taken away count as written by nobody. Raises `LogDamaged`.
    """
    document = LiveDocument()
    snapshot = DocumentSnapshot.objects.filter(pk=postmortem_id).first()
    begin = snapshot.seq if snapshot else 0
    if snapshot:
        with _read("the snapshot"):
            document.apply(bytes(snapshot.data))
    entries = DocumentUpdate.objects.filter(postmortem=postmortem_id, seq__gt=begin, seq__lte=upto).order_by("seq")
    rows = list(entries.values_list("seq", "data", "people", "created_at"))
    if [number for number, *_ in rows] != list(range(begin + 1, upto + 1)):
        raise LogDamaged(f"entries {begin + 1} to {upto} are not all there")
    touched: dict[UUID, Authorship] = {}
    with document.watched(sections) as found:
        for number, data, people, at in rows:
            _apply_noting(document, number, bytes(data), people, at, found, touched if number > seq else {})
    texts = {section: document.text(section) for section in sections}
    strays = {each: text for each, text in document.texts().items() if each not in texts and text.strip()}
    return Changes(texts, touched, strays, max(begin, upto))


def _apply_noting(
    document: LiveDocument,
    number: int,
    data: bytes,
    people: Sequence[int],
    at: datetime,
    found: set[UUID],
    touched: dict[UUID, Authorship],
) -> None:
    with _read(f"entry {number}"):
        updates = unframed(data)
    for update, person in zip(updates, people or [0] * len(updates), strict=True):
        found.clear()
        with _read(f"entry {number}"):
            document.apply(update)
        for section in found:
            before = touched[section].people if section in touched else ()
            touched[section] = Authorship((*(one for one in before if one != person), person), at)


def writers_after(postmortem_id: int, seq: int, *, upto: int) -> set[int]:
    """Who wrote what follows entry `seq` up to entry `upto`, whether it is in the log or in a snapshot made since."""
    entries = DocumentUpdate.objects.filter(postmortem=postmortem_id, seq__gt=seq, seq__lte=upto)
    snapshots = DocumentSnapshot.objects.filter(pk=postmortem_id, seq__gt=seq)
    rows = [*entries.values_list("people", flat=True), *snapshots.values_list("unkept", flat=True)]
    return {person for people in rows for person in people}


@transaction.atomic
def compact(postmortem_id: int, *, upto: int | None = None) -> bool:
    """Make one snapshot of snapshot and log, up to entry `upto` or all of it; False when the post-mortem is busy.

    Entries committed meanwhile stay in the log. The snapshot is read back and compared before anything is deleted.
    """
    if not Postmortem.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=postmortem_id).exists():
        return False
    loaded = load(postmortem_id, upto=upto)
    copy = LiveDocument()
    with _read("the new snapshot"):
        data = loaded.document.update()
        copy.apply(data)
    if copy.texts() != loaded.document.texts() or copy.clocks() != loaded.document.clocks():
        raise LogDamaged("the snapshot does not say what the log says")
    head = DocumentHead.objects.get(pk=postmortem_id)
    unkept = sorted(writers_after(postmortem_id, head.kept_seq, upto=loaded.head))
    facts = {"seq": loaded.head, "data": data, "unkept": unkept}
    DocumentSnapshot.objects.update_or_create(postmortem_id=postmortem_id, defaults=facts)
    DocumentUpdate.objects.filter(postmortem=postmortem_id, seq__lte=loaded.head).delete()
    with connection.cursor() as cursor:
        cursor.execute(MEASURE, {"id": postmortem_id, "seq": loaded.head})
    return True
