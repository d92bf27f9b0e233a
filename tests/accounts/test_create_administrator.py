"""`manage.py create_administrator`: the first person, and the way back in."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User
from tests.factories.accounts import PASSWORD

pytestmark = pytest.mark.django_db


def create(monkeypatch: pytest.MonkeyPatch, *arguments: str, piped: str = f"{PASSWORD}\n") -> str:
    monkeypatch.setattr("sys.stdin", io.StringIO(piped))
    said = io.StringIO()
    call_command("create_administrator", *arguments, stdout=said)
    return said.getvalue()


def test_the_first_person_can_sign_in_and_administer(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    create(monkeypatch, "Ada@Example.com", "--name", "Ada Abbott", "--timezone", "Europe/Paris", "--password-stdin")
    client.post("/accounts/login/", {"login": "ada@example.com", "password": PASSWORD})
    assert client.get("/administration/").status_code == 200
    assert (User.objects.get().display_name, User.objects.get().timezone) == ("Ada Abbott", "Europe/Paris")


def test_someone_known_gets_the_office_back_and_keeps_their_password(
    monkeypatch: pytest.MonkeyPatch, alice: User
) -> None:
    alice.set_password(PASSWORD)
    alice.is_active = False
    alice.save()
    said = create(monkeypatch, "ALICE@example.com")
    alice.refresh_from_db()
    assert (alice.is_administrator, alice.is_active, alice.check_password(PASSWORD)) == (True, True, True)
    assert "as it was" in said


@pytest.mark.parametrize(
    ("arguments", "piped", "said"),
    [
        (["nobody"], "", "is not an e-mail address"),
        (["a@example.com", "--timezone", "Moon/Base", "--password-stdin"], PASSWORD, "not a time zone"),
        (["a@example.com", "--password-stdin"], "short\n", "at least 12 characters"),
        (["a@example.com", "--password-stdin"], "", "at least 12 characters"),
        (["a@example.com"], "", "--password-stdin"),
    ],
)
def test_bad_input_is_one_clear_sentence_and_nobody_is_made(
    arguments: list[str], piped: str, said: str, monkeypatch: pytest.MonkeyPatch, db: Any
) -> None:
    with pytest.raises(CommandError, match=said):
        create(monkeypatch, *arguments, piped=piped)
    assert not User.objects.exists()
