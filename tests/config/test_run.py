"""`make run` as a person meets it: started for real, stopped, killed, and told wrong things."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pytest

from config import preflight
from config.embedded import postgres_address
from config.env import BASE_DIR
from config.supervisor import prefixed

UNREACHABLE = (
    "The database in DATABASE_URL cannot be reached: connection failed: "
    'connection to server at "127.0.0.1", port 1 failed: Connection refused.'
)


PASSWORD = "a pass phrase for this test"


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


@dataclass
class Machine:
    """A folder and a port where Debrief is started as `make run` starts it, without the samples."""

    folder: Path
    port: int

    def environment(self, **settings: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return kept | {"RUN_DIR": str(self.folder), "PORT": str(self.port), "SAMPLES": "off"} | settings

    def start(self, **settings: str) -> "subprocess.Popen[str]":
        """Start and wait until it says that it answers."""
        process = subprocess.Popen(
            [sys.executable, "-m", "config.run"],
            cwd=BASE_DIR,
            env=self.environment(**settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C stops everything" in line:
                return process
        raise AssertionError("It did not start:\n" + "".join(said))

    def fault(self, **settings: str) -> tuple[int, str, str]:
        """Exit status, output and error of a start that is to fail before anything runs."""
        done = subprocess.run(
            [sys.executable, "-m", "config.run"],
            cwd=BASE_DIR,
            env=self.environment(**settings),
            capture_output=True,
            text=True,
            timeout=25,
        )
        return done.returncode, done.stdout, done.stderr

    def database(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(postgres_address(self.folder / "postgres"), autocommit=True)


@pytest.fixture
def new_machine() -> Iterator[Machine]:
    """One on which Debrief never ran."""
    folder = Path(tempfile.mkdtemp(prefix="dbf-"))
    yield Machine(folder, free_port())
    shutil.rmtree(folder)


@dataclass(frozen=True)
class FirstRun:
    """The first run on a machine, from its start to Ctrl-C, and the folder it left behind."""

    folder: Path
    ready: int
    """What its `/readyz` answered."""
    code: int
    said: str
    survivors: list[psutil.Process]


@pytest.fixture(scope="module")
def first_run() -> Iterator[FirstRun]:
    folder = Path(tempfile.mkdtemp(prefix="dbf-"))
    machine = Machine(folder, free_port())
    process = machine.start()
    with urllib.request.urlopen(f"http://127.0.0.1:{machine.port}/readyz", timeout=10) as response:
        ready = response.status
    started = family(process)
    code, said = ask_to_stop(process)
    yield FirstRun(folder, ready, code, said, survivors(started))
    shutil.rmtree(folder)


@pytest.fixture
def machine(new_machine: Machine, first_run: FirstRun) -> Machine:
    """One on which Debrief ran before: starting is quick there."""
    subprocess.run(["cp", "-a", f"{first_run.folder}/.", new_machine.folder], check=True)  # with whose each file is
    return new_machine


def family(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """The supervisor's children and theirs."""
    found: list[psutil.Process] = psutil.Process(process.pid).children(recursive=True)
    return found


def survivors(processes: list[psutil.Process]) -> list[psutil.Process]:
    alive: list[psutil.Process] = psutil.wait_procs(processes, timeout=15)[1]
    return alive


def ask_to_stop(process: "subprocess.Popen[str]", number: int = signal.SIGINT) -> tuple[int, str]:
    """Exit status and last words after Ctrl-C."""
    process.send_signal(number)
    said = process.communicate(timeout=30)[0]
    return process.returncode, said


def test_run_answers_and_ctrl_c_leaves_nothing(first_run: FirstRun) -> None:
    assert (first_run.ready, first_run.code, first_run.survivors) == (200, 0, [])
    assert first_run.said.splitlines()[-1] == "Stopped."
    assert "Traceback" not in first_run.said


def test_second_run_in_the_same_folder_is_refused(machine: Machine) -> None:
    process = machine.start()
    try:
        outcome = machine.fault(PORT=str(free_port()))
    finally:
        ask_to_stop(process)
    assert outcome == (1, "", f"Debrief is already running in {machine.folder} (process {process.pid}).\n")


def test_data_survive_a_kill_of_everything(machine: Machine) -> None:
    process = machine.start()
    with machine.database() as database:
        database.execute("create table kept as select 42 as answer")
    for each in [*family(process), psutil.Process(process.pid)]:
        each.kill()
    process.communicate(timeout=30)
    again = machine.start()
    try:
        with machine.database() as database:
            assert database.execute("select answer from kept").fetchone() == (42,)
    finally:
        ask_to_stop(again, signal.SIGTERM)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_supervisor_killed_takes_its_children_along(machine: Machine) -> None:
    process = machine.start()
    started = family(process)
    process.kill()
    process.communicate(timeout=30)
    assert survivors(started) == []


def test_child_that_dies_is_named_and_everything_stops(machine: Machine) -> None:
    process = machine.start()
    started = family(process)
    beat = next(each for each in started if "beat" in each.cmdline())
    beat.kill()
    said = process.communicate(timeout=30)[0]
    sentence = "beat stopped by itself (signal 9); everything is stopped."
    assert (process.returncode, survivors(started), sentence in said.splitlines()) == (1, [], True)


def test_env_lets_a_shell_work_on_the_running_database(machine: Machine) -> None:
    process = machine.start()
    try:
        shell = f'eval "$({sys.executable} -m config.run env)" && psql -XAt "$DATABASE_URL" -c "select 6 * 7"'
        done = subprocess.run(
            ["sh", "-c", shell], cwd=BASE_DIR, env=machine.environment(), capture_output=True, text=True, timeout=25
        )
    finally:
        ask_to_stop(process)
    assert (done.stdout, (machine.folder / "environment").exists()) == ("42\n", False)


def test_samples_do_not_come_between_people_who_are_here_already(machine: Machine) -> None:
    process = machine.start()
    shell = f'eval "$({sys.executable} -m config.run env)" && echo "{PASSWORD}" | '
    shell += f"{sys.executable} manage.py create_administrator ada@example.org --password-stdin"
    try:
        subprocess.run(["sh", "-c", shell], cwd=BASE_DIR, env=machine.environment(), check=True, timeout=25)
    finally:
        ask_to_stop(process)
    process = machine.start(SAMPLES="on")
    try:
        with machine.database() as database:
            people = database.execute("SELECT email FROM accounts_user").fetchall()
    finally:
        ask_to_stop(process)
    assert people == [("ada@example.org",)]


def test_env_without_a_running_debrief_is_one_sentence(new_machine: Machine) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "config.run", "env"],
        cwd=BASE_DIR,
        env=new_machine.environment(),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (1, "Debrief does not run here: start it with `make run` first.\n")


def test_taken_port_is_one_sentence(new_machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", new_machine.port)):
        outcome = new_machine.fault()
    sentence = (
        f"Port {new_machine.port} is taken: stop the program that uses it, "
        f"or choose another with PORT={new_machine.port + 1} make run.\n"
    )
    assert outcome == (1, "", sentence)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"RUN_DIR": "/proc/debrief"},
            "The folder /proc/debrief cannot be written to: No such file or directory.",
        ),
        (
            {"DATABASE_URL": "postgres://debrief@127.0.0.1:1/debrief"},
            UNREACHABLE,
        ),
        (
            {"REDIS_URL": "redis://127.0.0.1:1/0"},
            "The Redis in REDIS_URL cannot be reached: Error 111 connecting to 127.0.0.1:1. Connection refused.",
        ),
        ({"HTTP_ONLY": "maybe"}, "HTTP_ONLY must be on or off, not 'maybe'."),
        ({"SECRET_KEY": "short"}, "SECRET_KEY must be at least 50 characters long."),
        ({"PORT": "80000"}, "PORT must be a number from 1 to 65535, not '80000'."),
        ({"SAMPLES": "some"}, "SAMPLES must be on or off, not 'some'."),
    ],
)
def test_wrong_setting_is_one_sentence_before_anything_starts(
    new_machine: Machine, settings: dict[str, str], sentence: str
) -> None:
    assert new_machine.fault(**settings) == (1, "", sentence + "\n")


def test_secret_key_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    file = tmp_path / "secret-key"
    first = preflight.secret_key(file)
    assert (preflight.secret_key(file), len(first) >= 50, file.stat().st_mode & 0o777) == (first, True, 0o600)


def test_line_is_coloured_for_a_terminal_only() -> None:
    assert (prefixed("web", "hello", colour=False), prefixed("web", "hello", colour=True)) == (
        "web    | hello",
        "\033[36mweb    |\033[0m hello",
    )
