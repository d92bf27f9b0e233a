"""Reminders in Slack, for those who chose it; whoever cannot be reached there is mailed, and nobody hears twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from django.core import mail
from pytest_django import Settings

from accounts.models import User
from actions.models import Notice, ReminderSettings
from actions.services.notice import tell_person
from actions.services.reminder import people_to_plan_for, plan_day
from postmortems.models import Postmortem
from tests.actions.conftest import signed_in
from tests.factories.actions import make_action
from tests.fakes.slack import FakeSlack

NINE = datetime(2026, 6, 16, 9, 0, tzinfo=UTC)
TUESDAY = date(2026, 6, 16)


@pytest.fixture
def slack(settings: Settings) -> Iterator[FakeSlack]:
    fake = FakeSlack({"bob@example.com": "U123"})
    settings.SLACK_BOT_TOKEN, settings.SLACK_API_URL = fake.token, fake.url
    yield fake
    fake.close()


@pytest.fixture
def due(postmortem: Postmortem, bob: User) -> str:
    """An action of Bob's that is due today; its reference. Bob chose Slack."""
    ReminderSettings.objects.create(person=bob, by_slack=True)
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    return make_action(
        postmortem, title="Page <!channel> & <@U9>", owner=bob, due_on=TUESDAY, due_set_at=long_ago
    ).reference


def remind(person: User) -> None:
    people_to_plan_for(now=NINE)
    plan_day(person_id=person.pk, now=NINE)
    tell_person(person_id=person.pk, now=NINE)


def test_reminder_comes_in_slack_instead_of_mail(slack: FakeSlack, due: str, bob: User) -> None:
    remind(bob)
    [(channel, text)] = slack.told
    assert channel == "U123"
    assert f"*{due}: due today*" in text
    assert "|Done>" in text
    assert mail.outbox == []
    assert Notice.objects.get().sent_at == NINE


def test_words_of_a_title_are_words_only(slack: FakeSlack, due: str, bob: User) -> None:
    remind(bob)
    text = slack.told[0][1]
    assert "Page &lt;!channel&gt; &amp; &lt;@U9&gt;" in text
    assert "<!channel>" not in text
    assert "<@U9>" not in text


@pytest.mark.parametrize("trouble", ["unknown", "revoked", "broken", "away"])
def test_whoever_cannot_be_reached_there_is_mailed(trouble: str, slack: FakeSlack, due: str, bob: User) -> None:
    if trouble == "unknown":
        slack.people.clear()
    elif trouble == "revoked":
        slack.token = "xoxb-other"
    elif trouble == "broken":
        slack.status = 500
    else:
        slack.close()
    remind(bob)
    assert [message.to for message in mail.outbox] == [["bob@example.com"]]


def test_nothing_restricted_leaves(slack: FakeSlack, due: str, bob: User, postmortem: Postmortem) -> None:
    postmortem.participants.create(user=bob, role="reader")
    postmortem.incident.responders.add(bob)
    Postmortem.objects.update(visibility="restricted")
    remind(bob)
    assert f"{due} of a restricted post-mortem" in slack.told[0][1]
    assert "channel" not in slack.told[0][1]


def test_the_choice_is_offered_where_slack_is_connected(slack: FakeSlack, bob: User, settings: Settings) -> None:
    assert "In Slack instead of by mail" in signed_in(bob).get("/actions/reminders/").content.decode()
    signed_in(bob).post("/actions/reminders/", {"at_hour": "9", "by_slack": "on"})
    assert ReminderSettings.objects.get(person=bob).by_slack
    settings.SLACK_BOT_TOKEN = ""
    assert "In Slack" not in signed_in(bob).get("/actions/reminders/").content.decode()
