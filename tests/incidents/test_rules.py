"""`can_see` and `visible_to` say the same, for every role and visibility."""

from __future__ import annotations

import pytest

from accounts.enums import Visibility
from incidents import rules
from incidents.models import Incident, TimelineEvent
from tests.world import World, build_world

ROLES = ["owner", "member", "manager", "administrator", "mallory"]


@pytest.fixture
def world(db: None) -> World:
    return build_world()


@pytest.mark.parametrize("model", [Incident, TimelineEvent])
@pytest.mark.parametrize("visibility", list(Visibility))
@pytest.mark.parametrize("role", ROLES)
def test_rule_and_query_agree(
    role: str, visibility: str, model: type[Incident] | type[TimelineEvent], world: World
) -> None:
    user, subject = world.people[role], world.objects[model, visibility]
    assert isinstance(subject, Incident | TimelineEvent)
    assert rules.can_see(user, subject) == model.objects.visible_to(user).filter(pk=subject.pk).exists()


@pytest.mark.parametrize("relation", ["responders", "readers"])
def test_named_person_sees_a_restricted_incident(relation: str, world: World) -> None:
    incident = world.objects[Incident, Visibility.RESTRICTED]
    mallory = world.people["mallory"]
    getattr(incident, relation).add(mallory)
    assert Incident.objects.visible_to(mallory).filter(pk=incident.pk).count() == 1
    assert isinstance(incident, Incident)
    assert rules.can_see(mallory, incident)


def test_reader_of_an_incident_may_not_edit_it(world: World) -> None:
    incident = world.objects[Incident, Visibility.RESTRICTED]
    assert isinstance(incident, Incident)
    incident.readers.add(world.people["mallory"])
    assert not rules.can_edit(world.people["mallory"], incident)
