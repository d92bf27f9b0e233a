"""Webhooks: believed only when they are signed, and even then only told where to look."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from django.test import Client

from accounts import secrets
from actions.models import HookDelivery, ItemSync, JiraConnection
from tests.actions.jira.world import Both
from tests.reference import REFERENCE

pytestmark = pytest.mark.django_db
SECRET = "a-secret-that-only-jira-and-we-know"
CAPTURES = sorted((REFERENCE / "jira" / "webhooks").glob("webhook-*.json")) if REFERENCE.exists() else []


def deliver(connection: JiraConnection, raw: bytes, *, secret: str = SECRET, **headers: str) -> Any:
    signature = "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return Client().post(
        f"/hooks/jira/{connection.hook_key}",
        raw,
        content_type="application/json",
        headers={"X-Hub-Signature": signature, **headers},
    )


@pytest.fixture
def signed(both: Both) -> Both:
    both.connection.hook_secret = secrets.seal(SECRET)
    both.connection.save()
    return both


def event(both: Both) -> bytes:
    return json.dumps(both.jira.events[-1]).encode()


def test_a_signed_delivery_has_its_issue_looked_at(signed: Both) -> None:
    action = signed.add()
    signed.sync(action)
    signed.jira.edit(signed.issue(action), {"summary": "Said in Jira"}, by="1")
    assert deliver(signed.connection, event(signed)).status_code == 204
    row = signed.row(action)
    assert row.hinted_at is not None
    assert signed.action(action).title != "Said in Jira"
    ItemSync.objects.filter(pk=row.pk).update(due_at=signed.clock(), hinted_at=signed.clock())
    signed.sync(action)
    assert signed.action(action).title == "Said in Jira"


def test_what_a_delivery_says_is_never_taken_for_what_is_so(signed: Both) -> None:
    action = signed.add()
    signed.sync(action)
    forged = {
        "webhookEvent": "jira:issue_updated",
        "issue": {"id": signed.issue(action).id, "fields": {"summary": "Lie"}},
    }
    assert deliver(signed.connection, json.dumps(forged).encode()).status_code == 204
    ItemSync.objects.update(due_at=signed.clock(), hinted_at=signed.clock())
    signed.sync(action)
    assert signed.action(action).title == "Alert when the queue is old"


@pytest.mark.parametrize("secret", ["wrong", ""])
def test_a_wrong_signature_is_refused_and_nothing_is_kept(signed: Both, secret: str) -> None:
    assert deliver(signed.connection, b'{"issue": {"id": "1"}}', secret=secret).status_code == 403
    assert HookDelivery.objects.count() == 0


def test_without_a_secret_nothing_is_believed(both: Both) -> None:
    assert deliver(both.connection, b"{}", secret="").status_code == 403
    assert (
        Client().post(f"/hooks/jira/{both.connection.hook_key}", b"{}", content_type="application/json").status_code
        == 403
    )


def test_with_a_secret_that_no_key_opens_nothing_is_believed(signed: Both, settings: Any) -> None:
    settings.FIELD_KEYS = []
    assert deliver(signed.connection, b'{"issue": {"id": "1"}}').status_code == 403


def test_a_delivery_that_comes_again_is_kept_once(signed: Both) -> None:
    for _ in range(2):
        answer = deliver(signed.connection, b'{"issue": {"id": "1"}}', **{"X-Atlassian-Webhook-Identifier": "same"})
        assert answer.status_code == 204
    assert HookDelivery.objects.count() == 1


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"{", b'"x"', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_event_is_refused(signed: Both, raw: bytes) -> None:
    assert deliver(signed.connection, raw).status_code == 403


def test_a_delivery_too_large_is_refused(signed: Both) -> None:
    assert deliver(signed.connection, b'{"a": "' + b"x" * 2_200_000 + b'"}').status_code == 413


def test_another_address_is_nowhere(signed: Both) -> None:
    assert Client().post("/hooks/jira/00000000-0000-0000-0000-000000000000").status_code == 404


@pytest.mark.skipif(not CAPTURES, reason="the captures of real webhooks are not here")
def test_every_real_delivery_is_accepted_and_none_is_trusted(signed: Both) -> None:
    assert len(CAPTURES) == 55
    action = signed.add()
    signed.sync(action)
    before = signed.action(action).revision
    for capture in CAPTURES:
        assert deliver(signed.connection, capture.read_bytes()).status_code == 204, capture.name
    assert HookDelivery.objects.count() == 55
    assert (signed.action(action).revision, signed.row(action).hinted_at) == (before, None)


@pytest.mark.skipif(not CAPTURES, reason="the captures of real webhooks are not here")
def test_the_fakes_own_events_are_like_real_ones(signed: Both) -> None:
    action = signed.add()
    signed.sync(action)
    signed.jira.edit(signed.issue(action), {"summary": "Said in Jira"}, by="1")
    real = json.loads((REFERENCE / "jira" / "webhooks" / "webhook-cloud-issue-updated-custom-field.json").read_text())
    ours = json.loads(event(signed))
    assert set(real) <= set(ours)
    assert set(real["changelog"]) <= set(ours["changelog"])
    item = ours["changelog"]["items"][0]
    assert set(real["changelog"]["items"][0]) - {"fieldId"} <= set(item)
    assert {name for name, value in real["issue"].items() if type(ours["issue"].get(name)) is not type(value)} == set()
