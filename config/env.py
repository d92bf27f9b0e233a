"""Settings from the environment, each read once, each fault one sentence.

Every name is documented in docs/configure.md. Nothing here has a default that would be unsafe in production.
"""

import binascii
from base64 import urlsafe_b64decode
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()


def boolean(name: str, *, default: bool = False) -> bool:
    """A switch: 1/0, true/false, yes/no, on/off."""
    raw = env.str(name, default="").strip().lower()
    if not raw:
        return default
    if raw in {"1", "true", "yes", "on"}:
        return True
    if raw in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be on or off, not {raw!r}.")


def number(name: str, *, default: int, least: int = 0) -> int:
    """A whole number, not below `least`."""
    raw = env.str(name, default="").strip()
    if not raw:
        return default
    if not raw.isascii() or not raw.isdigit() or int(raw) < least:
        raise ImproperlyConfigured(f"{name} must be a whole number of at least {least}, not {raw!r}.")
    return int(raw)


def text(name: str, *, default: str = "") -> str:
    """A text; set but empty counts as not set, which is what an empty line in a .env file means."""
    return str(env.str(name, default="")).strip() or default


def choice(name: str, *, default: str, among: list[str]) -> str:
    """One of the words in `among`, whatever its case."""
    raw = text(name, default=default)
    if raw.lower() not in among:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(among)}, not {raw!r}.")
    return raw.lower()


def words(name: str) -> list[str]:
    """A list separated by commas; empty parts are dropped."""
    return [part.strip() for part in env.str(name, default="").split(",") if part.strip()]


def is_address(raw: str, schemes: set[str]) -> bool:
    """Whether `raw` can be read as a URL with one of `schemes` and, where it has a port, a number for it."""
    try:
        parts = urlsplit(raw)
        return parts.scheme in schemes and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def address(name: str, *, default: str, schemes: set[str]) -> str:
    """A URL whose scheme is one of `schemes`."""
    raw = text(name, default=default)
    if not is_address(raw, schemes):
        wanted = " or ".join(f"{scheme}://…" for scheme in sorted(schemes))
        raise ImproperlyConfigured(f"{name} must be an address like {wanted}.")
    return raw


def secret_key(*, debug: bool) -> str:
    """The signing key. There is no usable default: a guessable key would let anyone sign in as anyone."""
    key = text("SECRET_KEY")
    if not key:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. Make one with: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(50))' and keep it secret."
        )
    if not debug and len(key) < 50:
        raise ImproperlyConfigured("SECRET_KEY must be at least 50 characters long.")
    return key


FIELD_KEYS_HINT = (
    "FIELD_KEYS is not set, so no secret can be kept. Make a key with: "
    "python3 -c 'import base64, secrets; print(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())'"
)


def field_keys() -> list[str]:
    """The keys that secrets of other systems are encrypted with, the newest first; without any, none can be kept."""
    keys = words("FIELD_KEYS")
    for key in keys:
        try:
            is_key = len(urlsafe_b64decode(key)) == 32
        except (binascii.Error, ValueError):
            is_key = False
        if not is_key:
            raise ImproperlyConfigured("Each of FIELD_KEYS must be 32 bytes in URL-safe base64; one is not.")
    return keys


def database(name: str) -> dict[str, object]:
    """Django's database settings from a postgres:// address."""
    raw = text(name)
    if not raw:
        raise ImproperlyConfigured(f"{name} is not set. Give a Postgres address, or start with `make run`.")
    if not is_address(raw, {"postgres", "postgresql"}):
        raise ImproperlyConfigured(f"{name} must be an address like postgres://user@host/name.")
    parsed: dict[str, object] = dict(env.db_url_config(raw))
    return parsed


def mail(name: str, *, default: str) -> dict[str, object]:
    """Django's mail settings from an address such as smtp+tls://user:password@host:587."""
    try:
        parsed: dict[str, object] = dict(env.email_url_config(text(name, default=default)))
    except (ImproperlyConfigured, ValueError) as error:
        raise ImproperlyConfigured(f"{name} must be an address like smtp+tls://user:password@host:587.") from error
    return parsed


def options(database: dict[str, object]) -> dict[str, object]:
    """The driver's options among Django's database settings: what followed the `?` of the address."""
    given = database.get("OPTIONS", {})
    return dict(given) if isinstance(given, dict) else {}


def broker(redis_url: str) -> str:
    """Celery's words for a Redis address: it names Unix sockets and the number of the database in its own way."""
    if not redis_url.startswith("unix://"):
        return redis_url
    parts = urlsplit(redis_url)
    number = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.path}?virtual_host={number}"
