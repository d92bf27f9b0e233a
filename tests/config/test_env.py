"""Settings from the environment: what is understood, and the one sentence about what is not."""

from collections.abc import Callable

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env


def test_boolean_understands_words(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for raw in ("on", "TRUE", "1", "yes", "off", "False", "0", "no", " "):
        monkeypatch.setenv("SWITCH", raw)
        found.append(env.boolean("SWITCH", default=False))
    assert found == [True] * 4 + [False] * 5


@pytest.mark.parametrize(
    ("name", "raw", "read", "sentence"),
    [
        ("SWITCH", "maybe", env.boolean, "SWITCH must be on or off, not 'maybe'."),
        (
            "COUNT",
            "-1",
            lambda name: env.number(name, default=3),
            "COUNT must be a whole number of at least 0, not '-1'.",
        ),
        (
            "COUNT",
            "²",
            lambda name: env.number(name, default=3),
            "COUNT must be a whole number of at least 0, not '²'.",
        ),
        (
            "LEVEL",
            "loud",
            lambda name: env.choice(name, default="info", among=["info", "error"]),
            "LEVEL must be one of info, error, not 'loud'.",
        ),
        (
            "PLACE",
            "ftp://x",
            lambda name: env.address(name, default="", schemes={"https", "http"}),
            "PLACE must be an address like http://… or https://….",
        ),
        (
            "PLACE",
            "https://x:port",
            lambda name: env.address(name, default="", schemes={"https"}),
            "PLACE must be an address like https://….",
        ),
        ("DB", "mysql://x", env.database, "DB must be an address like postgres://user@host/name."),
        ("DB", "postgres://u@[::1/x", env.database, "DB must be an address like postgres://user@host/name."),
        ("DB", "", env.database, "DB is not set. Give a Postgres address, or start with `make run`."),
        (
            "MAIL",
            "smtp://host:port",
            lambda name: env.mail(name, default=""),
            "MAIL must be an address like smtp+tls://user:password@host:587.",
        ),
    ],
)
def test_fault_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, raw: str, read: Callable[[str], object], sentence: str
) -> None:
    monkeypatch.setenv(name, raw)
    with pytest.raises(ImproperlyConfigured) as caught:
        read(name)
    assert str(caught.value) == sentence


def test_secret_key_short_is_refused_unless_debugging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "short")
    assert env.secret_key(debug=True) == "short"
    with pytest.raises(ImproperlyConfigured, match=r"^SECRET_KEY must be at least 50 characters long\.$"):
        env.secret_key(debug=False)


def test_secret_key_has_no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY")
    with pytest.raises(ImproperlyConfigured, match=r"^SECRET_KEY is not set\."):
        env.secret_key(debug=True)


def test_database_keeps_socket_folder_and_driver_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB", "postgres://debrief@/debrief?host=/run/sockets&sslmode=require")
    assert env.options(env.database("DB")) == {"host": "/run/sockets", "sslmode": "require"}


def test_broker_names_the_socket_and_number_in_celerys_words() -> None:
    assert env.broker("unix:///run/redis.sock?db=3") == "redis+socket:///run/redis.sock?virtual_host=3"


def test_broker_keeps_a_network_address() -> None:
    assert env.broker("rediss://redis.example.org:6380/1") == "rediss://redis.example.org:6380/1"


def test_setting_that_is_empty_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL", " ")
    assert (env.text("MAIL", default="x"), env.mail("MAIL", default="dummymail://")["EMAIL_BACKEND"]) == (
        "x",
        "django.core.mail.backends.dummy.EmailBackend",
    )
