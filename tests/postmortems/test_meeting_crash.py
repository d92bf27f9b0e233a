"""A web process that is killed in the middle of a meeting takes nothing with it that somebody was told is kept."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import Team, User
from actions.models import ActionItem
from postmortems.models import Capture, Meeting
from postmortems.services.meeting import Plan, plan_meeting
from postmortems.services.meeting_room import start_meeting
from tests.factories.postmortems import IncidentFactory, PostmortemFactory
from tests.web import Web

pytestmark = [pytest.mark.django_db(transaction=True, serialized_rollback=True)]
KILLS = 3


@pytest.fixture
def meeting(alice: User, team: Team) -> Meeting:
    postmortem = PostmortemFactory.create(owner=alice, incident=IncidentFactory.create(created_by=alice, team=team))
    now = timezone.now()
    plan = Plan("meeting", now, 60, "", facilitator=alice)
    return start_meeting(meeting=plan_meeting(postmortem=postmortem, plan=plan, by=alice, now=now), by=alice, now=now)


@pytest.fixture
def web() -> Iterator[Web]:
    web = Web()
    yield web
    web.stop()


def cookies_of(user: User) -> tuple[str, str]:
    client = Client()
    client.force_login(user)
    client.get("/", headers={"Host": "localhost"})
    session, secret = (client.cookies[name].value for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME))
    return f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={secret}", secret


class Scribe(threading.Thread):
    """Captures line after line until it is stopped; says which were answered as kept."""

    def __init__(self, web: Web, meeting: Meeting, user: User) -> None:
        super().__init__()
        self.web, self.meeting, self.kept = web, meeting, list[str]()
        self.cookies, self.secret = cookies_of(user)
        self.is_over = False

    def run(self) -> None:
        number = 0
        while not self.is_over:
            number += 1
            line = f"Line {number}"
            try:
                if self.capture(f"action: {line}") == 200:
                    self.kept.append(line)
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)

    def capture(self, line: str) -> int:
        with closing(http.client.HTTPConnection("localhost", self.web.port, timeout=10)) as connection:
            return self.ask(connection, line)

    def ask(self, connection: http.client.HTTPConnection, line: str) -> int:
        headers = {
            "Cookie": self.cookies, "X-CSRFToken": self.secret, "HX-Request": "true",
            "Content-Type": "application/x-www-form-urlencoded",
        }  # fmt: skip
        connection.request("POST", f"/meetings/{self.meeting.pk}/captures/add/", urlencode({"line": line}), headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def test_no_line_that_was_kept_is_lost_with_the_web_process(web: Web, meeting: Meeting, alice: User) -> None:
    scribe = Scribe(web, meeting, alice)
    scribe.start()
    for _ in range(KILLS):
        before = len(scribe.kept)
        until = time.monotonic() + 30
        while len(scribe.kept) < before + 5 and time.monotonic() < until:
            time.sleep(0.02)
        web.kill()
        web.start()
    scribe.is_over = True
    scribe.join()
    kept = list(Capture.objects.values_list("text", flat=True))
    assert len(scribe.kept) >= 5 * KILLS
    assert set(scribe.kept) <= set(kept)
    assert sorted(kept) == sorted(ActionItem.objects.values_list("title", flat=True))
    meeting.refresh_from_db()
    assert (meeting.is_running, meeting.steered_by) == (True, alice)
