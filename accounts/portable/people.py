"""Kinds of rows of this app: people, teams, invitations, the audit log."""

from __future__ import annotations

import secrets
from datetime import datetime

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.hashers import make_password

from accounts.models import AuditEntry, Invitation, Membership, Team, User
from accounts.portable.kinds import Kind


def _no_password(now: datetime) -> str:
    return make_password(None)


def _no_token(now: datetime) -> str:
    """The digest of a token that nobody has."""
    return secrets.token_hex(32)


KINDS = (
    Kind(
        "people",
        User,
        "a person",
        left_out={
            "password": "nobody's password travels: people set a new one, or come by single sign-on",
            "session_generation": "no session travels",
        },
        fills={"password": _no_password},
    ),
    Kind("email_addresses", EmailAddress, "a mail address of a person, and whether it was confirmed", own="user"),
    Kind(
        "provider_accounts",
        SocialAccount,
        "whose account at the identity provider is whose here",
        left_out={
            "extra_data": "the provider says it again at the next sign-in",
            "last_login": "the provider says it again at the next sign-in",
            "date_joined": "the provider says it again at the next sign-in",
        },
        own="user",
    ),
    Kind("teams", Team, "a team"),
    Kind("memberships", Membership, "a person's place in a team"),
    Kind(
        "invitations",
        Invitation,
        "an invitation, open or used",
        left_out={"token_digest": "links that were mailed lead to the old address: send open ones again"},
        fills={"token_digest": _no_token},
    ),
    Kind("audit_log", AuditEntry, "a change, or a look at something restricted"),
)
