"""The history of the whole text: every moment can be read, compared and brought back, however many there are."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from postmortems import tasks
from postmortems.comparison import around_changes, compared
from postmortems.models import Postmortem, Revision, Section, SectionRevision
from postmortems.services.section import digest
from tests.factories.accounts import UserFactory
from tests.factories.postmortems import NOW, PostmortemFactory, SectionFactory
from tests.postmortems.test_live_text import LivePage

pytestmark = pytest.mark.django_db
As = Callable[[User], Client]


@pytest.fixture
def section(alice: User) -> Section:
    return SectionFactory.create(postmortem=PostmortemFactory.create(owner=alice), title="Root cause", body="Begin.")


def pause(page: LivePage, words: str) -> Revision:
    tasks.follow_text(page.section.postmortem_id, page.type(words), "pause")
    return page.section.postmortem.revisions.latest("number")


def page_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def pieces_in(page: str) -> list[tuple[str, str]]:
    """Whose words are whose, as the page of attribution says it: "" for nobody's."""
    piece = re.compile(r'<span class="attribution-piece[^>]* title="(.*?)"><span.*?</span>(.*?)</span>|([^<]+)')
    texts = re.findall(r'<p class="attribution">(.*?)</p>', page, re.DOTALL)
    return [(person, theirs or nobodys) for text in texts for person, theirs, nobodys in piece.findall(text)]


def test_a_moment_says_who_changed_what(as_user: As, alice: User, bob: User, section: Section) -> None:
    pause(LivePage(section, alice), "One. ")
    revision = pause(LivePage(section, bob), "Two. ")
    client = as_user(alice)
    listed = page_of(client, f"/postmortems/{section.postmortem_id}/history/")
    assert listed.index("Bob Baker") < listed.index("Root cause")
    changed = page_of(client, f"/revisions/{revision.pk}/")
    assert "<ins>Two" in changed
    assert "<ins>One" not in changed
    assert "<ins>Two" in page_of(client, f"/revisions/{revision.pk}/?inline")


def test_what_changed_since_a_moment_includes_what_is_typed_now(as_user: As, alice: User, section: Section) -> None:
    page = LivePage(section, alice)
    revision = pause(page, "One. ")
    page.type("Just now. ")
    assert "<ins>Just now" in page_of(as_user(alice), f"/revisions/{revision.pk}/?now")


def test_a_named_moment_is_kept_even_if_nothing_changed_and_once(as_user: As, alice: User, section: Section) -> None:
    client = as_user(alice)
    for _ in range(2):
        client.post(f"/postmortems/{section.postmortem_id}/history/name/", {"name": "Before the review"})
    assert Revision.objects.get().name == "Before the review"
    assert "Before the review" in page_of(client, f"/postmortems/{section.postmortem_id}/history/")
    assert client.post(f"/postmortems/{section.postmortem_id}/history/name/", {"name": " "}).status_code == 422


def test_a_named_moment_has_what_was_typed_until_then(as_user: As, alice: User, section: Section) -> None:
    LivePage(section, alice).type("Typed. ")
    as_user(alice).post(f"/postmortems/{section.postmortem_id}/history/name/", {"name": "Now"})
    assert SectionRevision.objects.get().body == "Typed. Begin."


def test_restoring_a_moment_brings_back_every_section_and_loses_nothing(
    as_user: As, alice: User, section: Section
) -> None:
    other = SectionFactory.create(postmortem=section.postmortem, title="Impact", body="")
    first = pause(LivePage(section, alice), "One. ")
    LivePage(other, alice).type("Impact. ")
    pause(LivePage(section, alice), "Two. ")
    LivePage(section, alice).type("Not kept yet. ")
    client = as_user(alice)
    said = client.post(f"/revisions/{first.pk}/restore/", follow=True).content.decode()
    assert "What stood there before is in the history." in said
    assert {s.title: s.body for s in Section.objects.all()} == {"Root cause": "One. Begin.", "Impact": ""}
    assert SectionRevision.objects.filter(body="Not kept yet. Two. One. Begin.").exists()
    again = Revision.objects.count()
    said = client.post(f"/revisions/{first.pk}/restore/", follow=True).content.decode()
    assert "The text says so already: nothing was changed." in said
    assert Revision.objects.count() == again


@pytest.mark.parametrize("scope", ["revisions", "section-revisions"])
def test_restored_words_are_of_whoever_wrote_them_and_not_of_whoever_restored_them(
    as_user: As, alice: User, bob: User, section: Section, scope: str
) -> None:
    carol = UserFactory.create(display_name="Carol Cook")
    LivePage(section, carol).type("Carol 👩🏽‍🚒 wrote. ")
    first = pause(LivePage(section, bob), "Bob wrote. ")
    other = SectionFactory.create(postmortem=section.postmortem, title="Impact", body="")
    LivePage(other, bob).type("Impact. ")
    client = as_user(alice)
    seen = digest("Bob wrote. Carol 👩🏽‍🚒 wrote. Begin.")
    client.post(f"/sections/{section.pk}/edit/", {"body": "Begin. Alice wrote.", "seen": seen})
    kept = first if scope == "revisions" else first.sections.get()
    client.post(f"/{scope}/{kept.pk}/restore/")
    section.refresh_from_db()
    assert section.body == "Bob wrote. Carol 👩🏽‍🚒 wrote. Begin."
    listed = page_of(client, f"/postmortems/{section.postmortem_id}/history/")
    assert re.search(r">Restored</a>\s*<span class=\"muted\">Alice Archer ", listed)
    page = page_of(client, f"/postmortems/{section.postmortem_id}/attribution/")
    assert pieces_in(page)[:3] == [("Bob Baker", "Bob wrote. "), ("Carol Cook", "Carol 👩🏽‍🚒 wrote. "), ("", "Begin.")]
    assert not any(person == "Alice Archer" for person, _ in pieces_in(page))


def test_words_restored_before_the_live_text_began_are_their_authors(
    as_user: As, alice: User, bob: User, section: Section
) -> None:
    User.objects.filter(pk=bob.pk).update(is_administrator=True)
    for person, before, after in ((bob, "Begin.", "Bob wrote."), (alice, "Bob wrote.", "Alice wrote.")):
        as_user(person).post(f"/sections/{section.pk}/edit/", {"body": after, "seen": digest(before)})
    as_user(alice).post(f"/section-revisions/{SectionRevision.objects.get(body='Bob wrote.').pk}/restore/")
    LivePage(section, alice)
    page = page_of(as_user(alice), f"/postmortems/{section.postmortem_id}/attribution/")
    assert pieces_in(page) == [("Bob Baker", "Bob wrote.")]


def test_words_of_a_moment_that_does_not_know_their_authors_are_nobodys(
    as_user: As, alice: User, bob: User, section: Section
) -> None:
    first = pause(LivePage(section, bob), "Bob wrote. ")
    pause(LivePage(section, alice), "Alice wrote. ")
    as_user(alice).post(f"/sections/{section.pk}/edit/", {"body": "", "seen": digest("Alice wrote. Bob wrote. Begin.")})
    SectionRevision.objects.update(authors=[])  # kept by an earlier version
    as_user(alice).post(f"/revisions/{first.pk}/restore/")
    page = page_of(as_user(alice), f"/postmortems/{section.postmortem_id}/attribution/")
    assert pieces_in(page) == [("", "Bob wrote. Begin.")]


def test_nobody_restores_what_they_may_not_write_or_what_is_published(
    as_user: As, alice: User, mallory: User, section: Section
) -> None:
    first = pause(LivePage(section, alice), "One. ")
    pause(LivePage(section, alice), "Two. ")
    assert as_user(mallory).post(f"/revisions/{first.pk}/restore/").status_code == 403
    Postmortem.objects.update(state="published", published_at=NOW)
    said = as_user(alice).post(f"/revisions/{first.pk}/restore/", follow=True).content.decode()
    assert "It is published, so its text stays as it is." in said
    assert Section.objects.get().body == "Two. One. Begin."


def test_it_says_whose_words_are_whose(as_user: As, alice: User, bob: User, section: Section) -> None:
    LivePage(section, alice).type("Alice 👩🏽‍🚒 wrote. ")
    LivePage(section, bob).type("Bob wrote. ")
    page = page_of(as_user(alice), f"/postmortems/{section.postmortem_id}/attribution/")
    assert 'title="Bob Baker"><span class="sr-only">Bob Baker: </span>Bob wrote. </span>' in page
    assert 'title="Alice Archer"><span class="sr-only">Alice Archer: </span>Alice 👩🏽‍🚒 wrote. </span>Begin.' in page


def test_it_names_people_and_facts_as_the_editor_does(as_user: As, alice: User, bob: User, section: Section) -> None:
    User.objects.filter(pk=bob.pk).update(display_name="Bob_Baker")
    revision = pause(LivePage(section, alice), f"{{{{person:{bob.pk}}}}} saw it. ")
    client = as_user(alice)
    kept = revision.sections.get()
    for path in (
        f"/postmortems/{section.postmortem_id}/attribution/",
        f"/revisions/{revision.pk}/",
        f"/section-revisions/{kept.pk}/",
    ):
        page = page_of(client, path)
        assert "person:" not in page
        assert "Bob_Baker" in page


def test_what_was_saved_before_the_live_text_began_is_its_authors_too(
    as_user: As, alice: User, bob: User, section: Section
) -> None:
    Section.objects.update(updated_by=bob)
    LivePage(section, alice).type("Alice wrote. ")
    page = page_of(as_user(alice), f"/postmortems/{section.postmortem_id}/attribution/")
    assert "Bob Baker: </span>Begin.</span>" in page


def test_the_whole_history_can_be_taken_away(as_user: As, alice: User, section: Section) -> None:
    page = LivePage(section, alice)
    for words in ("One. ", "Two. "):
        pause(page, words)
    answer = as_user(alice).get(f"/postmortems/{section.postmortem_id}/history.json").json()
    texts = [row["sections"][0]["text"] for row in answer["revisions"]]
    assert texts == ["Two. One. Begin.", "One. Begin."]
    assert answer["revisions"][0]["writers"] == ["Alice Archer"]


def test_thousands_of_moments_take_as_many_queries_as_one(
    as_user: As, alice: User, section: Section, django_assert_max_num_queries: Any
) -> None:
    revisions = Revision.objects.bulk_create(
        Revision(postmortem=section.postmortem, number=n, reason="pause", made_at=timezone.now())
        for n in range(1, 3001)
    )
    SectionRevision.objects.bulk_create(
        SectionRevision(
            section=section,
            postmortem=section.postmortem,
            revision=row,
            number=row.number + 1,
            body=f"Text {row.number}",
            saved_at=row.made_at,
        )
        for row in revisions
    )
    client = as_user(alice)
    with django_assert_max_num_queries(25):
        page = page_of(client, f"/postmortems/{section.postmortem_id}/history/")
    assert page.count("history-row") < 60
    with django_assert_max_num_queries(20):
        assert "<ins>1500</ins>" in page_of(client, f"/revisions/{revisions[1499].pk}/")


def test_words_are_marked_within_changed_lines_only() -> None:
    [line] = compared("The pool ran dry.", "The pool was dry.")
    assert line.left_pieces == [("The pool ", False), ("ran", True), (" dry.", False)]
    assert line.right_pieces == [("The pool ", False), ("was", True), (" dry.", False)]


def test_long_stretches_without_change_are_left_out() -> None:
    before = [f"Line {n}" for n in range(50)]
    after = [*before[:25], "New", *before[25:]]
    shown = around_changes(compared("\n".join(before), "\n".join(after)))
    assert [line.right if line else None for line in shown] == [
        None, "Line 23", "Line 24", "New", "Line 25", "Line 26", None,
    ]  # fmt: skip


def test_of_lines_with_too_many_words_together_the_rest_is_marked_as_a_whole() -> None:
    words = "word " * 250
    before = [*[f"{n} {words}" for n in range(20)], "The pool ran dry."]
    after = [*[f"{n} {words}more" for n in range(20)], "The pool was dry."]
    lines = compared("\n".join(before), "\n".join(after))
    assert lines[0].right_pieces == [(f"0 {words}", False), ("more", True)]
    assert lines[19].right_pieces == [(f"19 {words}more", True)]
    assert lines[20].right_pieces == [("The pool ", False), ("was", True), (" dry.", False)]


def test_in_texts_of_very_many_lines_equal_ones_are_not_marked() -> None:
    before = ["Old"] + [f"Line {n}" for n in range(5_000)] + ["Old"]
    lines = compared("\n".join(before), "\n".join(["New", *before[1:-1], "New"]))
    assert [(n, line.mark) for n, line in enumerate(lines) if line.mark != "same"] == [
        (0, "changed"),
        (5_001, "changed"),
    ]


def test_a_line_put_into_a_text_of_very_many_lines_is_all_that_is_marked() -> None:
    before = [f"Line {n}" for n in range(5_000)]
    lines = compared("\n".join(before), "\n".join([*before[:2_500], "New", *before[2_500:]]))
    assert [(line.right, line.mark) for line in lines if line.mark != "same"] == [("New", "right")]


def test_a_megabyte_of_one_line_is_compared_at_once() -> None:
    words = "word " * 200_000
    [line] = compared(words, words + "more")
    assert line.left_pieces == [(words, True)]
