"""`make bench-jira`: how many requests the synchronisation needs, beside a Jira that takes 100 ms for each.

Then how soon an edit is on the other side while a large run or a sweep is going, with Celery as in production. Counts
do not depend on the machine; the rates and times do. The Jira has a process of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from config.embedded import services

if TYPE_CHECKING:
    from accounts.models import User
    from actions.models import ActionItem, JiraConnection, JiraMapping
    from postmortems.models import Postmortem

ITEMS = int(os.environ.get("BENCH_ITEMS", "2000"))
EDITS = int(os.environ.get("BENCH_EDITS", "40"))
"""Of each kind, made while a run or a sweep is going."""
ONLY = os.environ.get("BENCH_ONLY", "")
""""requests" or "edits", for one of the two."""
LATENCY_SECONDS = 0.1
KNOWN = 50
"""Actions that people edit meanwhile."""
LANES = 3
PAUSE_SECONDS = 0.5
PATIENCE_SECONDS = 60.0
HOOK_SECRET = "only-for-measuring-0123456789"


def main() -> None:
    with TemporaryDirectory(prefix="debrief-bench-") as folder, services(Path(folder)) as addresses:
        os.environ.update(
            DATABASE_URL=addresses.database_url,
            REDIS_URL=addresses.redis_url,
            DJANGO_SETTINGS_MODULE="config.settings",
            SECRET_KEY="only-for-measuring-and-of-no-worth-to-anyone-0123456789",
            FIELD_KEYS="b25seS1mb3ItdGVzdHMtYW5kLW9mLW5vLXdvcnRoISE=",
            JIRA_PRIVATE_HOSTS="127.0.0.1",
            BASE_URL="http://localhost:8000",
            HTTP_ONLY="true",
            LOG_FORMAT="text",
            LOG_LEVEL="warning",
        )
        import logging

        import django
        from django.core.management import call_command
        from django.db import connection

        django.setup()
        logging.disable(logging.INFO)
        call_command("migrate", verbosity=0)
        with fake() as jira:
            bench = Bench(jira)
            if ONLY in {"", "requests"}:
                bench.count_requests()
            if ONLY in {"", "edits"}:
                with workers(Path(folder)):
                    bench.edit_meanwhile()
        connection.close()


class Fake:
    """The Jira in its own process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process, self._lock = process, threading.Lock()
        assert process.stdout is not None
        self.url = process.stdout.readline().strip()

    def ask(self, what: str, **more: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps({"what": what, **more}) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())


@contextmanager
def fake() -> Iterator[Fake]:
    """A Jira Cloud with the time of day, that answers after a while."""
    command = [sys.executable, "-m", "tests.fakes.jira", str(LATENCY_SECONDS)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Fake(process)
    finally:
        process.kill()
        process.wait(10)


@contextmanager
def workers(folder: Path) -> Iterator[None]:
    """Celery as `make run` and production have it: two processes, and a scheduler."""
    celery = [sys.executable, "-m", "celery", "--quiet", "-A", "config.celery"]
    worker = [*celery, "worker", "-l", "warning", "--concurrency=2", "--without-gossip", "--without-mingle"]
    beat = [*celery, "beat", "-l", "warning", "--schedule", str(folder / "beat"), "--pidfile="]
    started = [subprocess.Popen(command) for command in (worker, beat)]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


class Bench:
    """One team whose actions go to the fake."""

    def __init__(self, jira: Fake) -> None:
        from accounts import secrets
        from accounts.models import Team, User
        from actions.models import JiraConnection
        from tests.actions.jira.world import map_team
        from tests.factories.actions import make_postmortem
        from tests.fakes.jira.server import TOKEN
        from tests.fakes.jira.state import SERVICE

        self.jira = jira
        self.person: User = User.objects.create_user("bench@example.com", display_name="Bench")
        team = Team.objects.create(name="Edge", slug="edge")
        self.postmortem: Postmortem = make_postmortem(owner=self.person, team=team)
        self.connection: JiraConnection = JiraConnection.objects.create(
            name="Jira", kind="cloud", site_url=jira.url, api_url=jira.url, auth="api_token", username=SERVICE.email,
            secret=secrets.seal(TOKEN), hook_secret=secrets.seal(HOOK_SECRET), account_id=SERVICE.id,
            created_by=self.person,
        )  # fmt: skip
        self.mapping: JiraMapping = map_team(self.connection, team)

    def add(self, model: type[ActionItem], count: int, name: str) -> None:
        model.objects.bulk_create(
            model(postmortem=self.postmortem, team=self.postmortem.team, title=f"{name} {each}", created_by=self.person)
            for each in range(count)
        )

    # -- Requests ------------------------------------------------------------------------------------------------------

    def count_requests(self) -> None:
        from django.utils import timezone

        from actions.jira import bulk, inbound
        from actions.models import ActionItem

        def create() -> None:
            bulk.start_run(mapping=self.mapping, by=self.person, now=timezone.now())
            in_lanes(lambda: bulk.create_portion(self.connection.pk, clock=timezone.now))

        def first_look() -> None:
            in_lanes(lambda: inbound.look_at_many(self.connection.pk, clock=timezone.now))

        def look() -> None:
            inbound.sweep(now=timezone.now() - timedelta(seconds=1))
            first_look()

        self.add(ActionItem, ITEMS, "Number")
        self.counted("creation of a backlog", ITEMS, create)
        self.counted("its links, and a first look", ITEMS, first_look)
        self.counted("a sweep that finds nothing", ITEMS, look)
        actions = list(ActionItem.objects.order_by("pk")[:50])
        self.counted("a title, one after the other", 50, lambda: self.change(actions, title="Another"))
        self.counted("a text, one after the other", 50, lambda: self.change(actions, deliverable="Said **so**."))
        self.counted("a step of the workflow", 50, lambda: self.move(actions))

    def counted(self, words: str, count: int, work: Callable[[], None]) -> None:
        before, begun = self.jira.ask("requests"), time.perf_counter()
        work()
        seconds, asked = time.perf_counter() - begun, self.jira.ask("requests") - before
        each, rate = asked / count, count / seconds
        print(f"{words:34} {count:6} items {asked:6} requests {each:6.2f} each {rate:7.1f} a second", flush=True)

    def change(self, actions: list[ActionItem], **facts: Any) -> None:
        for action in actions:
            self.edit(action, **facts)
            self.sync(action)

    def edit(self, action: ActionItem, **facts: Any) -> None:
        """As a person does."""
        from django.utils import timezone

        from actions.services.action import ActionFacts, edit_action

        fresh = type(action).objects.get(pk=action.pk)
        names = ("title", "deliverable", "owner", "due_on", "priority", "labels", "kind", "horizon")
        values = {name: getattr(fresh, name) for name in names}
        edit_action(
            action=fresh, facts=ActionFacts(**{**values, **facts}), lessons=fresh.lessons.all(),
            revision=fresh.revision, by=self.person, now=timezone.now(),
        )  # fmt: skip

    def move(self, actions: list[ActionItem]) -> None:
        from django.utils import timezone

        from actions.services.action import change_status

        for action in actions:
            fresh = type(action).objects.get(pk=action.pk)
            change_status(
                action=fresh, status="in_progress", revision=fresh.revision, by=self.person, now=timezone.now(),
                refusal=None,
            )  # fmt: skip
            self.sync(action)

    def sync(self, action: ActionItem) -> None:
        from django.utils import timezone

        from actions.jira import sync
        from actions.models import ItemSync

        ItemSync.objects.filter(action=action).update(due_at=timezone.now())
        sync.sync_item(ItemSync.objects.get(action=action).pk, clock=timezone.now)

    # -- How soon ------------------------------------------------------------------------------------------------------

    def edit_meanwhile(self) -> None:
        """Edits of people on both sides, while workers make a backlog's issues, and while they look at every one."""
        from django.utils import timezone

        from actions.jira import bulk, inbound
        from actions.models import ActionItem, ItemSync

        self.add(ActionItem, KNOWN, "Known")
        known = list(ActionItem.objects.order_by("-pk")[:KNOWN])
        bulk.start_run(mapping=self.mapping, by=self.person, now=timezone.now())
        wait_for(lambda: ItemSync.objects.filter(action__in=known, due_at=None).count() == KNOWN or None, 300)
        self.edits("with nothing else to do", known, lambda: True)
        self.add(ActionItem, ITEMS, "Later")
        run = bulk.start_run(mapping=self.mapping, by=self.person, now=timezone.now())
        begun = time.perf_counter()
        self.edits("while a backlog is sent", known, lambda: run.items.filter(remote_id=None).exists())
        made = run.items.filter(remote_id__isnull=False).count()
        print(f"  of {ITEMS} issues {made} were made by then: {made / (time.perf_counter() - begun):.1f} a second")
        wait_for(lambda: not ItemSync.objects.filter(due_at__lte=timezone.now()).exists() or None, 1800)
        inbound.sweep(now=timezone.now())
        swept = ItemSync.objects.filter(is_swept=True)
        self.edits("while every issue is looked at", known, swept.exists)
        print(f"  {swept.count()} of {ItemSync.objects.count()} were still to be looked at")

    def edits(self, words: str, actions: list[ActionItem], is_going: Callable[[], bool]) -> None:
        out, back = [], []
        for each in range(EDITS):
            if not is_going():
                break
            action = actions[each % len(actions)]
            out.append(self.to_jira(action, f"{words}, here {each}"))
            time.sleep(PAUSE_SECONDS)
            back.append(self.from_jira(actions[(each + 25) % len(actions)], f"{words}, there {each}"))
            time.sleep(PAUSE_SECONDS)
        for way, seconds in (("from here to Jira", out), ("from Jira to here", back)):
            print(f"{words:34} {way}: {len(seconds):3} edits, {spread(seconds)}", flush=True)

    def to_jira(self, action: ActionItem, title: str) -> float:
        begun = time.time()
        self.edit(action, title=title)
        return float(wait_for(lambda: self.jira.ask("written", title=title))) - begun

    def from_jira(self, action: ActionItem, title: str) -> float:
        """Edited there, told of by a webhook through the public door."""
        from django.test import Client

        issue_id = action.sync.remote_id
        begun = float(self.jira.ask("edit", id=issue_id, title=title))
        body = json.dumps({"webhookEvent": "jira:issue_updated", "issue": {"id": issue_id}, "title": title})
        signature = "sha256=" + hmac.new(HOOK_SECRET.encode(), body.encode(), hashlib.sha256).hexdigest()
        answer = Client().post(
            f"/hooks/jira/{self.connection.hook_key}", body, content_type="application/json",
            headers={"X-Hub-Signature": signature}, SERVER_NAME="localhost",
        )  # fmt: skip
        assert answer.status_code == 204, answer.content
        wait_for(lambda: type(action).objects.filter(pk=action.pk, title=title).exists() or None)
        return time.time() - begun


def wait_for(look: Callable[[], Any], patience: float = PATIENCE_SECONDS) -> Any:
    """What `look` finds; an edit that takes longer than that is an error."""
    until = time.monotonic() + patience
    while (found := look()) is None:
        if time.monotonic() > until:
            raise TimeoutError(f"not there after {patience} s")
        time.sleep(0.02)
    return found


def spread(seconds: list[float]) -> str:
    if len(seconds) < 2:
        return "too few to say"
    cuts = statistics.quantiles(seconds, n=20)
    return f"p50 {statistics.median(seconds):.2f} s, p95 {cuts[18]:.2f} s, longest {max(seconds):.2f} s"


def in_lanes(work: Callable[[], int]) -> None:
    """As that many workers would, until nothing is left."""
    from django.db import connections

    def lane() -> None:
        while work():
            pass
        connections.close_all()

    threads = [threading.Thread(target=lane) for _ in range(LANES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
