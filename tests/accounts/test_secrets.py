"""Secrets at rest: sealed, opened, and sealed anew with another key."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts import secrets
from accounts.models import User
from actions.models import JiraConnection

OLD, NEW = (urlsafe_b64encode(bytes([each]) * 32).decode() for each in (1, 2))


def connection(by: User, secret: str) -> JiraConnection:
    return JiraConnection.objects.create(
        name="Jira", kind="cloud", site_url="https://a.example", api_url="https://a.example", auth="bearer",
        secret=secret, created_by=by,
    )  # fmt: skip


@pytest.mark.django_db
def test_after_a_rotation_the_old_key_is_not_needed(settings: Any, alice: User) -> None:
    settings.FIELD_KEYS = [OLD]
    row = connection(alice, secrets.seal("the token"))
    settings.FIELD_KEYS = [NEW, OLD]
    call_command("rotate_field_keys")
    settings.FIELD_KEYS = [NEW]
    row.refresh_from_db()
    assert secrets.unseal(row.secret) == "the token"


@pytest.mark.django_db
def test_a_secret_that_no_key_opens_stops_the_rotation(settings: Any, alice: User) -> None:
    settings.FIELD_KEYS = [OLD]
    row = connection(alice, secrets.seal("the token"))
    settings.FIELD_KEYS = [NEW]
    with pytest.raises(CommandError, match="not in FIELD_KEYS any more"):
        call_command("rotate_field_keys")
    before = row.secret
    row.refresh_from_db()
    assert row.secret == before


def test_without_a_key_nothing_is_kept(settings: Any) -> None:
    settings.FIELD_KEYS = []
    with pytest.raises(secrets.NoKeys, match="Make a key"):
        secrets.seal("the token")
