"""`make bench-live`: how quick the live text is, beside Hocuspocus with its database extension, under the same load.

Hocuspocus is installed by npm into a scratch folder and keeps its documents in the same Postgres. Both are driven by
the same editors (`typist`), in turns, level by level, in one run; the figures of a level are those of all its rounds
together, so that a moment in which the machine was busy falls on neither alone. Nothing here passes or fails by time.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from config.embedded import services
from tests.bench.typist import Figures, Typist, open_all
from tests.web import free_port, wait_for, web_command

LEVELS = (10, 50, 100, 200, 400, 800)
A_DOCUMENT = 5
KEYS_A_SECOND = 5.0
SECONDS, WARM_UP = 12.0, 3.0
ROUNDS = 3
FLOODING = 300
"""Editors whose keys together are more than one process takes."""
WRITERS_OF_ONE = (25, 50)
PEER = ("@hocuspocus/server@4.7.0", "@hocuspocus/extension-database@4.7.0", "pg@8")
PEER_SERVER = """
import { Server } from "@hocuspocus/server";
import { Database } from "@hocuspocus/extension-database";
import pg from "pg";
const pool = new pg.Pool({ host: process.env.PGHOST, user: "debrief", database: process.env.PGDATABASE });
await pool.query("CREATE TABLE IF NOT EXISTS documents (name text PRIMARY KEY, data bytea)");
const fetch = async ({ documentName }) => {
  const found = await pool.query("SELECT data FROM documents WHERE name = $1", [documentName]);
  return found.rows[0]?.data ?? null;
};
const store = ({ documentName, state }) =>
  pool.query(
    "INSERT INTO documents VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET data = excluded.data",
    [documentName, state],
  );
const server = new Server({
  port: Number(process.env.PORT), address: "127.0.0.1", quiet: true, extensions: [new Database({ fetch, store })],
});
await server.listen();
"""

MakeTypist = Callable[[int, int, Figures], Typist]


def memory_of(process: subprocess.Popen[bytes]) -> float:
    """Resident memory in MB, as Linux counts it."""
    with suppress(OSError):
        pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1_000_000
    return 0.0


@contextmanager
def served(command: list[str], port: int, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    cwd = environment.pop("CWD", os.getcwd())
    process = subprocess.Popen(command, cwd=cwd, env={**os.environ, **environment})
    try:
        wait_for(port)
        yield process
    finally:
        process.terminate()
        process.wait(20)


# -- One level ---------------------------------------------------------------------------------------------------------


async def load(make: MakeTypist, editors: int, documents: int) -> Figures:
    """So many editors over so many documents, for a while; figures of what followed the warm-up."""
    figures = Figures()
    typists = [make(number % documents, number, figures) for number in range(editors)]
    await open_all(typists)
    listening = [asyncio.create_task(typist.listen()) for typist in typists]
    await asyncio.sleep(0.5)
    begun = time.perf_counter()
    typing = [typist.type_on(until=begun + WARM_UP + SECONDS, a_second=KEYS_A_SECOND) for typist in typists]
    clearing = asyncio.create_task(_forget_warm_up(figures))
    await asyncio.gather(*typing)
    await asyncio.sleep(1.5)
    await clearing
    await asyncio.gather(*(typist.close() for typist in typists))
    await asyncio.gather(*listening, return_exceptions=True)
    return figures


async def _forget_warm_up(figures: Figures) -> None:
    await asyncio.sleep(WARM_UP)
    for times in (figures.propagation, figures.acknowledgement, figures.lag):
        times.clear()


def spread(times: Sequence[float]) -> str:
    if len(times) < 20:
        return "–"
    cuts = statistics.quantiles(times, n=100)
    return " / ".join(f"{cut * 1000:.1f}" for cut in (statistics.median(times), cuts[94], cuts[98]))


def report(label: str, figures: Figures, editors: int, documents: int, memory: float) -> None:
    due = figures.sent * (editors / documents - 1)
    arrived = len(figures.propagation) / max(1, due * SECONDS / (SECONDS + WARM_UP))
    told = {
        "propagation": spread(figures.propagation),
        "acknowledged": spread(figures.acknowledgement),
        "client late": spread(figures.lag),
    }
    times = "   ".join(f"{name} {value:>20}" for name, value in told.items())
    print(f"  {label:<12}{times}   arrived {min(arrived, 1):>4.0%}   {memory:>4.0f} MB", flush=True)


# -- Debrief -----------------------------------------------------------------------------------------------------------


def make_documents(count: int) -> tuple[list[tuple[int, str]], list[str]]:
    """Documents with one section each, as (id, name of the text), and the cookies of people who may write in all."""
    from django.conf import settings
    from django.test import Client

    from tests.factories.accounts import UserFactory
    from tests.factories.postmortems import PostmortemFactory, SectionFactory

    documents = []
    for _ in range(count):
        section = SectionFactory.create(postmortem=PostmortemFactory.create(), title="Root cause")
        documents.append((section.postmortem_id, f"section-{section.pk}"))
    cookies = []
    for _ in range(50):
        client = Client()
        client.force_login(UserFactory.create(is_administrator=True))
        cookies.append(f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}")
    return documents, cookies


def opening_of_long_history(typed: int) -> tuple[float, float]:
    """Milliseconds to load a document of so many edits: from its log, and after compaction."""
    from postmortems.collab import store
    from postmortems.collab.store import Append
    from tests.bench.typist import one_character
    from tests.factories.postmortems import PostmortemFactory, SectionFactory

    section = SectionFactory.create(postmortem=PostmortemFactory.create())
    head = store.open_document(section.postmortem)
    updates = [one_character(77, clock, f"section-{section.pk}") for clock in range(typed)]
    for begin in range(0, typed, 20):
        store.append([Append(head.pk, head.acl_version, updates[begin : begin + 20])])
    times = []
    for is_compacted in (False, True):
        if is_compacted:
            store.compact(head.pk)
        started = time.perf_counter()
        loaded = store.load(head.pk)
        loaded.document.update()
        times.append((time.perf_counter() - started) * 1000)
    return times[0], times[1]


def saturation(make: MakeTypist) -> float:
    """Updates a second that editors get acknowledged when each sends as quickly as a connection may."""
    from postmortems.collab.socket import FRAMES_A_SECOND

    async def flood() -> float:
        figures = Figures()
        typists = [make(number % (FLOODING // A_DOCUMENT), number, figures) for number in range(FLOODING)]
        await open_all(typists)
        listening = [asyncio.create_task(typist.listen()) for typist in typists]
        await asyncio.sleep(0.5)
        begun = time.perf_counter()
        until = begun + 8
        await asyncio.gather(*(typist.type_on(until=until, a_second=FRAMES_A_SECOND / 2) for typist in typists))
        done = len(figures.acknowledgement) / (time.perf_counter() - begun)
        await asyncio.gather(*(typist.close() for typist in typists))
        await asyncio.gather(*listening, return_exceptions=True)
        return done

    return asyncio.run(flood())


def main() -> int:
    levels = [int(level) for level in sys.argv[1:]] or list(LEVELS)
    folder = Path(tempfile.mkdtemp(prefix="debrief-bench-live-"))
    try:
        with services(folder / "servers") as addresses:
            prepare(addresses.database_url, addresses.redis_url, folder)
            measure(folder, levels)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def prepare(database_url: str, redis_url: str, folder: Path) -> None:
    os.environ.update(
        DATABASE_URL=database_url,
        REDIS_URL=redis_url,
        SECRET_KEY="only-for-benchmarks-and-of-no-worth-to-anyone-0123456789",
        HTTP_ONLY="on",
        LOG_FORMAT="text",
        LOG_LEVEL="warning",
        FILES_ROOT=str(folder / "files"),
        STATIC_ROOT=str(folder / "static"),
        DJANGO_SETTINGS_MODULE="config.settings",
    )
    (folder / "static").mkdir()
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)


def install_peer(folder: Path) -> Path | None:
    """Hocuspocus in a scratch folder; None where npm cannot get it."""
    peer = folder / "peer"
    peer.mkdir()
    (peer / "package.json").write_text('{"type": "module", "private": true}')
    (peer / "server.mjs").write_text(PEER_SERVER)
    done = subprocess.run(["npm", "install", "--silent", *PEER], cwd=peer, check=False)
    return peer if done.returncode == 0 else None


def measure(folder: Path, levels: list[int]) -> None:
    from django.db import connection

    from tests.bench.feel import feel

    documents, cookies = make_documents(max(*levels, FLOODING) // A_DOCUMENT + 20)
    peer = install_peer(folder)
    port, peer_port = free_port(), free_port()
    database = connection.get_connection_params()
    web = web_command(port)
    hocuspocus = {"PORT": str(peer_port), "PGHOST": str(database["host"]), "PGDATABASE": str(database["dbname"])}

    def ours(document: int, editor: int, figures: Figures) -> Typist:
        pk, root = documents[document]
        headers = {"Cookie": cookies[editor % len(cookies)]}
        return Typist(f"ws://127.0.0.1:{port}/ws/postmortems/{pk}", root, figures, headers)

    def theirs(document: int, editor: int, figures: Figures) -> Typist:
        return Typist(f"ws://127.0.0.1:{peer_port}", documents[document][1], figures, room=f"document-{document}")

    print(f"p50 / p95 / p99 in ms, {KEYS_A_SECOND:.0f} keys a second each, {os.cpu_count()} processors")
    runs = [
        (f"{editors} editors, {A_DOCUMENT} a document", editors, max(1, editors // A_DOCUMENT)) for editors in levels
    ]
    runs += [(f"{editors} editors of one document", editors, 1) for editors in WRITERS_OF_ONE]
    servers: list[tuple[str, MakeTypist, list[str], int, dict[str, str]]] = [("Debrief", ours, web, port, {})]
    if peer is not None:
        servers.append(("Hocuspocus", theirs, ["node", "server.mjs"], peer_port, {"CWD": str(peer), **hocuspocus}))
    for label, editors, count in runs:
        print(f"{label}:")
        figures = {name: Figures() for name, *_ in servers}
        memory = {}
        for _ in range(ROUNDS):
            for name, make, command, at, environment in servers:
                with served(command, at, **environment) as process:
                    figures[name].add(asyncio.run(load(make, editors, count)))
                    memory[name] = memory_of(process)
        for name, measured in figures.items():
            report(name, measured, editors, count, memory[name])
    with served(web, port) as process:
        print(f"Saturation: {saturation(ours):,.0f} updates a second acknowledged")
    with served(web, port):
        pk = documents[-1][0]
        name, value = cookies[0].split("=", 1)
        page = f"/postmortems/{pk}/write/"
        feel(f"http://localhost:{port}", page, (name, value), lambda figures: ours(len(documents) - 1, 1, figures))
    with served(web, port) as process:
        print(f"An idle connection: {idle_connection(ours, process):.0f} KB")
    log, snapshot = opening_of_long_history(100_000)
    print(f"Opening 100,000 edits: {log:.0f} ms from the log, {snapshot:.0f} ms compacted")


def idle_connection(make: MakeTypist, process: subprocess.Popen[bytes]) -> float:
    """Kilobytes of memory that one more connection takes, of two hundred on twenty documents that are open already."""

    async def hold() -> float:
        figures = Figures()
        first = [make(number, number, figures) for number in range(20)]
        await open_all(first)
        await asyncio.sleep(1)
        before = memory_of(process)
        more = [make(number % 20, number, figures) for number in range(200)]
        await open_all(more)
        await asyncio.sleep(2)
        after = memory_of(process)
        await asyncio.gather(*(typist.close() for typist in [*first, *more]))
        return (after - before) * 1000 / len(more)

    return asyncio.run(hold())


if __name__ == "__main__":
    sys.exit(main())
