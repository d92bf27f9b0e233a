"""An action as the synchronisation sees it: its values as plain JSON, and written back as a person's edit would be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from accounts import audit
from accounts.models import User
from actions.models import ActionItem
from actions.services.action import Refusal, save_action, set_status

COLUMNS = {"description": "deliverable", "owner": "owner"}
LONGEST_DELIVERABLE = 5000


def values_of(action: ActionItem) -> dict[str, Any]:
    """Every field that Jira may know, as JSON."""
    return {
        "title": action.title,
        "description": action.deliverable,
        "owner": action.owner_id,
        "due_on": action.due_on.isoformat() if action.due_on else None,
        "priority": str(action.priority),
        "status": str(action.status),
        "labels": sorted(action.labels),
    }


def write(action: ActionItem, values: Mapping[str, Any], *, key: str, author: str, now: datetime) -> None:
    """Say here what Jira says; the caller holds the action. Nothing of it goes back to Jira."""
    names = [name for name in values if name != "status"]
    for name in names:
        setattr(action, COLUMNS.get(name, name), _value(name, values[name]))
    if names:
        save_action(action, [COLUMNS.get(name, name) for name in names], now=now, is_from_tracker=True)
        audit.record(by=None, verb="action.edited", obj=action, fields=sorted(names), issue=key)
    if "status" in values:
        refusal = Refusal(f"Closed in Jira as {key} by {author}" if author else f"Closed in Jira as {key}")
        set_status(action, values["status"], by=None, now=now, refusal=refusal, is_from_tracker=True)


def _value(name: str, value: Any) -> Any:
    match name:
        case "owner":
            return User.objects.get(pk=value) if value is not None else None
        case "due_on":
            return date.fromisoformat(value) if value else None
        case "description":
            return value.replace("\0", "")
        case _:
            return value
