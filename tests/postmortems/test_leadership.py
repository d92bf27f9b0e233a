"""The e-mail to leadership stands alone, is sent by a person, and never tells what is restricted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.enums import Visibility
from accounts.models import AuditEntry, User
from incidents.models import Communication, ImpactFigure
from postmortems.export.leadership import leadership_mail
from postmortems.models import Postmortem, Section
from tests.factories.postmortems import EventFactory, SectionFactory

As = Callable[[User], Client]
pytestmark = pytest.mark.django_db


@pytest.fixture
def told(postmortem: Postmortem) -> Postmortem:
    incident = postmortem.incident
    Section.objects.create(
        postmortem=postmortem, position=1, title="Summary", is_summary=True,
        body="Customers could **not pay** ([status](https://x.example)).\n\nMore.",
    )  # fmt: skip
    SectionFactory.create(postmortem=postmortem, position=2, title="Root cause analysis", body="The pool ran dry.")
    ImpactFigure.objects.create(incident=incident, label="Failed payments", value="about 4,100")
    EventFactory.create(incident=incident, kind="recovery", text="The release was rolled back.")
    Communication.objects.create(incident=incident, channel="Status page", text="Some payments fail.")
    return postmortem


def test_it_says_everything_a_stranger_asks(told: Postmortem) -> None:
    subject, text = leadership_mail(told)
    assert subject == "SEV2: Checkout failed"
    for words in (
        "Customers could not pay (status).", "UTC on 1 April 2026", "2 h 48 min", "Failed payments: about 4,100",
        "The pool ran dry.", "The release was rolled back.", "Some payments fail.", f"/postmortems/{told.pk}/",
    ):  # fmt: skip
        assert words in text, words


def test_what_nobody_wrote_is_left_to_a_person(postmortem: Postmortem) -> None:
    assert "[the cause, as far as it is known]" in leadership_mail(postmortem)[1]


def send(client: Client, postmortem: Postmortem, *people: User, text: str = "As I say it.") -> Any:
    values = {"subject": "Payments", "text": text, "people": [person.pk for person in people]}
    return client.post(f"/postmortems/{postmortem.pk}/leadership/", values)


def test_it_goes_out_as_a_person_changed_it(as_user: As, alice: User, manager: User, told: Postmortem) -> None:
    assert send(as_user(alice), told, manager).status_code == 302
    [letter] = mail.outbox
    assert (letter.to, "As I say it." in str(letter.body), "Alice Archer" in str(letter.body)) == (
        [manager.email], True, True,
    )  # fmt: skip
    assert AuditEntry.objects.filter(verb="postmortem.sent-to-leadership").count() == 1


def test_nothing_restricted_leaves(as_user: As, alice: User, manager: User, told: Postmortem) -> None:
    Postmortem.objects.update(visibility=Visibility.RESTRICTED)
    answer = send(as_user(alice), told, alice)
    assert (answer.status_code, mail.outbox) == (422, [])


def test_nobody_gets_it_who_may_not_see_it(
    as_user: As, alice: User, manager: User, mallory: User, told: Postmortem
) -> None:
    Postmortem.objects.update(visibility=Visibility.TEAM)
    answer = send(as_user(alice), told, manager, mallory)
    assert (answer.status_code, "Mallory Moss may not see" in answer.content.decode(), mail.outbox) == (422, True, [])


def test_a_reader_sends_nothing(as_user: As, mallory: User, told: Postmortem) -> None:
    assert send(as_user(mallory), told, mallory).status_code == 403
