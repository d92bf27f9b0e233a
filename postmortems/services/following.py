"""Who hears of what was published: at once, as a digest on Mondays, and a year later. Each person once for each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from accounts import arrival
from accounts.mail import MailNotSent, link_to, send
from accounts.models import Team, User
from incidents.models import Service
from postmortems.enums import State, TidingsKind
from postmortems.models import Following, Postmortem, Tidings
from postmortems.services.tag import tags_named

SETTLES = timedelta(minutes=1)
"""Who publishes by mistake reopens within this time, and nobody hears of it."""
NOT_LATER = timedelta(days=2)
"""What could not be told for so long is no news."""
HOUR = 9
LEASE = timedelta(minutes=2)
TRIES_AGAIN = timedelta(minutes=5)
MOST_IN_DIGEST = 20
NUDGES = {TidingsKind.DRAFT_DUE, TidingsKind.PUBLISH_DUE}
NUDGED_FOR = timedelta(days=120)
"""Whoever did not answer for so long will not."""


@dataclass(frozen=True)
class Wish:
    """What a person wants to hear of."""

    everything: bool = False
    weekly: bool = False
    comments: bool = True
    teams: Iterable[Team] = field(default_factory=list)
    services: Iterable[Service] = field(default_factory=list)
    tags: Iterable[str] = field(default_factory=list)
    """Names, also of tags that nothing has yet."""


@transaction.atomic
def follow(*, person: User, wish: Wish) -> Following:
    """Keep what the person wants from now on."""
    chosen = {"everything": wish.everything, "weekly": wish.weekly, "comments": wish.comments}
    row, _ = Following.objects.update_or_create(person=person, defaults=chosen)
    row.teams.set(wish.teams)
    row.services.set(wish.services)
    row.tags.set(tags_named(wish.tags))
    return row


# -- Planning ----------------------------------------------------------------------------------------------------------


def plan_tidings(*, now: datetime) -> None:
    """Write into the ledger what is due; repeating it writes nothing twice."""
    import_at = arrival.arrived_at()
    fresh = Postmortem.objects.filter(
        ~_told(TidingsKind.PUBLISHED), state=State.PUBLISHED, published_at__gt=arrival.since(now - NOT_LATER)
    )
    for postmortem in fresh.filter(published_at__lt=now - SETTLES).select_related("incident"):
        _plan(followers_of(postmortem), TidingsKind.PUBLISHED, now=now, postmortem=postmortem)
    old = _a_year_old(now) if arrival.is_day_after(now.date(), UTC, import_at) else Postmortem.objects.none()
    for postmortem in old.filter(~_told(TidingsKind.ANNIVERSARY, for_on=now.date())):
        everybody = {postmortem.owner, *followers_of(postmortem)}
        _plan(everybody, TidingsKind.ANNIVERSARY, now=now, postmortem=postmortem, for_on=now.date())
    mondays: defaultdict[date, list[User]] = defaultdict(list)
    for row in Following.objects.filter(weekly=True, person__is_active=True).select_related("person"):
        here = now.astimezone(row.person.zone)
        is_new = arrival.is_day_after(here.date(), row.person.zone, import_at)
        if here.weekday() == 0 and here.hour >= HOUR and is_new:
            mondays[here.date()].append(row.person)
    for monday, people in mondays.items():
        _plan(people, TidingsKind.DIGEST, now=now, for_on=monday)
    _plan_deadlines(import_at, now=now)


def _plan_deadlines(import_at: datetime | None, *, now: datetime) -> None:
    """Nudge owners on the day a draft or a publication is due, and weekly while it is late."""
    writing, unpublished = [State.DRAFT, State.REOPENED], [State.DRAFT, State.REOPENED, State.IN_REVIEW]
    for kind, name, states in (
        (TidingsKind.DRAFT_DUE, "draft_due_at", writing),
        (TidingsKind.PUBLISH_DUE, "publish_due_at", unpublished),
    ):
        near = {f"{name}__gt": now - NUDGED_FOR, f"{name}__lt": now + timedelta(days=1)}
        rows = Postmortem.objects.filter(state__in=states, owner__is_active=True, **near).select_related("owner")
        for row in rows:
            here = now.astimezone(row.owner.zone)
            due = getattr(row, name).astimezone(row.owner.zone).date()
            is_new = arrival.is_day_after(here.date(), row.owner.zone, import_at)
            if here.hour >= HOUR and is_new and is_nudged_on(here.date(), due):
                _plan([row.owner], kind, now=now, postmortem=row, for_on=here.date())


def is_nudged_on(day: date, due: date) -> bool:
    """Whether `day` is the due day or weeks after it; what falls on a weekend waits for Monday."""
    if day.weekday() > 4:
        return False
    meant = [day, day - timedelta(days=1), day - timedelta(days=2)] if day.weekday() == 0 else [day]
    return any(each >= due and (each - due).days % 7 == 0 for each in meant)


def _told(kind: TidingsKind, **facts: Any) -> Exists:
    """Condition on a post-mortem: somebody was told of it already, so everybody was."""
    return Exists(Tidings.objects.filter(kind=kind, postmortem=OuterRef("pk"), **facts))


def followers_of(postmortem: Postmortem) -> list[User]:
    """Who follows its team, one of its services or tags, or everything, and may see it."""
    rows = Following.objects.filter(wishes_for(postmortem), person__is_active=True).select_related("person").distinct()
    shown = Postmortem.objects.filter(pk=postmortem.pk)
    return [row.person for row in rows if shown.visible_to(row.person).exists()]


def wishes_for(postmortem: Postmortem) -> Q:
    """Condition on what somebody, or a channel, wants to hear of: this is among it."""
    services, tags = postmortem.incident.services.values("pk"), postmortem.tags.values("pk")
    return Q(everything=True) | Q(teams=postmortem.team_id) | Q(services__in=services) | Q(tags__in=tags)


def _a_year_old(now: datetime) -> QuerySet[Postmortem]:
    """What was published on this day a year ago; on 28 February, what was on the 29th too."""
    days = [_a_year_before(now.date())] + ([date(now.year - 1, 2, 29)] if _misses_leap_day(now.date()) else [])
    return Postmortem.objects.filter(state=State.PUBLISHED, published_at__date__in=days).select_related(
        "incident", "owner"
    )


def _a_year_before(day: date) -> date:
    return date(day.year - 1, 2, 28) if (day.month, day.day) == (2, 29) else day.replace(year=day.year - 1)


def _misses_leap_day(day: date) -> bool:
    is_leap = (day.year - 1) % 4 == 0 and ((day.year - 1) % 100 != 0 or (day.year - 1) % 400 == 0)
    return (day.month, day.day) == (2, 28) and is_leap


def _plan(
    people: Iterable[User], kind: TidingsKind, *, now: datetime, postmortem: Postmortem | None = None,
    for_on: date | None = None,
) -> None:  # fmt: skip
    Tidings.objects.bulk_create(
        (Tidings(person=each, kind=kind, postmortem=postmortem, for_on=for_on, planned_at=now) for each in people),
        ignore_conflicts=True,
    )


# -- Telling -----------------------------------------------------------------------------------------------------------


def waiting_tidings(*, now: datetime) -> list[int]:
    """What is to be told and in nobody's hands."""
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    rows = Tidings.objects.filter(free, sent_at=None, is_moot=False, planned_at__gt=now - NOT_LATER)
    return list(rows.values_list("pk", flat=True))


def tell_tidings(tidings_id: int, *, now: datetime) -> bool:
    """Tell one person one thing; whether a mail went out. One of any number of callers does."""
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    ours = Tidings.objects.filter(free, pk=tidings_id, sent_at=None, is_moot=False)
    if not ours.update(leased_until=now + LEASE):
        return False
    row = Tidings.objects.select_related("person", "postmortem__incident", "postmortem__team").get(pk=tidings_id)
    shown = _digest_of(row) if row.kind == TidingsKind.DIGEST else _if_seen(row)
    if not shown:
        Tidings.objects.filter(pk=row.pk).update(is_moot=True, leased_until=None)
        return False
    try:
        _send(row, shown)
    except MailNotSent:
        Tidings.objects.filter(pk=row.pk).update(leased_until=now + TRIES_AGAIN)
        return False
    Tidings.objects.filter(pk=row.pk).update(sent_at=now, leased_until=None)
    return True


def _if_seen(row: Tidings) -> list[Postmortem]:
    found = Postmortem.objects.visible_to(row.person).filter(pk=row.postmortem_id or 0)
    found = found.exclude(state=State.PUBLISHED) if row.kind in NUDGES else found.filter(state=State.PUBLISHED)
    return list(found.select_related("incident", "team"))


def _digest_of(row: Tidings) -> list[Postmortem]:
    """What was published in the seven days before that Monday, and the person may see; nothing restricted."""
    assert row.for_on is not None  # noqa: S101  (a digest has its day)
    found = Postmortem.objects.visible_to(row.person).filter(
        week_before(row.for_on, row.person.zone), state=State.PUBLISHED
    )
    rows = found.select_related("incident", "team").prefetch_related("lessons").order_by("-published_at")
    return [each for each in rows[: MOST_IN_DIGEST * 2] if not each.is_restricted][:MOST_IN_DIGEST]


def week_before(monday: date, zone: ZoneInfo) -> Q:
    """Published in the seven days that end as `monday` begins in `zone`."""
    until = datetime.combine(monday, datetime.min.time(), zone)
    return Q(published_at__gte=until - timedelta(days=7), published_at__lt=until)


def _send(row: Tidings, shown: list[Postmortem]) -> None:
    told = [
        {
            "title": "A restricted post-mortem" if each.is_restricted else str(each),
            "team": "" if each.is_restricted else str(each.team),
            "lessons": [] if each.is_restricted or row.kind in NUDGES else list(each.lessons.all()),
            "link": link_to(each.get_absolute_url()),
        }
        for each in shown
    ]
    first = told[0]["title"]
    subjects = {
        TidingsKind.PUBLISHED: f"Published: {first}",
        TidingsKind.ANNIVERSARY: f"A year ago: {first}",
        TidingsKind.DIGEST: "What was learned last week",
        TidingsKind.DRAFT_DUE: f"The draft is due: {first}",
        TidingsKind.PUBLISH_DUE: f"Publication is due: {first}",
    }
    context = {
        "person": row.person,
        "kind": row.kind,
        "told": told,
        "settings": link_to(reverse("postmortems:following")),
    }
    subject = subjects[TidingsKind(row.kind)]
    send("tidings", to=row.person.email, subject=subject, context=context, message_id=f"tidings.{row.pk}")
