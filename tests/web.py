"""Debrief in a process of its own, over the test's database, which can be killed like one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Until something answers there. Raises `TimeoutError`."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"Nothing answers on port {port}.")


def web_command(port: int) -> list[str]:
    """Serves pages and live text, as `make run` does."""
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", f"--port={port}"]
    return [
        *command,
        "--lifespan=on",
        "--ws=websockets-sansio",
        "--ws-per-message-deflate=false",
        "--no-access-log",
        "--log-level=warning",
        "--timeout-graceful-shutdown=3",  # a page that asks over plain HTTP may be waiting for news just then
    ]


class Web:
    """Debrief in a process of its own, which can be killed like one. `environment`: other servers than the test's."""

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        self.environment = environment or shared_environment()
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(web_command(self.port), cwd=settings.BASE_DIR, env=self.environment)
        wait_for(self.port)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(20)


def shared_environment() -> dict[str, str]:
    """The environment of a process that shares the servers of this test."""
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    return {**os.environ, "DATABASE_URL": url, "REDIS_URL": settings.REDIS_URL, "LOG_LEVEL": "warning"}
