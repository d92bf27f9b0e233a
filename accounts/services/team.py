"""Changes of teams and of who is on them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils.text import slugify

from accounts import audit
from accounts.enums import TeamRole
from accounts.models import Membership, Team, User


class NameTaken(Exception):
    """Another team has this name."""


class LastManager(Exception):
    """The change would leave the team without a manager; only an administrator may do that."""


class NotOnTheTeam(Exception):
    """The person has left the team meanwhile."""


@transaction.atomic
def create_team(*, name: str, description: str, by: User, now: datetime) -> Team:
    """A new team without people. Its slug is made from its name and never changes. NameTaken if there is one."""
    _refuse_taken_name(name)
    team = Team.objects.create(name=name, slug=_free_slug(name), description=description)
    audit.record(by=by, verb="team.created", obj=team)
    return team


@transaction.atomic
def rename_team(*, team: Team, name: str, description: str, by: User, now: datetime) -> Team:
    """A new name and description; its address stays. NameTaken if another team has the name."""
    locked = Team.objects.select_for_update().get(pk=team.pk)
    _refuse_taken_name(name, besides=locked)
    if (locked.name, locked.description) == (name, description):
        return locked
    before = locked.name
    locked.name, locked.description = name, description
    locked.save(update_fields=["name", "description"])
    audit.record(by=by, verb="team.renamed", obj=locked, before=before)
    return locked


@transaction.atomic
def add_members(*, team: Team, people: Iterable[User], role: str, by: User, now: datetime) -> list[User]:
    """Put people on the team; those who are on it already keep their role. Returns the ones added."""
    locked = Team.objects.select_for_update().get(pk=team.pk)
    return [person for person in people if _add(locked, person, role, by)]


def _add(team: Team, person: User, role: str, by: User) -> bool:
    _, is_new = Membership.objects.get_or_create(team=team, user=person, defaults={"role": role})
    if is_new:
        audit.record(by=by, verb="member.added", obj=team, person=person.pk, role=role)
    return is_new


@transaction.atomic
def change_role(*, team: Team, person: User, role: str, by: User, now: datetime) -> Membership:
    """Give a person of the team another role.

    NotOnTheTeam when they have left; LastManager when `by` is no administrator and nobody would be left to manage.
    """
    membership = _lock_membership(team, person)
    if membership.role == role:
        return membership
    if role != TeamRole.MANAGER:
        _keep_a_manager(membership, by)
    membership.role = role
    membership.save(update_fields=["role"])
    audit.record(by=by, verb="member.changed", obj=membership.team, person=person.pk, role=role)
    return membership


@transaction.atomic
def remove_member(*, team: Team, person: User, by: User, now: datetime) -> None:
    """Take a person off the team; refused as `change_role` is."""
    membership = _lock_membership(team, person)
    _keep_a_manager(membership, by)
    membership.delete()
    audit.record(by=by, verb="member.removed", obj=team, person=person.pk)


def _lock_membership(team: Team, person: User) -> Membership:
    """The membership, its team locked: two managers cannot remove each other at once."""
    locked = Team.objects.select_for_update().get(pk=team.pk)
    membership = locked.memberships.filter(user=person).first()
    if membership is None:
        raise NotOnTheTeam
    return membership


def _keep_a_manager(membership: Membership, by: User) -> None:
    if membership.role != TeamRole.MANAGER or by.is_administrator:
        return
    others = membership.team.memberships.filter(role=TeamRole.MANAGER, user__is_active=True).exclude(pk=membership.pk)
    if not others.exists():
        raise LastManager


def _refuse_taken_name(name: str, *, besides: Team | None = None) -> None:
    same = Team.objects.filter(name__iexact=name)
    if (same.exclude(pk=besides.pk) if besides else same).exists():
        raise NameTaken


def _free_slug(name: str) -> str:
    """A slug that no team has and that no fixed address below /teams/ uses."""
    base = slugify(name)[:70] or "team"
    taken = set(Team.objects.filter(slug__startswith=base).values_list("slug", flat=True)) | {"new"}
    candidates = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(slug for slug in candidates if slug not in taken)
