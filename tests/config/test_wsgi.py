"""The entry for pages, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

from django.conf import settings

from tests.web import shared_environment

ASK = "import config.wsgi, gc; print(gc.get_freeze_count(), len(gc.get_objects()))"


def test_no_page_waits_while_everything_that_was_loaded_is_looked_through() -> None:
    said = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=settings.BASE_DIR,
        env=shared_environment(),
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    frozen, looked_through = map(int, said.split())
    assert frozen > 100_000
    assert looked_through < 5_000
