"""`make bench-export`: how long everything takes out and in again, and whether memory stays flat as it grows.

Nothing here passes or fails by time: machines differ. Memory is the most that each command's process ever had.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import psycopg

from config.embedded import services
from config.env import BASE_DIR

SIZES = [int(each) for each in os.environ.get("BENCH_POSTMORTEMS", "1000,10000").split(",")]
FILL = (
    "import django; django.setup(); from tests.bench.data import Size, fill, index_all; "
    "fill(Size(postmortems={size}, people=500)); index_all()"
)


class Debrief:
    """A database and a folder of files."""

    def __init__(self, server: str, folder: Path, name: str) -> None:
        url = urlsplit(server)
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # a name of our own
        self.environment = {
            **os.environ,
            "DATABASE_URL": url._replace(path=f"/{name}").geturl(),
            "FILES_ROOT": str(folder / name),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "SECRET_KEY": "only-for-measuring-and-of-no-worth-to-anyone-0123456789",
            "LOG_FORMAT": "text",
        }
        self.run("manage.py", "migrate", "--verbosity=0")

    def run(self, *command: str) -> tuple[float, int]:
        """Seconds, and megabytes of memory at most."""
        begun = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=BASE_DIR,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        _, status, used = os.wait4(process.pid, 0)
        assert process.stderr
        assert status == 0, process.stderr.read().decode()
        return time.monotonic() - begun, used.ru_maxrss // 1024


def main() -> None:
    with TemporaryDirectory(prefix="debrief-bench-") as made, services(Path(made)) as addresses:
        os.environ["REDIS_URL"] = addresses.redis_url
        print(f"{'post-mortems':>12}{'lines':>12}{'archive':>10}{'out':>9}{'':>9}{'in':>9}{'':>9}  equal")
        for size in SIZES:
            measure(addresses.database_url, Path(made), size)


def measure(server: str, folder: Path, size: int) -> None:
    """Print one row of the table."""
    first, second = Debrief(server, folder, f"first_{size}"), Debrief(server, folder, f"second_{size}")
    first.run("-c", FILL.format(size=size))
    archive, again = folder / f"{size}.zip", folder / f"{size}-again.zip"
    out, out_memory = first.run("manage.py", "export_organisation", str(archive))
    into, in_memory = second.run("manage.py", "import_organisation", str(archive))
    second.run("manage.py", "export_organisation", str(again))
    megabytes, lines = archive.stat().st_size / 1e6, count_lines(archive)
    is_equal = sums(archive) == sums(again)
    sizes = f"{size:>12,}{lines:>12,}{megabytes:>7.1f} MB"
    print(f"{sizes}{out:>7.1f} s{out_memory:>6} MB{into:>7.1f} s{in_memory:>6} MB  {is_equal}", flush=True)


def count_lines(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        return sum(archive.read(name).count(b"\n") for name in archive.namelist() if name != "manifest.json")


def sums(path: Path) -> dict[str, int]:
    with zipfile.ZipFile(path) as archive:
        return {each.filename: each.CRC for each in archive.infolist() if each.filename != "manifest.json"}


if __name__ == "__main__":
    main()
