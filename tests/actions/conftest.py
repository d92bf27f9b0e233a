"""One post-mortem of Alice's, and people around it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.enums import TeamRole
from accounts.models import Membership, Team, User
from actions.models import ActionItem
from postmortems.models import Lesson, Postmortem
from tests.factories.actions import make_action, make_postmortem


def person(name: str, **fields: Any) -> User:
    return User.objects.create_user(f"{name.lower()}@example.com", display_name=name, **fields)


@pytest.fixture
def team(db: None) -> Team:
    return Team.objects.create(name="Edge", slug="edge")


@pytest.fixture
def alice(team: Team) -> User:
    user = person("Alice")
    Membership.objects.create(team=team, user=user, role=TeamRole.MANAGER)
    return user


@pytest.fixture
def bob(team: Team) -> User:
    user = person("Bob")
    Membership.objects.create(team=team, user=user)
    return user


@pytest.fixture
def mallory(db: None) -> User:
    user = person("Mallory")
    Membership.objects.create(team=Team.objects.create(name="Identity", slug="identity"), user=user)
    return user


@pytest.fixture
def postmortem(alice: User, team: Team) -> Postmortem:
    return make_postmortem(owner=alice, team=team)


@pytest.fixture
def lesson(postmortem: Postmortem) -> Lesson:
    return Lesson.objects.create(postmortem=postmortem, number=1, text="Watch ages.", created_by=postmortem.owner)


@pytest.fixture
def action(postmortem: Postmortem) -> ActionItem:
    return make_action(postmortem)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client
