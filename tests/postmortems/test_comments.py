"""Comments and suggestions: on the words they are about, whatever happens to the text, and nobody misses theirs."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.enums import Visibility
from accounts.models import AuditEntry, User
from incidents.models import Incident
from postmortems import tasks
from postmortems.collab import store
from postmortems.enums import ThreadState
from postmortems.models import Comment, CommentNotice, Participant, Postmortem, Section, Thread
from postmortems.services.comment import nearest, quoted_at
from tests.factories.accounts import UserFactory
from tests.factories.postmortems import PostmortemFactory, SectionFactory

pytestmark = pytest.mark.django_db
As = Callable[[User], Client]
NUL = {"anchor": '{"start": {"tname": "\\u0000"}, "end": {}}'}
DEEP = {"anchor": "[" * 100_000}
TEXT = "The pool ran dry. Nobody saw that the pool ran dry."


@pytest.fixture
def section(alice: User, bob: User) -> Section:
    postmortem = PostmortemFactory.create(owner=alice)
    Participant.objects.create(postmortem=postmortem, user=bob, role="contributor")
    return SectionFactory.create(postmortem=postmortem, title="Root cause", body=TEXT)


def begin(client: Client, section: Section, **values: Any) -> Any:
    data = {"quote": "ran dry", "quote_before": "The pool ", "quote_after": ".", "body": "How do we know?", **values}
    return client.post(f"/sections/{section.pk}/threads/add/", data)


@pytest.fixture
def thread(as_user: As, bob: User, section: Section) -> Thread:
    begin(as_user(bob), section)
    return Thread.objects.get()


@pytest.fixture
def suggestion(as_user: As, bob: User, section: Section) -> Thread:
    begin(as_user(bob), section, is_suggestion="True", replacement="had no connection left", body="")
    return Thread.objects.get()


def comments_page(client: Client, section: Section) -> str:
    return client.get(f"/postmortems/{section.postmortem_id}/comments/").content.decode()


# -- Talking -----------------------------------------------------------------------------------------------------------


def test_a_comment_stands_beside_its_words_and_is_answered(
    as_user: As, alice: User, thread: Thread, section: Section
) -> None:
    page = comments_page(as_user(alice), section)
    assert "ran dry" in page
    assert "How do we know?" in page
    as_user(alice).post(f"/threads/{thread.pk}/reply/", {"body": "The dashboard **said** so."})
    assert "<strong>said</strong>" in comments_page(as_user(alice), section)


def test_a_double_click_says_it_once(as_user: As, bob: User, section: Section) -> None:
    for _ in range(2):
        begin(as_user(bob), section)
    thread = Thread.objects.get()
    for _ in range(2):
        as_user(bob).post(f"/threads/{thread.pk}/reply/", {"body": "Again."})
    assert list(Comment.objects.values_list("body", flat=True)) == ["How do we know?", "Again."]


@pytest.mark.parametrize(
    "values",
    [{"body": " "}, {"quote": ""}, {"anchor": "[1]"}, {"anchor": '{"start": 1, "end": 2}'}, {"anchor": "{"}, NUL, DEEP],
)
def test_nonsense_begins_nothing_and_is_explained(
    values: dict[str, str], as_user: As, bob: User, section: Section
) -> None:
    answer = begin(as_user(bob), section, **values)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode() or "errorlist" in answer.content.decode()
    assert not Thread.objects.exists()


def test_ones_own_words_can_be_put_better_and_nobody_elses(
    as_user: As, alice: User, bob: User, thread: Thread, section: Section
) -> None:
    comment = thread.comments.get()
    path = f"/comments/{comment.pk}/edit/"
    assert as_user(alice).post(path, {"body": "Forged", "revision": 1}).status_code == 403
    assert as_user(bob).post(path, {"body": "How could we know?", "revision": 1}).status_code == 302
    stale = as_user(bob).post(path, {"body": "From another window", "revision": 1})
    assert stale.status_code == 409
    assert "From another window" in stale.content.decode()
    assert "edited" in comments_page(as_user(alice), section)


def test_settling_and_taking_up_again_say_who(
    as_user: As, alice: User, mallory: User, thread: Thread, section: Section
) -> None:
    assert as_user(mallory).post(f"/threads/{thread.pk}/resolve/").status_code == 403
    client = as_user(alice)
    client.post(f"/threads/{thread.pk}/resolve/")
    thread.refresh_from_db()
    assert (thread.state, thread.closed_by) == (ThreadState.RESOLVED, alice)
    assert client.post(f"/threads/{thread.pk}/resolve/").status_code == 409
    client.post(f"/threads/{thread.pk}/reopen/")
    thread.refresh_from_db()
    assert (thread.state, thread.closed_by) == (ThreadState.OPEN, None)
    verbs = set(AuditEntry.objects.filter(verb__startswith="thread.").values_list("verb", flat=True))
    assert verbs == {"thread.begun", "thread.resolved", "thread.reopened"}


def test_a_reader_may_comment(as_user: As, mallory: User, section: Section) -> None:
    assert begin(as_user(mallory), section).status_code == 302
    assert Thread.objects.get().created_by == mallory


# -- Suggesting --------------------------------------------------------------------------------------------------------


def test_an_accepted_suggestion_is_an_edit_that_those_who_type_see(
    as_user: As, alice: User, suggestion: Thread, section: Section
) -> None:
    store.open_document(section.postmortem)
    second = TEXT.rindex("ran dry")
    as_user(alice).post(f"/threads/{suggestion.pk}/accept/", {"words": "ran dry", "near": second - 2})
    section.refresh_from_db()
    suggestion.refresh_from_db()
    assert section.body == "The pool ran dry. Nobody saw that the pool had no connection left."
    assert store.load(section.postmortem_id).document.text(section.pk) == section.body
    assert (suggestion.state, suggestion.closed_by) == (ThreadState.ACCEPTED, alice)
    assert section.postmortem.revisions.first().made_by == alice  # type: ignore[union-attr]


def test_accepted_words_are_whose_suggestion_they_were(
    as_user: As, alice: User, bob: User, suggestion: Thread, section: Section
) -> None:
    store.open_document(section.postmortem)
    as_user(alice).post(f"/threads/{suggestion.pk}/accept/", {"words": "ran dry", "near": 9})
    address = f"/postmortems/{section.postmortem_id}"
    whose = as_user(alice).get(f"{address}/attribution/").content.decode()
    assert "The pool <span" in whose
    assert "Bob Baker: </span>had no connection left</span>. Nobody saw that" in whose
    history = as_user(alice).get(f"{address}/history/").content.decode()
    assert ">Suggestion accepted</a>" in history
    assert "Bob Baker, accepted by Alice Archer" in history
    revision = section.postmortem.revisions.get(reason="accepted")
    assert (revision.made_by, list(revision.writers.all())) == (alice, [bob])


def test_a_suggestion_for_words_that_others_changed_shows_what_it_would_replace(
    as_user: As, alice: User, suggestion: Thread, section: Section
) -> None:
    changed = TEXT.replace("ran dry", "ran\n<b>quite</b> dry")
    Section.objects.filter(pk=section.pk).update(body=changed)
    data = {"words": "ran\n<b>quite</b> dry", "near": 9}
    path = f"/threads/{suggestion.pk}/accept/"
    answer = as_user(alice).post(path, data)
    said = answer.content.decode()
    assert answer.status_code == 409
    assert "Now it would replace: <del>ran\n&lt;b&gt;quite&lt;/b&gt; dry</del>" in said
    assert Section.objects.get(pk=section.pk).body == changed
    assert as_user(alice).post(path, {**data, "words": "ran", "seen": data["words"]}).status_code == 409
    assert as_user(alice).post(path, {**data, "seen": "ran\r\n<b>quite</b> dry"}).status_code == 302
    assert "The pool had no connection left" in Section.objects.get(pk=section.pk).body


def test_a_suggestion_of_what_the_text_says_already_is_refused(as_user: As, bob: User, section: Section) -> None:
    answer = begin(as_user(bob), section, is_suggestion="True", replacement="ran dry", body="")
    assert answer.status_code == 422
    assert "That is what the text says already" in answer.content.decode()
    assert not Thread.objects.exists()


def test_a_suggestion_for_words_that_are_gone_changes_nothing(
    as_user: As, alice: User, suggestion: Thread, section: Section
) -> None:
    Section.objects.filter(pk=section.pk).update(body="Something else.")
    answer = as_user(alice).post(f"/threads/{suggestion.pk}/accept/", {"words": "ran dry", "near": 4})
    assert answer.status_code == 409
    assert "no longer stand in the text" in answer.content.decode()
    assert Thread.objects.get().is_open


def test_a_suggestion_for_deleted_words_leaves_the_same_words_elsewhere(
    as_user: As, alice: User, suggestion: Thread, section: Section
) -> None:
    rest = "It was late. Nobody saw that the other pool ran dry."
    Section.objects.filter(pk=section.pk).update(body=rest)
    answer = as_user(alice).post(f"/threads/{suggestion.pk}/accept/")
    assert answer.status_code == 409
    assert Section.objects.get(pk=section.pk).body == rest
    Section.objects.filter(pk=section.pk).update(body=f"{rest} The pool ran dry.")
    as_user(alice).post(f"/threads/{suggestion.pk}/accept/")
    assert Section.objects.get(pk=section.pk).body == f"{rest} The pool had no connection left."


def test_accepting_is_for_those_who_write_and_once(
    as_user: As, alice: User, mallory: User, suggestion: Thread, section: Section
) -> None:
    path = f"/threads/{suggestion.pk}/accept/"
    assert as_user(mallory).post(path, {"near": 0}).status_code == 403
    assert as_user(alice).post(path, {"near": 0}).status_code == 302
    assert as_user(alice).post(path, {"near": 0}).status_code == 409
    section.refresh_from_db()
    assert section.body.count("had no connection left") == 1


def test_rejecting_leaves_the_text(as_user: As, alice: User, suggestion: Thread, section: Section) -> None:
    as_user(alice).post(f"/threads/{suggestion.pk}/resolve/")
    assert Thread.objects.get().state == ThreadState.REJECTED
    section.refresh_from_db()
    assert section.body == TEXT


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("At ten the pool ran dry and nobody saw.", 16),
        ("The pump ran dry. At ten the pool ran dry and nobody saw.", 34),
        ("At ten the pool was full. The pump ran dry at once.", None),
        ("In June, ten the pool ran dry and nobody knew.", 22),
        ("At ten the pool was full and nobody saw.", None),
    ],
)
def test_a_quote_is_found_where_the_same_words_stand_around_it(text: str, at: int | None) -> None:
    assert quoted_at(text, "ran dry", "At ten the pool ", " and nobody saw.") == at


def test_a_quote_alone_is_found_where_it_stands_once() -> None:
    assert quoted_at("The pool ran dry.", "ran dry", "", "") == 9
    assert quoted_at("It ran dry, and ran dry again.", "ran dry", "", "") is None


def test_the_nearest_place_is_meant() -> None:
    assert nearest("ab ab ab", "ab", 4) == 3
    assert nearest("ab ab ab", "ab", 99) == 6
    assert nearest("ab", "x", 0) is None
    assert nearest("ab", "", 0) is None


# -- Whom it concerns --------------------------------------------------------------------------------------------------


def test_new_comments_are_new_until_they_are_read(as_user: As, alice: User, thread: Thread, section: Section) -> None:
    client = as_user(alice)
    assert "is-unread" in comments_page(client, section)
    client.post(f"/postmortems/{section.postmortem_id}/comments/read/")
    assert "is-unread" not in comments_page(client, section)


def test_whoever_is_named_or_asked_is_told_if_they_may_see_it(
    as_user: As, alice: User, bob: User, mallory: User, manager: User, thread: Thread, section: Section
) -> None:
    Postmortem.objects.update(visibility=Visibility.RESTRICTED)
    body = f"{{{{person:{mallory.pk}}}}} and {{{{person:{bob.pk}}}}}, please look."
    as_user(alice).post(f"/threads/{thread.pk}/reply/", {"body": body})
    told = CommentNotice.objects.filter(comment__body=body)
    assert [(notice.person, notice.is_mention) for notice in told] == [(bob, True)]
    Postmortem.objects.update(visibility=Visibility.ORGANISATION)
    as_user(alice).post(f"/threads/{thread.pk}/assign/", {"person": mallory.pk})
    assert CommentNotice.objects.filter(person=mallory).exists()
    assert Thread.objects.get().assigned_to == mallory


def later() -> None:
    Comment.objects.update(created_at=timezone.now() - timedelta(hours=1))


def test_what_stays_unread_is_mailed_once(as_user: As, alice: User, thread: Thread, section: Section) -> None:
    tasks.mail_comments_to(alice.pk)
    assert mail.outbox == []
    later()
    for _ in range(2):
        tasks.mail_comments_to(alice.pk)
    [letter] = mail.outbox
    assert letter.to == [alice.email]
    assert "How do we know?" in str(letter.body)
    assert f"/postmortems/{section.postmortem_id}/comments/" in str(letter.body)


@pytest.mark.parametrize("typed", ["tomas", "Tomáš", "NOVAK", "nová", "maria"])
def test_people_are_found_by_any_word_of_their_name_without_accents(
    as_user: As, alice: User, section: Section, typed: str
) -> None:
    UserFactory.create(display_name="Tomáš Anna-Maria Novák")
    UserFactory.create(display_name="Stomas Innovak")
    answer = as_user(alice).get(f"/postmortems/{section.postmortem_id}/mentionable/", {"q": typed})
    assert [person["name"] for person in answer.json()["people"]] == ["Tomáš Anna-Maria Novák"]


def test_a_mail_names_who_is_mentioned(as_user: As, alice: User, bob: User, thread: Thread) -> None:
    Thread.objects.update(quote=f"{{{{person:{bob.pk}}}}} called")
    as_user(bob).post(f"/threads/{thread.pk}/reply/", {"body": f"{{{{person:{alice.pk}}}}}, you were there."})
    later()
    tasks.mail_comments_to(alice.pk)
    body = str(mail.outbox[0].body)
    assert "Alice Archer, you were there." in body
    assert "“Bob Baker called”" in body


def test_comments_are_not_mailed_to_who_does_not_want_it(as_user: As, alice: User, thread: Thread) -> None:
    later()
    page = as_user(alice).get("/settings/following/").content.decode()
    assert re.search(r'name="comments"[^>]* checked', page)
    as_user(alice).post("/settings/following/", {"weekly": "on"})
    tasks.mail_comments_to(alice.pk)
    as_user(alice).post("/settings/following/", {"comments": "on"})
    tasks.mail_comments_to(alice.pk)
    assert mail.outbox == []
    as_user(thread.created_by).post(f"/threads/{thread.pk}/reply/", {"body": "Since then."})
    later()
    tasks.mail_comments_to(alice.pk)
    body = str(mail.outbox[0].body)
    assert "Since then." in body
    assert "How do we know?" not in body
    assert "/settings/following/" in body


def test_what_was_read_is_not_mailed(as_user: As, alice: User, thread: Thread, section: Section) -> None:
    as_user(alice).post(f"/postmortems/{section.postmortem_id}/comments/read/")
    later()
    tasks.mail_comments_to(alice.pk)
    assert mail.outbox == []


@pytest.mark.parametrize("restricted", [Postmortem, Incident])
def test_a_mail_tells_nothing_of_restricted_documents_nor_of_those_one_may_no_longer_see(
    as_user: As, alice: User, bob: User, mallory: User, thread: Thread, section: Section, restricted: Any
) -> None:
    as_user(mallory).post(f"/threads/{thread.pk}/reply/", {"body": "Canary of a reader"})
    as_user(bob).post(f"/threads/{thread.pk}/reply/", {"body": "Canary of a writer"})
    restricted.objects.update(visibility=Visibility.RESTRICTED)
    section.postmortem.incident.readers.add(alice)
    later()
    for person in (alice, mallory):
        tasks.mail_comments_to(person.pk)
    [letter] = mail.outbox
    assert letter.to == [alice.email]
    assert "Canary" not in str(letter.message())
    assert section.postmortem.title not in str(letter.message())


def test_whatever_is_said_reaches_open_pages(
    as_user: As, bob: User, section: Section, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    told: list[tuple[int, str]] = []
    monkeypatch.setattr("postmortems.services.postmortem.announce_change", lambda *news: told.append(news))
    with django_capture_on_commit_callbacks(execute=True):
        begin(as_user(bob), section)
    assert told == [(section.postmortem_id, "comments")]
