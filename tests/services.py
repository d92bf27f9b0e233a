"""Postgres, Redis and a folder for the tests, ready before Django reads its settings.

Loaded by `-p tests.services`. With DATABASE_URL and REDIS_URL set those servers are used. With
DEBRIEF_TEST_SERVICES_DIR set, servers are kept running in that folder, so that the next run starts at once
(`make services`, `make services-stop`). Otherwise they live in a temporary folder as long as the run.

Nothing is shared between two runs, or two processes of one run: each has its own database, Redis number and files.
"""

import atexit
import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from config.embedded import Addresses, EmbeddedFailed, services
from tests.kept import kept_addresses

RUN = "DEBRIEF_TEST_RUN"
FILES = "DEBRIEF_TEST_FILES"
REDIS_NUMBERS = 1024
REDIS_NUMBERS_A_RUN = 16

held = contextlib.ExitStack()
atexit.register(held.close)  # not a pytest hook: those are not called when a conftest cannot be imported


def is_worker() -> bool:
    return "PYTEST_XDIST_WORKER" in os.environ


def worker_number() -> int:
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) + int(is_worker())


def test_servers() -> Addresses:
    """Where this run's servers listen; started here unless somebody keeps them."""
    kept = os.environ.get("DEBRIEF_TEST_SERVICES_DIR")
    if kept:
        return kept_addresses(Path(kept))
    folder = Path(tempfile.mkdtemp(prefix="debrief-test-"))
    held.callback(shutil.rmtree, folder, ignore_errors=True)
    return held.enter_context(services(folder, durable=False))


def prepare_run() -> None:
    """Once a run: the servers, a name of its own for the database, and the settings all tests share."""
    if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        addresses = test_servers()
        os.environ["DATABASE_URL"] = addresses.database_url.replace("/debrief?", f"/debrief_{os.getpid()}?")
        os.environ["REDIS_URL"] = addresses.redis_url
    os.environ[RUN] = str(os.getpid())
    os.environ[FILES] = files = tempfile.mkdtemp(prefix="debrief-files-")
    held.callback(shutil.rmtree, files, ignore_errors=True)
    os.environ["SECRET_KEY"] = "only-for-tests-and-of-no-worth-to-anyone-0123456789"
    os.environ["FIELD_KEYS"] = "b25seS1mb3ItdGVzdHMtYW5kLW9mLW5vLXdvcnRoISE="
    os.environ["JIRA_PRIVATE_HOSTS"] = "127.0.0.1"
    os.environ["HTTP_ONLY"] = "on"
    os.environ["LOG_FORMAT"] = "text"
    os.environ["EMAIL_URL"] = "memorymail://"
    for name in ("DEBUG", "BASE_URL", "ALLOWED_HOSTS", "SIGNUP_DOMAINS", "OIDC_ISSUER", "DATABASE_POOL_SIZE"):
        os.environ.pop(name, None)


def prepare_process() -> None:
    """Once a process: its own Redis number and its own folder for files."""
    runs = REDIS_NUMBERS // REDIS_NUMBERS_A_RUN
    number = int(os.environ[RUN]) % runs * REDIS_NUMBERS_A_RUN + worker_number() % REDIS_NUMBERS_A_RUN
    if os.environ["REDIS_URL"].startswith("unix:"):
        os.environ["REDIS_URL"] = os.environ["REDIS_URL"].partition("?")[0] + f"?db={number}"
    os.environ["FILES_ROOT"] = f"{os.environ[FILES]}/{worker_number()}"
    os.environ["STATIC_ROOT"] = f"{os.environ[FILES]}/static-{worker_number()}"


# pytest-django reads the settings in `pytest_load_initial_conftests`, before any conftest: so this runs on import.
try:
    if not is_worker():
        prepare_run()
    prepare_process()
except EmbeddedFailed as failure:
    raise pytest.UsageError(str(failure)) from failure
