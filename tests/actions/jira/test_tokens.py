"""A token that ends is told of beforehand, to every administrator, and each time once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from accounts.models import User
from actions.models import JiraConnection, TokenWarning
from actions.services.connection import warn_of_tokens
from tests.actions.jira.world import Both

pytestmark = pytest.mark.django_db

DAY = date(2026, 6, 30)


@pytest.fixture
def ending(both: Both, bob: User) -> JiraConnection:
    User.objects.filter(pk__in=[bob.pk, both.by.pk]).update(is_administrator=True)
    JiraConnection.objects.update(token_expires_on=DAY)
    return both.connection


def pass_days(first: int, last: int) -> dict[int, int]:
    """By days left, how many mails went out, asked twice on each."""
    sent = {}
    for left in range(first, last - 1, -1):
        mail.outbox.clear()
        for hour in (8, 20):
            warn_of_tokens(now=datetime(2026, 6, 30, hour, tzinfo=UTC) - timedelta(days=left))
        if mail.outbox:
            sent[left] = len(mail.outbox)
    return sent


def test_administrators_are_mailed_thirty_seven_and_one_days_before(ending: JiraConnection) -> None:
    assert pass_days(40, -5) == {30: 2, 7: 2, 1: 2}


def test_days_on_which_nothing_ran_are_made_up_for_once(ending: JiraConnection) -> None:
    assert pass_days(5, 5) == {5: 2}
    assert pass_days(4, 0) == {1: 2}


def test_the_mail_says_which_day_and_where_to_mend_it(ending: JiraConnection) -> None:
    pass_days(7, 7)
    first = mail.outbox[0]
    assert first.subject == f"The token of {ending.name} expires in 7 days"
    assert "expires on 30 June 2026" in str(first.body)
    assert ending.get_absolute_url() in str(first.body)


def test_another_day_is_another_warning(ending: JiraConnection) -> None:
    assert pass_days(1, 1) == {1: 2}
    JiraConnection.objects.update(token_expires_on=DAY + timedelta(days=6))
    assert pass_days(1, 1) == {1: 2}
    assert TokenWarning.objects.count() == 2


def test_what_no_mail_server_took_is_told_of_later(ending: JiraConnection, settings: Any) -> None:
    backend = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = (
        "django.core.mail.backends.smtp.EmailBackend",
        "127.0.0.1",
        1,
    )
    now = datetime(2026, 6, 23, 8, tzinfo=UTC)
    assert warn_of_tokens(now=now) == 0
    settings.EMAIL_BACKEND = backend
    assert warn_of_tokens(now=now) == 1


def test_without_a_day_nobody_is_mailed(ending: JiraConnection) -> None:
    JiraConnection.objects.update(token_expires_on=None)
    assert pass_days(31, 0) == {}
