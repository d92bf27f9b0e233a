"""Folders, users and processes of the machine we run on."""

import contextlib
import ctypes
import fcntl
import os
import pwd
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

SYSTEM_USER = "debrief-postgres"
"""Whom Postgres runs as when we are root: Postgres refuses to be root."""
STOP_SECONDS = 20.0
SOCKET_PATH_LIMIT = 100
"""Unix socket paths end at 103 bytes on macOS and 107 on Linux."""
LONGEST_SOCKET_NAME = "/.s.PGSQL.5432.lock"


class EmbeddedFailed(Exception):
    """A server could not be started; the text is one sentence for people."""


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
