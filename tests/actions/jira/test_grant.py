"""Consent at Atlassian: agreed to in a browser, renewed by itself, by one worker at a time, and never shown."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.utils import timezone

from accounts import secrets
from accounts.models import AuditEntry, User
from actions.enums import JiraAuth, SyncState
from actions.jira import grant as grants
from actions.jira import inbound
from actions.jira.connect import client_of
from actions.jira.grant import access_token
from actions.models import ActionItem, ItemSync, JiraConnection, JiraGrant
from actions.services.connection import tell_of_pauses
from actions.tracker import SignInRefused
from postmortems.models import Postmortem
from tests.actions.conftest import signed_in
from tests.actions.jira.world import Both, connect, map_team
from tests.fakes.atlassian import CLIENT, SECRET, Atlassian
from tests.fakes.jira import Jira, JiraServer
from tests.fakes.jira.state import SERVICE

pytestmark = pytest.mark.django_db

BACK = "/actions/jira/atlassian/"


@pytest.fixture
def cloud() -> Iterator[JiraServer]:
    with JiraServer(Jira(is_cloud=True)) as server:
        yield server
        assert server.contract.faults == []


@pytest.fixture
def atlassian(cloud: JiraServer, settings: Any) -> Iterator[Atlassian]:
    with Atlassian(back=f"{settings.BASE_URL}{BACK}") as fake:
        cloud.gateway = fake
        settings.ATLASSIAN_AUTH_URL, settings.ATLASSIAN_API_URL = fake.url, cloud.url
        yield fake


@pytest.fixture
def administrator(alice: User) -> Client:
    User.objects.filter(pk=alice.pk).update(is_administrator=True)
    return signed_in(alice)


@pytest.fixture
def both(cloud: JiraServer, atlassian: Atlassian, postmortem: Postmortem, alice: User) -> Both:
    """A connection that was agreed to, and whose token is good for an hour."""
    connection = connect(
        cloud, alice, auth=JiraAuth.OAUTH, username="", secret="", site_url=atlassian.site,
        api_url=f"{cloud.url}/ex/jira/{atlassian.cloud_id}",
    )  # fmt: skip
    pair = atlassian.pair()
    JiraGrant.objects.create(
        connection=connection,
        client_id=CLIENT,
        client_secret=secrets.seal(SECRET),
        access_token=secrets.seal(pair["access_token"]),
        refresh_token=secrets.seal(pair["refresh_token"]),
        access_ends_at=cloud.jira.now + timedelta(hours=1),
        renewed_at=cloud.jira.now,
    )
    return Both(cloud, connection, map_team(connection, postmortem.team), postmortem, alice)


def typed(atlassian: Atlassian, **fields: str) -> dict[str, str]:
    values = {"name": "Ours", "site_url": atlassian.site, "client_id": CLIENT, "client_secret": SECRET, "at_once": "4"}
    return {**values, **fields}


def begin(client: Client, connection: JiraConnection) -> tuple[str, dict[str, str]]:
    """Press the button; where it leads, and what is asked there."""
    address = client.post(f"{connection.get_absolute_url()}atlassian/")["Location"]
    return address, dict(parse_qsl(urlsplit(address).query))


def agree(client: Client, atlassian: Atlassian, connection: JiraConnection) -> Any:
    """Press the button and agree; the answer to the page one is sent back to."""
    back = urlsplit(atlassian.consent(begin(client, connection)[1]))
    return client.get(f"{back.path}?{back.query}", follow=True)


# -- From the browser --------------------------------------------------------------------------------------------------


def test_an_administrator_connects_by_agreeing_at_atlassian(
    cloud: JiraServer, atlassian: Atlassian, administrator: Client
) -> None:
    administrator.post("/actions/jira/atlassian/add/", typed(atlassian))
    connection = JiraConnection.objects.get()
    assert "Nobody has agreed" in connection.paused_reason
    address, asked = begin(administrator, connection)
    assert address.startswith(f"{atlassian.url}/authorize?")
    assert (asked["audience"], asked["prompt"], asked["code_challenge_method"]) == ("127.0.0.1", "consent", "S256")
    page = agree(administrator, atlassian, connection).content.decode()
    connection.refresh_from_db()
    assert "Connected to Ours." in page
    assert connection.api_url == f"{cloud.url}/ex/jira/{atlassian.cloud_id}"
    assert (connection.account_id, connection.paused_reason, connection.auth) == (SERVICE.id, "", "oauth")
    with client_of(connection, now=timezone.now()) as client:
        assert client.myself()["accountId"] == SERVICE.id


def test_an_answer_is_taken_once_and_only_from_the_browser_that_asked(
    atlassian: Atlassian, administrator: Client, both: Both, alice: User
) -> None:
    back = urlsplit(atlassian.consent(begin(administrator, both.connection)[1]))
    path = f"{back.path}?{back.query}"
    for client in (signed_in(alice), administrator):
        forged = path if client is not administrator else path.replace("state=", "state=x")
        assert "belongs to no question" in client.get(forged, follow=True).content.decode()
    assert "belongs to no question" in administrator.get(path, follow=True).content.decode()
    assert atlassian.asked == []


def test_an_answer_that_took_too_long_is_not_taken(atlassian: Atlassian, administrator: Client, both: Both) -> None:
    back = urlsplit(atlassian.consent(begin(administrator, both.connection)[1]))
    with mock.patch("actions.views.jira_grant.time.time", return_value=time.time() + 601):
        page = administrator.get(f"{back.path}?{back.query}", follow=True).content.decode()
    assert ("belongs to no question" in page, atlassian.asked) == (True, [])


def test_who_does_not_agree_changes_nothing(atlassian: Atlassian, administrator: Client, both: Both) -> None:
    atlassian.agrees = False
    before = JiraGrant.objects.values().get()
    assert "Nobody agreed at Atlassian" in agree(administrator, atlassian, both.connection).content.decode()
    assert JiraGrant.objects.values().get() == before


def test_tokens_that_lead_to_another_site_are_not_used(
    cloud: JiraServer, atlassian: Atlassian, administrator: Client, both: Both
) -> None:
    atlassian.site = "https://other.example"
    page = agree(administrator, atlassian, both.connection).content.decode()
    assert "did not give Debrief jira.example. Sites it was given: other.example." in page
    both.connection.refresh_from_db()
    assert "did not give Debrief jira.example" in both.connection.paused_reason
    administrator.post(f"{both.connection.get_absolute_url()}pause/")
    action = both.add()
    both.sync(action)
    assert (cloud.log, "press “Connect with Atlassian”" in JiraConnection.objects.get().paused_reason) == ([], True)


def test_a_refresh_token_can_be_pasted_and_is_renewed_at_once(
    cloud: JiraServer, atlassian: Atlassian, administrator: Client
) -> None:
    given = atlassian.pair()["refresh_token"]
    administrator.post("/actions/jira/atlassian/add/", typed(atlassian, refresh_token=given))
    connection = JiraConnection.objects.get()
    assert (connection.paused_reason, connection.account_id) == ("", SERVICE.id)
    assert secrets.unseal(connection.grant.refresh_token) in atlassian.refresh


def test_a_pasted_token_that_was_used_before_is_said(atlassian: Atlassian, administrator: Client) -> None:
    fields = typed(atlassian, refresh_token="refresh-0-of-no-worth")
    page = administrator.post("/actions/jira/atlassian/add/", fields, follow=True).content.decode()
    assert "it was used already, taken back, or is too old" in page
    assert "Nobody has agreed" in JiraConnection.objects.get().paused_reason


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"client_secret": ""}, "The client secret is needed"),
        ({"client_id": ""}, "This field is required"),
        ({"site_url": "http://jira.example.com"}, "must begin with https://"),
    ],
)
def test_what_cannot_work_is_said_and_nothing_is_kept(
    atlassian: Atlassian, administrator: Client, fields: dict[str, str], words: str
) -> None:
    answer = administrator.post("/actions/jira/atlassian/add/", typed(atlassian, **fields))
    assert (answer.status_code, words in answer.content.decode()) == (422, True)
    assert JiraConnection.objects.count() == 0


def test_another_app_or_site_has_to_be_agreed_to_anew(atlassian: Atlassian, administrator: Client, both: Both) -> None:
    path = f"{both.connection.get_absolute_url()}atlassian/edit/"
    refused = administrator.post(path, typed(atlassian, client_id="another", client_secret=""))
    assert "it is that of another app" in refused.content.decode()
    administrator.post(path, typed(atlassian, client_secret="", name="Renamed"))
    assert JiraConnection.objects.get().paused_reason == ""
    administrator.post(path, typed(atlassian, client_secret="", site_url="https://elsewhere.example"))
    connection = JiraConnection.objects.get()
    assert ("Nobody has agreed" in connection.paused_reason, connection.grant.refresh_token) == (True, "")


def test_a_token_connection_can_become_one_by_consent_and_go_back(
    cloud: JiraServer, atlassian: Atlassian, administrator: Client, both: Both
) -> None:
    action = both.add()
    both.sync(action)
    cloud.gateway = None
    token = {"name": "Ours", "kind": "cloud", "site_url": cloud.url, "username": SERVICE.email, "at_once": "4"}
    path = f"{both.connection.get_absolute_url()}edit/"
    assert "A token is needed" in administrator.post(path, token).content.decode()
    administrator.post(path, {**token, "secret": "a-token-of-no-worth"})
    assert (JiraConnection.objects.get().auth, JiraGrant.objects.count()) == (JiraAuth.API_TOKEN, 0)
    cloud.gateway = atlassian
    administrator.post(f"{both.connection.get_absolute_url()}atlassian/edit/", typed(atlassian))
    agree(administrator, atlassian, both.connection)
    assert JiraConnection.objects.get().auth == JiraAuth.OAUTH
    assert both.row(action).remote_id == both.issue(action).id


def test_only_administrators_may(both: Both, bob: User) -> None:
    client = signed_in(bob)
    assert client.get("/actions/jira/atlassian/add/").status_code == 404
    assert client.get(f"{BACK}?state=a&code=b").status_code == 404
    assert client.get(f"{both.connection.get_absolute_url()}atlassian/edit/").status_code == 403
    assert client.post(f"{both.connection.get_absolute_url()}atlassian/").status_code == 403


def test_nothing_secret_is_shown_or_logged(
    atlassian: Atlassian, administrator: Client, both: Both, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    both.wait(hours=2)
    both.sync(both.add())
    agree(administrator, atlassian, both.connection)
    shown = [
        administrator.get(f"{both.connection.get_absolute_url()}{path}").content.decode()
        for path in ("", "edit/", "atlassian/edit/")
    ]
    kept = [*shown, caplog.text, str(list(AuditEntry.objects.values())), str(list(JiraGrant.objects.values()))]
    for text in kept:
        assert "of-no-worth" not in text
        assert "code-" not in text


def test_a_private_authorisation_server_is_not_asked(atlassian: Atlassian, both: Both, settings: Any) -> None:
    settings.JIRA_PRIVATE_HOSTS = []
    both.wait(hours=2)
    action = both.add()
    both.sync(action)
    assert atlassian.asked == []
    assert "must begin with https://" in JiraConnection.objects.get().paused_reason


def test_keys_are_changed_for_tokens_too(both: Both, settings: Any) -> None:
    new = "b3RoZXItZm9yLXRlc3RzLWFuZC1vZi1uby13b3J0aCE="
    settings.FIELD_KEYS = [new, *settings.FIELD_KEYS]
    call_command("rotate_field_keys")
    settings.FIELD_KEYS = [new]
    assert access_token(both.connection, now=both.clock()).startswith("access-")


# -- Renewing ----------------------------------------------------------------------------------------------------------


def test_a_good_token_is_not_renewed_and_one_that_ends_within_a_minute_is(both: Both, atlassian: Atlassian) -> None:
    both.wait(minutes=58, seconds=50)
    assert both.sync(both.add()).state == SyncState.LINKED
    assert atlassian.asked == []
    both.wait(seconds=10)
    assert both.sync(both.add(title="Another")).state == SyncState.LINKED
    assert len(atlassian.asked) == 1
    grant = JiraGrant.objects.get()
    assert grant.access_ends_at == both.clock() + timedelta(hours=1)
    assert (grant.renewal_begun_at, secrets.unseal(grant.refresh_token) in atlassian.refresh) == (None, True)


def test_it_goes_on_for_days(both: Both, atlassian: Atlassian) -> None:
    for each in range(30):
        both.wait(hours=3)
        assert both.sync(both.add(title=f"Number {each}")).state == SyncState.LINKED
    assert len(atlassian.asked) == 30


def test_a_token_that_was_ended_early_is_renewed_and_the_request_made_again(both: Both, atlassian: Atlassian) -> None:
    atlassian.access.clear()
    action = both.add()
    assert both.sync(action).state == SyncState.LINKED
    assert (len(atlassian.asked), len(both.jira.issues)) == (1, 1)


def test_consent_that_was_taken_back_pauses_and_is_mailed_once(
    both: Both, atlassian: Atlassian, administrator: Client
) -> None:
    action = both.add()
    atlassian.revoke()
    both.sync(action)
    connection = JiraConnection.objects.get()
    assert "taken back, or is too old. Connect again with Atlassian." in connection.paused_reason
    assert [tell_of_pauses(now=both.clock()) for _ in range(2)] == [1, 0]
    assert [each.subject for each in mail.outbox] == [f"{connection.name} is paused: Jira refuses"]
    agree(administrator, atlassian, connection)
    JiraGrant.objects.update(access_ends_at=both.clock() + timedelta(hours=1))
    ItemSync.objects.update(due_at=both.clock())
    assert both.sync(action).state == SyncState.LINKED


def test_a_wrong_client_secret_is_said(both: Both, atlassian: Atlassian) -> None:
    JiraGrant.objects.update(client_secret=secrets.seal("wrong"))
    both.wait(hours=2)
    both.sync(both.add())
    assert "does not know the app by this client id" in JiraConnection.objects.get().paused_reason
    assert JiraGrant.objects.get().renewal_begun_at is None


@pytest.mark.parametrize("fault", ["503", "500", "drop-after"])
def test_while_atlassian_is_down_the_old_token_is_used_as_long_as_it_is_good(
    both: Both, atlassian: Atlassian, fault: str
) -> None:
    both.wait(minutes=59, seconds=10)
    atlassian.fault, atlassian.ends_the_old_one = fault, False
    assert both.sync(both.add()).state == SyncState.LINKED
    assert JiraGrant.objects.get().renewal_begun_at is not None


def test_down_and_without_a_good_token_it_waits_and_is_not_paused(both: Both, atlassian: Atlassian) -> None:
    both.wait(hours=2)
    atlassian.fault = "503"
    action = both.add()
    row = both.sync(action)
    assert (row.error_text, row.state) == ("Atlassian answered 503.", SyncState.PENDING)
    assert (JiraConnection.objects.get().paused_reason, JiraConnection.objects.get().failures) == ("", 1)
    both.wait(minutes=5)
    assert both.sync(action).state == SyncState.LINKED


def test_throttled_it_waits_as_long_as_atlassian_says(both: Both, atlassian: Atlassian) -> None:
    both.wait(hours=2)
    atlassian.fault = "429"
    row = both.sync(both.add())
    assert (row.error_text, row.failures) == ("Atlassian asks us to be slower.", 0)


def test_an_answer_that_was_lost_is_said_in_words(both: Both, atlassian: Atlassian) -> None:
    both.wait(hours=2)
    atlassian.fault = "drop-after"
    action = both.add()
    assert "The connection to Atlassian broke off" in both.sync(action).error_text
    both.wait(minutes=5)
    both.sync(action)
    words = JiraConnection.objects.get().paused_reason
    assert words == (
        "A renewal of the token on 1 April, 14:00 UTC was broken off before its answer was kept. "
        "Connect again with Atlassian."
    )


class Killed(BaseException):
    """The worker's process is gone."""


def test_a_worker_that_dies_between_the_answer_and_the_commit_is_said_in_words(
    both: Both, atlassian: Atlassian
) -> None:
    both.wait(hours=2)
    with mock.patch.object(grants, "keep_tokens", side_effect=Killed), pytest.raises(Killed):
        access_token(both.connection, now=both.clock())
    both.wait(minutes=5)
    both.sync(both.add())
    assert "was broken off before its answer was kept" in JiraConnection.objects.get().paused_reason


def test_a_missing_scope_is_no_reason_to_pause(both: Both, atlassian: Atlassian) -> None:
    atlassian.lacks_scope = True
    row = both.sync(both.add())
    assert ("lacks a scope" in row.error_text, JiraConnection.objects.get().paused_reason) == (True, "")
    assert atlassian.asked == []


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_eight_workers_at_once_renew_once(both: Both, atlassian: Atlassian) -> None:
    both.wait(hours=2)
    atlassian.before = lambda: time.sleep(0.3)
    gate = threading.Barrier(8)

    def ask(_: int) -> str:
        gate.wait()
        try:
            return access_token(both.connection, now=both.clock())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(ask, range(8)))
    assert (found, len(atlassian.asked)) == (atlassian.access, 1)
    assert JiraGrant.objects.get().renewal_begun_at is None


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_new_pair_is_committed_before_it_is_used(both: Both, atlassian: Atlassian) -> None:
    """Another session must see it when the first request with it arrives."""
    both.wait(hours=2)
    seen: list[bool] = []

    def look(asked: object) -> None:
        seen.append(secrets.unseal(JiraGrant.objects.get().access_token) in atlassian.access)

    both.server.before = look
    assert both.sync(both.add()).state == SyncState.LINKED
    assert seen
    assert all(seen)


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_slow_renewal_keeps_nobody_from_writing_an_action(both: Both, atlassian: Atlassian) -> None:
    """Only the grant is held: new actions point at the connection, and would wait for it."""
    both.wait(hours=2)
    is_asked, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        is_asked.set()
        go_on.wait(10)

    atlassian.before = hold

    def renew() -> None:
        try:
            access_token(both.connection, now=both.clock())
        finally:
            connections.close_all()

    worker = threading.Thread(target=renew)
    worker.start()
    assert is_asked.wait(5)
    begun = time.monotonic()
    action = both.add()
    took = time.monotonic() - begun
    go_on.set()
    worker.join(10)
    assert ActionItem.objects.filter(pk=action.pk).exists()
    assert took < 2


def test_without_consent_nothing_is_asked(both: Both, atlassian: Atlassian) -> None:
    JiraGrant.objects.update(refresh_token="")
    with pytest.raises(SignInRefused, match="press “Connect with Atlassian”"):
        access_token(both.connection, now=both.clock())
    assert inbound.poll(both.mapping.pk, clock=both.clock) == 0
    assert atlassian.asked == []
