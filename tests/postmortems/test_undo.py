"""Who publishes by mistake undoes it at once: everything is as before, and nobody was told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, User
from postmortems import tasks
from postmortems.models import Following, News, Postmortem, Review, StateChange, Tidings
from postmortems.reviewing import standing_of
from postmortems.services.state import UNDONE_WITHIN
from tests.postmortems.test_states import move, publish

As = Callable[[User], Client]
pytestmark = pytest.mark.django_db


def undo(client: Client, postmortem: Postmortem) -> Any:
    return client.post(f"/postmortems/{postmortem.pk}/publication/undo/", follow=True)


def kept(postmortem: Postmortem) -> tuple[Any, ...]:
    postmortem.refresh_from_db()
    return postmortem.state, postmortem.submitted_at, postmortem.published_at


def ring(monkeypatch: pytest.MonkeyPatch, *, after: timedelta) -> None:
    later = timezone.now() + after
    with monkeypatch.context() as clock:
        clock.setattr("postmortems.tasks.timezone.now", lambda: later)
        clock.setattr(tasks.tell_tidings, "delay", tasks.tell_tidings)
        clock.setattr(tasks.tell_news, "delay", tasks.tell_news)
        tasks.tell_followers()


def aged(age: timedelta) -> None:
    """Let the publication be as old as that."""
    StateChange.objects.filter(to_state="published").update(changed_at=timezone.now() - age)


def test_undone_leaves_everything_as_it_was_and_no_mail_sent(
    as_user: As, alice: User, bob: User, mallory: User, postmortem: Postmortem, monkeypatch: pytest.MonkeyPatch
) -> None:
    Following.objects.create(person=bob, everything=True)
    client = as_user(alice)
    move(client, postmortem, "in_review", "draft")
    before = kept(postmortem)
    assert postmortem.submitted_at is not None
    review = Review.objects.create(
        postmortem=postmortem,
        reviewer=mallory,
        submitted_at=postmortem.submitted_at,
        asked_by=alice,
        asked_at=timezone.now(),
        verdict="approved",
        answered_at=timezone.now(),
    )
    missing = standing_of(postmortem, now=timezone.now()).missing
    page = client.post(
        f"/postmortems/{postmortem.pk}/state/", {"to": "published", "seen": "in_review", "note": "Soon."}, follow=True
    )
    assert f'action="/postmortems/{postmortem.pk}/publication/undo/"' in page.content.decode()
    answer = undo(client, postmortem)
    assert "nobody was told" in answer.content.decode()
    assert kept(postmortem) == before
    assert standing_of(postmortem, now=timezone.now()).missing == missing
    assert Review.objects.get() == review
    ring(monkeypatch, after=timedelta(minutes=5))
    assert (mail.outbox, Tidings.objects.count(), News.objects.count()) == ([], 0, 0)


def test_both_are_kept_in_history_and_audit_log(as_user: As, alice: User, postmortem: Postmortem) -> None:
    client = as_user(alice)
    publish(client, postmortem)
    undo(client, postmortem)
    assert list(AuditEntry.objects.order_by("pk").values_list("verb", flat=True)) == [
        "postmortem.submitted",
        "postmortem.published",
        "postmortem.publication-undone",
    ]
    history = client.get(f"/postmortems/{postmortem.pk}/history/").content.decode()
    assert history.count("Undone") == 1
    assert "A short one." in history


def test_who_publishes_again_after_it_is_heard(
    as_user: As, alice: User, bob: User, postmortem: Postmortem, monkeypatch: pytest.MonkeyPatch
) -> None:
    Following.objects.create(person=bob, everything=True)
    client = as_user(alice)
    publish(client, postmortem)
    undo(client, postmortem)
    assert move(client, postmortem, "published", "in_review", "Now.").status_code == 302
    ring(monkeypatch, after=timedelta(minutes=2))
    assert [letter.to for letter in mail.outbox] == [[bob.email]]


def test_a_second_publication_undone_brings_back_the_first_date(
    as_user: As, alice: User, postmortem: Postmortem
) -> None:
    client = as_user(alice)
    publish(client, postmortem)
    first = kept(postmortem)[2]
    move(client, postmortem, "reopened", "published", "x")
    move(client, postmortem, "in_review", "reopened")
    submitted = kept(postmortem)[1]
    move(client, postmortem, "published", "in_review", "again")
    assert kept(postmortem)[2] > first
    undo(client, postmortem)
    assert kept(postmortem) == ("in_review", submitted, first)


@pytest.mark.parametrize(("age", "state"), [(UNDONE_WITHIN * 0.8, "in_review"), (UNDONE_WITHIN * 1.1, "published")])
def test_there_is_little_time(age: timedelta, state: str, as_user: As, alice: User, postmortem: Postmortem) -> None:
    client = as_user(alice)
    publish(client, postmortem)
    aged(age)
    answer = undo(client, postmortem)
    assert kept(postmortem)[0] == state
    assert ("too late" in answer.content.decode()) == (state == "published")


@pytest.mark.parametrize(("who", "status"), [("manager", 200), ("administrator", 200), ("bob", 403), ("mallory", 403)])
def test_nobody_else_undoes_it(
    who: str, status: int, as_user: As, organisation: Any, alice: User, postmortem: Postmortem
) -> None:
    publish(as_user(alice), postmortem)
    assert undo(as_user(getattr(organisation, who)), postmortem).status_code == status
    assert kept(postmortem)[0] == "published"


def test_twice_is_once_and_what_went_on_stays(as_user: As, alice: User, postmortem: Postmortem) -> None:
    client = as_user(alice)
    publish(client, postmortem)
    undo(client, postmortem)
    assert "too late" in undo(client, postmortem).content.decode()
    assert kept(postmortem)[0] == "in_review"
    move(client, postmortem, "published", "in_review", "x")
    move(client, postmortem, "reopened", "published", "y")
    assert "too late" in undo(client, postmortem).content.decode()
    assert kept(postmortem)[0] == "reopened"


def test_a_mail_planned_by_a_clock_that_is_ahead_is_taken_back(
    as_user: As, alice: User, bob: User, postmortem: Postmortem, monkeypatch: pytest.MonkeyPatch
) -> None:
    Following.objects.create(person=bob, everything=True)
    client = as_user(alice)
    publish(client, postmortem)
    later = timezone.now() + timedelta(minutes=2)
    with monkeypatch.context() as ahead:
        ahead.setattr("postmortems.tasks.timezone.now", lambda: later)
        ahead.setattr(tasks.tell_tidings, "delay", lambda _: None)
        tasks.tell_followers()
    assert Tidings.objects.count() == 1
    undo(client, postmortem)
    assert not Tidings.objects.exists()


def test_undo_takes_no_text_with_it(as_user: As, alice: User, section: Any, postmortem: Postmortem) -> None:
    client = as_user(alice)
    type(section).objects.update(body="Words.")
    publish(client, postmortem)
    undo(client, postmortem)
    assert type(section).objects.get(pk=section.pk).body == "Words."


def test_only_publishing_offers_it(as_user: As, alice: User, postmortem: Postmortem) -> None:
    client = as_user(alice)
    page = client.post(f"/postmortems/{postmortem.pk}/state/", {"to": "in_review", "seen": "draft"}, follow=True)
    assert "publication/undo" not in page.content.decode()
