"""`manage.py load_samples`: an organisation to look around in, loaded once, never into one that is in use."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts.enums import Visibility
from accounts.models import AuditEntry, User
from actions.enums import UNFINISHED, Status
from actions.models import ActionItem
from incidents.models import Incident
from postmortems.enums import State
from postmortems.models import Postmortem
from tests.people import Organisation

pytestmark = pytest.mark.django_db


def load(*arguments: str) -> str:
    said = StringIO()
    call_command("load_samples", *arguments, stdout=said)
    return said.getvalue()


def counts() -> list[int]:
    return [model.objects.count() for model in (User, Incident, Postmortem, ActionItem, AuditEntry)]


@pytest.fixture
def said() -> str:
    return load()


def test_it_loads_incidents_of_every_kind_and_actions_in_every_state(said: str) -> None:
    assert Incident.objects.filter(import_key__isnull=False).count() == 12
    assert Incident.objects.filter(resolved_at=None, occurred_at__gte=timezone.now() - timedelta(hours=2))
    states = set(Postmortem.objects.values_list("state", flat=True))
    assert states == {State.DRAFT, State.IN_REVIEW, State.PUBLISHED}
    assert Postmortem.objects.filter(visibility=Visibility.RESTRICTED).count() == 1
    assert set(ActionItem.objects.values_list("status", flat=True)) == set(Status.values)
    late = ActionItem.objects.filter(status__in=UNFINISHED, due_on__lt=timezone.now().date())
    assert 3 <= late.count() <= 20
    assert not ActionItem.objects.filter(finished_at__gt=timezone.now()).exists()


def test_what_it_prints_lets_one_sign_in(said: str, client: Client) -> None:
    email = next(word for word in said.split() if word.endswith("@example.com"))
    password = said.rsplit(maxsplit=1)[-1]
    answer = client.post("/accounts/login/", {"login": email, "password": password})
    assert answer.status_code == 302
    assert client.get("/").status_code == 200


def test_loading_again_changes_nothing(said: str) -> None:
    before = counts()
    again = load()
    assert counts() == before
    assert "password " not in again


def test_what_people_changed_since_stays(said: str) -> None:
    incident = Incident.objects.filter(import_key__isnull=False).order_by("pk")[0]
    Incident.objects.filter(pk=incident.pk).update(title="Renamed by hand")
    load()
    incident.refresh_from_db()
    assert incident.title == "Renamed by hand"


def test_an_organisation_in_use_is_left_alone_unless_asked(organisation: Organisation) -> None:
    with pytest.raises(CommandError, match="--among-others"):
        load()
    assert not Incident.objects.exists()
    load("--among-others")
    assert Incident.objects.count() == 17
