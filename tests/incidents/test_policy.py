"""What the policy says, and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Team, User
from incidents import policy
from incidents.enums import Requirement, Tier
from incidents.models import Incident, PolicyRule
from incidents.services.incidents import override_policy

NOW = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def make_incident(db: None) -> Callable[..., Incident]:
    team = Team.objects.create(name="Edge", slug="edge")
    alice = User.objects.create_user("alice@example.com", display_name="Alice")

    def make(**facts: Any) -> Incident:
        return Incident.objects.create(
            title="Checkout failed", team=team, created_by=alice, occurred_at=NOW, **{"severity": "SEV3", **facts}
        )

    return make


@pytest.mark.parametrize(
    ("facts", "requirement", "tier", "reasons"),
    [
        ({}, Requirement.OPTIONAL, Tier.LIGHTWEIGHT, ["Nothing demands one. Write it if there is something to learn."]),
        (
            {"severity": "SEV0"},
            Requirement.REQUIRED,
            Tier.FULL,
            ["It is SEV0 or SEV1: the most severe incidents always get one."],
        ),
        ({"is_customer_facing": True}, Requirement.REQUIRED, Tier.STANDARD, ["Customers were affected."]),
        (
            {"severity": "SEV1", "is_slo_breach": True},
            Requirement.REQUIRED,
            Tier.FULL,
            [
                "It is SEV0 or SEV1: the most severe incidents always get one.",
                "A service level objective was breached.",
            ],
        ),
        (
            {"severity": "SEV2"},
            Requirement.RECOMMENDED,
            Tier.STANDARD,
            ["It is SEV2: these usually hold a lesson worth the time."],
        ),
        (
            {"is_near_miss": True},
            Requirement.RECOMMENDED,
            Tier.LIGHTWEIGHT,
            ["It was a near miss: the same lessons at no cost to customers."],
        ),
    ],
)
def test_recommendation_follows_the_strongest_rule(
    make_incident: Callable[..., Incident],
    facts: dict[str, Any],
    requirement: Requirement,
    tier: Tier,
    reasons: list[str],
) -> None:
    said = policy.recommend(make_incident(**facts))
    assert (said.requirement, said.tier, said.reasons) == (requirement, tier, reasons)


def test_several_teams_require_one(make_incident: Callable[..., Incident]) -> None:
    incident = make_incident()
    other = Team.objects.create(name="Identity", slug="identity")
    helper = User.objects.create_user("hana@example.com", display_name="Hana")
    other.memberships.create(user=helper)
    incident.responders.add(helper)
    assert policy.recommend(incident).reasons == ["Several teams took part, so several can learn."]


def test_rule_an_administrator_switched_off_does_not_count(make_incident: Callable[..., Incident]) -> None:
    PolicyRule.objects.filter(fact="customer_facing").update(is_active=False)
    assert policy.recommend(make_incident(is_customer_facing=True)).requirement == Requirement.OPTIONAL


def test_override_replaces_the_requirement_and_says_who_and_why(make_incident: Callable[..., Incident]) -> None:
    incident = make_incident(severity="SEV0")
    overridden = override_policy(
        incident=incident, requirement="optional", reason="A drill.", by=incident.created_by, now=NOW
    )
    said = policy.recommend(overridden)
    assert (said.requirement, said.proposed, said.reasons[0]) == (
        Requirement.OPTIONAL,
        Requirement.REQUIRED,
        "Set by Alice: A drill.",
    )


def test_deadlines_count_from_the_resolution(make_incident: Callable[..., Incident]) -> None:
    said = policy.recommend(make_incident(resolved_at=NOW))
    assert (said.draft_due_at, said.meeting_from_at, said.meeting_due_at, said.publish_due_at) == (
        NOW + timedelta(hours=24),
        NOW + timedelta(days=2),
        NOW + timedelta(days=5),
        NOW + timedelta(days=14),
    )
