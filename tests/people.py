"""The cast of every test: Alice owns, Bob is on the team, Mallory is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.test import Client

from accounts.enums import TeamRole
from accounts.models import Team, User
from tests.factories.accounts import MembershipFactory, TeamFactory, UserFactory


@dataclass(frozen=True)
class Organisation:
    """One team with a member and a manager, its owner of things, an outsider and an administrator."""

    team: Team
    other_team: Team
    alice: User
    bob: User
    mallory: User
    manager: User
    administrator: User


@pytest.fixture
def organisation(db: None) -> Organisation:
    team, other_team = (
        TeamFactory.create(name="Edge", slug="edge"),
        TeamFactory.create(name="Identity", slug="identity"),
    )
    people = Organisation(
        team=team,
        other_team=other_team,
        alice=UserFactory.create(email="alice@example.com", display_name="Alice Archer"),
        bob=UserFactory.create(email="bob@example.com", display_name="Bob Baker"),
        mallory=UserFactory.create(email="mallory@example.com", display_name="Mallory Moss"),
        manager=UserFactory.create(email="maya@example.com", display_name="Maya Mason"),
        administrator=UserFactory.create(email="ada@example.com", display_name="Ada Abbott", is_administrator=True),
    )
    MembershipFactory.create(team=team, user=people.alice)
    MembershipFactory.create(team=team, user=people.bob)
    MembershipFactory.create(team=team, user=people.manager, role=TeamRole.MANAGER)
    MembershipFactory.create(team=other_team, user=people.mallory)
    return people


@pytest.fixture
def team(organisation: Organisation) -> Team:
    return organisation.team


@pytest.fixture
def alice(organisation: Organisation) -> User:
    return organisation.alice


@pytest.fixture
def bob(organisation: Organisation) -> User:
    return organisation.bob


@pytest.fixture
def mallory(organisation: Organisation) -> User:
    return organisation.mallory


@pytest.fixture
def manager(organisation: Organisation) -> User:
    return organisation.manager


@pytest.fixture
def administrator(organisation: Organisation) -> User:
    return organisation.administrator


@pytest.fixture
def as_user() -> Callable[[User], Client]:
    """A browser without JavaScript in which the given person is signed in."""

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in
