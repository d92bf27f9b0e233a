"""Reviews: outsiders in turn, five questions, working days, and nothing published early without a reason."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.enums import Visibility
from accounts.models import User
from postmortems.models import Participant, Postmortem, Review, Section
from postmortems.reviewing import QUESTIONS, country_of, is_working_day, open_until, proposed_reviewers

As = Callable[[User], Client]
pytestmark = pytest.mark.django_db
ALL = dict.fromkeys(QUESTIONS, "on")


@pytest.fixture
def handed_in(as_user: As, alice: User, postmortem: Postmortem) -> Postmortem:
    Section.objects.create(
        postmortem=postmortem, position=1, title="Summary", is_summary=True, body="It fell.", is_kept=False
    )
    as_user(alice).post(f"/postmortems/{postmortem.pk}/state/", {"to": "in_review", "seen": "draft", "note": ""})
    postmortem.refresh_from_db()
    return postmortem


def ask(client: Client, postmortem: Postmortem, person: User) -> Any:
    return client.post(f"/postmortems/{postmortem.pk}/review/ask/", {"reviewer": person.pk})


def judge(client: Client, review: Review, verdict: str = "approve", **more: str) -> Any:
    return client.post(f"/reviews/{review.pk}/answer/", {**ALL, "verdict": verdict, **more})


def page(client: Client, postmortem: Postmortem) -> str:
    return client.get(f"/postmortems/{postmortem.pk}/review/").content.decode()


# -- Working time ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("submitted", "until"),
    [
        (datetime(2026, 4, 15, 10, tzinfo=UTC), datetime(2026, 4, 16, 10, tzinfo=UTC)),
        (datetime(2026, 4, 17, 10, tzinfo=UTC), datetime(2026, 4, 20, 10, tzinfo=UTC)),
        (datetime(2026, 4, 18, 10, tzinfo=UTC), datetime(2026, 4, 21, 0, tzinfo=UTC)),
    ],
)
def test_a_day_is_a_working_day(submitted: datetime, until: datetime) -> None:
    assert open_until(submitted, ["UTC"], hours=24) == until


def test_public_holidays_of_the_reviewers_country_do_not_count() -> None:
    assert country_of("Europe/London") == "GB"
    assert not is_working_day(date(2026, 12, 25), "Europe/London")
    assert is_working_day(date(2026, 12, 25), "Asia/Tokyo")
    christmas_eve = datetime(2026, 12, 24, 12, tzinfo=UTC)
    assert open_until(christmas_eve, ["Asia/Tokyo"], hours=24) < open_until(
        christmas_eve, ["Asia/Tokyo", "Europe/London"], hours=24
    )


def test_a_day_over_a_change_of_clocks_has_its_hours() -> None:
    friday = datetime(2026, 3, 27, 22, 30, tzinfo=UTC)
    until = open_until(friday, ["Europe/Berlin"], hours=24)
    assert until == datetime(2026, 3, 30, 21, 30, tzinfo=UTC)


# -- Who ---------------------------------------------------------------------------------------------------------------


def test_those_involved_are_not_proposed_and_the_least_asked_come_first(
    handed_in: Postmortem, alice: User, bob: User, mallory: User, administrator: User, manager: User
) -> None:
    now = timezone.now()
    assert {person.pk for person in proposed_reviewers(handed_in, now=now)} == {mallory.pk, administrator.pk}
    Review.objects.create(
        postmortem=Postmortem.objects.get(), reviewer=mallory, asked_by=alice, asked_at=now,
        submitted_at=now - timedelta(days=9),
    )  # fmt: skip
    assert [person.pk for person in proposed_reviewers(handed_in, now=now)] == [administrator.pk, mallory.pk]
    Participant.objects.create(postmortem=handed_in, user=mallory, role="contributor")
    assert [person.pk for person in proposed_reviewers(handed_in, now=now)] == [administrator.pk]


def test_nobody_is_proposed_or_asked_who_may_not_see_it(
    as_user: As, alice: User, mallory: User, handed_in: Postmortem
) -> None:
    Postmortem.objects.update(visibility=Visibility.RESTRICTED)
    assert proposed_reviewers(handed_in, now=timezone.now()) == []
    answer = ask(as_user(alice), handed_in, mallory)
    assert (answer.status_code, "may not see" in answer.content.decode()) == (422, True)


def test_who_is_asked_is_told_once_and_takes_part(
    as_user: As, alice: User, mallory: User, handed_in: Postmortem, django_capture_on_commit_callbacks: Any
) -> None:
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            ask(as_user(alice), handed_in, mallory)
    assert [letter.to for letter in mail.outbox] == [[mallory.email]]
    assert Participant.objects.get(user=mallory).role == "reviewer"


def test_nothing_is_asked_before_it_is_handed_in(
    as_user: As, alice: User, mallory: User, postmortem: Postmortem
) -> None:
    ask(as_user(alice), postmortem, mallory)
    assert not Review.objects.exists()


def test_somebody_on_leave_is_replaced(
    as_user: As, alice: User, mallory: User, administrator: User, handed_in: Postmortem
) -> None:
    ask(as_user(alice), handed_in, mallory)
    review = Review.objects.get()
    as_user(mallory).post(f"/reviews/{review.pk}/hand-over/", {"reviewer": administrator.pk})
    assert dict(Review.objects.values_list("reviewer", "verdict")) == {
        mallory.pk: "withdrawn", administrator.pk: "waiting",
    }  # fmt: skip
    assert judge(as_user(mallory), review).status_code == 409


# -- What they say -----------------------------------------------------------------------------------------------------


def test_an_approval_keeps_the_text_and_says_when_it_changed_since(
    as_user: As, alice: User, mallory: User, handed_in: Postmortem, django_capture_on_commit_callbacks: Any
) -> None:
    ask(as_user(alice), handed_in, mallory)
    review = Review.objects.get()
    with django_capture_on_commit_callbacks(execute=True):
        assert judge(as_user(mallory), review).status_code == 302
    review.refresh_from_db()
    assert (review.verdict, review.revision and review.revision.name) == ("approved", "Approved by Mallory Moss")
    assert mail.outbox[-1].to == [alice.email]
    assert "The text has changed since" not in page(as_user(alice), handed_in)
    Section.objects.update(body="It fell, and we know why.")
    assert "The text has changed since" in page(as_user(alice), handed_in)


def test_asking_for_changes_says_which(as_user: As, alice: User, mallory: User, handed_in: Postmortem) -> None:
    ask(as_user(alice), handed_in, mallory)
    review = Review.objects.get()
    assert judge(as_user(mallory), review, "changes").status_code == 422
    judge(as_user(mallory), review, "changes", comment="The cause ends at a person.")
    shown = page(as_user(alice), handed_in)
    assert ("The cause ends at a person." in shown, "Mallory Moss asks for changes." in shown) == (True, True)


def test_only_whoever_was_asked_judges(as_user: As, alice: User, mallory: User, handed_in: Postmortem) -> None:
    ask(as_user(alice), handed_in, mallory)
    assert judge(as_user(alice), Review.objects.get()).status_code == 403
    assert Review.objects.get().verdict == "waiting"


# -- Publication -------------------------------------------------------------------------------------------------------


def publish(client: Client, postmortem: Postmortem, note: str = "") -> Any:
    return client.post(f"/postmortems/{postmortem.pk}/state/", {"to": "published", "seen": "in_review", "note": note})


def only_the_review_is_left(postmortem: Postmortem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postmortems.reviewing.missing_for_publication", lambda _: [])


def test_it_is_published_without_a_word_once_it_lay_open_and_an_outsider_approved(
    as_user: As, alice: User, mallory: User, handed_in: Postmortem, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_the_review_is_left(handed_in, monkeypatch)
    ask(as_user(alice), handed_in, mallory)
    judge(as_user(mallory), Review.objects.get())
    early = publish(as_user(alice), handed_in)
    assert (early.status_code, "lie open for review until" in early.content.decode()) == (422, True)
    past = timezone.now() - timedelta(days=6)
    Postmortem.objects.update(submitted_at=past)
    Review.objects.update(submitted_at=past)
    assert publish(as_user(alice), handed_in).status_code == 302


def test_publishing_early_keeps_its_reason(
    as_user: As, alice: User, handed_in: Postmortem, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_the_review_is_left(handed_in, monkeypatch)
    refused = publish(as_user(alice), handed_in).content.decode()
    assert "Nobody from outside the team has approved it." in refused
    assert publish(as_user(alice), handed_in, "Customers wait for it.").status_code == 302
    assert handed_in.state_changes.first().note == "Customers wait for it."  # type: ignore[union-attr]


def test_a_colleague_of_the_team_is_no_outsider(
    as_user: As, alice: User, bob: User, handed_in: Postmortem, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_the_review_is_left(handed_in, monkeypatch)
    ask(as_user(alice), handed_in, bob)
    judge(as_user(bob), Review.objects.get())
    assert "Nobody from outside the team" in publish(as_user(alice), handed_in).content.decode()


def test_what_was_approved_before_a_reopening_does_not_count(
    as_user: As, alice: User, mallory: User, handed_in: Postmortem
) -> None:
    client = as_user(alice)
    ask(client, handed_in, mallory)
    judge(as_user(mallory), Review.objects.get())
    publish(client, handed_in, "Now.")
    for to, seen in (("reopened", "published"), ("in_review", "reopened")):
        client.post(f"/postmortems/{handed_in.pk}/state/", {"to": to, "seen": seen, "note": ""})
    assert "Nobody from outside the team has approved it." in page(client, handed_in)


@pytest.mark.parametrize("verdict", ["approve", "changes"])
def test_what_one_has_answered_leaves_ones_home_until_the_text_changes(
    verdict: str, as_user: As, alice: User, mallory: User, handed_in: Postmortem
) -> None:
    def waits(person: User) -> bool:
        return f"PM-{handed_in.pk}" in as_user(person).get("/").content.decode()

    ask(as_user(alice), handed_in, mallory)
    assert (waits(mallory), waits(alice)) == (True, True)
    judge(as_user(mallory), Review.objects.get(), verdict, comment="The summary is thin.")
    assert (waits(mallory), waits(alice)) == (False, True)
    section = handed_in.sections.get()
    as_user(alice).post(
        f"/sections/{section.pk}/edit/",
        {"body": "It fell for an hour.", "seen": hashlib.sha256(section.body.encode()).hexdigest()},
    )
    assert waits(mallory)
