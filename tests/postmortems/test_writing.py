"""Writing section by section: nothing that was typed is lost, whoever else types."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, User
from postmortems.models import Comment, Lesson, Participant, Postmortem, Section, SectionRevision
from postmortems.services import section as services
from postmortems.services.comment import Place, begin_thread
from postmortems.services.postmortem import lock_for_writing
from postmortems.services.section import digest
from tests.factories.postmortems import RevisionFactory

pytestmark = pytest.mark.django_db
As = Callable[[User], Client]
HTMX = {"HX-Request": "true"}


def save(client: Client, section: Section, body: str, *, over: str = "", seen: Any = None) -> Any:
    """Save `body` from a form that was opened when the section said `over`."""
    data = {"body": body, "seen": digest(over) if seen is None else seen}
    return client.post(f"/sections/{section.pk}/edit/", data, headers=HTMX)


def body_of(section: Section) -> str:
    return Section.objects.get(pk=section.pk).body


# -- Saving ------------------------------------------------------------------------------------------------------------


def test_a_saved_text_is_rendered_kept_and_says_when(as_user: As, alice: User, section: Section) -> None:
    answer = save(as_user(alice), section, "The **pool** ran dry.")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "<strong>pool</strong>" in page
    assert "Saved " in page
    assert (section.revisions.get(number=2).body, section.revisions.get(number=2).saved_by) == (
        "The **pool** ran dry.",
        alice,
    )


def test_it_works_without_javascript(as_user: As, alice: User, section: Section) -> None:
    client = as_user(alice)
    page = client.get(f"/sections/{section.pk}/edit/").content.decode()
    assert "<html" in page
    answer = client.post(f"/sections/{section.pk}/edit/", {"body": "Plain.", "seen": digest("")})
    assert answer.headers["Location"].startswith(f"/postmortems/{section.postmortem_id}/write/")
    assert body_of(section) == "Plain."


def test_two_people_saving_the_same_section_both_see_both_texts(
    as_user: As, alice: User, bob: User, section: Section
) -> None:
    save(as_user(alice), section, "Alice's words")
    answer = save(as_user(bob), section, "Bob's words")
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Alice Archer" in page
    assert "Alice&#x27;s words" in page
    assert "Bob&#x27;s words" in page
    assert body_of(section) == "Alice's words"
    again = save(as_user(bob), section, "Alice's and Bob's words", over="Alice's words")
    assert again.status_code == 200
    assert [revision.body for revision in section.revisions.all()][:2] == ["Alice's and Bob's words", "Alice's words"]


def test_sending_the_same_text_twice_is_no_conflict(as_user: As, alice: User, section: Section) -> None:
    client = as_user(alice)
    assert [save(client, section, "Once.").status_code for _ in range(2)] == [200, 200]
    assert SectionRevision.objects.filter(section=section, body="Once.").count() == 1


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_many_at_the_same_instant_one_wins_and_the_others_are_told(alice: User, section: Section) -> None:
    def write(number: int) -> int:
        client = Client()
        client.force_login(alice)
        try:
            return int(save(client, section, f"Words {number}").status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(write, range(4)))
    assert answers == [200, 409, 409, 409]
    assert section.revisions.count() == 1


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("  spaces stay \n\n", "  spaces stay \n\n"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("bell\x07 and escape\x1b[31m", "bell and escape[31m"),
        ("مرحبا 👩🏽‍🚒 \u202eright\u202c", "مرحبا 👩🏽‍🚒 \u202eright\u202c"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("", ""),
    ],
)
def test_odd_texts_are_kept_as_they_are(body: str, kept: str, as_user: As, alice: User, section: Section) -> None:
    assert save(as_user(alice), section, body).status_code == 200
    assert body_of(section) == kept


def test_a_megabyte_is_kept_and_more_is_refused_with_the_text_still_there(
    as_user: As, alice: User, section: Section
) -> None:
    client = as_user(alice)
    full = "word " * 200_000
    assert save(client, section, full).status_code == 200
    assert body_of(section) == full
    answer = save(client, section, full + "and one more", over=full)
    assert answer.status_code == 422
    assert "a section holds 1 MB" in answer.content.decode()
    assert "and one more" in answer.content.decode()
    assert body_of(section) == full


@pytest.mark.parametrize("seen", ["", "x", "0" * 64, "0" * 99_999])
def test_a_stale_or_forged_digest_writes_nothing(seen: str, as_user: As, alice: User, section: Section) -> None:
    answer = save(as_user(alice), section, "Forged", seen=seen)
    assert answer.status_code in {409, 422}
    assert "Forged" in answer.content.decode()
    assert body_of(section) == ""


def test_no_text_of_a_document_reaches_the_log(
    as_user: As, alice: User, section: Section, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        save(as_user(alice), section, "Confidential-Canary")
    assert "Confidential-Canary" not in caplog.text
    assert not AuditEntry.objects.filter(details__icontains="Canary").exists()


def test_a_preview_shows_and_saves_nothing(as_user: As, alice: User, section: Section) -> None:
    answer = as_user(alice).post(f"/sections/{section.pk}/preview/", {"body": "*Hello*"}, headers=HTMX)
    assert "<em>Hello</em>" in answer.content.decode()
    assert body_of(section) == ""


def test_outsiders_and_mere_readers_do_not_write(as_user: As, mallory: User, section: Section) -> None:
    assert save(as_user(mallory), section, "Mine").status_code == 403
    Participant.objects.create(postmortem=section.postmortem, user=mallory, role="reader")
    assert save(as_user(mallory), section, "Mine").status_code == 403
    Participant.objects.create(postmortem=section.postmortem, user=mallory, role="contributor")
    assert save(as_user(mallory), section, "Mine").status_code == 200


# -- History -----------------------------------------------------------------------------------------------------------


def test_every_text_there_ever_was_can_be_read_and_brought_back(as_user: As, alice: User, section: Section) -> None:
    client = as_user(alice)
    for before, words in [("", "First words."), ("First words.", "Second words."), ("Second words.", "")]:
        save(client, section, words, over=before)
    page = client.get(f"/sections/{section.pk}/history/").content.decode()
    assert "Alice Archer" in page
    first = section.revisions.get(number=2)
    assert "First words." in client.get(f"/section-revisions/{first.pk}/").content.decode()
    assert client.post(f"/section-revisions/{first.pk}/restore/").status_code == 302
    assert body_of(section) == "First words."
    assert [revision.body for revision in section.revisions.all()][:3] == ["First words.", "", "Second words."]


# -- Sections ----------------------------------------------------------------------------------------------------------


def test_sections_are_added_renamed_moved_and_removed(as_user: As, alice: User, section: Section) -> None:
    client, postmortem = as_user(alice), section.postmortem
    client.post(f"/postmortems/{postmortem.pk}/sections/add/", {"title": "Luck", "kind": "prose"})
    added = postmortem.sections.get(title="Luck")

    def titles() -> list[str]:
        return list(postmortem.sections.values_list("title", flat=True))

    assert titles() == ["Root cause analysis", "Luck"]
    client.post(f"/sections/{added.pk}/move/", {"direction": "up"})
    client.post(f"/sections/{added.pk}/move/", {"direction": "up"})
    assert titles() == ["Luck", "Root cause analysis"]
    client.post(f"/sections/{added.pk}/arrange/", {"title": "Where we got lucky"})
    assert titles()[0] == "Where we got lucky"
    client.post(f"/sections/{added.pk}/remove/")
    assert titles() == ["Root cause analysis"]


def test_a_section_with_a_history_is_not_removed(as_user: As, alice: User, section: Section) -> None:
    client = as_user(alice)
    save(client, section, "Words")
    save(client, section, "", over="Words")
    answer = client.post(f"/sections/{section.pk}/remove/")
    assert answer.status_code == 422
    assert "keeps its history" in answer.content.decode()
    assert Section.objects.filter(pk=section.pk).exists()


def test_a_block_that_people_commented_on_is_not_removed(as_user: As, alice: User, bob: User, section: Section) -> None:
    Section.objects.filter(pk=section.pk).update(kind="whys")
    begin_thread(section=section, place=Place("Why?"), body="I doubt it.", replacement=None, by=bob, now=timezone.now())
    answer = as_user(alice).post(f"/sections/{section.pk}/remove/")
    assert answer.status_code == 422
    assert "commented on it" in answer.content.decode()
    assert Comment.objects.get().body == "I doubt it."


@pytest.fixture
def removed_meanwhile(section: Section, monkeypatch: pytest.MonkeyPatch) -> Section:
    """Somebody else removes it after it was opened, and before its post-mortem is locked."""
    lock = lock_for_writing

    def lock_later(postmortem: Postmortem) -> Postmortem:
        Section.objects.filter(pk=section.pk).delete()
        return lock(postmortem)

    monkeypatch.setattr(services, "lock_for_writing", lock_later)
    return section


def test_removing_a_section_that_is_gone_leads_back_to_writing(
    as_user: As, alice: User, removed_meanwhile: Section
) -> None:
    answer = as_user(alice).post(f"/sections/{removed_meanwhile.pk}/remove/")
    assert answer.headers["Location"] == f"/postmortems/{removed_meanwhile.postmortem_id}/write/"


@pytest.mark.parametrize(("page", "data"), [("move", {"direction": "up"}), ("arrange", {"title": "Other"})])
def test_a_section_that_is_gone_is_not_found(
    page: str, data: dict[str, str], as_user: As, alice: User, removed_meanwhile: Section
) -> None:
    assert as_user(alice).post(f"/sections/{removed_meanwhile.pk}/{page}/", data).status_code == 404


def test_a_text_of_a_section_that_is_gone_is_not_found(as_user: As, alice: User, removed_meanwhile: Section) -> None:
    revision = RevisionFactory.create(section=removed_meanwhile, body="Before.")
    assert as_user(alice).post(f"/section-revisions/{revision.pk}/restore/").status_code == 404


def test_a_block_has_no_text_to_edit(as_user: As, alice: User, section: Section) -> None:
    Section.objects.filter(pk=section.pk).update(kind="timeline")
    assert as_user(alice).get(f"/sections/{section.pk}/edit/").status_code == 404
    assert save(as_user(alice), section, "Words").status_code == 404


# -- Title and lessons -------------------------------------------------------------------------------------------------


def test_a_title_somebody_else_changed_is_shown_before_it_is_overwritten(
    as_user: As, alice: User, bob: User, postmortem: Postmortem
) -> None:
    path = f"/postmortems/{postmortem.pk}/title/edit/"
    assert as_user(alice).post(path, {"title": "By Alice", "revision": 1}, headers=HTMX).status_code == 200
    answer = as_user(bob).post(path, {"title": "By Bob", "revision": 1}, headers=HTMX)
    assert answer.status_code == 409
    assert "By Alice" in answer.content.decode()
    assert "By Bob" in answer.content.decode()
    assert Postmortem.objects.get().title == "By Alice"


def test_the_number_of_a_lesson_is_never_given_again(as_user: As, alice: User, postmortem: Postmortem) -> None:
    client = as_user(alice)
    for text in ("One", "Two", "Three"):
        client.post(f"/postmortems/{postmortem.pk}/lessons/add/", {"text": text})
    client.post(f"/lessons/{postmortem.lessons.get(number=3).pk}/delete/")
    client.post(f"/postmortems/{postmortem.pk}/lessons/add/", {"text": "Four"})
    assert list(postmortem.lessons.values_list("number", "text")) == [(1, "One"), (2, "Two"), (4, "Four")]


def test_a_lesson_changed_by_two_keeps_both_texts_in_sight(
    as_user: As, alice: User, bob: User, postmortem: Postmortem
) -> None:
    as_user(alice).post(f"/postmortems/{postmortem.pk}/lessons/add/", {"text": "Watch the queue"})
    path = f"/lessons/{Lesson.objects.get().pk}/edit/"
    as_user(alice).post(path, {"text": "Watch its age", "revision": 1}, headers=HTMX)
    answer = as_user(bob).post(path, {"text": "Watch its length", "revision": 1}, headers=HTMX)
    assert answer.status_code == 409
    assert "Watch its age" in answer.content.decode()
    assert "Watch its length" in answer.content.decode()
    assert Lesson.objects.get().text == "Watch its age"


@pytest.mark.parametrize("text", ["", "   \n ", "x" * 2001, "\x07"])
def test_an_empty_or_endless_lesson_is_refused(text: str, as_user: As, alice: User, postmortem: Postmortem) -> None:
    assert as_user(alice).post(f"/postmortems/{postmortem.pk}/lessons/add/", {"text": text}).status_code == 422
    assert not Lesson.objects.exists()
