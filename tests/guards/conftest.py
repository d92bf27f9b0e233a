"""One world for all tests of a module: each works in a savepoint of the transaction that holds it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction
from pytest_django.plugin import DjangoDbBlocker

from tests.world import World, build_world


@pytest.fixture(scope="module")
def standing_world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """Building one takes longer than most of the tests in it."""
    with django_db_blocker.unblock(), transaction.atomic():
        world = build_world()
        world.sign_everybody_in()
        with django_db_blocker.block():
            yield world
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def untouched(standing_world: World, django_db_blocker: DjangoDbBlocker) -> dict[str, str]:
    """What every row says before any test."""
    with django_db_blocker.unblock():
        return standing_world.fingerprint()


@pytest.fixture
def world(standing_world: World, db: None) -> World:
    """The world; whatever a test does to it in the database is undone."""
    return standing_world
