"""Connections to Jira, who is whom there, and where each team's actions go: every change of them, audited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import F, Func, Value

from accounts import audit, mail, secrets
from accounts.models import Team, User
from actions.enums import SyncState
from actions.models import ItemSync, JiraConnection, JiraGrant, JiraMapping, JiraPerson, TokenWarning
from actions.services.tracking import changed_at

MAPPED = ("owner", "priority", "status", "labels")
"""Fields whose values a mapping translates."""
WARNED = (30, 7, 1)
"""Days before a token ends on which the administrators are told."""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ConnectionFacts:
    """What an administrator says of a Jira. A secret of "" stays as it was."""

    name: str
    kind: str
    site_url: str
    api_url: str
    auth: str
    username: str = ""
    secret: str = ""
    hook_secret: str = ""
    is_dedicated: bool = False
    token_expires_on: date | None = None
    at_once: int = 4


@dataclass(frozen=True)
class MappingFacts:
    """Where a team's actions go, and what was found there when it was tested."""

    project_key: str
    issue_type_id: str
    issue_type_name: str
    priorities: Mapping[str, str]
    priorities_in: Mapping[str, str]
    statuses: Mapping[str, list[str]]
    known: Mapping[str, Any]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    closing: Mapping[str, Any] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    is_automatic: bool = True
    sends_restricted: bool = False
    highest_number: int = 0
    """Of an issue of the project that was seen."""


@transaction.atomic
def save_connection(
    connection: JiraConnection | None, *, facts: ConnectionFacts, account_id: str, by: User, now: datetime
) -> JiraConnection:
    """Keep a connection that was just tried out as `account_id`. Raises `secrets.NoKeys`."""
    row = connection or JiraConnection(created_by=by, created_at=now)
    for name in ("name", "kind", "site_url", "api_url", "auth", "username", "is_dedicated", "token_expires_on"):
        setattr(row, name, getattr(facts, name))
    if facts.secret:
        row.secret = secrets.seal(facts.secret)
    if facts.hook_secret:
        row.hook_secret = secrets.seal(facts.hook_secret)
    row.at_once = row.at_once_now = facts.at_once
    row.account_id, row.answered_at = account_id, now
    row.paused_reason, row.paused_at, row.told_at = "", None, None
    row.failures, row.failing_since, row.retry_at = 0, None, None
    row.save()
    JiraGrant.objects.filter(connection=row).delete()
    verb = "jira.connection-changed" if connection else "jira.connection-added"
    audit.record(by=by, verb=verb, obj=row, secret=bool(facts.secret), hook_secret=bool(facts.hook_secret))
    wake_all(row, now=now)
    return row


@transaction.atomic
def remove_connection(*, connection: JiraConnection, by: User) -> None:
    """Forget the Jira and its secrets. Its issues stay as they are; nothing is written to them any more."""
    audit.record(by=by, verb="jira.connection-removed", obj=connection)
    connection.items.all().delete()
    connection.delete()


@transaction.atomic
def pause_connection(*, connection: JiraConnection, by: User, now: datetime) -> None:
    """Ask nothing of the Jira until somebody says so; what changes here waits."""
    words = f"Paused by {by.display_name}."
    JiraConnection.objects.filter(pk=connection.pk).update(paused_reason=words, paused_at=now, told_at=now)
    audit.record(by=by, verb="jira.connection-paused", obj=connection)


def tell_of_pauses(*, now: datetime) -> int:
    """Mail the administrators, once, when a Jira refuses to go on; how many pauses were told of."""
    told = 0
    for connection in JiraConnection.objects.filter(told_at=None).exclude(paused_reason=""):
        if JiraConnection.objects.filter(pk=connection.pk, told_at=None).update(told_at=now):
            _mail_administrators("jira_paused", connection, f"{connection.name} is paused: Jira refuses")
            told += 1
    return told


def warn_of_tokens(*, now: datetime) -> int:
    """Mail the administrators that a token ends: 30, 7 and 1 days before, each once; how many were told of.

    What no mail server took is told of the next time this is called.
    """
    told = 0
    ending = JiraConnection.objects.filter(token_expires_on__range=(now.date(), now.date() + timedelta(WARNED[0])))
    for connection in ending:
        assert connection.token_expires_on is not None  # noqa: S101  (the filter says so)
        left = (connection.token_expires_on - now.date()).days
        days = min(each for each in WARNED if left <= each)
        row, is_new = TokenWarning.objects.get_or_create(
            connection=connection, expires_on=connection.token_expires_on, days=days, defaults={"sent_at": now}
        )
        if not is_new:
            continue
        when = {0: "today", 1: "tomorrow"}.get(left, f"in {left} days")
        subject = f"The token of {connection.name} expires {when}"
        if _mail_administrators("jira_token", connection, subject):
            told += 1
        else:
            row.delete()
    return told


def _mail_administrators(name: str, connection: JiraConnection, subject: str) -> int:
    """How many of them a mail left for."""
    waiting = connection.items.waiting().count()
    context = {"connection": connection, "waiting": waiting, "link": mail.link_to(connection.get_absolute_url())}
    sent = 0
    for person in User.objects.filter(is_administrator=True, is_active=True):
        try:
            mail.send(name, to=person.email, subject=subject, context=context)
            sent += 1
        except mail.MailNotSent:
            continue
    return sent


@transaction.atomic
def resume_connection(*, connection: JiraConnection, by: User, now: datetime) -> None:
    """Go on: everything that waits is looked at."""
    JiraConnection.objects.filter(pk=connection.pk).update(
        paused_reason="", paused_at=None, told_at=None, retry_at=None, failures=0, failing_since=None
    )
    audit.record(by=by, verb="jira.connection-resumed", obj=connection)
    wake_all(connection, now=now)


def wake_all(connection: JiraConnection, *, now: datetime) -> None:
    """Look again at what waits or was refused."""
    connection.items.in_touch().exclude(error_code="", waiting_since=None, blocked={}).update(due_at=now, blocked={})


@transaction.atomic
def save_mapping(
    mapping: JiraMapping | None, *, connection: JiraConnection, team: Team, facts: MappingFacts, by: User, now: datetime
) -> JiraMapping:
    """Keep a mapping that was just tested. What is in Jira already is looked at again under it."""
    row = mapping or JiraMapping(connection=connection, team=team)
    is_same_project = row.project_key == facts.project_key
    highest = max(row.highest_number if is_same_project else 0, facts.highest_number)
    for each in fields(facts):
        setattr(row, each.name, getattr(facts, each.name))
    row.tested_at, row.highest_number = now, highest
    if not is_same_project:
        row.polled_at = None
    row.save()
    audit.record(
        by=by, verb="jira.mapping-changed" if mapping else "jira.mapping-added", obj=row, project=row.project_key
    )
    rows = ItemSync.objects.in_touch().filter(mapping=row)
    rows.update(due_at=now, hinted_at=now, is_bulk=True, blocked={}, dirty=_said_long_ago(MAPPED))
    return row


def _said_long_ago(names: Sequence[str]) -> Func:
    """Marks of changes of ours that anything people did in Jira is newer than."""
    marks = changed_at(LONG_AGO, names)
    joined = "(%(expressions)s)"
    column = models.JSONField()
    return Func(Value(marks, column), F("dirty"), template=joined, arg_joiner=" || ", output_field=column)


@transaction.atomic
def remove_mapping(*, mapping: JiraMapping, by: User) -> None:
    """Send no more of the team's actions. Issues that are there stay, and are not written to any more."""
    audit.record(by=by, verb="jira.mapping-removed", obj=mapping, project=mapping.project_key)
    mapping.items.all().delete()
    mapping.delete()


@transaction.atomic
def name_account(*, connection: JiraConnection, person: User, account_id: str, by: User, now: datetime) -> JiraPerson:
    """Say whose account it is; whoever had it has it no more."""
    connection.people.filter(account_id=account_id).exclude(person=person).delete()
    row, _ = JiraPerson.objects.update_or_create(
        connection=connection,
        person=person,
        defaults={"account_id": account_id, "display_name": "", "is_by_hand": True, "checked_at": now},
    )
    audit.record(by=by, verb="jira.account-named", obj=connection, person=person.pk)
    rows = connection.items.filter(action__owner=person).exclude(state=SyncState.UNLINKED)
    rows.update(due_at=now, blocked={})
    return row
