"""What somebody saw is theirs alone until they share it; there is no way round that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.enums import Visibility
from accounts.models import AuditEntry, User
from incidents.models import Incident
from postmortems.models import Perspective, Postmortem
from tests.routes import routes

As = Callable[[User], Client]
pytestmark = pytest.mark.django_db
CANARY = "thermoclinecanary"


@pytest.fixture
def asked(postmortem: Postmortem, alice: User, bob: User) -> Perspective:
    """Bob was asked by Alice, and wrote something for himself."""
    return Perspective.objects.create(
        postmortem=postmortem, person=bob, asked_by=alice, asked_at=timezone.now(), text=f"I saw {CANARY}",
        answered_at=timezone.now(),
    )  # fmt: skip


def page(client: Client, postmortem: Postmortem) -> str:
    return client.get(f"/postmortems/{postmortem.pk}/perspectives/").content.decode()


def write(client: Client, perspective: Perspective, text: str, **more: str) -> Any:
    values = {"text": text, "revision": perspective.revision, **more}
    return client.post(f"/perspectives/{perspective.pk}/", values)


def test_who_is_asked_is_told_by_mail_once(
    as_user: As, alice: User, bob: User, postmortem: Postmortem, django_capture_on_commit_callbacks: Any
) -> None:
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            as_user(alice).post(f"/postmortems/{postmortem.pk}/perspectives/ask/", {"people": [bob.pk]})
    [letter] = mail.outbox
    assert (letter.to, f"/postmortems/{postmortem.pk}/perspectives/" in str(letter.body)) == ([bob.email], True)
    assert Perspective.objects.get().person == bob


def test_a_mail_does_not_name_what_is_restricted(
    as_user: As, alice: User, bob: User, postmortem: Postmortem, django_capture_on_commit_callbacks: Any
) -> None:
    Postmortem.objects.update(visibility=Visibility.RESTRICTED)
    postmortem.participants.create(user=bob, role="contributor")
    with django_capture_on_commit_callbacks(execute=True):
        as_user(alice).post(f"/postmortems/{postmortem.pk}/perspectives/ask/", {"people": [bob.pk]})
    assert postmortem.title not in str(mail.outbox[0].message())


def test_nobody_is_asked_who_may_not_see_it(as_user: As, alice: User, mallory: User, postmortem: Postmortem) -> None:
    Postmortem.objects.update(visibility=Visibility.TEAM)
    answer = as_user(alice).post(f"/postmortems/{postmortem.pk}/perspectives/ask/", {"people": [mallory.pk]})
    assert (answer.status_code, "may not see this post-mortem" in answer.content.decode()) == (422, True)
    assert not Perspective.objects.exists()


def test_the_facilitator_sees_who_has_written_and_never_what(
    as_user: As, alice: User, asked: Perspective, postmortem: Postmortem
) -> None:
    shown = page(as_user(alice), postmortem)
    assert "has written" in shown
    assert CANARY not in shown


def test_there_is_no_way_round_it(
    as_user: As, alice: User, administrator: User, asked: Perspective, postmortem: Postmortem
) -> None:
    """Every address that answers somebody else, search, exports, history and the audit log included."""
    found = []
    for person in (alice, administrator):
        client = as_user(person)
        for route in routes():
            if not route.is_ours or set(route.parameters) - {"pk"}:
                continue
            url = "/" + route.pattern.replace("<int:pk>", str(postmortem.pk))
            if "<" in url:
                continue
            for address in [url, *([f"{url}?q={CANARY}"] if "search" in url else [])]:
                body = client.get(address).getvalue().decode(errors="replace").replace(f'value="{CANARY}"', "")
                if f"I saw {CANARY}" in body:
                    found.append((person.display_name, address))
        assert client.get(f"/perspectives/{asked.pk}/").status_code in {404, 405}
        assert write(client, asked, "Overwritten").status_code == 404
    assert found == []
    assert not any(CANARY in str(entry.details) + entry.object_label for entry in AuditEntry.objects.all())


def test_its_author_reads_and_keeps_it(as_user: As, bob: User, asked: Perspective, postmortem: Postmortem) -> None:
    assert f"I saw {CANARY}" in page(as_user(bob), postmortem)
    write(as_user(bob), asked, "I saw two prompts")
    asked.refresh_from_db()
    assert (asked.text, asked.shared_at) == ("I saw two prompts", None)


def test_two_windows_lose_nothing(as_user: As, bob: User, asked: Perspective) -> None:
    write(as_user(bob), asked, "First window")
    answer = write(as_user(bob), asked, "Second window")
    body = answer.content.decode()
    assert (answer.status_code, "First window" in body, "Second window" in body) == (409, True, True)


def test_what_is_shared_is_read_by_readers_until_it_is_taken_back(
    as_user: As, alice: User, bob: User, mallory: User, asked: Perspective, postmortem: Postmortem
) -> None:
    write(as_user(bob), asked, f"I saw {CANARY}", share="on")
    assert f"I saw {CANARY}" in page(as_user(alice), postmortem)
    Incident.objects.update(visibility=Visibility.TEAM)
    assert as_user(mallory).get(f"/postmortems/{postmortem.pk}/perspectives/").status_code == 404
    asked.refresh_from_db()
    write(as_user(bob), asked, f"I saw {CANARY}", withdraw="on")
    assert CANARY not in page(as_user(alice), postmortem)


def test_nothing_cannot_be_shared(as_user: As, bob: User, asked: Perspective) -> None:
    answer = write(as_user(bob), asked, " ", share="on")
    asked.refresh_from_db()
    assert (answer.status_code, asked.shared_at) == (422, None)


def test_a_hostile_account_is_words(
    as_user: As, alice: User, bob: User, asked: Perspective, postmortem: Postmortem
) -> None:
    write(as_user(bob), asked, "<script>alert(1)</script> [x](javascript:alert(1))", share="on")
    shown = page(as_user(alice), postmortem)
    assert "<script>alert(1)" not in shown
    assert 'href="javascript:' not in shown
