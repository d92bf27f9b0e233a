"""A connection as the database has it, made a client that can be asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from accounts.models import User
from actions.enums import JiraAuth
from actions.jira.client import JiraClient
from actions.jira.grant import access_token, renewed
from actions.jira.mapping import FieldMapping
from actions.jira.secret import opened
from actions.models import ActionItem, JiraConnection, JiraMapping
from actions.owners import may_own
from actions.services.grant import NOT_YET
from actions.tracker import FIELDS, SignInRefused


@contextmanager
def client_of(connection: JiraConnection, *, now: datetime) -> Iterator[JiraClient]:
    """A client that is signed in as the connection says, at `now`. Raises `TrackerError`s only."""
    is_renewed = connection.auth == JiraAuth.OAUTH
    if is_renewed and connection.api_url == connection.site_url:
        raise SignInRefused(NOT_YET)
    client = JiraClient(
        connection.api_url,
        is_cloud=connection.is_cloud,
        username=connection.username if connection.auth == JiraAuth.API_TOKEN else "",
        secret=access_token(connection, now=now) if is_renewed else opened(connection.secret),
        renew=(lambda refused: renewed(connection, refused, now=now)) if is_renewed else None,
        account=connection.account_id,
        is_dedicated=connection.is_dedicated,
        aliases=dict(connection.people.exclude(account_key="").values_list("account_key", "account_id")),
    )
    try:
        yield client
    finally:
        client.close()


def people_of(connection: JiraConnection) -> dict[str, str]:
    """The accounts of people there, by who they are here."""
    known = connection.people.filter(person__is_active=True).values_list("person_id", "account_id")
    return {str(person): account for person, account in known}


def field_mapping(mapping: JiraMapping, action: ActionItem, people: Mapping[str, str] | None = None) -> FieldMapping:
    """What the values of `action` mean in Jira. `people` is what `people_of` says, where it was asked already."""
    people = people_of(mapping.connection) if people is None else people
    names = {str(action.owner_id): action.owner.display_name} if action.owner else {}
    return FieldMapping(
        priorities=mapping.priorities,
        priorities_in=mapping.priorities_in,
        statuses=mapping.statuses,
        categories={key: each["category"] for key, each in mapping.known.get("statuses", {}).items()},
        people=people,
        fields=tuple(name for name in FIELDS if name not in mapping.known.get("left_out", ())),
        labels=mapping.labels,
        is_wiki=not mapping.connection.is_cloud,
        names=names,
    )


def is_owner_allowed(person_id: int, action: ActionItem) -> bool:
    """Whether somebody whom Jira names may own it here: they must be able to see it."""
    person = User.objects.filter(pk=person_id).first()
    return person is not None and may_own(person, action.postmortem)
