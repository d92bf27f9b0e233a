"""Reminders reach each person once, in their own morning; answers by one click work once; nothing restricted leaves."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Team, User
from actions import tasks
from actions.enums import NoticeKind, Status
from actions.models import ActionItem, Notice, ReminderPause, ReminderSettings
from actions.services import notice as notices
from actions.services.reminder import people_to_plan_for, plan_day
from postmortems.models import Postmortem
from tests.actions.conftest import signed_in
from tests.factories.actions import make_action, make_postmortem

TUESDAY = date(2026, 6, 16)
NINE = datetime(2026, 6, 16, 9, 0, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def at(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    """Let beat ring at `now`, and the worker do what was asked of it."""
    monkeypatch.setattr("actions.tasks.timezone.now", lambda: now)
    monkeypatch.setattr(tasks.remind_person, "delay", tasks.remind_person)
    tasks.remind()


@pytest.fixture(autouse=True)
def _no_weekly_list(alice: User) -> None:
    """Alice manages the team; the week's list has tests of its own."""
    ReminderSettings.objects.create(person=alice, weekly_list=False)


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], list[EmailMultiAlternatives]]:
    """Rings at a moment; the mails that went out because of it."""

    def ring(now: datetime) -> list[EmailMultiAlternatives]:
        before = len(mail.outbox)
        at(monkeypatch, now)
        return mail.outbox[before:]  # type: ignore[return-value]

    return ring


Ring = Callable[[datetime], list[EmailMultiAlternatives]]


def due(postmortem: Postmortem, owner: User | None, on: date, **fields: object) -> ActionItem:
    return make_action(postmortem, owner=owner, due_on=on, due_set_at=LONG_AGO, **fields)


def to(sent: list[EmailMultiAlternatives]) -> list[str]:
    return [message.to[0] for message in sent]


# -- When --------------------------------------------------------------------------------------------------------------


def test_nothing_before_nine_and_once_after(postmortem: Postmortem, bob: User, ring: Ring) -> None:
    due(postmortem, bob, TUESDAY)
    assert ring(NINE - timedelta(minutes=1)) == []
    [message] = ring(NINE)
    assert message.to == ["bob@example.com"]
    assert "due today" in message.subject
    assert message.message()["Auto-Submitted"] == "auto-generated"
    for later in (1, 60, 600):
        assert ring(NINE + timedelta(minutes=later)) == []


def test_nine_is_the_persons_own(postmortem: Postmortem, bob: User, ring: Ring) -> None:
    User.objects.filter(pk=bob.pk).update(timezone="America/New_York")
    due(postmortem, bob, TUESDAY)
    assert ring(NINE) == []
    assert to(ring(NINE + timedelta(hours=4))) == ["bob@example.com"]


@pytest.mark.parametrize(("zone", "day"), [("Europe/Berlin", date(2026, 3, 29)), ("Europe/Berlin", date(2026, 10, 25))])
def test_a_change_of_the_clock_neither_doubles_nor_loses(
    zone: str, day: date, postmortem: Postmortem, bob: User, ring: Ring
) -> None:
    User.objects.filter(pk=bob.pk).update(timezone=zone)
    ReminderSettings.objects.create(person=bob, at_hour=2, on_weekends=True)
    due(postmortem, bob, day)
    start = datetime.combine(day, datetime.min.time(), tzinfo=UTC) - timedelta(hours=4)
    sent = [message for step in range(0, 40 * 60, 20) for message in ring(start + timedelta(minutes=step))]
    assert [message.subject.split(": ")[1] for message in sent if "due today" in message.subject] == ["due today"]


def test_every_stage_once_over_two_months(postmortem: Postmortem, bob: User, ring: Ring) -> None:
    action = due(postmortem, bob, TUESDAY)
    for day in range(-10, 30):
        for hour in (-1, 0, 3):
            ring(NINE + timedelta(days=day, hours=hour))
    own = Notice.objects.filter(person=bob).order_by("for_on")
    assert list(own.values_list("kind", "for_on")) == [
        (kind, TUESDAY + timedelta(days=days))
        for kind, days in [
            ("before", -7),
            ("before", -1),
            ("on_day", 0),
            ("late", 7),
            ("late", 14),
            ("late", 21),
            ("late", 28),
        ]
    ]
    assert {notice.action_id for notice in own} == {action.pk}
    assert [message.to[0] for message in mail.outbox].count("bob@example.com") == 7


def test_after_an_outage_only_the_latest_comes(postmortem: Postmortem, bob: User, ring: Ring) -> None:
    due(postmortem, bob, TUESDAY)
    ring(NINE - timedelta(days=20))
    [message] = ring(NINE + timedelta(days=1))
    assert "overdue by 1 day" in message.subject
    assert [notice.kind for notice in Notice.objects.all()] == [NoticeKind.ON_DAY]


def test_another_date_is_another_reminder(postmortem: Postmortem, bob: User, ring: Ring) -> None:
    action = due(postmortem, bob, TUESDAY)
    ring(NINE)
    ActionItem.objects.filter(pk=action.pk).update(due_on=TUESDAY + timedelta(days=7), due_set_at=NINE)
    assert to(ring(NINE + timedelta(days=6))) == ["bob@example.com"]
    assert "due today" in ring(NINE + timedelta(days=7))[0].subject


def test_one_mail_a_morning_however_many_actions(postmortem: Postmortem, bob: User, ring: Ring) -> None:
    for number in range(40):
        due(postmortem, bob, TUESDAY, title=f"Number {number}")
    [message] = ring(NINE)
    assert message.subject == "40 actions of yours are waiting"
    assert "And 10 more." in message.body


# -- To whom -----------------------------------------------------------------------------------------------------------


def test_a_week_late_reaches_the_teams_manager_once(postmortem: Postmortem, alice: User, bob: User, ring: Ring) -> None:
    due(postmortem, bob, TUESDAY)
    due(postmortem, None, TUESDAY, title="Nobody's")
    assert to(ring(NINE + timedelta(days=6))) == ["bob@example.com"]
    sent = {message.to[0]: message for message in ring(NINE + timedelta(days=7))}
    assert set(sent) == {"alice@example.com", "bob@example.com"}
    assert "Nobody's" in sent["alice@example.com"].body
    assert "Bob" in sent["alice@example.com"].body
    assert to(ring(NINE + timedelta(days=8))) == []


def test_managers_hear_of_the_weeks_list_on_mondays(postmortem: Postmortem, alice: User, ring: Ring) -> None:
    ReminderSettings.objects.update(weekly_list=True)
    monday = NINE - timedelta(days=1)
    elsewhere = make_postmortem(owner=alice, team=Team.objects.create(name="Data", slug="data"))
    due(elsewhere, None, TUESDAY - timedelta(days=3), title="Of another team")
    due(postmortem, None, TUESDAY - timedelta(days=3), title="Late since Saturday")
    [message] = ring(monday)
    assert "/actions/review/" in message.body
    assert "Late since Saturday" in message.body
    assert "Of another team" not in message.body
    ActionItem.objects.filter(team=postmortem.team).update(due_on=None)
    subjects = [m.subject for day in range(1, 8) for m in ring(monday + timedelta(days=day))]
    assert subjects == ["Actions to talk about this week"]


def test_a_manager_with_nothing_to_talk_about_gets_no_mail(postmortem: Postmortem, alice: User, ring: Ring) -> None:
    ReminderSettings.objects.update(weekly_list=True)
    due(postmortem, None, TUESDAY + timedelta(days=90), title="Decided lately", updated_at=NINE, created_at=NINE)
    assert ring(NINE - timedelta(days=1)) == []
    assert Notice.objects.get(person=alice).is_moot


def test_the_weeks_list_says_why_something_stands_there(
    postmortem: Postmortem, alice: User, bob: User, ring: Ring
) -> None:
    ReminderSettings.objects.update(weekly_list=True)
    due(postmortem, bob, TUESDAY + timedelta(days=90), title="Forgotten", updated_at=LONG_AGO)
    [message] = ring(NINE - timedelta(days=1))
    assert "\n  14 September 2026, due in 91 days · Bob, last touched 1 January 2026\n" in message.body


def test_a_long_list_of_the_week_takes_as_many_queries_as_a_short_one(postmortem: Postmortem, alice: User) -> None:
    taken = []
    for monday, count in ((NINE - timedelta(days=1), 1), (NINE + timedelta(days=6), 3)):
        for _ in range(count):
            due(postmortem, None, TUESDAY + timedelta(days=90), updated_at=LONG_AGO)
        Notice.objects.create(person=alice, kind=NoticeKind.WEEKLY, for_on=monday.date(), planned_at=monday)
        with CaptureQueriesContext(connection) as captured:
            assert notices.tell_person(person_id=alice.pk, now=monday) == 1
        taken.append(len(captured))
    assert taken[0] == taken[1]


def test_who_may_not_see_it_any_more_hears_nothing(postmortem: Postmortem, mallory: User, ring: Ring) -> None:
    due(postmortem, mallory, TUESDAY)
    Postmortem.objects.update(visibility="team")
    assert ring(NINE) == []


def test_of_a_restricted_one_only_that_it_exists(postmortem: Postmortem, alice: User, ring: Ring) -> None:
    action = due(postmortem, alice, TUESDAY, title="Rotate the leaked key")
    Postmortem.objects.update(visibility="restricted")
    [message] = ring(NINE)
    html = str(message.alternatives[0][0])
    assert f"{action.reference} of a restricted post-mortem" in message.body
    assert "leaked" not in message.body + html + message.subject


def test_pauses_settings_and_deactivation_are_kept(
    postmortem: Postmortem, alice: User, bob: User, mallory: User, ring: Ring
) -> None:
    paused = due(postmortem, alice, TUESDAY)
    ReminderPause.objects.create(person=alice, action=paused, until=TUESDAY + timedelta(days=3))
    due(postmortem, bob, TUESDAY)
    ReminderSettings.objects.create(person=bob, muted_until=TUESDAY + timedelta(days=1))
    due(postmortem, mallory, TUESDAY)
    User.objects.filter(pk=mallory.pk).update(is_active=False)
    assert ring(NINE) == []
    assert to(ring(NINE + timedelta(days=1))) == ["bob@example.com"]
    assert to(ring(NINE + timedelta(days=3))) == ["alice@example.com"]


def test_what_is_done_between_planning_and_sending_is_not_sent(postmortem: Postmortem, bob: User) -> None:
    action = due(postmortem, bob, TUESDAY)
    assert people_to_plan_for(now=NINE)
    plan_day(person_id=bob.pk, now=NINE)
    ActionItem.objects.filter(pk=action.pk).update(status=Status.DONE, finished_at=NINE)
    assert notices.tell_person(person_id=bob.pk, now=NINE) == 0
    assert mail.outbox == []
    assert Notice.objects.get().is_moot


def test_whoever_accepted_a_risk_is_asked_to_look_again(postmortem: Postmortem, alice: User, ring: Ring) -> None:
    make_action(
        postmortem,
        status="will_not_do",
        reason="Too dear.",
        finished_at=LONG_AGO,
        risk_accepted_by=alice,
        look_again_on=TUESDAY,
        due_on=TUESDAY + timedelta(days=30),
    )
    [message] = ring(NINE)
    assert "\n  to be looked at again on 16 June 2026 · Not to be done: Too dear.\n" in message.body
    assert ring(NINE + timedelta(days=1)) == []


def test_when_the_last_is_settled_those_who_take_part_hear_it_once(
    postmortem: Postmortem, action: ActionItem, alice: User, bob: User, ring: Ring
) -> None:
    postmortem.participants.create(user=bob, role="reader")
    other = make_action(postmortem)
    ring(NINE)
    for number, each in enumerate((action, other)):
        ActionItem.objects.filter(pk=each.pk).update(status=Status.DONE, finished_at=NINE + timedelta(hours=number))
        sent = ring(NINE + timedelta(hours=number, minutes=5))
        assert sorted(to(sent)) == (["alice@example.com", "bob@example.com"] if number else [])
    assert ring(NINE + timedelta(hours=3)) == []


# -- Exactly once ------------------------------------------------------------------------------------------------------


def test_mail_server_away_is_tried_again_and_nothing_is_said_twice(
    postmortem: Postmortem, bob: User, ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    due(postmortem, bob, TUESDAY)
    with monkeypatch.context() as broken:
        broken.setattr(EmailMultiAlternatives, "send", lambda self: (_ for _ in ()).throw(OSError("away")))
        assert ring(NINE) == []
    assert to(ring(NINE + timedelta(minutes=6))) == ["bob@example.com"]
    assert ring(NINE + timedelta(minutes=12)) == []


def die_once_sent(*_: object, **values: object) -> None:
    if "sent_at" in values:
        raise SystemExit


def test_worker_that_died_while_sending_is_made_up_for_under_the_same_message_id(
    postmortem: Postmortem, bob: User, ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    due(postmortem, bob, TUESDAY)
    with monkeypatch.context() as dying:
        dying.setattr(notices, "_note", die_once_sent)
        with pytest.raises(SystemExit):
            ring(NINE)
    assert ring(NINE + timedelta(minutes=2)) == []  # its lease still holds
    ring(NINE + timedelta(minutes=6))
    first, second = mail.outbox
    assert first.extra_headers["Message-ID"] == second.extra_headers["Message-ID"]
    assert ring(NINE + timedelta(minutes=12)) == []


def test_stale_news_is_dropped(postmortem: Postmortem, bob: User, ring: Ring) -> None:
    due(postmortem, bob, TUESDAY)
    people_to_plan_for(now=NINE)
    plan_day(person_id=bob.pk, now=NINE)
    assert notices.tell_person(person_id=bob.pk, now=NINE + timedelta(days=4)) == 0


# -- Answers -----------------------------------------------------------------------------------------------------------


def links(message: EmailMultiAlternatives) -> dict[str, str]:
    return dict(re.findall(r"(Done|Snooze a week|Not mine): http://[^/]+(/\S+)", str(message.body)))


@pytest.fixture
def asked(postmortem: Postmortem, bob: User, ring: Ring) -> tuple[ActionItem, dict[str, str]]:
    action = due(postmortem, bob, TUESDAY)
    return action, links(ring(NINE)[0])


def test_looking_at_a_link_does_nothing_and_its_button_does_it_once(
    asked: tuple[ActionItem, dict[str, str]], bob: User
) -> None:
    action, addresses = asked
    assert "Is it done?" in Client().get(addresses["Done"]).content.decode()
    action.refresh_from_db()
    assert action.status == Status.OPEN
    assert "Thank you" in Client().post(addresses["Done"]).content.decode()
    action.refresh_from_db()
    assert action.status == Status.DONE
    for address in addresses.values():
        again = Client().post(address)
        assert again.status_code == 409
        assert "You answered this already: done." in again.content.decode()
        assert f'href="{action.get_absolute_url()}"' in again.content.decode()


def test_what_was_snoozed_is_done_by_the_same_mail(asked: tuple[ActionItem, dict[str, str]]) -> None:
    action, addresses = asked
    assert Client().post(addresses["Snooze a week"]).status_code == 200
    assert Client().post(addresses["Snooze a week"]).status_code == 409
    assert Client().post(addresses["Done"]).status_code == 200
    action.refresh_from_db()
    assert action.status == Status.DONE
    assert [Client().post(address).status_code for address in addresses.values()] == [409, 409, 409]


def test_who_is_not_signed_in_is_not_shown_ways_that_end_at_the_sign_in(
    asked: tuple[ActionItem, dict[str, str]],
) -> None:
    for address in (asked[1]["Done"], "/actions/answer/nonsense/"):
        page = Client().get(address).content.decode()
        assert "New incident" not in page
        assert 'class="entrance"' in page


def test_a_link_that_is_too_old_leads_on_to_ones_own_actions(
    asked: tuple[ActionItem, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actions.services.answer.GOOD_FOR", timedelta(0))
    page = Client().get(asked[1]["Done"]).content.decode()
    assert "This link is too old." in page
    assert 'href="/actions/mine/"' in page


def test_snooze_is_quiet_for_a_week(
    asked: tuple[ActionItem, dict[str, str]], bob: User, ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actions.views.reminders.timezone.now", lambda: NINE)
    Client().post(asked[1]["Snooze a week"])
    pause = ReminderPause.objects.get()
    assert (pause.person, pause.until) == (bob, TUESDAY + timedelta(days=7))


def test_not_mine_leaves_it_without_an_owner(asked: tuple[ActionItem, dict[str, str]]) -> None:
    said = Client().post(asked[1]["Not mine"]).content.decode()
    assert "If nobody takes it, the week's list of its team names it." in said
    asked[0].refresh_from_db()
    assert asked[0].owner is None


def test_forged_or_foreign_links_are_refused(asked: tuple[ActionItem, dict[str, str]]) -> None:
    done, snooze = asked[1]["Done"], asked[1]["Snooze a week"]
    body, _, signature = done.rstrip("/").rpartition(":")
    other_body = snooze.rstrip("/").rpartition(":")[0]
    for address in (f"{body}:{signature[:-2]}AA/", f"{other_body}:{signature}/", "/actions/answer/nonsense/"):
        response = Client().post(address)
        assert response.status_code == 409
        assert "This link is damaged" in response.content.decode()
    asked[0].refresh_from_db()
    assert asked[0].status == Status.OPEN


@pytest.mark.parametrize("change", [{"owner": None}, {"status": Status.DONE, "finished_at": NINE}])
def test_link_for_what_is_not_theirs_or_settled_does_nothing(
    change: dict[str, object], asked: tuple[ActionItem, dict[str, str]]
) -> None:
    ActionItem.objects.filter(pk=asked[0].pk).update(**change)
    response = Client().post(asked[1]["Not mine"])
    assert response.status_code == 409
    assert "There is nothing left for you to do." in response.content.decode()


def test_link_of_somebody_who_left_does_nothing(asked: tuple[ActionItem, dict[str, str]], bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert Client().post(asked[1]["Done"]).status_code == 409


# -- Pages -------------------------------------------------------------------------------------------------------------


def test_owner_snoozes_and_mutes_on_the_page(postmortem: Postmortem, bob: User) -> None:
    action, client = make_action(postmortem, owner=bob), signed_in(bob)
    url, headers = f"/actions/{action.pk}/reminders/", {"HX-Request": "true"}
    assert "You are reminded of this." in client.get(f"/actions/{action.pk}/").content.decode()
    assert "You hear nothing of this until" in client.post(url, {"choice": "week"}, headers=headers).content.decode()
    assert "You hear nothing of this." in client.post(url, {"choice": "mute"}, headers=headers).content.decode()
    assert "You are reminded of this." in client.post(url, {"choice": "resume"}, headers=headers).content.decode()


def test_settings_are_kept(bob: User) -> None:
    client = signed_in(bob)
    client.post("/actions/reminders/", {"at_hour": "7", "on_weekends": "on", "muted_until": "2026-12-31"})
    kept = ReminderSettings.objects.get(person=bob)
    assert (kept.at_hour, kept.on_weekends, kept.before_due, kept.weekly_list, kept.muted_until) == (
        7,
        True,
        False,
        False,
        date(2026, 12, 31),
    )
    assert client.post("/actions/reminders/", {"at_hour": "25"}).status_code == 422
