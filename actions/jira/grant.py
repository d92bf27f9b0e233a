"""Tokens of OAuth 2.0 that renew themselves. Each refresh token is good once, and two at once would lose both.

So one worker renews, holding the grant's row, and the others wait for it and read what it kept. That the refresh token
was sent is committed before it is sent: if the answer is lost, or the worker dies before the new pair is kept, it is
known why the old one is refused, and an administrator is told in words.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils.formats import date_format

from actions.jira import atlassian
from actions.jira.atlassian import App, GrantRefused
from actions.jira.client import JiraClient
from actions.jira.secret import opened
from actions.models import JiraConnection, JiraGrant
from actions.services.grant import NOT_YET, Site, keep_tokens
from actions.tracker import Refused, SignInRefused, Throttled, TrackerError, Unreachable

EARLY = timedelta(seconds=60)
AGAIN = "Connect again with Atlassian."


def access_token(connection: JiraConnection, *, now: datetime) -> str:
    """A token that is good for a minute at least; renewed if need be. Raises `TrackerError`.

    Where Atlassian cannot be asked, the old one is used for as long as it is good.
    """
    grant = _grant(connection)
    if _is_good(grant, now=now, for_another=EARLY):
        return opened(grant.access_token)
    try:
        return _renewed(grant, refused="", now=now)
    except (Unreachable, Throttled):
        if _is_good(grant, now=now):
            return opened(grant.access_token)
        raise


def renewed(connection: JiraConnection, refused: str, *, now: datetime) -> str:
    """Another token than `refused`, which Jira did not take: somebody's renewal may have ended it. Raises so too."""
    return _renewed(_grant(connection), refused=refused, now=now)


def app_of(connection: JiraConnection) -> App:
    """The app that asks. Raises `SignInRefused` where no key opens its secret."""
    grant = _grant(connection, is_agreed=False)
    return App(grant.client_id, opened(grant.client_secret))


def find_site(connection: JiraConnection, *, now: datetime) -> Site:
    """Where the tokens lead, and as whom. Raises `TrackerError`."""
    token = access_token(connection, now=now)
    api_url = atlassian.api_url_of(token, connection.site_url)
    client = JiraClient(api_url, is_cloud=True, secret=token)
    try:
        return Site(api_url, client.account_of(client.myself()))
    finally:
        client.close()


def _grant(connection: JiraConnection, *, is_agreed: bool = True) -> JiraGrant:
    grant = JiraGrant.objects.filter(connection=connection).first()
    if grant is None or (is_agreed and not grant.refresh_token):
        raise SignInRefused(NOT_YET)
    return grant


def _is_good(grant: JiraGrant, *, now: datetime, for_another: timedelta = timedelta()) -> bool:
    return grant.access_ends_at is not None and now < grant.access_ends_at - for_another


def _renewed(grant: JiraGrant, *, refused: str, now: datetime) -> str:
    """Renew, unless somebody did meanwhile. The new pair is committed before this returns."""
    begun = JiraGrant.objects.filter(pk=grant.pk, renewal_begun_at=None).update(renewal_begun_at=now)
    with transaction.atomic(durable=True):
        row = JiraGrant.objects.select_for_update().get(pk=grant.pk)
        token = opened(row.access_token)
        if _is_good(row, now=now, for_another=EARLY) and token != refused:
            row.renewal_begun_at = None
            row.save(update_fields=["renewal_begun_at"])
            return token
        broken_off_at = row.renewal_begun_at if not begun else None
        try:
            tokens = atlassian.renewed_tokens(App(row.client_id, opened(row.client_secret)), opened(row.refresh_token))
        except TrackerError as error:
            failure = error
            if not error.may_be_done:
                row.renewal_begun_at = None
                row.save(update_fields=["renewal_begun_at"])
        else:
            keep_tokens(row, tokens, now=now)
            return tokens.access
    raise _said(failure, broken_off_at)


def _said(failure: TrackerError, broken_off_at: datetime | None) -> TrackerError:
    """The failure in the words of whoever has to mend it."""
    if isinstance(failure, GrantRefused) and broken_off_at is not None:
        at = date_format(broken_off_at.astimezone(UTC), "j F, H:i")
        return SignInRefused(f"A renewal of the token on {at} UTC was broken off before its answer was kept. {AGAIN}")
    if isinstance(failure, GrantRefused | Refused):
        return SignInRefused(f"{failure} {AGAIN}")
    return failure
