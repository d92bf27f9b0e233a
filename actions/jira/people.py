"""Which account of Jira is whom: by an equal mail address, or because somebody said so. Never by likeness."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import IntegrityError, transaction

from accounts.models import User
from actions.jira.client import JiraClient
from actions.models import JiraConnection, JiraPerson

ASK_AGAIN = timedelta(hours=1)


def know_person(connection: JiraConnection, client: JiraClient, person: User, *, project: str, now: datetime) -> bool:
    """Find the account of `person`, if it is not known; True if it is now. Asks at most once an hour."""
    if connection.people.filter(person=person).exists():
        return True
    asked = f"jira-person:{connection.pk}:{person.pk}"
    if cache.get(asked):
        return False
    cache.set(asked, 1, ASK_AGAIN.total_seconds())
    found = client.find_person(person.email, project=project)
    if found is None or found.get("isLikely"):
        return False
    try:
        with transaction.atomic():
            JiraPerson.objects.create(
                connection=connection,
                person=person,
                account_id=client.account_of(found),
                account_key="" if connection.is_cloud else str(found.get("key") or ""),
                display_name=str(found.get("displayName") or "")[:255],
                checked_at=now,
            )
    except IntegrityError:
        return False
    return True
