"""`manage.py export_organisation FILE`: everything, as an archive that needs no Debrief to be read."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.portable.writing import Written, write_organisation
from accounts.services.export import record_whole_export


class Command(BaseCommand):
    help = (
        "Write all of the organisation's data and files into one archive (docs/export.md), as it stands at this "
        "moment; people can go on working. It holds what is restricted and what is private too: keep it like a backup."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="the archive to make, a .zip file; - for standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["file"] == "-":
            written = write_organisation(sys.stdout.buffer, by=None, now=timezone.now())
        else:
            written = _write(Path(options["file"]))
        record_whole_export(lines=written.lines)
        for name in written.missing:
            self.stderr.write(f"{name} is not in the folder of files: the archive says so.")
        files = written.manifest.files.lines - len(written.missing)
        self.stderr.write(f"{written.lines:,} lines of {len(written.manifest.kinds)} kinds, {files:,} files.")


def _write(path: Path) -> Written:
    """Into a file that is there only once it is whole."""
    if path.exists():
        raise CommandError(f"{path} is there already: nothing was written.")
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as opened:
            part.chmod(0o600)
            written = write_organisation(opened, by=None, now=timezone.now())
        part.rename(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)
    return written
