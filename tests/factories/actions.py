"""Action items for tests, each on a post-mortem of its own unless one is given."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from accounts.models import User
from actions.models import ActionItem
from incidents.models import Incident
from postmortems.models import Postmortem

NOON = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)


def make_postmortem(*, owner: User, team: Any, **fields: Any) -> Postmortem:
    """A post-mortem of an incident that everyone may see."""
    incident = Incident.objects.create(title="Checkout failed", team=team, created_by=owner, occurred_at=NOON)
    defaults = {"title": "Checkout failed for 23 minutes", "tier": "standard", "created_by": owner}
    return Postmortem.objects.create(incident=incident, team=team, owner=owner, **{**defaults, **fields})


def make_action(postmortem: Postmortem, **fields: Any) -> ActionItem:
    """An open action of `postmortem`, in its team."""
    defaults = {"title": "Alert when the queue is old", "created_by": postmortem.owner, "created_at": NOON}
    return ActionItem.objects.create(postmortem=postmortem, team=postmortem.team, **{**defaults, **fields})
