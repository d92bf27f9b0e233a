"""Secrets as they are needed for a request, and no longer than that."""

from __future__ import annotations

from accounts import secrets
from actions.tracker import SignInRefused


def opened(secret: str) -> str:
    """A secret of a connection as Jira takes it. Raises `SignInRefused` where no key opens it."""
    try:
        return secrets.unseal(secret)
    except (secrets.NoKeys, secrets.Unreadable) as error:
        raise SignInRefused(str(error)) from error
