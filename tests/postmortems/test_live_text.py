"""Live text and everything else that shows or writes it: one truth, whichever way it came."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pycrdt import Doc, Text

from accounts.models import User
from config.celery import app
from postmortems import tasks
from postmortems.collab import store
from postmortems.collab.document import DocumentBroken, LiveDocument, root_name
from postmortems.collab.log import PostgresLog
from postmortems.collab.ports import Nudge
from postmortems.collab.store import Append
from postmortems.collab.updates import Summary
from postmortems.models import (
    DocumentHead,
    DocumentSnapshot,
    DocumentUpdate,
    Postmortem,
    Revision,
    Section,
    SectionRevision,
)
from postmortems.services import live as services
from postmortems.services import text as texts
from postmortems.services.section import digest
from tests.factories.postmortems import PostmortemFactory, SectionFactory
from tests.loops import run_in_thread

pytestmark = pytest.mark.django_db
As = Callable[[User], Client]


class LivePage:
    """A page that types into a section; what it types is in the log at once."""

    def __init__(self, section: Section, user: User) -> None:
        self.section = section
        self.user = user
        self.doc: Doc[Text] = Doc()
        store.open_document(section.postmortem)

    def type(self, words: str, at: int = 0) -> int:
        """The number of the entry."""
        for update in (store.load(self.section.postmortem_id).document.update(),):
            self.doc.apply_update(update)
        state = self.doc.get_state()
        self.doc.get(root_name(self.section.pk), type=Text).insert(at, words)
        head = DocumentHead.objects.get(pk=self.section.postmortem_id)
        new = {self.doc.client_id: self.user.pk}
        entry = Append(head.pk, head.acl_version, [self.doc.get_update(state)], [self.user.pk], new)
        return store.append([entry])[head.pk]


@pytest.fixture
def section(alice: User) -> Section:
    postmortem = PostmortemFactory.create(owner=alice)
    return SectionFactory.create(postmortem=postmortem, title="Summary", body="Begin.")


@pytest.fixture
def page(section: Section, alice: User) -> LivePage:
    return LivePage(section, alice)


def body_of(section: Section) -> str:
    return Section.objects.get(pk=section.pk).body


def live_text_of(section: Section) -> str:
    return store.load(section.postmortem_id).document.text(section.pk)


def pause(section: Section, upto: int) -> Revision | None:
    tasks.follow_text(section.postmortem_id, upto, "pause")
    return section.postmortem.revisions.first()


# -- Reading -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["read/", "write/", "export.md", "export.html"])
def test_whoever_looks_sees_what_was_typed_a_moment_ago(
    path: str, as_user: As, alice: User, section: Section, page: LivePage
) -> None:
    page.type("Just typed. ")
    assert "Just typed. Begin." in as_user(alice).get(f"/postmortems/{section.postmortem_id}/{path}").content.decode()
    assert body_of(section) == "Begin."  # looking writes nothing


def test_search_finds_it_once_the_worker_was_there(as_user: As, alice: User, section: Section, page: LivePage) -> None:
    seq = page.type("Thundering herd. ")
    tasks.follow_text(section.postmortem_id, seq)
    assert "Thundering" in as_user(alice).get("/search/?q=thundering").content.decode()
    assert not Revision.objects.exists()


def test_what_is_typed_into_a_section_that_somebody_removed_is_a_section_again(
    as_user: As, alice: User, bob: User, section: Section
) -> None:
    empty = SectionFactory.create(postmortem=section.postmortem, title="Impact", body="")
    page = LivePage(empty, bob)
    assert as_user(alice).post(f"/sections/{empty.pk}/remove/").status_code == 302
    assert not Section.objects.filter(pk=empty.pk).exists()
    pause(section, page.type("An hour of work."))
    again = Section.objects.get(pk=empty.pk)
    assert (again.title, again.body, again.position > section.position) == ("Recovered text", "An hour of work.", True)
    assert again.revisions.get().body == "An hour of work."
    page.type("More. ")
    assert (
        "More. An hour of work." in as_user(alice).get(f"/postmortems/{section.postmortem_id}/read/").content.decode()
    )


def test_a_section_of_another_post_mortem_is_written_to_from_nowhere_else(alice: User, section: Section) -> None:
    elsewhere = SectionFactory.create(title="Theirs", body="")
    page = LivePage(section, alice)
    page.section = Section(pk=elsewhere.pk, postmortem=section.postmortem)
    pause(section, page.type("Not here."))
    elsewhere.refresh_from_db()
    assert (elsewhere.body, elsewhere.postmortem_id == section.postmortem_id) == ("", False)
    assert section.postmortem.sections.count() == 1


def test_a_page_that_names_thousands_of_sections_makes_few(alice: User, section: Section) -> None:
    page = LivePage(section, alice)
    for _ in range(30):
        page.section = Section(pk=uuid4(), postmortem=section.postmortem)
        last = page.type("x")
    pause(section, last)
    assert section.postmortem.sections.count() == 21


# -- Writing beside those who type -------------------------------------------------------------------------------------


def test_a_plain_save_reaches_those_who_type_with_the_smallest_edit(
    as_user: As, alice: User, section: Section, page: LivePage
) -> None:
    page.type("Live. ")
    data = {"body": "Live. Begin. Saved.", "seen": digest("Live. Begin.")}
    assert as_user(alice).post(f"/sections/{section.pk}/edit/", data).status_code == 302
    assert live_text_of(section) == body_of(section) == "Live. Begin. Saved."
    page.type("Still ")
    assert live_text_of(section) == "Still Live. Begin. Saved."


def test_a_plain_save_over_what_was_typed_meanwhile_is_answered_with_both_texts(
    as_user: As, alice: User, section: Section, page: LivePage
) -> None:
    page.type("Typed meanwhile. ")
    answer = as_user(alice).post(f"/sections/{section.pk}/edit/", {"body": "Mine.", "seen": digest("Begin.")})
    assert answer.status_code == 409
    assert "Typed meanwhile. Begin." in answer.content.decode()
    assert live_text_of(section) == "Typed meanwhile. Begin."


def test_the_form_begins_with_what_was_typed(as_user: As, alice: User, section: Section, page: LivePage) -> None:
    page.type("Typed. ")
    form = as_user(alice).get(f"/sections/{section.pk}/edit/").content.decode()
    assert "Typed. Begin." in form
    assert digest("Typed. Begin.") in form


def test_restoring_is_an_edit_and_what_was_there_stays_in_the_history(
    as_user: As, alice: User, section: Section, page: LivePage
) -> None:
    first = pause(section, page.type("One. "))
    page.type("Two. ")
    assert first is not None
    as_user(alice).post(f"/section-revisions/{first.sections.get().pk}/restore/")
    assert live_text_of(section) == body_of(section) == "One. Begin."
    reasons = list(section.postmortem.revisions.values_list("reason", flat=True))
    assert reasons == ["restored", "turn", "pause"]
    assert section.revisions.get(number=3).body == "Two. One. Begin."


def section_page(client: Client, section: Section, *, number: int) -> str:
    revision = section.revisions.get(number=number)
    return client.get(f"/section-revisions/{revision.pk}/").content.decode()


@pytest.mark.parametrize("is_followed", [False, True])
def test_a_text_is_current_only_while_nothing_was_typed_after_it(
    is_followed: bool, as_user: As, alice: User, section: Section, page: LivePage
) -> None:
    client = as_user(alice)
    pause(section, page.type("One. "))
    assert "This is what the section says now." in section_page(client, section, number=2)
    assert "badge" in client.get(f"/sections/{section.pk}/history/").content.decode()
    entry = page.type("Oops. ")
    if is_followed:
        tasks.follow_text(section.postmortem_id, entry)
    said = section_page(client, section, number=2)
    assert "This is what the section says now." not in said
    assert "Restore this text" in said
    assert "<ins>Oops" in said
    assert "badge" not in client.get(f"/sections/{section.pk}/history/").content.decode()


def test_what_is_typed_while_something_else_writes_stays(
    as_user: As, alice: User, section: Section, page: LivePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = texts.keep_revision

    def keep_while_typing(*args: Any, **named: Any) -> Revision | None:
        monkeypatch.undo()
        page.type("Typed. ")
        return kept(*args, **named)

    monkeypatch.setattr(texts, "keep_revision", keep_while_typing)
    as_user(alice).post(f"/sections/{section.pk}/edit/", {"body": "Begin again.", "seen": digest("Begin.")})
    assert live_text_of(section) == body_of(section) == "Typed. Begin again."


def test_odd_line_ends_never_reach_the_live_text(page: LivePage, section: Section) -> None:
    document = LiveDocument()
    document.rewrite(section.pk, "a\r\nb\rc\0d")
    assert document.text(section.pk) == "a\nb\ncd"


# -- Revisions ---------------------------------------------------------------------------------------------------------


def test_a_pause_is_kept_with_who_wrote_and_only_once(alice: User, bob: User, section: Section, page: LivePage) -> None:
    page.type("Alice. ")
    seq = LivePage(section, bob).type("Bob. ")
    for _ in range(2):
        pause(section, seq)
    revision = section.postmortem.revisions.get()
    assert set(revision.writers.all()) == {alice, bob}
    kept = SectionRevision.objects.get()
    assert (kept.body, kept.saved_by, kept.revision) == ("Bob. Alice. Begin.", bob, revision)


def test_a_turn_keeps_what_the_one_before_left(alice: User, bob: User, section: Section, page: LivePage) -> None:
    left = page.type("Alice. ")
    LivePage(section, bob).type("Bob. ")
    tasks.follow_text(section.postmortem_id, left, "turn")
    assert SectionRevision.objects.get().body == "Alice. Begin."
    assert list(section.postmortem.revisions.get().writers.all()) == [alice]
    assert live_text_of(section) == "Bob. Alice. Begin."


def test_publishing_keeps_what_was_typed_and_nothing_is_committed_after_it(
    as_user: As, alice: User, section: Section, page: LivePage
) -> None:
    section.postmortem.state = "in_review"
    section.postmortem.save(update_fields=["state"])
    page.type("Last words. ")
    version = DocumentHead.objects.get().acl_version
    data = {"seen": "in_review", "to": "published", "note": "Good enough."}
    as_user(alice).post(f"/postmortems/{section.postmortem_id}/state/", data)
    assert body_of(section) == "Last words. Begin."
    assert section.postmortem.revisions.get().reason == "state"
    late = Append(section.postmortem_id, version, [page.doc.get_update()])
    assert store.append([late]) == {}


@pytest.mark.parametrize("change", ["people", "visibility", "owner"])
def test_whatever_changes_rights_has_writers_checked_again(
    change: str, as_user: As, alice: User, bob: User, section: Section, page: LivePage
) -> None:
    participant = section.postmortem.participants.create(user=bob, role="contributor")
    before = DocumentHead.objects.get().acl_version
    paths = {
        "people": (f"/participants/{participant.pk}/remove/", {}),
        "visibility": (f"/postmortems/{section.postmortem_id}/visibility/", {"visibility": "restricted"}),
        "owner": (f"/postmortems/{section.postmortem_id}/owner/", {"owner": bob.pk}),
    }
    path, data = paths[change]
    assert as_user(alice).post(path, data).status_code == 302
    assert DocumentHead.objects.get().acl_version > before


# -- What nobody asked for, and what grew long -------------------------------------------------------------------------


def age(postmortem: Postmortem) -> None:
    DocumentUpdate.objects.filter(postmortem=postmortem).update(created_at=timezone.now() - timedelta(hours=1))


def type_much(page: LivePage, letter: str, thousands: int) -> int:
    """The number of the last entry."""
    return [page.type(letter * 1000) for _ in range(thousands)][-1]


def test_a_text_whose_nudge_was_lost_is_found(section: Section, page: LivePage) -> None:
    seq = page.type("Forgotten. ")
    assert services.texts_left_behind(now=timezone.now()) == []
    age(section.postmortem)
    assert services.texts_left_behind(now=timezone.now()) == [(section.postmortem_id, seq)]
    pause(section, seq)
    assert services.texts_left_behind(now=timezone.now()) == []


def test_a_long_log_becomes_short_and_says_the_same(section: Section, page: LivePage) -> None:
    seq = type_much(page, "x", 40)
    age(section.postmortem)
    pause(section, seq)
    assert DocumentSnapshot.objects.get().seq == seq
    assert not DocumentUpdate.objects.exists()
    assert live_text_of(section) == body_of(section) == "x" * 40_000 + "Begin."


@pytest.mark.parametrize("is_in_snapshot", [False, True])
def test_a_log_that_breaks_its_document_holds_up_no_other(
    is_in_snapshot: bool, alice: User, section: Section, page: LivePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = LivePage(SectionFactory.create(postmortem=PostmortemFactory.create(owner=alice), body="Begin."), alice)
    nudges = [(section.postmortem_id, page.type("Poison. "), "")]
    if is_in_snapshot:
        store.compact(section.postmortem_id)
        nudges = [(section.postmortem_id, page.type("Then. "), "")]
    nudges.append((other.section.postmortem_id, other.type("Fine. "), ""))
    apply = LiveDocument.apply

    def panic(document: LiveDocument, update: bytes, *summary: Summary) -> Summary:
        if b"Poison" in update:
            raise DocumentBroken("a panic in the library")
        return apply(document, update, *summary)

    monkeypatch.setattr(LiveDocument, "apply", panic)
    tasks.follow_texts(nudges)
    assert (body_of(section), body_of(other.section)) == ("Begin.", "Fine. Begin.")


def test_a_log_becomes_short_while_nobody_pauses_and_the_history_names_all_who_wrote(
    section: Section, page: LivePage, alice: User, bob: User
) -> None:
    other = LivePage(section, bob)
    seq = type_much(page, "x", 40)
    age(section.postmortem)
    tasks.follow_text(section.postmortem_id, seq)
    assert DocumentSnapshot.objects.get().seq == seq
    assert not DocumentUpdate.objects.exists()
    seq = type_much(other, "y", 50)
    age(section.postmortem)
    tasks.follow_text(section.postmortem_id, seq)
    assert DocumentSnapshot.objects.get().seq == seq
    first = pause(section, page.type("End. "))
    assert first
    assert set(first.writers.all()) == {alice, bob}
    last = pause(section, other.type("One more. "))
    assert last
    assert set(last.writers.all()) == {bob}
    assert live_text_of(section) == body_of(section) == "One more. End. " + "y" * 50_000 + "x" * 40_000 + "Begin."


def test_what_another_process_may_not_have_heard_of_yet_is_not_compacted(section: Section, page: LivePage) -> None:
    seq = type_much(page, "x", 40)
    age(section.postmortem)
    last = page.type("Just now. ")
    tasks.follow_text(section.postmortem_id, last)
    assert DocumentSnapshot.objects.get().seq == seq
    assert [entry for entry, _ in store.entries_after(section.postmortem_id, seq)] == [last]


def test_what_no_section_says_yet_is_not_compacted(section: Section, page: LivePage) -> None:
    seq = type_much(page, "x", 40)
    page.type("Later. ")
    age(section.postmortem)
    tasks.follow_text(section.postmortem_id, seq)
    assert DocumentSnapshot.objects.get().seq == seq
    assert DocumentUpdate.objects.count() == 1


def test_a_worker_that_cannot_keep_up_passes_over_what_was_asked_again_and_keeps_revisions(section: Section) -> None:
    app.control.purge()
    log = PostgresLog()
    pk = section.postmortem_id
    run_in_thread(log.nudge([Nudge(pk, 7), Nudge(pk, 5, "turn")]))
    run_in_thread(log.close())
    with app.connection_for_read() as connection:
        channel: Any = connection.default_channel
        messages = [channel.basic_get("celery", no_ack=True) for _ in range(2)]
    now = timezone.now()
    ends = {m.payload[0][0][0][2]: datetime.fromisoformat(m.headers["expires"]) - now for m in messages}
    assert ends[""] < timedelta(seconds=10) < timedelta(hours=12) < ends["turn"]
