"""Connections that Atlassian lets an app use (OAuth 2.0): made, agreed to, and their tokens kept. All audited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from accounts import audit, secrets
from accounts.models import User
from actions.enums import JiraAuth, JiraKind
from actions.models import JiraConnection, JiraGrant
from actions.services.connection import wake_all

NOT_YET = "Nobody has agreed to it at Atlassian yet: press “Connect with Atlassian”."


@dataclass(frozen=True)
class GrantFacts:
    """What an administrator says of a Jira Cloud and of the app that may use it. A secret of "" stays as it was."""

    name: str
    site_url: str
    client_id: str
    client_secret: str = ""
    hook_secret: str = ""
    is_dedicated: bool = False
    at_once: int = 4


@dataclass(frozen=True)
class Tokens:
    """What Atlassian answered: `seconds` is how long the access token is good for, the refresh token is good once."""

    access: str
    refresh: str
    seconds: int


@dataclass(frozen=True)
class Site:
    """The Jira the tokens lead to, and as whom."""

    api_url: str
    account_id: str


@transaction.atomic
def save_grant(connection: JiraConnection | None, *, facts: GrantFacts, by: User, now: datetime) -> JiraConnection:
    """Keep which app asks for which Jira. Where either is another one, somebody has to agree again.

    Raises `secrets.NoKeys`.
    """
    row = connection or JiraConnection(created_by=by, created_at=now)
    grant = JiraGrant.objects.filter(connection=row).first() if row.pk else None
    leads_elsewhere = grant is None or row.site_url != facts.site_url or grant.client_id != facts.client_id
    row.name, row.site_url, row.is_dedicated = facts.name, facts.site_url, facts.is_dedicated
    row.kind, row.auth, row.username, row.secret = JiraKind.CLOUD, JiraAuth.OAUTH, "", ""
    row.token_expires_on = None
    row.at_once = row.at_once_now = facts.at_once
    if facts.hook_secret:
        row.hook_secret = secrets.seal(facts.hook_secret)
    if leads_elsewhere:
        row.api_url, row.account_id = facts.site_url, ""
        row.paused_reason, row.paused_at, row.told_at = NOT_YET, now, now
    row.save()
    grant = grant or JiraGrant(connection=row)
    grant.client_id = facts.client_id
    if facts.client_secret:
        grant.client_secret = secrets.seal(facts.client_secret)
    if leads_elsewhere:
        grant.access_token = grant.refresh_token = ""
        grant.access_ends_at = grant.renewal_begun_at = None
    grant.save()
    verb = "jira.connection-changed" if connection else "jira.connection-added"
    audit.record(by=by, verb=verb, obj=row, secret=bool(facts.client_secret), hook_secret=bool(facts.hook_secret))
    return row


@transaction.atomic
def keep_first_tokens(*, connection: JiraConnection, tokens: Tokens, by: User, now: datetime) -> None:
    """Keep what somebody was given who agreed at Atlassian. Raises `secrets.NoKeys`."""
    grant = JiraGrant.objects.select_for_update().get(connection=connection)
    keep_tokens(grant, tokens, now=now)
    audit.record(by=by, verb="jira.connection-agreed", obj=connection)


def keep_tokens(grant: JiraGrant, tokens: Tokens, *, now: datetime) -> None:
    """Replace both tokens; the caller holds the row. `now` is when they were asked for. Raises `secrets.NoKeys`."""
    grant.access_token, grant.refresh_token = secrets.seal(tokens.access), secrets.seal(tokens.refresh)
    grant.access_ends_at, grant.renewed_at = now + timedelta(seconds=tokens.seconds), now
    grant.renewal_begun_at = None
    grant.save(update_fields=["access_token", "refresh_token", "access_ends_at", "renewed_at", "renewal_begun_at"])


@transaction.atomic
def refuse_grant(*, connection: JiraConnection, words: str, by: User, now: datetime) -> None:
    """The tokens lead nowhere: ask nothing with them until somebody connects again."""
    JiraConnection.objects.filter(pk=connection.pk).update(
        api_url=connection.site_url, paused_reason=words[:500], paused_at=now, told_at=now
    )
    audit.record(by=by, verb="jira.connection-refused", obj=connection)


@transaction.atomic
def finish_grant(*, connection: JiraConnection, site: Site, by: User, now: datetime) -> None:
    """The tokens lead to the Jira they should: go on with it, and with everything that waits."""
    JiraConnection.objects.filter(pk=connection.pk).update(
        api_url=site.api_url, account_id=site.account_id, answered_at=now, paused_reason="", paused_at=None,
        told_at=None, failures=0, failing_since=None, retry_at=None,
    )  # fmt: skip
    audit.record(by=by, verb="jira.connection-finished", obj=connection, account=site.account_id)
    wake_all(connection, now=now)
