"""What every panel of an incident's page is rendered with."""

from __future__ import annotations

from typing import Any

from accounts.access import Request
from incidents import policy, queries, rules
from incidents.durations import durations
from incidents.models import Incident


def page_context(request: Request, incident: Incident) -> dict[str, Any]:
    """The whole page's context: a panel drawn alone sees exactly what it sees within the page."""
    return {
        **queries.incident_for_page(incident, user=request.user, can_edit=rules.can_edit(request.user, incident)),
        "durations": durations(incident),
        "policy": policy.recommend(incident),
        "can_manage": rules.can_manage(request.user, incident),
    }
