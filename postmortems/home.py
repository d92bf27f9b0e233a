"""What post-mortems add to the home page: to start, to write, to review, and what was published lately."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice

from django.db.models import Exists, F, OuterRef, Q
from django.urls import reverse
from django.utils.formats import date_format

from accounts.enums import TeamRole
from accounts.home import ROWS, Part, Row, deadline
from accounts.models import User
from incidents.enums import Requirement
from incidents.models import Incident, PolicyRule
from incidents.policy import recommend
from postmortems.enums import ParticipantRole, State, Verdict
from postmortems.meetings.queries import meetings_ahead
from postmortems.models import Meeting, Participant, Postmortem, Review, Revision
from postmortems.queries import differs_since

LOOKED_BACK = timedelta(days=90)
"""An incident older than this whose post-mortem nobody started is no longer brought up."""
LOOKED_AT = 30
"""So many of the latest incidents without a post-mortem are held against the policy; so many reviews are looked at."""


class PostmortemsToStart(Part):
    """Incidents one is in charge of whose post-mortem is required and not begun."""

    key = "start"
    title = "Post-mortems to start"
    order = 10
    waits = True

    def rows(self, user: User, *, now: datetime) -> list[Row]:
        rules = list(PolicyRule.objects.filter(is_active=True))
        mine = Q(commander=user) | Q(team__memberships__user=user, team__memberships__role=TeamRole.MANAGER)
        without = ~Exists(Postmortem.objects.filter(incident=OuterRef("pk")))
        ids = Incident.objects.visible_to(user).filter(mine, without, occurred_at__gt=now - LOOKED_BACK)
        incidents = (
            Incident.objects.filter(pk__in=ids.order_by().values("pk"))
            .select_related("team", "override_by")
            .prefetch_related("services", "responders__memberships")
            .defer("search")
            .order_by("-occurred_at", "-pk")[:LOOKED_AT]
        )
        asked = [(incident, recommend(incident, rules)) for incident in incidents]
        wanted = [(incident, said) for incident, said in asked if said.requirement == Requirement.REQUIRED]
        wanted.sort(key=lambda pair: pair[1].draft_due_at)
        return [
            Row(
                incident.get_absolute_url(),
                incident.reference,
                incident.title,
                *deadline(said.draft_due_at, user, now=now),
            )
            for incident, said in wanted[:ROWS]
        ]


def _mine(user: User, *roles: str) -> Q:
    """Condition on a post-mortem: `user` owns it or takes part in one of `roles`.

    As a set of ids and not as an OR of conditions: both halves have an index, and few rows are left to check.
    """
    owned = Postmortem.objects.filter(owner=user).order_by().values("pk")
    takes_part = Participant.objects.filter(user=user, role__in=roles).order_by().values("postmortem")
    return Q(pk__in=owned.union(takes_part))


class MyDrafts(Part):
    """What one is writing, the nearest deadline first."""

    key = "drafts"
    title = "My drafts"
    order = 20
    waits = True
    empty = "You are not writing a post-mortem."

    def rows(self, user: User, *, now: datetime) -> list[Row]:
        drafts = (
            Postmortem.objects.visible_to(user)
            .filter(_mine(user, ParticipantRole.CONTRIBUTOR), state__in=[State.DRAFT, State.REOPENED])
            .defer("search")
            .order_by(F("draft_due_at").asc(nulls_last=True), "pk")[:ROWS]
        )
        return [
            Row(row.get_absolute_url(), row.reference, row.title, *deadline(row.draft_due_at, user, now=now))
            for row in drafts
        ]

    def url(self) -> str:
        return f"{reverse('postmortems:postmortems')}?mine=on"


class MyReviews(Part):
    """What is in review with one's help, the nearest publication first."""

    key = "reviews"
    title = "In review"
    order = 30
    waits = True
    empty = "Nothing waits for your review."

    def rows(self, user: User, *, now: datetime) -> list[Row]:
        reviewing = _mine(user, ParticipantRole.REVIEWER, ParticipantRole.FACILITATOR, ParticipantRole.CONTRIBUTOR)
        found = (
            Postmortem.objects.visible_to(user)
            .filter(reviewing, state=State.IN_REVIEW)
            .defer("search")
            .order_by(F("publish_due_at").asc(nulls_last=True), "pk")[:LOOKED_AT]
        )
        judged = _judged_by(user)
        waiting = (row for row in found if row.pk not in judged or differs_since(judged[row.pk]))
        return [
            Row(row.get_absolute_url(), row.reference, row.title, *deadline(row.publish_due_at, user, now=now))
            for row in islice(waiting, ROWS)
        ]

    def url(self) -> str:
        return f"{reverse('postmortems:postmortems')}?mine=on&state={State.IN_REVIEW}"


def _judged_by(user: User) -> dict[int, Revision]:
    """What is in review and this person answered already, by the text they judged; what is their own still waits."""
    rows = Review.objects.filter(
        reviewer=user,
        submitted_at=F("postmortem__submitted_at"),
        postmortem__state=State.IN_REVIEW,
        verdict__in=[Verdict.APPROVED, Verdict.CHANGES],
        revision__isnull=False,
    ).exclude(postmortem__owner=user)
    return {row.postmortem_id: row.revision for row in rows.select_related("revision") if row.revision}


class MyMeetings(Part):
    """Reviews one is invited to, the next first."""

    key = "meetings"
    title = "Review meetings"
    order = 25
    waits = True

    def rows(self, user: User, *, now: datetime) -> list[Row]:
        found = meetings_ahead(user, now=now).filter(
            Q(attendees__user=user, attendees__is_invited=True) | Q(facilitator=user)
        )
        return [
            Row(row.get_absolute_url(), row.postmortem.reference, row.postmortem.title, *_when(row, user, now=now))
            for row in found.distinct()[:ROWS]
        ]

    def url(self) -> str:
        return reverse("postmortems:meetings")


def _when(meeting: Meeting, user: User, *, now: datetime) -> tuple[str, str]:
    if meeting.is_running:
        return "Running now", "soon"
    at = meeting.starts_at.astimezone(user.zone)
    is_soon = meeting.starts_at - now < timedelta(days=1)
    return date_format(at, "D j M, H:i"), "soon" if is_soon else "later"


class RecentlyPublished(Part):
    """What others have learned lately."""

    key = "published"
    title = "Published lately"
    order = 50
    waits = False

    def rows(self, user: User, *, now: datetime) -> list[Row]:
        found = (
            Postmortem.objects.visible_to(user)
            .filter(state=State.PUBLISHED)
            .select_related("team")
            .defer("search")
            .order_by("-published_at", "-pk")[:ROWS]
        )
        return [Row(row.get_absolute_url(), row.reference, row.title, self._note(row, user)) for row in found]

    def _note(self, postmortem: Postmortem, user: User) -> str:
        at = postmortem.published_at
        return f"{postmortem.team} · {date_format(at.astimezone(user.zone), 'j M Y')}" if at else str(postmortem.team)

    def url(self) -> str:
        return f"{reverse('postmortems:postmortems')}?state={State.PUBLISHED}"
