"""`manage.py import_incidents PATH…`: read incident files into the database."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import Team, User
from incidents.importers.debrief_json import LARGEST_FILE
from incidents.services.imports import FileResult, import_file, oversized


class Command(BaseCommand):
    help = (
        "Import incidents from JSON files (docs/incident-json.md), each file whole or not at all. "
        "Importing a file again brings its incident up to date and keeps what people wrote since."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH", help="a .json file, or a folder of them")
        parser.add_argument("--team", metavar="SLUG", help="the team that owns new incidents")
        parser.add_argument("--by", metavar="EMAIL", help="on whose behalf; an administrator if left out")

    def handle(self, *args: Any, **options: Any) -> None:
        by, team = _person(options.get("by")), _team(options.get("team"))
        files = [file for path in options["paths"] for file in _files(Path(path))]
        results = [self._import(file, team, by) for file in files]
        failed = sum(1 for result in results if result.faults)
        if failed:
            raise CommandError(f"{failed} of {len(results)} files could not be imported; the others were.")

    def _import(self, file: Path, team: Team | None, by: User) -> FileResult:
        size = file.stat().st_size
        if size > LARGEST_FILE:
            result = oversized(str(file), size)
        else:
            result = import_file(name=str(file), content=file.read_bytes(), team=team, by=by, now=timezone.now())
        for fault in result.faults:
            self.stderr.write(fault)
        if result.more_faults:
            self.stderr.write(f"{file}: and {result.more_faults} more faults")
        if result.outcome:
            self.stdout.write(f"{file}: {result.outcome.in_words}")
        return result


def _person(email: str | None) -> User:
    if email:
        found = User.objects.filter(email__iexact=email, is_active=True).first()
        if found is None:
            raise CommandError(f"Nobody here has the e-mail address {email}.")
        return found
    found = User.objects.filter(is_administrator=True, is_active=True).order_by("pk").first()
    if found is None:
        raise CommandError("There is no administrator yet: say on whose behalf with --by EMAIL.")
    return found


def _team(slug: str | None) -> Team | None:
    if not slug:
        return None
    found = Team.objects.filter(slug=slug).first()
    if found is None:
        known = ", ".join(Team.objects.values_list("slug", flat=True)) or "none yet"
        raise CommandError(f"There is no team “{slug}”. Known teams: {known}.")
    return found


def _files(path: Path) -> Iterator[Path]:
    """The file itself, or the .json files of a folder by name."""
    if path.is_dir():
        yield from sorted(path.glob("*.json"))
    elif path.is_file():
        yield path
    else:
        raise CommandError(f"{path}: there is no such file or folder.")
