"""Editing the policy: which incidents need a post-mortem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max

from accounts import audit
from accounts.models import User
from incidents.models import PolicyRule


@transaction.atomic
def save_rule(*, rule: PolicyRule | None, facts: Mapping[str, Any], by: User) -> PolicyRule:
    """Write one rule; a new one goes last."""
    if rule is None:
        last = PolicyRule.objects.aggregate(last=Max("position"))["last"] or 0
        rule = PolicyRule(position=last + 1)
    for name, value in facts.items():
        setattr(rule, name, value)
    rule.save()
    audit.record(by=by, verb="policy.rule-saved", obj=rule)
    return rule


@transaction.atomic
def delete_rule(*, rule: PolicyRule, by: User) -> None:
    """Take one rule out of the policy."""
    audit.record(by=by, verb="policy.rule-deleted", obj=rule)
    rule.delete()
