"""Reviews: the five questions, who is proposed, how long it must lie open, and what keeps it from being published."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

import holidays
from django.conf import settings
from django.db.models import Count, F, Max, Q, QuerySet
from django.utils.formats import date_format

from accounts.models import User
from postmortems.blocks import missing_for_publication
from postmortems.enums import ParticipantRole, Verdict
from postmortems.models import Postmortem, Review

QUESTIONS = {
    "outsider": "Would somebody from outside learn from it?",
    "lessons": "Can another team act on the lessons?",
    "depth": "Is the analysis deep enough: does it go on where a person's act or a word like “error” would end it?",
    "actions": "Is each action specific, and does one person own it?",
    "response": "Does the response analysis name what would have made it shorter?",
}
"""What a bar raiser answers (PRODUCT.md, V1)."""
ROTA = timedelta(days=90)
"""Whoever was asked least in this time is proposed first."""
MOST_PROPOSED = 5
LONGEST_WAIT = timedelta(days=60)


# -- Who ---------------------------------------------------------------------------------------------------------------


def involved_in(postmortem: Postmortem) -> set[int]:
    """Everybody who had a part in the incident or in the text: they are no outsiders."""
    incident = postmortem.incident
    writing = postmortem.participants.filter(role__in=[ParticipantRole.CONTRIBUTOR, ParticipantRole.FACILITATOR])
    return {
        postmortem.owner_id,
        *filter(None, [incident.commander_id]),
        *incident.responders.values_list("pk", flat=True),
        *writing.values_list("user", flat=True),
        *postmortem.team.memberships.values_list("user", flat=True),
    }


def proposed_reviewers(postmortem: Postmortem, *, now: datetime) -> list[User]:
    """Outsiders who may see it, whoever was asked least and longest ago first."""
    recent = Q(reviews__asked_at__gt=now - ROTA) & ~Q(reviews__verdict=Verdict.WITHDRAWN)
    people = (
        User.objects.filter(is_active=True)
        .exclude(pk__in=involved_in(postmortem))
        .exclude(pk__in=current_reviews(postmortem).values("reviewer"))
        .annotate(asked=Count("reviews", filter=recent), last=Max("reviews__asked_at"))
        .order_by("asked", F("last").asc(nulls_first=True), "pk")
    )
    shown = Postmortem.objects.filter(pk=postmortem.pk)
    seeing = (person for person in people[: MOST_PROPOSED * 8] if shown.visible_to(person).exists())
    return [person for person, _ in zip(seeing, range(MOST_PROPOSED), strict=False)]


def current_reviews(postmortem: Postmortem) -> QuerySet[Review]:
    """The reviews of the text as it was handed in last."""
    if postmortem.submitted_at is None:
        return postmortem.reviews.none()
    return postmortem.reviews.filter(submitted_at=postmortem.submitted_at)


# -- How long ----------------------------------------------------------------------------------------------------------


@cache
def country_of(zone: str) -> str:
    """The country of a time zone, as the time zone database says; "" where it names none."""
    for line in (resources.files("tzdata") / "zoneinfo" / "zone.tab").read_text().splitlines():
        parts = line.split("\t")
        if not line.startswith("#") and len(parts) > 2 and parts[2] == zone:
            return parts[0]
    return ""


@cache
def _holidays(country: str) -> holidays.HolidayBase | None:
    try:
        return holidays.country_holidays(country) if country else None
    except NotImplementedError:
        return None


def is_working_day(day: date, zone: str) -> bool:
    """Monday to Friday, without the public holidays of the zone's country."""
    known = _holidays(country_of(zone))
    return day.weekday() < 5 and (known is None or day not in known)


def open_until(submitted_at: datetime, zones: Iterable[str], *, hours: int) -> datetime:
    """When so many hours have passed since `submitted_at` on working days, in every one of `zones`."""
    return max((_open_until(submitted_at, zone, hours) for zone in zones), default=submitted_at)


def _open_until(submitted_at: datetime, name: str, hours: int) -> datetime:
    zone = ZoneInfo(name)
    left, at = timedelta(hours=hours), submitted_at
    while left > timedelta() and at - submitted_at < LONGEST_WAIT:
        here = at.astimezone(zone)
        midnight = datetime.combine(here.date() + timedelta(days=1), datetime.min.time(), zone).astimezone(at.tzinfo)
        if not is_working_day(here.date(), name):
            at = midnight
        elif at + left <= midnight:
            return at + left
        else:
            left -= midnight - at
            at = midnight
    return at


# -- What it comes to --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """How far the review of a post-mortem is."""

    reviews: list[Review]
    open_until: datetime | None
    missing: list[str]
    """What speaks against publishing it now, each as one sentence."""


def standing_of(postmortem: Postmortem, *, now: datetime) -> Standing:
    """How far it is: who judged, until when it lies open, what is missing."""
    reviews = list(
        current_reviews(postmortem).exclude(verdict=Verdict.WITHDRAWN).select_related("reviewer", "revision")
    )
    if postmortem.submitted_at is None:
        return Standing(reviews, None, [])
    zones = {each.reviewer.timezone for each in reviews} or {postmortem.owner.timezone}
    until = open_until(postmortem.submitted_at, sorted(zones), hours=settings.REVIEW_HOURS)
    involved = involved_in(postmortem)
    missing = []
    if not any(each.verdict == Verdict.APPROVED and each.reviewer_id not in involved for each in reviews):
        missing.append("Nobody from outside the team has approved it.")
    missing += [
        f"{each.reviewer.display_name} asks for changes." for each in reviews if each.verdict == Verdict.CHANGES
    ]
    if now < until:
        at = until.astimezone(postmortem.owner.zone)
        missing.append(
            f"It is to lie open for review until {date_format(at, 'j F, H:i')} ({postmortem.owner.timezone})."
        )
    return Standing(reviews, until, missing)


def missing_to_publish(postmortem: Postmortem, *, now: datetime) -> list[str]:
    """Everything that speaks against publishing now: what readers need, and what the review lacks."""
    return [*missing_for_publication(postmortem), *standing_of(postmortem, now=now).missing]
