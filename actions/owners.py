"""Who may own an action, and whose actions a list can be narrowed to."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from accounts.enums import Visibility
from accounts.models import Membership, User
from postmortems.models import Postmortem


def possible_owners(postmortem: Postmortem) -> QuerySet[User]:
    """The people who may see `postmortem`, and so may own what follows from it."""
    incident = postmortem.incident
    on_postmortem = Q(pk=postmortem.owner_id) | Q(participations__postmortem=postmortem)
    on_incident = (
        Q(pk__in=[incident.commander_id or 0, incident.created_by_id])
        | Q(pk__in=incident.responders.through.objects.filter(incident=incident).values("user"))
        | Q(pk__in=incident.readers.through.objects.filter(incident=incident).values("user"))
    )
    sees = _seeing(postmortem.visibility, postmortem.team_id, on_postmortem)
    knows = _seeing(incident.visibility, incident.team_id, on_incident)
    ids = User.objects.filter(sees).filter(knows).values("pk")
    return User.objects.filter(is_active=True, pk__in=ids)


def may_own(person: User, postmortem: Postmortem) -> bool:
    """Whether `person` is one of `possible_owners`, without reading the others."""
    return possible_owners(postmortem).filter(pk=person.pk).exists()


def _seeing(visibility: str, team_id: int, named: Q) -> Q:
    """The people who see a thing of this visibility and team: the reverse of `accounts.access.visibility_filter`."""
    if visibility == Visibility.ORGANISATION:
        return Q()
    if visibility == Visibility.TEAM:
        members = Membership.objects.filter(team=team_id).values("user")
        return named | Q(is_administrator=True) | Q(pk__in=members)
    return named


def people_of_same_teams(user: User) -> QuerySet[User]:
    """The people of one's own teams; for administrators, everybody."""
    active = User.objects.filter(is_active=True)
    if user.is_administrator:
        return active
    mates = Membership.objects.filter(team__in=user.teams.all()).values("user")
    return active.filter(Q(pk__in=mates) | Q(pk=user.pk))


def people_to_filter_by(user: User, chosen: User | None) -> list[User]:
    """Owners offered by the list's filter: the people of one's own teams, and whoever is chosen already."""
    people = list(people_of_same_teams(user).only("display_name"))
    return people if chosen is None or chosen in people else [*people, chosen]
