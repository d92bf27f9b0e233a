"""`make bench-jira`: how many requests the synchronisation needs, beside a Jira that takes 100 ms for each.

Counts do not depend on the machine; the rates do, and are printed beside what the requests alone would take.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from config.embedded import services

ITEMS = int(os.environ.get("BENCH_ITEMS", "2000"))
LATENCY_SECONDS = 0.1
LANES = 3


def main() -> None:
    with TemporaryDirectory(prefix="debrief-bench-") as folder, services(Path(folder)) as addresses:
        os.environ.update(
            DATABASE_URL=addresses.database_url,
            REDIS_URL=addresses.redis_url,
            DJANGO_SETTINGS_MODULE="config.settings",
            SECRET_KEY="only-for-measuring-and-of-no-worth-to-anyone-0123456789",
            FIELD_KEYS="b25seS1mb3ItdGVzdHMtYW5kLW9mLW5vLXdvcnRoISE=",
            JIRA_PRIVATE_HOSTS="127.0.0.1",
            LOG_FORMAT="text",
        )
        import logging

        import django
        from django.core.management import call_command

        django.setup()
        logging.disable(logging.INFO)
        call_command("migrate", verbosity=0)
        measure()


@contextmanager
def fake() -> Iterator[Any]:
    """A Jira Cloud with the time of day, that answers after a while."""
    from tests.fakes.jira import Jira, JiraServer

    class Live(Jira):
        @property
        def now(self) -> datetime:
            return datetime.now(UTC)

        @now.setter
        def now(self, value: datetime) -> None:
            """Time goes by itself here."""

    with JiraServer(Live(is_cloud=True)) as server:
        server.contract.is_checked = False
        server.before = lambda asked: time.sleep(LATENCY_SECONDS)
        yield server


def measure() -> None:
    from django.db import connection
    from django.utils import timezone

    from accounts.models import Team, User
    from actions.jira import bulk, inbound, sync
    from actions.models import ActionItem, ItemSync
    from tests.actions.jira.world import Both, connect, map_team
    from tests.factories.actions import make_postmortem

    person = User.objects.create_user("bench@example.com", display_name="Bench")
    postmortem = make_postmortem(owner=person, team=Team.objects.create(name="Edge", slug="edge"))
    ActionItem.objects.bulk_create(
        ActionItem(postmortem=postmortem, team=postmortem.team, title=f"Number {each}", created_by=person)
        for each in range(ITEMS)
    )
    with fake() as server:
        jira = connect(server, person)
        mapping = map_team(jira, postmortem.team)
        both = Both(server, jira, mapping, postmortem, person)

        def counted(words: str, count: int, work: Callable[[], None]) -> None:
            before, begun = len(server.log), time.perf_counter()
            work()
            seconds, asked = time.perf_counter() - begun, len(server.log) - before
            each, rate = asked / count, count / seconds
            print(f"{words:34} {count:6} items {asked:6} requests {each:6.2f} each {rate:7.1f} a second")

        def create() -> None:
            bulk.start_run(mapping=mapping, by=person, now=timezone.now())
            in_lanes(lambda: bulk.create_portion(jira.pk, clock=timezone.now))

        counted("creation of a backlog", ITEMS, create)

        def first_look() -> None:
            in_lanes(lambda: inbound.look_at_many(jira.pk, clock=timezone.now))

        counted("its links, and a first look", ITEMS, first_look)

        def look() -> None:
            inbound.sweep(now=timezone.now() - timedelta(seconds=1))
            in_lanes(lambda: inbound.look_at_many(jira.pk, clock=timezone.now))

        counted("a sweep that finds nothing", ITEMS, look)
        actions = list(ActionItem.objects.order_by("pk")[:50])

        def change(**facts: Any) -> Callable[[], None]:
            def work() -> None:
                for action in actions:
                    both.edit(action, **facts)
                    ItemSync.objects.filter(action=action).update(due_at=timezone.now())
                    sync.sync_item(ItemSync.objects.get(action=action).pk, clock=timezone.now)

            return work

        counted("a title, one after the other", len(actions), change(title="Another"))
        counted("a text, one after the other", len(actions), change(deliverable="Said **so**."))

        def status() -> None:
            for action in actions:
                both.move(action, "in_progress")
                ItemSync.objects.filter(action=action).update(due_at=timezone.now())
                sync.sync_item(ItemSync.objects.get(action=action).pk, clock=timezone.now)

        counted("a step of the workflow", len(actions), status)
    connection.close()


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
