"""`make soak-live`: four editors each at fifty documents for an hour; does memory grow, do logs stay short?

Argument: for how many minutes instead of sixty. Prints figures; the process ends with 1 when a goal is missed.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from config.embedded import services
from tests.bench.live import make_documents, memory_of, prepare, served
from tests.bench.typist import Figures, Typist, open_all
from tests.web import free_port, web_command

DOCUMENTS, A_DOCUMENT, KEYS_A_SECOND = 50, 4, 1.0
SETTLED_SECONDS = 300.0
"""Memory is compared with what it was after so long: by then every document is open and every code path was taken."""
PAUSE_SECONDS = 120.0
"""After the last key: the hub asks for a revision after 30 s, and the log is shortened then."""
MOST_GROWTH, MOST_TIMES_THE_TEXT = 0.05, 3.0


async def type_for(minutes: float, make: Callable[[int, Figures], Typist], memory: Callable[[], float]) -> list[float]:
    """Memory in MB once a minute, from when it had settled to the last key."""
    figures = Figures()
    typists = [make(number % DOCUMENTS, figures) for number in range(DOCUMENTS * A_DOCUMENT)]
    await open_all(typists)
    listening = [asyncio.create_task(typist.listen()) for typist in typists]
    begun = time.perf_counter()
    until = begun + minutes * 60
    typing = [asyncio.create_task(typist.type_on(until=until, a_second=KEYS_A_SECOND)) for typist in typists]
    seen = []
    while time.perf_counter() < until:
        await asyncio.sleep(min(60.0, until - time.perf_counter()) + 0.1)
        figures.sent_at.clear()
        for times in (figures.propagation, figures.acknowledgement, figures.lag):
            times.clear()
        if time.perf_counter() - begun > min(SETTLED_SECONDS, minutes * 30):
            seen.append(memory())
            print(f"{(time.perf_counter() - begun) / 60:4.0f} min  {seen[-1]:.1f} MB", flush=True)
    await asyncio.gather(*typing)
    await asyncio.sleep(PAUSE_SECONDS)
    unsaved = sum(len(typist.waiting) for typist in typists)
    await asyncio.gather(*(typist.close() for typist in typists))
    await asyncio.gather(*listening, return_exceptions=True)
    print(f"{figures.sent:,} keys, {unsaved} not acknowledged")
    return seen


def longest_log() -> float:
    """The longest log, snapshot and what follows it, as a multiple of its text."""
    from django.db.models import OuterRef, Subquery
    from django.db.models.functions import Length

    from postmortems.collab import store
    from postmortems.models import DocumentHead, DocumentSnapshot

    snapshot = DocumentSnapshot.objects.filter(postmortem=OuterRef("pk")).values(bytes=Length("data"))
    heads = DocumentHead.objects.annotate(snapshot_bytes=Subquery(snapshot))
    found = []
    for head in heads:
        texts = store.load(head.pk).document.texts().values()
        if length := sum(len(text.encode()) for text in texts):
            found.append(((head.snapshot_bytes or 0) + head.tail_bytes) / length)
    assert len(found) == DOCUMENTS
    return max(found)


def main() -> int:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    folder = Path(tempfile.mkdtemp(prefix="debrief-soak-"))
    try:
        with services(folder / "servers") as addresses:
            prepare(addresses.database_url, addresses.redis_url, folder)
            return soak(minutes)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def soak(minutes: float) -> int:
    documents, cookies = make_documents(DOCUMENTS)
    port = free_port()

    def make(document: int, figures: Figures) -> Typist:
        pk, root = documents[document]
        return Typist(f"ws://127.0.0.1:{port}/ws/postmortems/{pk}", root, figures, {"Cookie": cookies[document]})

    worker = [sys.executable, "-m", "celery", "--quiet", "-A", "config.celery", "worker", "-l", "warning"]
    helper = subprocess.Popen([*worker, "--concurrency=1", "--without-gossip", "--without-mingle"])
    try:
        with served(web_command(port), port) as web:
            memory = asyncio.run(type_for(minutes, make, lambda: memory_of(web)))
    finally:
        helper.terminate()
        helper.wait(30)
    growth, log = memory[-1] / memory[0] - 1, longest_log()
    print(f"Memory grew by {growth:.1%} after it had settled; the longest log is {log:.1f} times its text.")
    return int(growth > MOST_GROWTH or log > MOST_TIMES_THE_TEXT)


if __name__ == "__main__":
    sys.exit(main())
