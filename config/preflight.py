"""What is looked at before anything is started. Each fault is one sentence that says what to do."""

import errno
import importlib
import os
import secrets
import socket
from base64 import urlsafe_b64encode
from pathlib import Path

import psycopg
import redis
from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import make_conninfo

from config import env

CONNECT_SECONDS = 5


class NotReady(Exception):
    """Something is in the way of starting; the text is one sentence for people."""


def port_number() -> int:
    """PORT, by default 8000."""
    raw = os.environ.get("PORT", "").strip() or "8000"
    if not (raw.isascii() and raw.isdigit() and 1 <= int(raw) <= 65535):
        raise NotReady(f"PORT must be a number from 1 to 65535, not {raw!r}.")
    return int(raw)


def check_port_is_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
    except OSError as error:
        raise NotReady(port_fault(host, port, error)) from error


def port_fault(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65535 else 8000
        return f"Port {port} is taken: stop the program that uses it, or choose another with PORT={other} make run."
    if error.errno == errno.EACCES:
        return f"Port {port} may only be used by root: choose one above 1023 with PORT."
    return f"HOST={host} is not an address of this machine ({error.strerror})."


def secret_key(file: Path) -> str:
    """The key kept in `file`, made the first time; only its owner may read it."""
    key = _kept_in(file, secrets.token_urlsafe(50))
    if len(key) < 50:
        raise NotReady(f"{file} holds no usable key: delete it, and a new one is made (everyone signs in again).")
    return key


def field_key(file: Path) -> str:
    """The key for secrets of other systems kept in `file`, made the first time; only its owner may read it."""
    return _kept_in(file, urlsafe_b64encode(secrets.token_bytes(32)).decode())


def _kept_in(file: Path, new_key: str) -> str:
    try:
        with open(file, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as new:
            new.write(new_key)
    except FileExistsError:
        pass
    return file.read_text().strip()


def check_settings() -> None:
    """Read all settings once, to learn of a wrong one before anything runs."""
    try:
        importlib.import_module("config.settings")
    except ImproperlyConfigured as error:
        raise NotReady(str(error)) from error


def check_database() -> None:
    """DATABASE_URL leads to a Postgres that lets us in."""
    settings = env.database("DATABASE_URL")
    wanted = {
        "host": settings.get("HOST"),
        "port": settings.get("PORT"),
        "user": settings.get("USER"),
        "password": settings.get("PASSWORD"),
        "dbname": settings.get("NAME"),
        **env.options(settings),
    }
    given = {name: str(value) for name, value in wanted.items() if value not in ("", None)}
    try:
        psycopg.connect(make_conninfo(**(given | {"connect_timeout": str(CONNECT_SECONDS)}))).close()
    except psycopg.Error as error:
        raise NotReady(f"The database in DATABASE_URL cannot be reached: {one_line(error)}.") from error


def check_redis(address: str) -> None:
    """REDIS_URL leads to a Redis that answers."""
    try:
        with redis.Redis.from_url(
            address, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=CONNECT_SECONDS
        ) as it:
            it.ping()
    except (redis.RedisError, ValueError) as error:
        raise NotReady(f"The Redis in REDIS_URL cannot be reached: {one_line(error)}.") from error


def one_line(error: Exception) -> str:
    """The first line of an error's own words, as part of one sentence."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".?")
