"""Several programs as one: their lines in one stream, one stop for all.

Single-threaded on purpose: a thread that dies quietly, or a pipe that nobody empties, is how supervisors hang.
"""

import os
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from config.machine import die_with_parent

TICK_SECONDS = 0.2
COLOURS = {"web": 36, "worker": 35, "beat": 33}
PREFIX_WIDTH = 7


def prefixed(name: str, line: str, *, colour: bool) -> str:
    """One line of a program's output with its name in front, coloured for a terminal."""
    label = f"{name:<{PREFIX_WIDTH}}|"
    if colour:
        label = f"\033[{COLOURS.get(name, 37)}m{label}\033[0m"
    return f"{label} {line}"


def is_coloured(stream: IO[str]) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR")


@dataclass
class Program:
    """A child of ours and the part of its last line that has not ended yet."""

    name: str
    process: subprocess.Popen[bytes]
    unfinished: bytes = b""

    def take(self, data: bytes) -> list[str]:
        """The lines that `data` completes, without the empty ones."""
        *lines, self.unfinished = (self.unfinished + data).split(b"\n")
        return [line.decode(errors="replace").rstrip() for line in lines if line.strip()]


@dataclass
class Supervisor:
    """Runs programs and passes on what they say."""

    out: IO[str] = field(default_factory=lambda: sys.stdout)
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    programs: list[Program] = field(default_factory=list)

    def start(self, name: str, command: list[str], *, cwd: Path, env: dict[str, str]) -> Program:
        """Start a program in its own session, so that Ctrl-C reaches it only through us and in order."""
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        program = Program(name, process)
        assert process.stdout is not None  # noqa: S101 - asked for above
        os.set_blocking(process.stdout.fileno(), False)
        self.selector.register(process.stdout, selectors.EVENT_READ, program)
        self.programs.append(program)
        return program

    def pump(self, seconds: float = TICK_SECONDS) -> None:
        """Pass on what the programs have said, waiting at most `seconds` for the first of it."""
        if not self.selector.get_map():
            time.sleep(seconds)
            return
        for key, _events in self.selector.select(seconds):
            program: Program = key.data
            data = os.read(key.fd, 65536)
            if not data:
                self.selector.unregister(key.fileobj)
            for line in program.take(data):
                self.say(program.name, line)

    def say(self, name: str, line: str) -> None:
        self.out.write(prefixed(name, line, colour=is_coloured(self.out)) + "\n")
        self.out.flush()

    def ended(self) -> Program | None:
        """A program that stopped by itself, if one has."""
        return next((program for program in self.programs if program.process.poll() is not None), None)

    def stop(self, program: Program, *, patience: float) -> None:
        """Ask a program to stop; after `patience` seconds end it and whatever it left in its session."""
        if program.process.poll() is None:
            program.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + patience
        while program.process.poll() is None and time.monotonic() < deadline:
            self.pump(0.05)
        end_session(program.process.pid)
        program.process.wait()
        self.pump(0)
        if program in self.programs:
            self.programs.remove(program)


def end_session(leader: int) -> None:
    """Kill what is left of a program and its children."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # PermissionError is what macOS answers for a group of which only the dead are left.
        return
