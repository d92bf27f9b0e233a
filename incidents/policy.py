"""Does this incident need a post-mortem, of which size, by when. The rules are rows an administrator edits.

Deadlines follow the field's practice: a draft within a day while memory is fresh, the meeting after two to five days,
published within a fortnight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import prefetch_related_objects

from accounts.models import Team
from incidents.enums import PolicyFact, Requirement, Tier
from incidents.models import Incident, PolicyRule

DRAFT_WITHIN = timedelta(hours=24)
MEETING_FROM = timedelta(days=2)
MEETING_UNTIL = timedelta(days=5)
PUBLISH_WITHIN = timedelta(days=14)

_WEIGHT = {Requirement.OPTIONAL: 0, Requirement.RECOMMENDED: 1, Requirement.REQUIRED: 2}
_SIZE = {Tier.LIGHTWEIGHT: 0, Tier.STANDARD: 1, Tier.FULL: 2}


@dataclass(frozen=True)
class Recommendation:
    """What the policy says of one incident, and why."""

    requirement: Requirement
    tier: Tier
    reasons: list[str]
    team: Team
    draft_due_at: datetime
    meeting_from_at: datetime
    meeting_due_at: datetime
    publish_due_at: datetime
    proposed: Requirement
    """What the rules alone say; differs from `requirement` where the commander overrode them."""

    @property
    def is_overridden(self) -> bool:
        return self.requirement != self.proposed


@dataclass(frozen=True)
class Facts:
    """What the rules look at, gathered once."""

    incident: Incident
    service_ids: frozenset[int]
    responding_team_ids: frozenset[int]


def gather_facts(incident: Incident) -> Facts:
    """Read what the rules need: the services, and the teams whose people responded or whose services were hit."""
    prefetch_related_objects([incident], "services", "responders__memberships")
    services = list(incident.services.all())
    teams = {service.team_id for service in services if service.team_id}
    teams.update(place.team_id for person in incident.responders.all() for place in person.memberships.all())
    return Facts(
        incident=incident,
        service_ids=frozenset(service.pk for service in services),
        responding_team_ids=frozenset(teams | {incident.team_id}),
    )


_TESTS: Mapping[str, Callable[[PolicyRule, Facts], bool]] = {
    PolicyFact.SEVERITY: lambda rule, facts: facts.incident.severity in rule.severities,
    PolicyFact.CUSTOMER_FACING: lambda rule, facts: facts.incident.is_customer_facing,
    PolicyFact.SLO_BREACH: lambda rule, facts: facts.incident.is_slo_breach,
    PolicyFact.SECURITY: lambda rule, facts: facts.incident.is_security_sensitive,
    PolicyFact.EMERGENCY_ESCALATION: lambda rule, facts: facts.incident.is_emergency_escalation,
    PolicyFact.SEVERAL_TEAMS: lambda rule, facts: len(facts.responding_team_ids) > 1,
    PolicyFact.NEAR_MISS: lambda rule, facts: facts.incident.is_near_miss,
    PolicyFact.REPEAT: lambda rule, facts: facts.incident.repeat_of_id is not None,
    PolicyFact.SERVICE: lambda rule, facts: rule.service_id in facts.service_ids,
    PolicyFact.ALWAYS: lambda rule, facts: True,
}


def holds(rule: PolicyRule, facts: Facts) -> bool:
    """Whether the fact that `rule` names is true of the incident."""
    return _TESTS[rule.fact](rule, facts)


def recommend(incident: Incident, rules: Iterable[PolicyRule] | None = None) -> Recommendation:
    """Apply the active rules: the strongest requirement wins, the largest tier among its rules is proposed.

    Reasons are those of the rules that carry the strongest requirement. An override by the commander replaces the
    requirement and is told as the first reason.
    """
    facts = gather_facts(incident)
    active = PolicyRule.objects.filter(is_active=True) if rules is None else rules
    matching = [rule for rule in active if holds(rule, facts)]
    proposed = max((Requirement(rule.requirement) for rule in matching), key=_WEIGHT.__getitem__, default=None)
    deciding = [rule for rule in matching if rule.requirement == proposed]
    reasons = [rule.reason for rule in deciding] or ["No rule of the policy asks for one."]
    if incident.override_requirement:
        reasons.insert(0, f"Set by {incident.override_by}: {incident.override_reason}")
    start = incident.resolved_at or incident.mitigated_at or incident.created_at
    return Recommendation(
        requirement=Requirement(incident.override_requirement or proposed or Requirement.OPTIONAL),
        tier=max((Tier(rule.tier) for rule in deciding), key=_SIZE.__getitem__, default=Tier.LIGHTWEIGHT),
        reasons=reasons,
        team=incident.team,
        draft_due_at=start + DRAFT_WITHIN,
        meeting_from_at=start + MEETING_FROM,
        meeting_due_at=start + MEETING_UNTIL,
        publish_due_at=start + PUBLISH_WITHIN,
        proposed=proposed or Requirement.OPTIONAL,
    )
