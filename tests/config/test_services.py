"""The servers and the guard that every other test stands on."""

import socket

import psycopg
import pytest
from django.core.cache import cache
from django.db import connection

from tests.conftest import NetworkBlocked


@pytest.mark.django_db
def test_database_is_a_real_postgres() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select current_setting('server_version_num')::int >= 150000, current_setting('server_encoding')"
        )
        assert cursor.fetchone() == (True, "UTF8")


def test_cache_is_a_real_redis() -> None:
    cache.set("tests:services", "kept")
    assert cache.get("tests:services") == "kept"


def test_network_beyond_this_machine_is_blocked() -> None:
    with socket.socket() as client, pytest.raises(NetworkBlocked):
        client.connect(("192.0.2.1", 80))


def test_network_of_this_machine_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()


def test_psycopg_is_not_the_pure_python_one() -> None:
    assert psycopg.pq.__impl__ == "binary"
