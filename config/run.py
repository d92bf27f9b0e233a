"""`make run`: everything Debrief needs on one machine, under one supervisor.

Starts Postgres and Redis unless DATABASE_URL and REDIS_URL say where they are, brings the database up to date, and runs
web, worker and beat until Ctrl-C. What it keeps is in var/. Production runs the same programs apart: docs/install.md.

`python -m config.run env` prints the settings of the Debrief that runs here, for a shell that is to run manage.py or
pg_dump beside it.
"""

import contextlib
import hashlib
import http.client
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

from django.core.exceptions import ImproperlyConfigured

from config import env, preflight
from config.embedded import Postgres, Redis, postgres_programs
from config.machine import EmbeddedFailed, end, make_folder, only_one
from config.supervisor import Program, Supervisor

BASE_DIR = env.BASE_DIR
ANSWER_SECONDS = 60.0
PATIENCE = {"web": 6.0, "beat": 5.0, "worker": 15.0}
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody asked us to stop. Not an Exception: nothing may swallow it."""


class Failed(Exception):
    """Something we run failed; the text is for people."""


def say(text: str) -> None:
    print(text, flush=True)


# -- Stopping ----------------------------------------------------------------------------------------------------------


def listen_for_stop() -> None:
    """From now on Ctrl-C and kill raise Stopped, once: what follows is an orderly stop that is not cut short."""

    def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
        for each in STOP_SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    for each in STOP_SIGNALS:
        signal.signal(each, stop)


def hush() -> None:
    """The stop has begun: another Ctrl-C changes nothing."""
    for each in STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)


# -- Before the start --------------------------------------------------------------------------------------------------


class Place:
    """Where this machine's Debrief keeps things and listens: var/ unless RUN_DIR says otherwise."""

    def __init__(self) -> None:
        self.folder = BASE_DIR / (os.environ.get("RUN_DIR", "").strip() or "var")
        self.host = os.environ.get("HOST", "").strip() or "127.0.0.1"
        self.port = preflight.port_number()
        self.is_own_postgres = not os.environ.get("DATABASE_URL", "").strip()
        self.is_own_redis = not os.environ.get("REDIS_URL", "").strip()

    @property
    def address(self) -> str:
        return os.environ["BASE_URL"]


def default_environment(place: Place) -> None:
    """Fill in the settings that one machine without TLS needs; what is set already is kept."""
    shown = "localhost" if place.host in LOOPBACK else place.host
    defaults = {
        "HTTP_ONLY": "on",
        "BASE_URL": f"http://{shown}:{place.port}",
        "LOG_FORMAT": "text",
        "FILES_ROOT": str(place.folder / "files"),
        "STATIC_ROOT": str(place.folder / "static"),
    }
    if place.host not in LOOPBACK:
        defaults["ALLOWED_HOSTS"] = f"localhost,127.0.0.1,[::1],{place.host}"
    for name, value in defaults.items():
        if not os.environ.get(name, "").strip():
            os.environ[name] = value


def check(place: Place) -> None:
    """Find every fault that can be found before anything is started; each is an exception of one sentence."""
    if not os.environ.get("SECRET_KEY", "").strip():
        os.environ["SECRET_KEY"] = preflight.secret_key(place.folder / "secret-key")
    if not os.environ.get("FIELD_KEYS", "").strip():
        os.environ["FIELD_KEYS"] = preflight.field_key(place.folder / "field-key")
    if place.is_own_postgres:
        os.environ["DATABASE_URL"] = Postgres(place.folder).address
    if place.is_own_redis:
        os.environ["REDIS_URL"] = Redis(place.folder).address
    preflight.check_settings()
    is_wanting_samples(place)
    make_folder(BASE_DIR / os.environ["FILES_ROOT"])
    preflight.check_port_is_free(place.host, place.port)
    if not place.is_own_postgres:
        preflight.check_database()
    if not place.is_own_redis:
        preflight.check_redis(os.environ["REDIS_URL"])


# -- Preparing ---------------------------------------------------------------------------------------------------------


def manage(*arguments: str) -> str:
    """Run one management command to its end and return what it printed; Failed with its output when it fails."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output = process.communicate()[0].decode(errors="replace").strip()
    except BaseException:
        end(process, signal.SIGTERM)
        raise
    if process.returncode:
        raise Failed(f"{output}\n`manage.py {arguments[0]}` failed; the lines above say why.")
    return output


def static_fingerprint() -> str:
    """Changes when a static file of ours or an installed package does."""
    files = sorted(path for path in (BASE_DIR / "static").rglob("*") if path.is_file())
    facts = [f"{path}:{path.stat().st_mtime_ns}:{path.stat().st_size}" for path in files]
    facts += [path.read_text() for path in sorted((BASE_DIR / ".venv").glob("installed-*.txt"))]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()


def collect_static(place: Place) -> None:
    """Gather the static files, unless nothing changed since the last time."""
    stamp, now = place.folder / "static.stamp", static_fingerprint()
    if stamp.exists() and stamp.read_text() == now and Path(os.environ["STATIC_ROOT"]).exists():
        return
    say("Collecting static files…")
    manage("collectstatic", "--noinput")
    stamp.write_text(now)


def is_wanting_samples(place: Place) -> bool:
    """Samples come with known passwords: into a database of one's own they are loaded only when asked for."""
    return env.boolean("SAMPLES", default=place.is_own_postgres)


def load_samples(place: Place, *, is_new: bool) -> str:
    """Load the sample organisation once; what the command printed, which names the sign-ins."""
    kept = place.folder / "samples.txt"
    if is_new:
        kept.unlink(missing_ok=True)
    if not is_wanting_samples(place) or "load_samples" not in manage("help", "--commands").split():
        return ""
    if not kept.exists():
        say("Loading the sample organisation…")
        kept.write_text(loaded_samples())
    return kept.read_text()


def loaded_samples() -> str:
    """What the command printed; nothing where it found other people, as after a backup was restored."""
    try:
        return manage("load_samples")
    except Failed as refused:
        if "--among-others" not in str(refused):
            raise
        say("Not loaded: other people use this Debrief.")
        return ""


# -- Running -----------------------------------------------------------------------------------------------------------


def commands(place: Place) -> dict[str, list[str]]:
    """The programs in the order they start; they stop in the opposite one."""
    python = [sys.executable, "-W", "ignore:You're running the worker with superuser privileges", "-m"]
    level = os.environ.get("LOG_LEVEL", "").strip() or "info"
    celery = [*python, "celery", "--quiet", "-A", "config.celery"]
    quiet = ["--no-access-log", "--log-level=warning"]
    web = [*python, "uvicorn", "config.asgi:application", "--host", place.host, "--port", str(place.port)]
    return {
        "worker": [*celery, "worker", "-l", level, "--concurrency=2", "--without-gossip", "--without-mingle"],
        "beat": [*celery, "beat", "-l", level, "--schedule", str(place.folder / "beat"), "--pidfile="],
        "web": [
            *web,
            *quiet,
            "--lifespan=on",
            "--ws=websockets-sansio",
            "--ws-per-message-deflate=false",
            "--timeout-graceful-shutdown=3",
        ],
    }


def is_answering(place: Place) -> bool:
    """Whether the web process answers at all; /readyz says more."""
    host = "127.0.0.1" if place.host == "0.0.0.0" else place.host  # noqa: S104 - the name of "every address"
    connection = http.client.HTTPConnection(host, place.port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    else:
        return True
    finally:
        connection.close()


def watch(supervisor: Supervisor, servers: list[Postgres | Redis], on_answer: Callable[[], None], place: Place) -> None:
    """Pass on what the programs say until one ends by itself, which raises Failed."""
    announced, deadline = False, time.monotonic() + ANSWER_SECONDS
    while True:
        supervisor.pump()
        check_alive(supervisor, servers)
        if not announced and is_answering(place):
            announced = True
            on_answer()
        if not announced and time.monotonic() > deadline:
            raise Failed(f"The web process does not answer on {place.host}:{place.port} after {ANSWER_SECONDS:.0f} s.")


def check_alive(supervisor: Supervisor, servers: list[Postgres | Redis]) -> None:
    ended: Program | None = supervisor.ended()
    if ended:
        supervisor.pump(0)
        raise Failed(f"{ended.name} stopped by itself ({ending(ended.process)}); everything is stopped.")
    for server in servers:
        if server.process and server.process.poll() is not None:
            raise Failed(
                f"{server.name} stopped by itself ({ending(server.process)}, see {server.log}); everything is stopped."
            )


def ending(process: subprocess.Popen[bytes]) -> str:
    code = process.returncode
    return f"signal {-code}" if code < 0 else f"exit code {code}"


SHARED = (
    "SECRET_KEY",
    "FIELD_KEYS",
    "DATABASE_URL",
    "REDIS_URL",
    "HTTP_ONLY",
    "BASE_URL",
    "ALLOWED_HOSTS",
    "LOG_FORMAT",
)
SHARED_FOLDERS = ("FILES_ROOT", "STATIC_ROOT")


def write_environment(file: Path) -> None:
    """Note the settings in use as shell lines, for `env`; closed to others, for there are secrets among them."""
    settings = {name: os.environ[name] for name in (*SHARED, *SHARED_FOLDERS) if name in os.environ}
    path = os.pathsep.join([str(postgres_programs()), str(Path(sys.executable).parent), "$PATH"])
    lines = [f"export {name}={shlex.quote(value)}" for name, value in settings.items()] + [f'export PATH="{path}"']
    file.unlink(missing_ok=True)
    with open(file, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as new:
        new.write("\n".join(lines) + "\n")


def print_environment() -> int:
    file = Place().folder / "environment"
    if not file.exists():
        print("Debrief does not run here: start it with `make run` first.", file=sys.stderr)
        return 1
    say(file.read_text().rstrip())
    return 0


def announcement(place: Place, samples: str, seconds: float) -> str:
    own = [name for name, is_own in (("Postgres", place.is_own_postgres), ("Redis", place.is_own_redis)) if is_own]
    lines = ["", f"  Debrief is at {place.address} (ready in {seconds:.0f} s)", ""]
    lines += [f"  {line}" for line in samples.splitlines()]
    lines += [
        "",
        f"  Started here: {', '.join([*own, 'web', 'worker', 'beat'])}. Data and logs are in {place.folder}.",
        "  This is for one machine; for production use docker compose (docs/install.md).",
        "  Ctrl-C stops everything that was started here.",
        "",
    ]
    return "\n".join(lines)


def run(place: Place, stack: contextlib.ExitStack, began: float) -> None:
    """Start in order, registering with `stack` how each is stopped, then watch; ends only by an exception."""
    servers: list[Postgres | Redis] = []
    is_new = False
    if place.is_own_postgres:
        say("Starting Postgres…")
        postgres = Postgres(place.folder)
        stack.callback(postgres.stop)
        postgres.start()
        is_new = postgres.is_new
        servers.append(postgres)
        os.environ["DATABASE_URL"] = postgres.address
    if place.is_own_redis:
        say("Starting Redis…")
        cache = Redis(place.folder)
        stack.callback(cache.stop)
        cache.start()
        servers.append(cache)
        os.environ["REDIS_URL"] = cache.address
    stack.callback((place.folder / "environment").unlink, missing_ok=True)
    write_environment(place.folder / "environment")
    collect_static(place)
    say("Bringing the database up to date…")
    manage("migrate", "--noinput")
    samples = load_samples(place, is_new=is_new)
    supervisor = Supervisor()
    for name, command in commands(place).items():
        program = supervisor.start(name, command, cwd=BASE_DIR, env=dict(os.environ))
        stack.callback(supervisor.stop, program, patience=PATIENCE[name])
    watch(supervisor, servers, lambda: say(announcement(place, samples, time.monotonic() - began)), place)


def main() -> int:
    """The exit status: 0 after Ctrl-C, 1 after a fault, which has then been said in one sentence."""
    began = time.monotonic()
    listen_for_stop()
    try:
        place = Place()
        default_environment(place)
        make_folder(place.folder)
        with only_one(place.folder, what="Debrief"):
            check(place)
            with contextlib.ExitStack() as stack:
                stack.callback(say, "Stopped.")
                try:
                    run(place, stack, began)
                finally:
                    hush()
                    say("\nStopping…")
    except Stopped:
        return 0
    except (preflight.NotReady, EmbeddedFailed, Failed, ImproperlyConfigured) as fault:
        print(fault, file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(print_environment() if sys.argv[1:] == ["env"] else main())
