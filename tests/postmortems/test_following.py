"""Followers hear of what is published once, of nothing they may not see, and on Mondays of what was learned."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client

from accounts.enums import Visibility
from accounts.models import User
from postmortems import tasks
from postmortems.models import Following, Postmortem, Tidings
from tests.factories.postmortems import LessonFactory, ServiceFactory

As = Callable[[User], Client]
pytestmark = pytest.mark.django_db
FRIDAY = datetime(2026, 6, 12, 15, 0, tzinfo=UTC)
MONDAY = datetime(2026, 6, 15, 9, 0, tzinfo=UTC)


@pytest.fixture
def published(postmortem: Postmortem) -> Postmortem:
    Postmortem.objects.update(state="published", published_at=FRIDAY)
    LessonFactory.create(postmortem=postmortem, text="Limits are tested")
    postmortem.refresh_from_db()
    return postmortem


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], list[EmailMultiAlternatives]]:
    def ring(now: datetime) -> list[EmailMultiAlternatives]:
        before = len(mail.outbox)
        monkeypatch.setattr("postmortems.tasks.timezone.now", lambda: now)
        monkeypatch.setattr(tasks.tell_tidings, "delay", tasks.tell_tidings)
        tasks.tell_followers()
        return mail.outbox[before:]  # type: ignore[return-value]

    return ring


Ring = Callable[[datetime], list[EmailMultiAlternatives]]


def follow(client: Client, **wishes: Any) -> None:
    assert client.post("/settings/following/", wishes).status_code == 302


def test_who_follows_a_team_or_a_service_hears_once(
    as_user: As, bob: User, mallory: User, manager: User, published: Postmortem, ring: Ring
) -> None:
    service = ServiceFactory.create()
    published.incident.services.add(service)
    follow(as_user(bob), teams=[published.team_id], services=[service.pk])
    follow(as_user(mallory), services=[service.pk])
    follow(as_user(manager), weekly="on")
    letters = ring(FRIDAY + timedelta(minutes=2))
    assert sorted(letter.to[0] for letter in letters) == sorted([bob.email, mallory.email])
    assert "Limits are tested" in str(letters[0].body)
    assert ring(FRIDAY + timedelta(minutes=4)) == []


def test_what_is_reopened_within_a_minute_tells_nobody(
    as_user: As, bob: User, published: Postmortem, ring: Ring
) -> None:
    follow(as_user(bob), everything="on")
    assert ring(FRIDAY + timedelta(seconds=30)) == []
    Postmortem.objects.update(state="reopened")
    assert ring(FRIDAY + timedelta(minutes=5)) == []


def test_nobody_hears_of_what_they_may_not_see(
    as_user: As, bob: User, mallory: User, published: Postmortem, ring: Ring
) -> None:
    for person in (bob, mallory):
        follow(as_user(person), everything="on", weekly="on")
    Postmortem.objects.update(visibility=Visibility.TEAM)
    assert [letter.to for letter in ring(FRIDAY + timedelta(minutes=2))] == [[bob.email]]
    assert [letter.to for letter in ring(MONDAY)] == [[bob.email]]


def test_a_right_lost_before_the_mail_goes_keeps_it_back(
    as_user: As, mallory: User, published: Postmortem, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(as_user(mallory), everything="on")
    monkeypatch.setattr("postmortems.tasks.timezone.now", lambda: FRIDAY + timedelta(minutes=2))
    monkeypatch.setattr(tasks.tell_tidings, "delay", lambda _: None)
    tasks.tell_followers()
    Postmortem.objects.update(visibility=Visibility.TEAM)
    tasks.tell_tidings(Tidings.objects.get().pk)
    assert (mail.outbox, Tidings.objects.get().is_moot) == ([], True)


def test_of_what_is_restricted_only_that_it_is_there(
    as_user: As, alice: User, published: Postmortem, ring: Ring
) -> None:
    follow(as_user(alice), everything="on", weekly="on")
    Postmortem.objects.update(visibility=Visibility.RESTRICTED)
    [letter] = ring(FRIDAY + timedelta(minutes=2))
    assert not any(word in str(letter.message()) for word in ("Checkout", "Limits"))
    assert ring(MONDAY) == []


def test_the_digest_comes_on_the_persons_own_monday_once(
    as_user: As, bob: User, published: Postmortem, ring: Ring
) -> None:
    User.objects.filter(pk=bob.pk).update(timezone="America/New_York")
    follow(as_user(bob), weekly="on")
    assert ring(MONDAY + timedelta(hours=3)) == []
    [letter] = ring(MONDAY + timedelta(hours=4))
    assert (letter.subject, "Limits are tested" in str(letter.body)) == ("What was learned last week", True)
    assert ring(MONDAY + timedelta(hours=5)) == []
    assert ring(MONDAY + timedelta(days=7, hours=4)) == []


def test_a_year_later_it_is_asked_whether_it_still_holds(
    as_user: As, alice: User, published: Postmortem, ring: Ring
) -> None:
    for _ in range(2):
        letters = ring(datetime(2027, 6, 12, 8, 0, tzinfo=UTC))
        assert [letter.to for letter in letters] in ([[alice.email]], [])
    assert Tidings.objects.filter(kind="anniversary", sent_at__isnull=False).count() == 1
    assert "Does it still hold?" in str(mail.outbox[0].body)


def test_a_mail_that_was_not_sent_is_tried_again(
    as_user: As, bob: User, published: Postmortem, ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(as_user(bob), everything="on")
    with monkeypatch.context() as broken:
        broken.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", _refuse)
        assert ring(FRIDAY + timedelta(minutes=2)) == []
    assert ring(FRIDAY + timedelta(minutes=4)) == []
    assert len(ring(FRIDAY + timedelta(minutes=8))) == 1


def _refuse(*_: Any) -> int:
    raise OSError


def test_ones_wishes_are_kept_and_taken_back(as_user: As, bob: User, postmortem: Postmortem) -> None:
    follow(as_user(bob), everything="on", teams=[postmortem.team_id])
    page = as_user(bob).get("/settings/following/").content.decode()
    assert re.findall(r'name="(weekly|everything|teams|services)"[^>]*checked', page) == ["everything", "teams"]
    follow(as_user(bob))
    row = Following.objects.get()
    assert (row.everything, row.teams.count()) == (False, 0)


# -- Deadlines ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def draft(postmortem: Postmortem) -> Postmortem:
    """Its draft was due on Friday, its publication is due in two weeks."""
    Postmortem.objects.update(draft_due_at=FRIDAY, publish_due_at=FRIDAY + timedelta(days=13))
    return postmortem


@pytest.mark.parametrize(
    ("now", "subjects"),
    [
        (FRIDAY - timedelta(days=1), []),
        (FRIDAY.replace(hour=8), []),
        (FRIDAY.replace(hour=9), ["The draft is due: PM-{} Checkout failed"]),
        (MONDAY, []),
        (FRIDAY + timedelta(days=7), ["The draft is due: PM-{} Checkout failed"]),
        (FRIDAY + timedelta(days=12), []),
        (datetime(2026, 6, 25, 9, 0, tzinfo=UTC), ["Publication is due: PM-{} Checkout failed"]),
    ],
)
def test_the_owner_is_nudged_on_the_day_and_weekly_while_late(
    now: datetime, subjects: list[str], draft: Postmortem, ring: Ring
) -> None:
    told = [letter.subject for letter in ring(now)]
    assert told == [subject.format(draft.pk) for subject in subjects]
    assert ring(now + timedelta(minutes=10)) == []


def test_what_falls_on_a_weekend_waits_for_monday(draft: Postmortem, ring: Ring) -> None:
    Postmortem.objects.update(draft_due_at=FRIDAY + timedelta(days=1))
    assert [len(ring(FRIDAY.replace(hour=9) + timedelta(days=days))) for days in (1, 2, 3, 4)] == [0, 0, 1, 0]


def test_what_is_done_is_not_nudged(draft: Postmortem, ring: Ring) -> None:
    Postmortem.objects.update(state="published", published_at=FRIDAY - timedelta(days=5))
    assert ring(FRIDAY) == []


def test_a_nudge_about_something_restricted_says_only_that_it_is_there(draft: Postmortem, ring: Ring) -> None:
    Postmortem.objects.update(visibility=Visibility.RESTRICTED)
    [letter] = ring(FRIDAY)
    assert "Checkout" not in str(letter.message())
