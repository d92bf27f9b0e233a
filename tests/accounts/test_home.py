"""The home page: what waits for a person, what happened lately, and nothing they may not see."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from unittest import mock

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.enums import TeamRole, Visibility
from accounts.models import Membership, Team, User
from tests.factories.actions import make_action
from tests.factories.postmortems import IncidentFactory, ParticipantFactory, PostmortemFactory, published
from tests.world import CANARY, build_world

pytestmark = pytest.mark.django_db
As = Callable[[User], Client]
NOW = datetime(2026, 4, 2, 8, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _now() -> object:
    with mock.patch("accounts.views.home.timezone.now", return_value=NOW):
        yield


def home(client: Client) -> str:
    response = client.get("/")
    assert response.status_code == 200
    return response.content.decode()


def part(page: str, key: str) -> str:
    """The HTML of one part of the page; "" when it is not there."""
    _, found, rest = page.partition(f'id="home-{key}"')
    return rest.partition("</section>")[0] if found else ""


def test_a_newcomer_is_told_how_to_begin(as_user: As, alice: User) -> None:
    page = home(as_user(alice))
    assert "Nothing here yet" in page
    assert 'href="/incidents/new/"' in page
    assert "Edge" in page


def test_an_anonymous_visitor_is_asked_to_sign_in(client: Client) -> None:
    assert client.get("/")["Location"].startswith("/accounts/login/")


def test_my_drafts_come_with_the_nearest_deadline_first(as_user: As, alice: User, bob: User) -> None:
    PostmortemFactory.create(title="Later", owner=alice, draft_due_at=NOW + timedelta(days=3))
    PostmortemFactory.create(title="Late", owner=alice, draft_due_at=NOW - timedelta(days=2))
    PostmortemFactory.create(title="Not mine", owner=bob)
    shared = PostmortemFactory.create(title="Shared", owner=bob, state="reopened")
    ParticipantFactory.create(postmortem=shared, user=alice)
    drafts = part(home(as_user(alice)), "drafts")
    assert drafts.index("Late<") < drafts.index("Later<") < drafts.index("Shared<")
    assert "Overdue by 2 days" in drafts
    assert "Due in 3 days" in drafts
    assert "Not mine" not in drafts


def test_what_i_review_waits_for_me(as_user: As, alice: User, bob: User) -> None:
    postmortem = PostmortemFactory.create(title="To be read", owner=bob, state="in_review")
    ParticipantFactory.create(postmortem=postmortem, user=alice, role="reviewer")
    PostmortemFactory.create(title="Of others", owner=bob, state="in_review")
    reviews = part(home(as_user(alice)), "reviews")
    assert "To be read" in reviews
    assert "Of others" not in reviews


def test_my_actions_say_how_urgent_they_are(as_user: As, alice: User, bob: User) -> None:
    postmortem = PostmortemFactory.create(owner=bob)
    make_action(postmortem, title="Mine", owner=alice, due_on=date(2026, 4, 1))
    make_action(postmortem, title="Finished", owner=alice, status="done", finished_at=NOW)
    make_action(postmortem, title="Of others", owner=bob)
    actions = part(home(as_user(alice)), "actions")
    assert "Mine" in actions
    assert "Overdue by 1 day" in actions
    assert "Finished" not in actions
    assert "Of others" not in actions


def test_a_required_postmortem_that_nobody_began_is_brought_to_who_is_in_charge(
    as_user: As, manager: User, bob: User, team: Team
) -> None:
    IncidentFactory.create(title="Must be written", team=team, severity="SEV1", created_by=bob)
    IncidentFactory.create(title="Need not be", team=team, severity="SEV4", created_by=bob)
    PostmortemFactory.create(
        title="Begun", owner=bob, incident=IncidentFactory.create(title="Begun", team=team, severity="SEV0")
    )
    start = part(home(as_user(manager)), "start")
    assert "Must be written" in start
    assert "Due today" in start
    assert "Need not be" not in start
    assert "Begun" not in start
    assert part(home(as_user(bob)), "start") == ""


def test_a_commander_is_reminded_of_their_own_incident(as_user: As, alice: User) -> None:
    IncidentFactory.create(title="Mine to write", severity="SEV1", commander=alice)
    assert "Mine to write" in part(home(as_user(alice)), "start")


def test_what_others_published_is_told(as_user: As, alice: User) -> None:
    published(title="A lesson for all")
    page = part(home(as_user(alice)), "published")
    assert "A lesson for all" in page
    assert "2 Apr 2026" in page


@pytest.mark.parametrize("role", ["mallory", "member", "administrator"])
def test_nothing_hidden_is_mentioned(role: str) -> None:
    page = home(build_world().client(role))
    assert CANARY[Visibility.RESTRICTED] not in page
    if role == "mallory":
        assert CANARY[Visibility.TEAM] not in page


def test_the_number_of_queries_does_not_grow(as_user: As, alice: User, team: Team) -> None:
    Membership.objects.filter(user=alice, team=team).update(role=TeamRole.MANAGER)
    counts = []
    for number in (1, 40):
        for _ in range(number):
            incident = IncidentFactory.create(team=team, severity="SEV1")
            incident.responders.add(alice)
            postmortem = PostmortemFactory.create(owner=alice)
            make_action(postmortem, owner=alice)
            published(owner=alice)
        client = as_user(alice)
        with CaptureQueriesContext(connection) as queries:
            home(client)
        counts.append(len(queries))
    assert counts[0] == counts[1]
