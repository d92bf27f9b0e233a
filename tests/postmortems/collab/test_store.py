"""The log in Postgres: every commit has its number, none is lost, whatever runs at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import Any

import pytest
from django.db import connection, transaction
from pycrdt import Doc, Text

from accounts.models import User
from postmortems.collab import store
from postmortems.collab.document import LiveDocument, root_name
from postmortems.collab.store import Append, LogDamaged, NeverOpened
from postmortems.models import DocumentHead, DocumentSnapshot, DocumentUpdate, Postmortem, Section
from tests.factories.postmortems import PostmortemFactory, SectionFactory

pytestmark = pytest.mark.django_db
WORDS = "The pool had 20 connections. 👩🏽‍🚒"


@pytest.fixture
def postmortem() -> Postmortem:
    return PostmortemFactory.create()


@pytest.fixture
def section(postmortem: Postmortem) -> Section:
    return SectionFactory.create(postmortem=postmortem, body=WORDS)


@pytest.fixture
def typed(section: Section) -> Callable[[str], bytes]:
    """An update of a client that has nothing yet and types this into the section."""

    def type_words(words: str) -> bytes:
        doc: Doc[Text] = Doc()
        text = doc.get(root_name(section.pk), type=Text)
        text += words
        return doc.get_update()

    return type_words


def write(postmortem: Postmortem, *updates: bytes, version: int = 0) -> dict[int, int]:
    return store.append([Append(postmortem.pk, version, updates)])


def text_of(section: Section) -> str:
    return store.load(section.postmortem_id).document.text(section.pk)


def in_thread(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connection.close()


def test_the_log_begins_with_what_the_sections_say_and_only_once(postmortem: Postmortem, section: Section) -> None:
    SectionFactory.create(postmortem=postmortem, kind="timeline")
    for _ in range(2):
        assert store.open_document(postmortem).head == 1
    assert text_of(section) == WORDS


def test_an_append_is_numbered_and_read_back(
    postmortem: Postmortem, section: Section, typed: Callable[[str], bytes]
) -> None:
    store.open_document(postmortem)
    assert write(postmortem, typed("One. "), typed("Two. ")) == {postmortem.pk: 2}
    assert write(postmortem, typed("Three. ")) == {postmortem.pk: 3}
    assert sorted(text_of(section).replace(WORDS, "").split()) == ["One.", "Three.", "Two."]
    assert [seq for seq, _ in store.entries_after(postmortem.pk, 1)] == [2, 3]


@pytest.mark.parametrize("count", [store.FEW, store.FEW + 1])
def test_many_documents_are_appended_to_at_once(count: int) -> None:
    postmortems = PostmortemFactory.create_batch(count)
    for postmortem in postmortems:
        store.open_document(postmortem)
    wanted = [Append(postmortem.pk, 0, [b"\x00\x00"]) for postmortem in reversed(postmortems)]
    assert store.append(wanted) == {postmortem.pk: 2 for postmortem in postmortems}


def test_nothing_is_appended_for_a_writer_whose_rights_may_have_changed(
    postmortem: Postmortem, section: Section, typed: Callable[[str], bytes]
) -> None:
    store.open_document(postmortem)
    store.rights_changed(postmortem.pk)
    assert write(postmortem, typed("Too late.")) == {}
    assert text_of(section) == WORDS
    assert write(postmortem, typed("In time."), version=1) == {postmortem.pk: 2}


def test_of_many_those_whose_writers_keep_their_rights_are_appended_to() -> None:
    changed, kept = PostmortemFactory.create_batch(2)
    for postmortem in (changed, kept):
        store.open_document(postmortem)
    store.rights_changed(changed.pk)
    assert store.append([Append(each.pk, 0, [b"\x00\x00"]) for each in (changed, kept)]) == {kept.pk: 2}
    assert [seq for seq, _ in store.entries_after(changed.pk, 0)] == [1]


def test_one_alone_is_kept_as_one_of_many_is(alice: User) -> None:
    alone, *together = PostmortemFactory.create_batch(store.FEW + 2)
    for postmortem in (alone, *together):
        store.open_document(postmortem)
    wanted = {each.pk: Append(each.pk, 0, [b"\x00\x00", b"\x00\x00"], [alice.pk, 0]) for each in (alone, *together)}
    store.append([wanted[alone.pk]])
    store.append([wanted[each.pk] for each in together])
    entries = DocumentUpdate.objects.filter(seq=2).values_list("data", "people")
    assert {(bytes(data), *people) for data, people in entries} == {(wanted[alone.pk].data, alice.pk, 0)}
    assert len(set(DocumentHead.objects.values_list("head", "tail_bytes"))) == 1


def test_a_hole_in_the_log_is_refused_not_served(
    postmortem: Postmortem, section: Section, typed: Callable[[str], bytes]
) -> None:
    store.open_document(postmortem)
    for words in ("One.", "Two.", "Three."):
        write(postmortem, typed(words))
    DocumentUpdate.objects.filter(seq=3).delete()
    with pytest.raises(LogDamaged, match="not all there"):
        store.load(postmortem.pk)
    with pytest.raises(LogDamaged):
        store.compact(postmortem.pk)
    assert DocumentUpdate.objects.count() == 3


def test_damaged_bytes_are_refused(postmortem: Postmortem, section: Section) -> None:
    store.open_document(postmortem)
    DocumentUpdate.objects.update(data=b"\x03abc")
    with pytest.raises(LogDamaged, match="entry 1"):
        store.load(postmortem.pk)


def test_what_was_never_opened_is_said_so(postmortem: Postmortem) -> None:
    with pytest.raises(NeverOpened):
        store.load(postmortem.pk)


def test_compaction_keeps_the_text_and_drops_the_log(
    postmortem: Postmortem, section: Section, typed: Callable[[str], bytes]
) -> None:
    store.open_document(postmortem)
    for number in range(50):
        write(postmortem, typed(f"{number} "))
    before = text_of(section)
    assert store.compact(postmortem.pk)
    assert text_of(section) == before
    assert DocumentUpdate.objects.count() == 0
    head = DocumentHead.objects.get()
    assert (head.head, head.snapshot_seq, head.tail_bytes) == (51, 51, 0)
    write(postmortem, typed("After. "))
    assert "After." in text_of(section)
    assert DocumentHead.objects.get().tail_bytes > 0


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_compaction_gives_way_to_whoever_is_at_the_postmortem(postmortem: Postmortem, section: Section) -> None:
    store.open_document(postmortem)
    begun, done = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            Postmortem.objects.select_for_update().get(pk=postmortem.pk)
            begun.set()
            done.wait(20)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(in_thread, hold)
        assert begun.wait(20)
        assert store.compact(postmortem.pk) is False
        done.set()
        held.result()
    assert store.compact(postmortem.pk) is True


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_writers_and_compaction_at_the_same_time_lose_nothing(
    postmortem: Postmortem, section: Section, typed: Callable[[str], bytes]
) -> None:
    store.open_document(postmortem)
    others = PostmortemFactory.create_batch(2)
    for other in others:
        store.open_document(other)

    def write_many(writer: int) -> list[int]:
        numbers = []
        for number in range(25):
            appends = [Append(postmortem.pk, 0, [typed(f"w{writer}n{number} ")])]
            appends += [Append(other.pk, 0, [b"\x00\x00"]) for other in others[:: 1 if writer % 2 else -1]]
            numbers.append(store.append(appends)[postmortem.pk])
        return numbers

    def compact_often() -> list[int]:
        for _ in range(30):
            store.compact(postmortem.pk)
            store.load(postmortem.pk)
        return []

    with ThreadPoolExecutor(5) as pool:
        jobs = [pool.submit(in_thread, partial(write_many, writer)) for writer in range(4)]
        jobs.append(pool.submit(in_thread, compact_often))
        numbers = [number for job in jobs for number in job.result()]
    assert sorted(numbers) == list(range(2, 102))
    words = text_of(section).replace(WORDS, "").split()
    assert sorted(words) == sorted(f"w{writer}n{number}" for writer in range(4) for number in range(25))


def test_appending_again_when_the_outcome_is_unknown_changes_nothing(
    postmortem: Postmortem, section: Section, typed: Callable[[str], bytes]
) -> None:
    store.open_document(postmortem)
    update = typed("Once. ")
    write(postmortem, update)
    write(postmortem, update)
    assert text_of(section).count("Once.") == 1


def test_a_snapshot_that_says_something_else_is_never_written(
    postmortem: Postmortem, section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.open_document(postmortem)
    monkeypatch.setattr(LiveDocument, "update", lambda self, since=None: b"\x00\x00")
    with pytest.raises(LogDamaged, match="does not say"):
        store.compact(postmortem.pk)
    assert not DocumentSnapshot.objects.exists()
    assert DocumentUpdate.objects.count() == 1
