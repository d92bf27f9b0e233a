"""Draft, in review, published, reopened: who, when, why, and what may no longer be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEntry, User
from postmortems.enums import State
from postmortems.models import Attachment, Lesson, Postmortem, Section, StateChange
from tests.postmortems.test_writing import HTMX, body_of, save

pytestmark = pytest.mark.django_db
As = Callable[[User], Client]


def move(client: Client, postmortem: Postmortem, to: str, seen: str, note: str = "") -> Any:
    return client.post(f"/postmortems/{postmortem.pk}/state/", {"to": to, "seen": seen, "note": note})


def publish(client: Client, postmortem: Postmortem) -> None:
    assert move(client, postmortem, "in_review", "draft").status_code == 302
    assert move(client, postmortem, "published", "in_review", "A short one.").status_code == 302


def state_of(postmortem: Postmortem) -> str:
    return Postmortem.objects.get(pk=postmortem.pk).state


def test_the_way_from_draft_to_published_and_back_is_kept_with_its_people(
    as_user: As, alice: User, postmortem: Postmortem
) -> None:
    client = as_user(alice)
    publish(client, postmortem)
    assert move(client, postmortem, "reopened", "published", "A cause was missing.").status_code == 302
    assert move(client, postmortem, "in_review", "reopened").status_code == 302
    assert list(StateChange.objects.order_by("pk").values_list("to_state", "changed_by")) == [
        (State.IN_REVIEW, alice.pk),
        (State.PUBLISHED, alice.pk),
        (State.REOPENED, alice.pk),
        (State.IN_REVIEW, alice.pk),
    ]
    page = client.get(f"/postmortems/{postmortem.pk}/history/").content.decode()
    assert "A cause was missing." in page
    assert AuditEntry.objects.filter(verb__startswith="postmortem.").count() == 4


@pytest.mark.parametrize(
    ("now", "to"),
    [("draft", "published"), ("draft", "reopened"), ("published", "draft"), ("published", "in_review"), ("draft", "x")],
)
def test_there_are_no_short_cuts(now: str, to: str, as_user: As, alice: User, postmortem: Postmortem) -> None:
    client = as_user(alice)
    if now == "published":
        publish(client, postmortem)
    answer = move(client, postmortem, to, now, "because")
    assert answer.status_code in {403, 409, 422}
    assert state_of(postmortem) == now


def test_publishing_without_what_readers_need_asks_for_a_reason(
    as_user: As, alice: User, postmortem: Postmortem, section: Section
) -> None:
    client = as_user(alice)
    Section.objects.filter(pk=section.pk).update(is_summary=True)
    move(client, postmortem, "in_review", "draft")
    answer = move(client, postmortem, "published", "in_review")
    assert answer.status_code == 422
    assert "The summary is empty." in answer.content.decode()
    assert move(client, postmortem, "published", "in_review", "The rest is secret.").status_code == 302
    assert StateChange.objects.get(to_state=State.PUBLISHED).note == "The rest is secret."


def test_whoever_comes_second_is_told_what_happened(
    as_user: As, alice: User, manager: User, postmortem: Postmortem
) -> None:
    move(as_user(alice), postmortem, "in_review", "draft")
    answer = move(as_user(manager), postmortem, "in_review", "draft", "My note")
    assert answer.status_code == 409
    assert "My note" in answer.content.decode()
    assert StateChange.objects.count() == 1


def test_members_hand_in_but_only_those_in_charge_publish(
    as_user: As, alice: User, bob: User, mallory: User, postmortem: Postmortem
) -> None:
    assert move(as_user(mallory), postmortem, "in_review", "draft").status_code == 403
    assert move(as_user(bob), postmortem, "in_review", "draft").status_code == 302
    assert move(as_user(bob), postmortem, "published", "in_review", "Done").status_code == 403
    assert move(as_user(alice), postmortem, "published", "in_review", "Done").status_code == 302


def test_a_text_that_arrives_after_publication_is_shown_not_lost(
    as_user: As, alice: User, bob: User, postmortem: Postmortem, section: Section
) -> None:
    publish(as_user(alice), postmortem)
    answer = save(as_user(bob), section, "Too late")
    assert answer.status_code == 409
    assert "Too late" in answer.content.decode()
    assert body_of(section) == ""


def test_a_published_document_is_changed_by_nobody(
    as_user: As, alice: User, postmortem: Postmortem, section: Section
) -> None:
    client = as_user(alice)
    lesson = Lesson.objects.create(postmortem=postmortem, number=1, text="Kept", created_by=alice)
    publish(client, postmortem)
    pk = postmortem.pk
    for path, typed in (
        (f"/postmortems/{pk}/title/edit/", {"title": "Other", "revision": 1}),
        (f"/postmortems/{pk}/sections/add/", {"title": "Other", "kind": "prose"}),
        (f"/sections/{section.pk}/arrange/", {"title": "Other"}),
        (f"/sections/{section.pk}/move/", {"direction": "up"}),
        (f"/sections/{section.pk}/remove/", {}),
        (f"/postmortems/{pk}/lessons/add/", {"text": "Other"}),
        (f"/lessons/{lesson.pk}/edit/", {"text": "Other", "revision": 1}),
        (f"/lessons/{lesson.pk}/delete/", {}),
        (f"/postmortems/{pk}/fill/", {}),
    ):
        assert client.post(path, typed, headers=HTMX).status_code in {302, 409}, path
    postmortem.refresh_from_db()
    assert (postmortem.title, postmortem.sections.count()) == ("Checkout failed", 1)
    assert list(postmortem.lessons.values_list("text", flat=True)) == ["Kept"]
    assert not Attachment.objects.exists()
    assert client.get(f"/postmortems/{pk}/write/").headers["Location"] == f"/postmortems/{pk}/"
