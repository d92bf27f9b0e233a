"""`manage.py import_organisation FILE`: fill an empty Debrief with an archive."""

from __future__ import annotations

import shutil
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.portable.archive import BadArchive
from accounts.portable.reading import DebriefInUse, read_organisation


class Command(BaseCommand):
    help = (
        "Fill this empty Debrief with an archive that export_organisation made (docs/export.md): all of it or nothing. "
        "Nobody is mailed and no Jira is written to because of it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="the archive; - for standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with _opened(options["file"]) as source:
                imported = read_organisation(source, now=timezone.now())
        except (BadArchive, DebriefInUse) as refused:
            raise CommandError(f"{refused} Nothing was changed.") from refused
        for name, each in imported.manifest.kinds.items():
            if each.lines:
                self.stdout.write(f"{each.lines:>9,}  {name.replace('_', ' ')}")
        for name in imported.missing:
            self.stderr.write(f"{name} was missing already where the archive was made.")
        self.stdout.write(
            "Nobody has a password here: people set one by “Forgot your password?”, come by single sign-on, or are "
            "given one with `manage.py changepassword EMAIL`. Each Jira is paused until it has its secret again."
        )


@contextmanager
def _opened(name: str) -> Iterator[IO[bytes]]:
    if name == "-":
        # Beside the files: where /tmp is in memory, an archive would fill it.
        Path(settings.FILES_ROOT).mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=settings.FILES_ROOT) as spooled:
            shutil.copyfileobj(sys.stdin.buffer, spooled)
            yield spooled
        return
    try:
        opened = open(name, "rb")  # noqa: SIM115  (closed below; what is read from it raises other errors)
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from error
    with opened:
        yield opened
