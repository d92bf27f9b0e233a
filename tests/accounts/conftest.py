"""An archive of everything there is, made once a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django.plugin import DjangoDbBlocker

from tests.portable import build_everything, empty_again


@pytest.fixture(scope="session")
def archive(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Everything there is, exported by the command; the database is empty again."""
    path = tmp_path_factory.mktemp("archive") / "debrief.zip"
    with django_db_blocker.unblock(), empty_again():
        build_everything()
        call_command("export_organisation", str(path))
    return path
