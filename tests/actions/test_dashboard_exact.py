"""Every number of the dashboard is what somebody finds who looks at each action that the person may see."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db.models import Q
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Team, User
from actions.counting import AGES, BY, Tally
from actions.dashboard import Choice, Group, dashboard
from actions.due import is_overdue, today_for
from actions.enums import Status
from actions.filters import ActionFilters
from actions.models import ActionItem
from incidents.models import Incident, Service
from postmortems.models import Participant, Postmortem
from postmortems.queries import hidden_postmortems
from tests.actions.conftest import person
from tests.factories.actions import make_postmortem

ZONES = ["UTC", "Europe/London", "Pacific/Auckland", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Kiritimati"]
NOW = datetime(2026, 10, 28, 11, 40, tzinfo=UTC)
"""Three days after the clocks of Europe went back; it is already tomorrow in some of the zones."""
MOMENTS = [NOW, NOW - timedelta(hours=11, minutes=39), NOW + timedelta(hours=12, minutes=19)]
WEEKS = (4, 12, 52)


@pytest.fixture
def people(team: Team, alice: User, bob: User, mallory: User) -> list[User]:
    everybody = [alice, bob, mallory, person("Ada", is_administrator=True), person("Nil"), person("Kim")]
    for user, zone in zip(everybody, ZONES, strict=True):
        user.timezone = zone
        user.save(update_fields=["timezone"])
    return everybody


@pytest.fixture
def documents(team: Team, people: list[User]) -> list[Postmortem]:
    """Post-mortems and incidents of every visibility, some people named on them."""
    chance = random.Random(11)
    teams = [team, Team.objects.get(slug="identity")]
    services = [Service.objects.create(name=name, slug=name, team=team) for name in ("dns", "cdn", "queue")]
    made = []
    for number in range(27):
        made.append(document := make_postmortem(owner=chance.choice(people), team=chance.choice(teams)))
        document.visibility = ("organisation", "team", "restricted")[number % 3]
        document.save(update_fields=["visibility"])
        incident = document.incident
        incident.visibility = ("organisation", "team", "restricted")[number // 3 % 3]
        incident.team, incident.created_by = chance.choice(teams), chance.choice(people)
        incident.commander = chance.choice([None, *people])
        incident.severity = f"SEV{number % 5}"
        incident.save(update_fields=["visibility", "team", "created_by", "commander", "severity"])
        incident.services.set(chance.sample(services, number % 4))
        incident.responders.set(chance.sample(people, number % 2))
        incident.readers.set(chance.sample(people, number % 2))
        for user in chance.sample(people, number % 3):
            Participant.objects.create(postmortem=document, user=user)
    return made


def moment(chance: random.Random, most: int) -> datetime:
    """Some time in the last `most` days, often just around midnight somewhere."""
    zone = ZoneInfo(chance.choice(ZONES))
    midnight = datetime.combine(NOW.date() - timedelta(days=chance.randint(0, most)), datetime.min.time(), zone)
    near = timedelta(microseconds=chance.choice([-1, 0, 1, chance.randint(-(10**10), 10**11)]))
    return min(midnight + near, NOW)


def scatter(chance: random.Random, documents: list[Postmortem], people: list[User]) -> None:
    """Actions of all kinds at all times."""
    made = []
    for _ in range(120):
        created = moment(chance, 400)
        due_on = chance.choice([None, *[NOW.date() + timedelta(days=chance.randint(-380, 12))] * 4])
        status, finished = chance.choice(["open", "in_progress"]), None
        if chance.random() < 0.6:
            status = chance.choice([Status.DONE, Status.DONE, Status.WILL_NOT_DO])
            finished = moment(chance, 400)
            due_on = chance.choice([due_on, finished.date() + timedelta(days=chance.randint(-2, 2))])
        document = chance.choice(documents)
        action = ActionItem(
            postmortem=document,
            team=chance.choice([document.team, documents[0].team]),
            title="Alert when the queue is old",
            created_by=people[0],
            owner=chance.choice([None, *people]),
            due_on=due_on,
            priority=chance.choice(["P1", "P2", "P3"]),
            created_at=created,
            finished_at=finished,
            status=status,
            reason="x",
        )
        made.append(action)
    ActionItem.objects.bulk_create(made)


# -- The same, one by one ----------------------------------------------------------------------------------------------


def keys(action: ActionItem, by: str) -> list[str | None]:
    """The groups that `action` counts in."""
    incident = action.postmortem.incident
    if by == "service":
        return [str(service.pk) for service in incident.services.all()] or [None]
    values = {"team": action.team_id, "owner": action.owner_id, "severity": incident.severity}
    value = values.get(by, action.priority)
    return [None if value is None else str(value)]


def is_wanted(action: ActionItem, filters: ActionFilters, user: User) -> bool:
    incident = action.postmortem.incident
    return all(
        (
            not filters.is_mine or action.owner_id == user.pk,
            not filters.is_unowned or action.owner_id is None,
            filters.owner is None or action.owner_id == filters.owner.pk,
            filters.team is None or action.team_id == filters.team.pk,
            filters.postmortem is None or action.postmortem_id == filters.postmortem.pk,
            not filters.priority or action.priority == filters.priority,
            not filters.severity or incident.severity == filters.severity,
            filters.service is None or filters.service in incident.services.all(),
        )
    )


def counted(actions: list[ActionItem], user: User, *, since: date, now: datetime) -> Tally:
    """The tally of `actions`, each looked at by itself."""
    tally, took = Tally(ages=[0] * len(AGES)), []
    today = now.astimezone(user.zone).date()
    for action in actions:
        finished = action.finished_at
        if action.due_on and since <= action.due_on <= today:
            tally.due += 1
            tally.kept += action.status == Status.DONE
        if finished is None:
            days = (action.due_on - today_for(action, now=now)).days if action.due_on else None
            age = (today - action.created_at.astimezone(user.zone).date()).days
            tally.add_open(1, is_overdue(action, now=now), days is not None and 0 <= days <= 7)
            for place, (least, most) in enumerate(AGES):
                tally.ages[place] += least <= age and (most is None or age <= most)
        elif finished.astimezone(user.zone).date() >= since:
            is_done = action.status == Status.DONE
            in_time = (
                action.due_on
                and finished.astimezone(action.owner.zone if action.owner else UTC).date() <= action.due_on
            )
            tally.add_settled(1, is_done, is_done and action.due_on is not None, bool(is_done and in_time))
            took += [(finished - action.created_at).total_seconds() / 86400] if is_done else []
    tally.days = median(took) if took else None
    return tally


def by_week(moments: Iterator[datetime], user: User, since: date, weeks: int) -> list[int]:
    found = [0] * weeks
    for at in moments:
        week = (at.astimezone(user.zone).date() - since).days // 7
        if 0 <= week < weeks:
            found[week] += 1
    return found


def check(user: User, choice: Choice, now: datetime) -> None:
    board = dashboard(user, choice, now=now)
    rows = ActionItem.objects.visible_to(user).select_related("owner", "postmortem__incident")
    actions = [a for a in rows.prefetch_related("postmortem__incident__services") if is_wanted(a, choice.filters, user)]
    whole = counted(actions, user, since=board.since, now=now)
    numbers = {number.label: number.value for number in board.numbers}
    assert numbers["Open"] == f"{whole.open:,}"
    assert numbers["Overdue"] == f"{whole.overdue:,}"
    assert numbers["Due within a week"] == f"{whole.soon:,}"
    assert numbers["Done"] == f"{whole.done:,}"
    assert numbers["Completed"] == (f"{round(100 * whole.kept / whole.due)} %" if whole.due else "–")
    assert numbers["In time"] == ("–" if whole.on_time_rate is None else f"{whole.on_time_rate} %")
    assert numbers["Median days to done"] == ("–" if whole.days is None else f"{whole.days:.0f}")
    assert [age.count for age in board.ages] == whole.ages
    finished = (a.finished_at for a in actions if a.finished_at)
    assert [w.opened for w in board.weeks] == by_week((a.created_at for a in actions), user, board.since, choice.weeks)
    assert [week.closed for week in board.weeks] == by_week(finished, user, board.since, choice.weeks)
    groups = defaultdict(list)
    for action in actions:
        for key in keys(action, choice.by):
            groups[key].append(action)
    expected = []
    for members in groups.values():
        tally = counted(members, user, since=board.since, now=now)
        if tally.open or tally.closed:
            expected.append(said(tally))
    assert sorted(map(said, (group.tally for group in board.groups)), key=repr) == sorted(expected, key=repr)
    first = dashboard(user, choice, now=now, most=2)
    assert [urgency(group) for group in first.groups] == [urgency(group) for group in board.groups[:2]]
    assert {group.name: said(group.tally) for group in first.groups}.items() <= {
        group.name: said(group.tally) for group in board.groups
    }.items()
    assert (board.more, first.more) == (0, max(0, len(board.groups) - 2))


def urgency(group: Group) -> tuple[int, int]:
    return group.tally.overdue, group.tally.open


def said(tally: Tally) -> tuple[object, ...]:
    """What the table says of a group."""
    days = None if tally.days is None else round(tally.days, 6)
    numbers = (tally.open, tally.overdue, tally.soon, tally.closed, tally.done, tally.done_dated, tally.on_time)
    return (*numbers, days)


filters = st.fixed_dictionaries(
    {
        "is_mine": st.booleans(),
        "is_unowned": st.sampled_from([False, False, False, True]),
        "owner": st.none() | st.integers(0, 5),
        "team": st.none() | st.integers(0, 1),
        "priority": st.sampled_from(["", "", "P1", "P2"]),
        "severity": st.sampled_from(["", "", "SEV1", "SEV3"]),
        "service": st.none() | st.none() | st.integers(0, 2),
    }
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 9),
    who=st.integers(0, 5),
    chosen=filters,
    by=st.sampled_from(list(BY)),
    weeks=st.sampled_from(WEEKS),
    now=st.sampled_from(MOMENTS),
)
def test_numbers_are_those_of_each_action(
    seed: int,
    who: int,
    chosen: dict[str, Any],
    by: str,
    weeks: int,
    now: datetime,
    documents: list[Postmortem],
    people: list[User],
) -> None:
    ActionItem.objects.all().delete()
    scatter(random.Random(seed), documents, people)
    lists: dict[str, list[Any]] = {
        "owner": people,
        "team": list(Team.objects.all()),
        "service": list(Service.objects.all()),
    }
    found = {
        name: lists[name][value] if name in lists and isinstance(value, int) else value
        for name, value in chosen.items()
    }
    choice = Choice(filters=replace(ActionFilters(), **found), weeks=weeks, by=by)
    check(people[who], choice, now)
    check(people[who], Choice(weeks=weeks, by=by), now)


def test_in_time_by_the_calendar_of_each_owner(documents: list[Postmortem], people: list[User]) -> None:
    """Every half hour of two days, in every zone, for due dates on both sides of it."""
    open_to_all = next(each for each in documents if each.visibility == each.incident.visibility == "organisation")
    made = []
    for owner in [None, *people]:
        for half_hour, days in product(range(96), (-2, -1, 0, 1, 2)):
            finished = NOW - timedelta(days=9) + timedelta(minutes=30 * half_hour)
            action = ActionItem(postmortem=open_to_all, team=open_to_all.team, created_by=people[0], owner=owner)
            action.due_on = finished.date() + timedelta(days=days)
            action.status, action.created_at, action.finished_at = Status.DONE, NOW - timedelta(days=40), finished
            made.append(action)
    ActionItem.objects.bulk_create(made)
    check(people[0], Choice(by="owner"), NOW)


def test_what_is_hidden_is_whatever_is_not_visible(documents: list[Postmortem], people: list[User]) -> None:
    for user in people:
        seen = set(Postmortem.objects.visible_to(user).values_list("pk", flat=True))
        hidden = set(hidden_postmortems(user).values_list("pk", flat=True))
        assert hidden == {document.pk for document in documents} - seen
        assert hidden or user.is_administrator
    assert Incident.objects.filter(Q(commander=None) & ~Q(visibility="organisation")).exists()
