"""Who may do what; every rule has its SQL twin."""

from __future__ import annotations

import pytest

from accounts.enums import Visibility
from accounts.models import User
from actions import rules
from actions.models import ActionItem, ItemSync, JiraConnection, JiraMapping
from actions.owners import possible_owners
from incidents.models import Incident
from postmortems.models import Participant, Postmortem
from tests.actions.conftest import person
from tests.factories.actions import make_action
from tests.world import World, build_world

ROLES = ["owner", "member", "manager", "administrator", "mallory"]


@pytest.fixture
def world(db: None) -> World:
    return build_world()


@pytest.mark.parametrize("visibility", list(Visibility))
@pytest.mark.parametrize("role", ROLES)
def test_rule_and_query_agree(role: str, visibility: str, world: World) -> None:
    user, action = world.people[role], world.objects[ActionItem, visibility]
    assert isinstance(action, ActionItem)
    assert rules.can_see(user, action) == ActionItem.objects.visible_to(user).filter(pk=action.pk).exists()


@pytest.mark.parametrize("visibility", list(Visibility))
def test_who_may_mend_is_the_same_asked_of_one_or_of_many(
    visibility: str, postmortem: Postmortem, bob: User, mallory: User
) -> None:
    owner, reader, writer = person("Owner"), person("Reader"), person("Writer")
    person("Ada", is_administrator=True)
    Participant.objects.create(postmortem=postmortem, user=reader, role="reader")
    Participant.objects.create(postmortem=postmortem, user=writer, role="contributor")
    action = make_action(postmortem, owner=owner)
    Postmortem.objects.update(visibility=visibility)
    at = JiraConnection.objects.create(name="J", kind="cloud", auth="bearer", created_by=owner)
    mapping = JiraMapping.objects.create(connection=at, team=postmortem.team)
    sync = ItemSync.objects.create(action=action, connection=at, mapping=mapping)
    fresh = ItemSync.objects.select_related("action__postmortem__incident").get(pk=sync.pk)
    people = list(User.objects.all())
    alone = {user for user in people if rules.can_mend(user, fresh)}
    assert alone == {user for user in people if ItemSync.objects.visible_to(user).filter(rules.mended_by(user))}
    assert reader not in alone


def test_owner_may_update_but_not_edit(postmortem: Postmortem, mallory: User) -> None:
    action = make_action(postmortem, owner=mallory)
    assert rules.can_update(mallory, action)
    assert not rules.can_edit(mallory, action)


def test_outsider_may_only_look(action: ActionItem, mallory: User) -> None:
    assert rules.can_see(mallory, action)
    assert not rules.can_update(mallory, action)


def test_owner_who_may_no_longer_see_it_may_not_update_it(postmortem: Postmortem, mallory: User) -> None:
    action = make_action(postmortem, owner=mallory)
    Postmortem.objects.update(visibility=Visibility.TEAM)
    assert not rules.can_update(mallory, ActionItem.objects.get(pk=action.pk))


@pytest.mark.parametrize("incident_visibility", list(Visibility))
@pytest.mark.parametrize("visibility", list(Visibility))
def test_possible_owners_are_exactly_those_who_may_see_the_post_mortem(
    visibility: str, incident_visibility: str, postmortem: Postmortem, bob: User, mallory: User
) -> None:
    person("Ada", is_administrator=True)
    reader, responder, both = person("Reader"), person("Responder"), person("Both")
    Participant.objects.create(postmortem=postmortem, user=reader, role="reader")
    Participant.objects.create(postmortem=postmortem, user=both, role="contributor")
    postmortem.incident.responders.add(responder)
    postmortem.incident.readers.add(both)
    Postmortem.objects.update(visibility=visibility)
    Incident.objects.update(visibility=incident_visibility)
    fresh = Postmortem.objects.select_related("incident").get()
    allowed = {user for user in User.objects.all() if Postmortem.objects.visible_to(user).exists()}
    assert set(possible_owners(fresh)) == allowed


def test_someone_who_left_owns_nothing_new(postmortem: Postmortem, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert bob not in possible_owners(postmortem)
