"""What the pages of people, teams and the audit log read, all joins included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet

from accounts.models import Arrival, AuditEntry, Export, Invitation, Membership, Team, User
from accounts.paging import Page, page_of


def teams_for_list() -> QuerySet[Any]:
    """All teams with the number of their active people."""
    active = Count("memberships", filter=Q(memberships__user__is_active=True))
    return Team.objects.annotate(number_of_people=active)


def members_of(team: Team) -> QuerySet[Membership]:
    return team.memberships.select_related("user")


def open_invitations(team: Team | None = None) -> QuerySet[Invitation]:
    """Those not used and not withdrawn, expired ones included: they can be sent again."""
    rows = Invitation.objects.filter(accepted_at=None, withdrawn_at=None).select_related("team", "invited_by")
    return rows.filter(team=team) if team else rows


@dataclass(frozen=True)
class PeopleFilters:
    """Whom to list; empty means everyone active."""

    q: str = ""
    team: Team | None = None
    show: str = ""

    def apply(self, rows: QuerySet[User]) -> QuerySet[User]:
        rows = rows.filter(is_active=self.show != "inactive")
        if self.show == "administrators":
            rows = rows.filter(is_administrator=True)
        if self.q:
            rows = rows.filter(Q(display_name__icontains=self.q) | Q(email__icontains=self.q))
        return rows.filter(teams=self.team) if self.team else rows


def people_for_list(filters: PeopleFilters, *, cursor: str) -> Page[User]:
    """One page of people by name, with their teams."""
    rows = filters.apply(User.objects.prefetch_related("teams"))
    return page_of(rows, order=("display_name", "pk"), cursor=cursor, ascending=True)


@dataclass(frozen=True)
class AuditFilters:
    """Which entries to list; empty means all."""

    person: User | None = None
    what: str = ""
    object: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def apply(self, rows: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        if self.person:
            rows = rows.filter(actor=self.person)
        for word in self.what.replace(".", " ").split():
            rows = rows.filter(verb__icontains=word)
        if self.object:
            rows = rows.filter(self._object())
        if self.since:
            rows = rows.filter(at__gte=self.since)
        return rows.filter(at__lt=self.until) if self.until else rows

    def _object(self) -> Q:
        letters, _, number = self.object.upper().partition("-")
        types = {"INC": "incident", "PM": "postmortem", "ACT": "actionitem"}
        if letters in types and number:
            return Q(object_type=types[letters], object_id=number)
        return Q(object_label__icontains=self.object)


def audit_for_list(filters: AuditFilters, *, cursor: str) -> Page[AuditEntry]:
    """One page of the audit log, newest first."""
    return page_of(filters.apply(AuditEntry.objects.select_related("actor")), order=("pk",), cursor=cursor, size=100)


def exports_of(person: User) -> QuerySet[Export]:
    """The archives this person asked for that are still here, the latest first."""
    return Export.objects.visible_to(person)


def arrival() -> Arrival | None:
    """The import by which everything came here, if it did."""
    return Arrival.objects.first()
