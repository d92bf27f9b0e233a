"""The embedded servers: started, crashed, started again."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from config import embedded, machine


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="dbf-"))
    yield made
    shutil.rmtree(made)


def ask(address: str, query: str) -> object:
    with psycopg.connect(address, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def test_services_hold_a_utf8_database_of_the_products_name(folder: Path) -> None:
    with embedded.services(folder, durable=False) as addresses:
        assert ask(addresses.database_url, "select current_database() || pg_client_encoding()") == "debriefUTF8"


def test_services_work_under_a_path_too_long_for_sockets(folder: Path) -> None:
    deep = folder.joinpath(*["a-rather-long-folder-name"] * 6)
    with embedded.services(deep, durable=False) as addresses, redis.Redis.from_url(addresses.redis_url) as client:
        found = (ask(addresses.database_url, "select 1"), client.ping())
        sockets = Path(addresses.redis_url.removeprefix("unix://").partition("?")[0]).parent
    assert (found, sockets.exists()) == ((1, True), False)


def test_services_leave_no_process(folder: Path) -> None:
    before = set(psutil.Process().children(recursive=True))
    with embedded.services(folder, durable=False):
        started = set(psutil.Process().children(recursive=True)) - before
    assert (len(started) > 2, [process for process in started if process.is_running()]) == (True, [])


def test_services_are_closed_to_other_users(folder: Path) -> None:
    with embedded.services(folder, durable=False):
        modes = [stat.S_IMODE((folder / name).stat().st_mode) for name in ("postgres", "redis")]
    assert modes == [0o700, 0o700]


def test_second_owner_of_a_folder_is_told_who_the_first_is(folder: Path) -> None:
    with (
        embedded.services(folder, durable=False),
        pytest.raises(machine.EmbeddedFailed) as caught,
        embedded.services(folder),
    ):
        pass
    assert str(caught.value) == f"An embedded Postgres is already running in {folder} (process {os.getpid()})."


def test_postgres_killed_keeps_what_was_committed(folder: Path) -> None:
    first, second = embedded.Postgres(folder), embedded.Postgres(folder)
    first.start()
    try:
        with psycopg.connect(first.address) as connection:
            connection.execute("create table kept as select 42 as answer")
    finally:
        assert first.process is not None
        first.process.kill()
        first.process.wait()
    second.start()
    try:
        assert ask(second.address, "select answer from kept") == 42
    finally:
        second.stop()


@pytest.mark.parametrize("kind", [embedded.Postgres, embedded.Redis])
def test_server_that_outlived_its_supervisor_is_replaced(
    folder: Path, kind: type[embedded.Postgres | embedded.Redis]
) -> None:
    forgotten, next_one = kind(folder), kind(folder)
    forgotten.start()
    try:
        next_one.start()
        assert forgotten.process is not None
        assert forgotten.process.wait(5) == 0
    finally:
        next_one.stop()


def test_process_id_noted_by_a_dead_server_and_now_a_strangers_does_no_harm(folder: Path) -> None:
    with embedded.services(folder, durable=False):
        pass
    note = folder / "postgres" / "postmaster.pid"
    note.write_text(f"{os.getpid()}\n{folder}/postgres\n0\n5432\n{folder}/postgres\n\n0 0\nready\n")
    with embedded.services(folder, durable=False) as addresses:
        assert ask(addresses.database_url, "select 1") == 1


def test_data_of_another_postgres_version_are_not_touched(folder: Path) -> None:
    data = folder / "postgres"
    data.mkdir()
    (data / "PG_VERSION").write_text("16\n")
    with pytest.raises(machine.EmbeddedFailed, match="was written by Postgres 16, and this is Postgres 18"):
        embedded.Postgres(folder).start()


def test_interrupted_first_start_is_begun_again(folder: Path) -> None:
    (folder / "postgres").mkdir()
    (folder / "postgres" / "half").touch()
    with embedded.services(folder, durable=False) as addresses:
        assert ask(addresses.database_url, "select 1") == 1


def test_folder_that_cannot_be_written_is_one_sentence() -> None:
    with pytest.raises(machine.EmbeddedFailed) as caught:
        machine.make_folder(Path("/proc/debrief"))
    assert str(caught.value) == "The folder /proc/debrief cannot be written to: No such file or directory."
