"""From an incident to its post-mortem: once, with what is known, and the analysis left to people."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from accounts.enums import Visibility
from accounts.models import User
from incidents.models import Incident
from postmortems.enums import SectionKind, State
from postmortems.models import Postmortem, Section, Template
from postmortems.services.draft import start_postmortem
from postmortems.services.section import digest
from tests.factories.postmortems import NOW, EventFactory, ServiceFactory

As = Callable[[User], Client]


def start(client: Client, incident: Incident, **typed: object) -> Postmortem:
    answer = client.post(f"/incidents/{incident.pk}/postmortem/", typed)
    assert answer.status_code == 302, answer.content.decode()
    return Postmortem.objects.get(incident=incident)


@pytest.mark.django_db
def test_one_click_makes_a_draft_with_the_incidents_title_people_and_deadlines(
    as_user: As, alice: User, bob: User, incident: Incident
) -> None:
    incident.responders.add(bob)
    postmortem = start(as_user(bob), incident)
    assert (postmortem.title, postmortem.owner, postmortem.state) == ("Checkout failed", bob, State.DRAFT)
    assert set(postmortem.people.all()) >= {alice}
    assert incident.resolved_at
    assert postmortem.draft_due_at
    assert (postmortem.draft_due_at - incident.resolved_at).total_seconds() == 24 * 3600


@pytest.mark.django_db
def test_the_first_draft_states_facts_and_leaves_causes_empty(as_user: As, alice: User, incident: Incident) -> None:
    incident.services.add(ServiceFactory.create(name="Payments API"))
    EventFactory.create(incident=incident, text="Pager rang")
    postmortem = start(as_user(alice), incident, template=Template.objects.get(tier="full", is_builtin=True).pk)
    page = as_user(alice).get(f"/postmortems/{postmortem.pk}/read/").content.decode()
    for fact in ("09:47 UTC on 1 April 2026", "2 h 48 min", "Payments API", "Pager rang"):
        assert fact in page, fact
    prose = postmortem.sections.filter(kind=SectionKind.PROSE, is_summary=False)
    assert prose.count() == 4
    assert not postmortem.whys.exists()
    assert not postmortem.factors.exists()
    assert set(prose.values_list("body", flat=True)) == {""}


@pytest.mark.django_db
@pytest.mark.parametrize("tier", ["lightweight", "standard", "full"])
def test_every_built_in_template_makes_a_document_in_its_order(
    tier: str, as_user: As, alice: User, incident: Incident
) -> None:
    template = Template.objects.get(tier=tier, is_builtin=True)
    postmortem = start(as_user(alice), incident, template=template.pk)
    titles = list(template.sections.values_list("title", flat=True))
    assert list(postmortem.sections.values_list("title", flat=True)) == titles
    assert postmortem.tier == tier
    page = as_user(alice).get(f"/postmortems/{postmortem.pk}/write/").content.decode()
    places = [page.find(f">{title}</h2>") for title in titles]
    assert places == sorted(places)
    assert -1 not in places


@pytest.mark.django_db
def test_without_a_choice_the_policy_proposes_the_size(as_user: As, alice: User, incident: Incident) -> None:
    Incident.objects.filter(pk=incident.pk).update(severity="SEV0")
    assert start(as_user(alice), incident).tier == "full"


@pytest.mark.django_db
def test_starting_again_leads_to_the_one_there_is(as_user: As, alice: User, bob: User, incident: Incident) -> None:
    first = start(as_user(alice), incident)
    assert start(as_user(bob), incident) == first
    assert Postmortem.objects.count() == 1
    assert "Open post-mortem" in as_user(bob).get(f"/incidents/{incident.pk}/postmortem/").content.decode()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_two_people_at_once_get_the_same(alice: User, bob: User, incident: Incident) -> None:
    def begin(person: User) -> int:
        try:
            return start_postmortem(incident=incident, template=None, by=person, now=NOW).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(begin, [alice, bob, alice, bob]))
    assert len(made) == 1
    assert Section.objects.filter(postmortem_id__in=made, is_summary=True).count() == 1


@pytest.mark.django_db
def test_a_restricted_incident_makes_a_restricted_postmortem(
    as_user: As, alice: User, bob: User, incident: Incident
) -> None:
    Incident.objects.filter(pk=incident.pk).update(visibility=Visibility.RESTRICTED)
    incident.readers.add(alice)
    assert start(as_user(alice), incident).visibility == Visibility.RESTRICTED
    assert as_user(bob).get(f"/incidents/{incident.pk}/postmortem/").status_code == 404


@pytest.mark.django_db
def test_outsiders_and_nonsense_start_nothing(as_user: As, alice: User, mallory: User, incident: Incident) -> None:
    path = f"/incidents/{incident.pk}/postmortem/"
    assert as_user(mallory).post(path).status_code == 403
    assert as_user(alice).post(path, {"template": "999999"}).status_code == 422
    assert not Postmortem.objects.exists()


@pytest.mark.django_db
def test_filling_never_touches_what_people_wrote(as_user: As, alice: User, incident: Incident) -> None:
    client = as_user(alice)
    postmortem = start(client, incident)
    summary = postmortem.sections.get(is_summary=True)
    typed = {"body": "My own words.", "seen": digest(summary.body)}
    client.post(f"/sections/{summary.pk}/edit/", typed)
    client.post(f"/postmortems/{postmortem.pk}/fill/")
    summary.refresh_from_db()
    assert summary.body == "My own words."
