"""A repeat on the same service, by the same kind of factor, asks why the last fix did not hold, and shows that fix."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Team, User
from actions.enums import Status
from actions.models import ActionItem, WorkLink
from actions.repeats import earlier_fixes
from incidents.models import Service
from postmortems.models import Factor, Postmortem
from tests.actions.conftest import signed_in
from tests.factories.actions import NOON, make_action, make_postmortem

pytestmark = pytest.mark.django_db

QUESTION = "Why did it not hold?"
QUIET = "Done before on the same service"


@pytest.fixture
def dns(team: Team) -> Service:
    return Service.objects.create(name="dns", slug="dns", team=team)


def broke(postmortem: Postmortem, service: Service, *categories: str, **fields: Any) -> Postmortem:
    """It hit this service, and these kinds of factors did not hold."""
    postmortem.incident.services.add(service)
    for category in categories:
        number = postmortem.factors.count() + 1
        Factor.objects.create(
            postmortem=postmortem, number=number, position=number, text="A hole.", layer="review", category=category,
            created_by=postmortem.owner, **fields,
        )  # fmt: skip
    return postmortem


def fixed(postmortem: Postmortem, title: str, *, at: datetime = NOON - timedelta(days=30), **fields: Any) -> ActionItem:
    values = {"status": Status.DONE, "finished_at": at, "kind": "prevent", **fields}
    return make_action(postmortem, title=title, **values)


def page(user: User, postmortem: Postmortem) -> str:
    return signed_in(user).get(f"/postmortems/{postmortem.pk}/actions/").content.decode()


def titles(postmortem: Postmortem, user: User) -> tuple[list[str], list[str]]:
    found = earlier_fixes(postmortem, user)
    return [each.action.title for each in found.did_not_hold], [each.action.title for each in found.others]


def test_the_same_service_and_kind_asks_and_shows_the_fix_with_its_evidence(
    postmortem: Postmortem, dns: Service, team: Team, alice: User, bob: User
) -> None:
    broke(postmortem, dns, "code", "data")
    before = broke(make_postmortem(owner=alice, team=team), dns, "data", "capacity")
    fix = fixed(before, "Check zones before they go out")
    WorkLink.objects.create(action=fix, url="https://git.example/pull/7", added_by=bob, added_at=NOON)
    shown = page(bob, postmortem)
    for words in (QUESTION, fix.title, "done on 2 March 2026", "https://git.example/pull/7", "dns · Data</span>"):
        assert words in shown
    assert QUIET not in shown


def test_the_same_service_alone_is_shown_quietly(
    postmortem: Postmortem, dns: Service, team: Team, alice: User, bob: User
) -> None:
    broke(postmortem, dns, "code")
    fixed(broke(make_postmortem(owner=alice, team=team), dns, "data"), "Of another kind")
    shown = page(bob, postmortem)
    assert (QUESTION in shown, QUIET in shown, "Of another kind" in shown) == (False, True, True)


def test_the_same_kind_on_another_service_is_no_repeat(
    postmortem: Postmortem, dns: Service, team: Team, alice: User, bob: User
) -> None:
    cdn = Service.objects.create(name="cdn", slug="cdn", team=team)
    broke(postmortem, dns, "code")
    fixed(broke(make_postmortem(owner=alice, team=team), cdn, "code"), "Elsewhere")
    assert titles(postmortem, bob) == ([], [])


def test_what_held_is_no_factor_of_either(
    postmortem: Postmortem, dns: Service, team: Team, alice: User, bob: User
) -> None:
    broke(postmortem, dns, "code")
    broke(postmortem, dns, "data", has_held=True)
    held = broke(make_postmortem(owner=alice, team=team), dns, "code", has_held=True)
    fixed(held, "Held then")
    fixed(broke(make_postmortem(owner=alice, team=team), dns, "data"), "Holds now")
    assert titles(postmortem, bob) == ([], ["Holds now", "Held then"])


def test_factors_of_no_kind_are_not_alike(
    postmortem: Postmortem, dns: Service, team: Team, alice: User, bob: User
) -> None:
    broke(postmortem, dns, "")
    fixed(broke(make_postmortem(owner=alice, team=team), dns, ""), "Of no kind")
    assert titles(postmortem, bob) == ([], ["Of no kind"])


def test_only_what_was_done_before_and_to_prevent_it_counts(
    postmortem: Postmortem, dns: Service, team: Team, alice: User, bob: User
) -> None:
    broke(postmortem, dns, "code")
    before = broke(make_postmortem(owner=alice, team=team), dns, "code")
    fixed(before, "Found it sooner", kind="detect")
    fixed(before, "Done since", at=NOON + timedelta(days=1))
    fixed(postmortem, "Its own")
    make_action(before, title="Not done yet")
    assert titles(postmortem, bob) == ([], [])


def test_the_latest_come_first_and_only_three(
    postmortem: Postmortem, dns: Service, team: Team, alice: User, bob: User
) -> None:
    broke(postmortem, dns, "code")
    before = broke(make_postmortem(owner=alice, team=team), dns, "code")
    for days in (40, 10, 30, 20):
        fixed(before, f"{days} days ago", at=NOON - timedelta(days=days))
    assert titles(postmortem, bob) == (["10 days ago", "20 days ago", "30 days ago"], [])


@pytest.mark.parametrize("kind", ["code", "data"])
def test_restricted_fixes_are_shown_to_nobody_else(
    postmortem: Postmortem, dns: Service, team: Team, alice: User, bob: User, kind: str
) -> None:
    broke(postmortem, dns, "code")
    before = broke(make_postmortem(owner=alice, team=team, visibility="restricted"), dns, kind)
    fix = fixed(before, "Quietly mended")
    WorkLink.objects.create(action=fix, words="Evidence unsaid", added_by=alice, added_at=NOON)
    shown = page(bob, postmortem)
    for words in (QUESTION, QUIET, "Quietly mended", "Evidence unsaid", fix.reference):
        assert words not in shown
    assert "Quietly mended" in page(alice, postmortem)


def test_three_cost_what_one_costs(postmortem: Postmortem, dns: Service, team: Team, alice: User, bob: User) -> None:
    broke(postmortem, dns, "code")
    client = signed_in(bob)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            client.get(f"/postmortems/{postmortem.pk}/actions/")
        return len(seen)

    for kind in ("code", "data"):
        fixed(broke(make_postmortem(owner=alice, team=team), dns, kind), "One")
    client.get(f"/postmortems/{postmortem.pk}/actions/")
    one = queries()
    for each in range(2):
        for kind in ("code", "data"):
            fix = fixed(broke(make_postmortem(owner=alice, team=team), dns, kind), f"More {each}")
            WorkLink.objects.create(action=fix, words="Shown", added_by=bob, added_at=NOON)
    assert queries() == one
