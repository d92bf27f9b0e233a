"""Two beats, and real Celery workers that are killed while they mail: each reminder arrives, and shows once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler
from django.conf import settings
from django.utils import timezone

from accounts.models import User
from actions import tasks
from actions.models import Notice, ReminderSettings
from config.celery import app
from postmortems.models import Postmortem
from tests.factories.actions import make_action
from tests.web import free_port, shared_environment

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
PEOPLE = 25


class Sink(MessageHandler):
    """A mail server that keeps what it is given, slowly enough to be killed beside."""

    def __init__(self) -> None:
        super().__init__()
        self.received: list[tuple[str, str]] = []

    def handle_message(self, message: Message) -> None:
        self.received.append((str(message["To"]), str(message["Message-ID"])))
        time.sleep(0.02)


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    port = free_port()
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    sink.port = port  # type: ignore[attr-defined]
    yield sink
    controller.stop()


@contextmanager
def worker(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "config.celery", "worker", "-l", "error"]
    command += ["--pool=solo", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def people(postmortem: Postmortem) -> list[User]:
    """Each with one action that is due today, at the hour that it is; their manager wants no list of the week."""
    made = [User.objects.create_user(f"p{n}@example.com", display_name=f"Person {n}") for n in range(PEOPLE)]
    now = timezone.now()
    long_ago = now - timedelta(days=90)
    ReminderSettings.objects.create(person=postmortem.owner, weekly_list=False)
    for person in made:
        ReminderSettings.objects.create(person=person, at_hour=0, on_weekends=True, weekly_list=False)
        make_action(postmortem, owner=person, due_on=now.date(), due_set_at=long_ago)
    return made


def two_beats_ring() -> None:
    for _ in range(2):
        tasks.remind.delay()


def until(is_true: Any, *, seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


def test_killed_workers_and_two_beats_neither_double_nor_lose(sink: Sink, people: list[User]) -> None:
    environment = {**shared_environment(), "EMAIL_URL": f"smtp://127.0.0.1:{sink.port}"}  # type: ignore[attr-defined]
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
    app.control.purge()
    for wanted in (3, 10, 18):  # killed after so many mails, in the middle of the next
        with worker(environment) as one, worker(environment):
            two_beats_ring()
            until(lambda wanted=wanted: len(sink.received) >= wanted)
            one.kill()
        Notice.objects.filter(leased_until__isnull=False).update(leased_until=timezone.now())  # five minutes pass
    with worker(environment), worker(environment):
        two_beats_ring()
        until(lambda: not Notice.objects.waiting().exists())
    shown = Counter(to for to, _ in set(sink.received))
    assert shown == Counter({person.email: 1 for person in people})
    assert Notice.objects.filter(sent_at__isnull=False).count() == PEOPLE
