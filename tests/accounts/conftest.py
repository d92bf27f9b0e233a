"""Archives of everything there is, made once a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from accounts.portable.writing import write_organisation
from tests.portable import build_everything, empty_again


@pytest.fixture(scope="session")
def archives(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """The whole, by the command; and what an administrator may see. The database is empty again."""
    folder = tmp_path_factory.mktemp("archives")
    whole, seen = folder / "whole.zip", folder / "seen.zip"
    with django_db_blocker.unblock(), empty_again():
        world = build_everything()
        call_command("export_organisation", str(whole))
        with seen.open("wb") as opened:
            write_organisation(opened, by=world.people["administrator"], now=timezone.now())
    return {"whole": whole, "seen": seen}


@pytest.fixture(scope="session")
def archive(archives: dict[str, Path]) -> Path:
    return archives["whole"]
