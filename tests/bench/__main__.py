"""`make bench`: makes 100,000 post-mortems and 1,000,000 actions and prints what pages cost beside their bare SQL.

Nothing here passes or fails by time: machines differ. Read the ratios.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from config.embedded import services
from tests.bench import coach

if TYPE_CHECKING:
    from django.test import Client

ROUNDS = 40


@dataclass(frozen=True)
class Statement:
    sql: str
    parameters: Any


class Recorder:
    """Collects the statements of one request, to run them bare afterwards."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self.statements.append(Statement(sql, params))
        return execute(sql, params, many, context)


def timed(work: Callable[[], object]) -> float:
    """How long `work` takes, in milliseconds."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def spread(times: list[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]


def run_bare(statements: list[Statement]) -> None:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            if not statement.sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
                cursor.execute(statement.sql, statement.parameters)
                if cursor.description:
                    cursor.fetchall()


def measure(name: str, get: Callable[[], Any]) -> None:
    """Print one page: server time, the time of its SQL alone, their ratio, and how many statements it takes."""
    from django.db import connection

    for _ in range(3):
        assert get().status_code == 200, name
    recorder = Recorder()
    with connection.execute_wrapper(recorder):
        get()
    pages = [timed(get) for _ in range(ROUNDS)]
    bare = [timed(lambda: run_bare(recorder.statements)) for _ in range(ROUNDS)]
    (page50, page95), (bare50, bare95) = spread(pages), spread(bare)
    print(
        f"{name:<34}{page50:>9.1f}{page95:>9.1f}{bare50:>10.1f}{bare95:>9.1f}"
        f"{page95 / bare95:>8.1f}x{len(recorder.statements):>9}{'  over' if page95 > 3 * bare95 + 25 else '  ok'}"
    )


@contextmanager
def database() -> Iterator[None]:
    """A Postgres and a Redis of our own for the run, with the product's settings."""
    folder = Path(tempfile.mkdtemp(prefix="debrief-bench-"))
    try:
        with services(folder, durable=False) as addresses:
            os.environ["DATABASE_URL"], os.environ["REDIS_URL"] = addresses.database_url, addresses.redis_url
            os.environ.update(SECRET_KEY="only-for-the-benchmark-and-of-no-worth-to-anyone-0123", HTTP_ONLY="on")
            os.environ.update(LOG_LEVEL="ERROR", STATIC_ROOT=str(folder / "static"), ALLOWED_HOSTS="testserver")
            os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
            yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    with database():
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        prepare()
        compare()


def prepare() -> None:
    """Fill the database and index it, saying how long that takes."""
    from django.db import connection

    from tests.bench import data

    size = data.Size(postmortems=int(os.environ.get("BENCH_POSTMORTEMS", "100000")))
    print(f"Making {size.postmortems:,} post-mortems and {size.postmortems * size.actions_each:,} actions.", flush=True)
    print(f"  rows {timed(lambda: data.fill(size)) / 1000:.0f} s", flush=True)
    print(f"  search columns {timed(data.index_all) / 1000:.0f} s", flush=True)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def turned(client: Client, url: str, pages: int) -> str:
    """The address of the page that is reached by asking for the next one from the first on."""
    for _ in range(pages - 1):
        following = re.search(r'rel="next" href="([^"]*)"', client.get(url).content.decode())
        assert following, url
        url = urljoin(url, unescape(following[1]))
    return url


def compare() -> None:
    """Print every page as a person of one team meets it."""
    from django.test import Client

    from accounts.models import User
    from postmortems.models import Postmortem

    user = User.objects.order_by("pk")[1234]
    client = Client()
    client.force_login(user)
    shown = Postmortem.objects.visible_to(user).filter(state="published").order_by("-pk")[500]
    head = f"{'page':<34}{'p50 ms':>9}{'p95 ms':>9}{'SQL p50':>10}{'p95':>9}{'p95/SQL':>9}{'queries':>9}"
    print(f"\n{head}\n{'-' * (len(head) + 6)}")
    pages = {
        "home": "/",
        "incidents": "/incidents/",
        "post-mortems": "/postmortems/",
        "post-mortems, one team": "/postmortems/?team=team-7",
        "actions": "/actions/",
        "actions, mine": "/actions/?owner=me",
        "actions, overdue": "/actions/?status=overdue",
        "actions, one team": "/actions/?team=team-7",
        "actions, severity and priority": "/actions/?severity=SEV1&priority=P1",
        "actions, one service, done": "/actions/?status=done&service=service-9",
        "actions, page 20": turned(client, "/actions/", 20),
        "actions, any status, page 20": turned(client, "/actions/?status=all", 20),
        "dashboard": "/actions/dashboard/",
        "dashboard, one team": "/actions/dashboard/?team=team-7",
        "dashboard, severity and priority": "/actions/dashboard/?severity=SEV1&priority=P1",
        "dashboard, one service": "/actions/dashboard/?service=service-9",
        "dashboard, mine": "/actions/dashboard/?owner=me",
        "dashboard by owner": "/actions/dashboard/?by=owner",
        "dashboard by severity": "/actions/dashboard/?by=severity",
        "dashboard by service": "/actions/dashboard/?by=service",
        "dashboard, a year": "/actions/dashboard/?weeks=52",
        "dashboard by owner, a year": "/actions/dashboard/?by=owner&weeks=52",
        "weekly review": "/actions/review/?team=team-7",
        "reader": f"/postmortems/{shown.pk}/",
        "incident": f"/incidents/{shown.incident_id}/",
        "search, common word": "/search/?q=database",
        "search, two common words": "/search/?q=database+rollback",
        "search, rare word": "/search/?q=zirconium",
        "quick search": "/search/quick/?q=zircon",
    }
    for name, url in pages.items():
        headers = {"HX-Request": "true"} if name == "quick search" else {}
        measure(name, partial(client.get, url, headers=headers))
    print()
    coach.report()
    print("\nGoal: the p95 of a page under 3 times the p95 of its SQL plus 25 ms. “over” marks a page beyond it.")


if __name__ == "__main__":
    main()
