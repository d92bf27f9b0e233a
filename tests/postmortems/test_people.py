"""Who takes part, who owns it, who may see it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.enums import Visibility
from accounts.models import User
from incidents.models import Incident
from postmortems.models import Participant, Postmortem

pytestmark = pytest.mark.django_db
As = Callable[[User], Client]


def test_naming_somebody_lets_them_write_and_see_what_it_is_about(
    as_user: As, alice: User, mallory: User, postmortem: Postmortem, incident: Incident
) -> None:
    Incident.objects.update(visibility=Visibility.RESTRICTED)
    Postmortem.objects.update(visibility=Visibility.RESTRICTED)
    incident.readers.add(alice)
    path = f"/postmortems/{postmortem.pk}/"
    assert as_user(mallory).get(path).status_code == 404
    answer = as_user(alice).post(
        f"{path}people/add/", {"person": mallory.pk, "role": "contributor"}, headers={"HX-Request": "true"}
    )
    assert incident.reference in answer.content.decode()
    assert as_user(mallory).get(f"{path}write/").status_code == 200
    assert as_user(mallory).get(f"/incidents/{incident.pk}/").status_code == 200


def test_taking_the_role_away_takes_the_right_away(
    as_user: As, alice: User, mallory: User, postmortem: Postmortem
) -> None:
    Postmortem.objects.update(visibility=Visibility.TEAM)
    named = Participant.objects.create(postmortem=postmortem, user=mallory, role="contributor")
    assert as_user(mallory).get(f"/postmortems/{postmortem.pk}/write/").status_code == 200
    as_user(alice).post(f"/participants/{named.pk}/remove/")
    assert as_user(mallory).get(f"/postmortems/{postmortem.pk}/").status_code == 404


def test_handing_over_keeps_the_former_owner_as_contributor(
    as_user: As, alice: User, bob: User, postmortem: Postmortem
) -> None:
    as_user(alice).post(f"/postmortems/{postmortem.pk}/owner/", {"owner": bob.pk})
    postmortem.refresh_from_db()
    assert postmortem.owner == bob
    assert postmortem.participants.filter(user=alice, role="contributor").exists()


def test_whoever_restricts_it_still_sees_it_and_others_do_not(
    as_user: As, alice: User, bob: User, postmortem: Postmortem
) -> None:
    path = f"/postmortems/{postmortem.pk}/"
    as_user(alice).post(f"{path}visibility/", {"visibility": "restricted"})
    assert as_user(alice).get(f"{path}read/").status_code == 200
    assert as_user(bob).get(f"{path}read/").status_code == 404


def test_members_do_not_decide_about_people_nor_does_nonsense(
    as_user: As, alice: User, bob: User, postmortem: Postmortem
) -> None:
    for path, typed in (
        ("people/add/", {"person": bob.pk, "role": "facilitator"}),
        ("owner/", {"owner": bob.pk}),
        ("visibility/", {"visibility": "restricted"}),
    ):
        assert as_user(bob).post(f"/postmortems/{postmortem.pk}/{path}", typed).status_code == 403
        nonsense = dict.fromkeys(typed, "nonsense")
        assert as_user(alice).post(f"/postmortems/{postmortem.pk}/{path}", nonsense).status_code == 422
    postmortem.refresh_from_db()
    assert (postmortem.owner, postmortem.visibility) == (alice, Visibility.ORGANISATION)
