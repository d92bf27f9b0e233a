"""Servers for tests that stay: `python -m tests.kept start|stop FOLDER`, behind `make services`.

With them running and DEBRIEF_TEST_SERVICES_DIR set to the folder, pytest starts at once.
"""

import json
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

import psutil

from config.embedded import READY_SECONDS, Addresses, EmbeddedFailed, services
from config.machine import STOP_SECONDS, last_words, make_folder, only_one


def addresses_file(folder: Path) -> Path:
    return folder / "addresses.json"


def running_addresses(folder: Path) -> Addresses | None:
    """Where the servers kept running by `keep` listen; None when none are."""
    try:
        with only_one(folder, what="A server"):
            addresses_file(folder).unlink(missing_ok=True)  # left by a keeper that was killed
            return None
    except EmbeddedFailed:
        deadline = time.monotonic() + READY_SECONDS
        while not addresses_file(folder).exists():
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        return Addresses(**json.loads(addresses_file(folder).read_text()))


def keep(folder: Path) -> None:
    """Run both servers for tests in `folder` until SIGTERM, their addresses in its addresses.json."""

    def leave(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    with services(folder, durable=False) as addresses:
        draft = folder / "addresses.tmp"
        draft.write_text(json.dumps(asdict(addresses)))
        draft.rename(addresses_file(folder))
        try:
            signal.pause()
        finally:
            addresses_file(folder).unlink(missing_ok=True)


def kept_addresses(folder: Path) -> Addresses:
    """Where the servers in `folder` listen, starting a process that keeps them if there is none yet."""
    make_folder(folder)
    running = running_addresses(folder)
    if running:
        return running
    with (folder / "keeper.log").open("wb") as log:
        keeper = _start_keeper(folder, log)
    deadline = time.monotonic() + READY_SECONDS
    while keeper.poll() is None and time.monotonic() < deadline:
        if addresses_file(folder).exists():
            break
        time.sleep(0.05)
    keeper.returncode = 0  # it is meant to outlive this process: no warning about that
    running = running_addresses(folder)
    if not running:
        raise EmbeddedFailed(f"The test servers did not start: {last_words(folder / 'keeper.log')}.")
    return running


def _start_keeper(folder: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.kept", "keep", str(folder)],
        cwd=Path(__file__).resolve().parent.parent,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def end_kept(folder: Path) -> None:
    """Stop the servers kept in `folder`; nothing happens when none are."""
    if running_addresses(folder):
        keeper = psutil.Process(int((folder / "lock").read_text()))
        keeper.terminate()
        keeper.wait(STOP_SECONDS * 2)


def main(verb: str, folder: Path) -> None:
    if verb == "keep":
        keep(folder)
    elif verb == "start":
        addresses = kept_addresses(folder)
        sys.stdout.write(f"DATABASE_URL={addresses.database_url}\nREDIS_URL={addresses.redis_url}\n")
    elif verb == "stop":
        end_kept(folder)


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(sys.argv[2]).resolve())
    except EmbeddedFailed as failure:
        sys.exit(str(failure))
