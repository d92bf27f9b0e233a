"""What every test stands on: servers of its own (tests/services.py) and no way out to the network."""

import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import hypothesis
import pytest
from django.core.management import call_command
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from whitenoise.middleware import WhiteNoiseMiddleware

pytest_plugins = ["tests.people"]

# The same examples in every run, however slow the machine: a red test is the fault of a change.
hypothesis.settings.register_profile("test", deadline=None, derandomize=True)
hypothesis.settings.load_profile("test")


@pytest.fixture(autouse=True, scope="session")
def _static_files() -> Iterator[None]:
    """Pages name their static files by digest, as in production: collect them, and look for them, once a process."""
    call_command("collectstatic", verbosity=0, interactive=False)
    look_for_files: Callable[..., None] = WhiteNoiseMiddleware.add_files
    found: dict[Any, dict[str, Any]] = {}

    def add_files(self: WhiteNoiseMiddleware, root: Any, prefix: Any = None) -> None:
        if (root, prefix) not in found:
            look_for_files(self, root, prefix)
            found[root, prefix] = dict(self.files)
        self.files.update(found[root, prefix])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files", add_files)
        yield


@pytest.fixture(autouse=True, scope="session")
def _tables_are_emptied_by_delete() -> Iterator[None]:
    """Most are empty. TRUNCATE makes new files for every one of them, and waits for whoever reads any."""

    def sql_flush(self: DatabaseOperations, style: Any, tables: Sequence[str], **options: Any) -> list[str]:
        emptied = [f"DELETE FROM {self.quote_name(table)}" for table in tables]  # noqa: S608 - names of our models
        return ["SET LOCAL session_replication_role = replica", *emptied]  # no order is asked for, no trigger runs

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        yield


@pytest.fixture(autouse=True, scope="session")
def _nobody_holds_the_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A server that a test killed may leave a session behind, and Postgres drops no database that somebody uses."""
    yield
    if not connection.settings_dict["NAME"].startswith("test_"):
        return  # no test needed one, and none was made
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid), state, left(query, 120) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        for _, state, query in cursor.fetchall():
            print(f"left behind, {state}: {query}")
        cursor.execute("SELECT pg_sleep(0.2)")


LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class NetworkBlocked(Exception):
    """A test reached for another machine."""


def is_local(family: int, address: object) -> bool:
    if family == socket.AF_UNIX:
        return True
    return isinstance(address, tuple) and address[0] in LOOPBACK


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only Unix sockets and this machine may be connected to; anything else raises NetworkBlocked."""

    def guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
        def checked(self: socket.socket, address: object) -> object:
            if not is_local(self.family, address):
                raise NetworkBlocked(f"A test may not connect to {address!r}.")
            return connect(self, address)

        return checked

    monkeypatch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
