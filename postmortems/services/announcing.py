"""What channels hear of: what is published, a minute later, and on Mondays what was learned. Each thing once.

Nobody knows who reads a channel. So it hears of what the whole organisation may see; of what only a team may see where
that team says that nobody else reads it; and of what is restricted never, not even that it is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts import arrival, audit, secrets, slack
from accounts.enums import Visibility
from accounts.models import Team, User
from accounts.slack import Message, Refused, Unanswered
from incidents.models import Service
from postmortems.enums import NewsKind, NewsState, State
from postmortems.headlines import digest_message, published_message, test_message
from postmortems.models import Channel, Lesson, News, Postmortem
from postmortems.services.following import (
    HOUR,
    MOST_IN_DIGEST,
    NOT_LATER,
    SETTLES,
    TRIES_AGAIN,
    week_before,
    wishes_for,
)
from postmortems.services.tag import tags_named

LEASE = timedelta(minutes=2)
UNCLEAR = "Slack did not say whether it took the last message. Look in the channel; what is missing can be told again."


class NameTaken(Exception):
    """The team has a channel of this name already."""


@dataclass(frozen=True)
class ChannelFacts:
    """What a channel is and what it hears. A `hook` of "" stays as it was."""

    name: str
    hook: str = ""
    everything: bool = False
    weekly: bool = False
    is_private: bool = False
    teams: Iterable[Team] = field(default_factory=list)
    services: Iterable[Service] = field(default_factory=list)
    tags: Iterable[str] = field(default_factory=list)


# -- Setting up --------------------------------------------------------------------------------------------------------


@transaction.atomic
def save_channel(channel: Channel | None, *, team: Team, facts: ChannelFacts, by: User, now: datetime) -> Channel:
    """Keep a channel and its wishes. Raises `NameTaken` or `secrets.NoKeys`."""
    Team.objects.select_for_update().get(pk=team.pk)
    row = channel or Channel(team=team, added_by=by, added_at=now, timezone=by.timezone)
    if team.channels.filter(name__iexact=facts.name).exclude(pk=row.pk).exists():
        raise NameTaken
    row.name, row.trouble = facts.name, ""
    row.everything, row.weekly, row.is_private = facts.everything, facts.weekly, facts.is_private
    if facts.hook:
        row.hook = secrets.seal(facts.hook)
    row.save()
    row.teams.set(facts.teams)
    row.services.set(facts.services)
    row.tags.set(tags_named(facts.tags))
    verb = "channel.changed" if channel else "channel.added"
    audit.record(by=by, verb=verb, obj=row, team=team.pk, hook=bool(facts.hook), private=facts.is_private)
    return row


@transaction.atomic
def remove_channel(*, channel: Channel, by: User) -> None:
    """Say nothing there any more; its secret is forgotten."""
    audit.record(by=by, verb="channel.removed", obj=channel, team=channel.team_id)
    channel.delete()


def test_channel(*, channel: Channel, by: User) -> None:
    """Say something there now. Raises `Refused` or `Unanswered`; the words stay on the channel."""
    _say(channel, test_message(str(channel.team), str(by)))


def _say(channel: Channel, message: Message) -> None:
    """Send it, and keep in words how it went. Raises `Refused` or `Unanswered`."""
    try:
        if channel.hook:
            slack.post_to_hook(_opened(channel.hook), message)
        else:
            slack.post(channel.name, message)
    except Refused as refused:
        _note_trouble(channel, str(refused))
        raise
    except Unanswered:
        _note_trouble(channel, UNCLEAR)
        raise
    _note_trouble(channel, "")


def _opened(hook: str) -> str:
    try:
        return secrets.unseal(hook)
    except (secrets.NoKeys, secrets.Unreadable) as error:
        raise Refused(f"The address of the webhook cannot be read: {error}") from error


def _note_trouble(channel: Channel, words: str) -> None:
    Channel.objects.filter(pk=channel.pk).exclude(trouble=words[:300]).update(trouble=words[:300])


# -- Planning ----------------------------------------------------------------------------------------------------------


def plan_news(*, now: datetime) -> None:
    """Write into the ledger what channels are to hear; repeating it writes nothing twice."""
    told = Exists(News.objects.filter(kind=NewsKind.PUBLISHED, postmortem=OuterRef("pk")))
    fresh = Postmortem.objects.filter(
        ~told,
        state=State.PUBLISHED,
        published_at__gt=arrival.since(now - NOT_LATER),
        published_at__lt=now - SETTLES,
    )
    for postmortem in fresh.select_related("incident"):
        _plan(channels_for(postmortem), NewsKind.PUBLISHED, now=now, postmortem=postmortem)
    import_at = arrival.arrived_at()
    for channel in Channel.objects.filter(weekly=True):
        here = now.astimezone(channel.zone)
        begun_at = max(channel.added_at, import_at or channel.added_at)
        if here.weekday() == 0 and here.hour >= HOUR and arrival.is_day_after(here.date(), channel.zone, begun_at):
            _plan([channel], NewsKind.DIGEST, now=now, for_on=here.date())


def channels_for(postmortem: Postmortem) -> list[Channel]:
    """Who wants to hear of it and may, and was there when it was published."""
    rows = Channel.objects.filter(wishes_for(postmortem), added_at__lte=postmortem.published_at).distinct()
    return [row for row in rows if may_hear(row).filter(pk=postmortem.pk).exists()]


def may_hear(channel: Channel) -> QuerySet[Postmortem]:
    """What may be said in the channel: see the top of this file. An incident that is closed to it counts as well."""
    levels = [Visibility.ORGANISATION, Visibility.TEAM] if channel.is_private else [Visibility.ORGANISATION]
    ours = Q(visibility=Visibility.ORGANISATION) | Q(team=channel.team_id)
    its = Q(incident__visibility=Visibility.ORGANISATION) | Q(incident__team=channel.team_id)
    return Postmortem.objects.filter(ours, its, visibility__in=levels, incident__visibility__in=levels)


def _plan(
    channels: Iterable[Channel], kind: NewsKind, *, now: datetime, postmortem: Postmortem | None = None,
    for_on: date | None = None,
) -> None:  # fmt: skip
    News.objects.bulk_create(
        (News(channel=each, kind=kind, postmortem=postmortem, for_on=for_on, planned_at=now) for each in channels),
        ignore_conflicts=True,
    )


# -- Telling -----------------------------------------------------------------------------------------------------------


def waiting_news(*, now: datetime) -> list[int]:
    """What is to be said and in nobody's hands."""
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    rows = News.objects.filter(free, state=NewsState.WAITING, planned_at__gt=now - NOT_LATER).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def tell_news(news_id: int, *, now: datetime) -> bool:
    """Tell one channel one thing; whether it arrived. One of any number of callers does.

    What may have arrived is not sent again by itself: who dies while speaking to Slack, or gets no answer, leaves it
    unclear, and a person looks.
    """
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    ours = News.objects.filter(free, pk=news_id, state=NewsState.WAITING)
    if ours.filter(is_leaving=True).exists():
        return _end(ours.filter(is_leaving=True), NewsState.UNCLEAR)
    if not ours.update(leased_until=now + LEASE, is_leaving=True):
        return False
    row = News.objects.select_related("channel__team").get(pk=news_id)
    held = News.objects.filter(pk=row.pk)
    message = _message(row)
    if message is None:
        return _end(held, NewsState.MOOT)
    try:
        _say(row.channel, message)
    except Refused as refused:
        held.update(leased_until=now + (refused.again_in or TRIES_AGAIN), is_leaving=False)
        return False
    except Unanswered:
        return _end(held, NewsState.UNCLEAR)
    held.update(state=NewsState.SENT, told_at=now, leased_until=None, is_leaving=False)
    return True


def _end(rows: QuerySet[News], state: NewsState) -> bool:
    rows.update(state=state, leased_until=None, is_leaving=False)
    return False


def _message(row: News) -> Message | None:
    """What there is to say now; None when there is nothing any more that may be said there."""
    shown = may_hear(row.channel).filter(state=State.PUBLISHED).select_related("incident", "team")
    if row.kind == NewsKind.PUBLISHED:
        found = shown.filter(pk=row.postmortem_id or 0).first()
        return published_message(found) if found else None
    assert row.for_on is not None  # noqa: S101  (a digest has its day)
    week = shown.filter(
        week_before(row.for_on, row.channel.zone), Exists(Lesson.objects.filter(postmortem=OuterRef("pk")))
    )
    told = list(week.prefetch_related("lessons").order_by("-published_at"))
    return digest_message(told[:MOST_IN_DIGEST], unshown=max(0, len(told) - MOST_IN_DIGEST)) if told else None


@transaction.atomic
def tell_again(*, news: News, by: User, now: datetime) -> None:
    """Let what may not have arrived be told after all; nothing while that is not in doubt."""
    unclear = News.objects.filter(pk=news.pk, state=NewsState.UNCLEAR)
    if unclear.update(state=NewsState.WAITING, planned_at=now):
        audit.record(by=by, verb="channel.told-again", obj=news.channel, news=news.pk)
