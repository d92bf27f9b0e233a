"""Fills an empty Debrief with the sample organisation: people, teams, incidents, post-mortems, actions.

Everything goes through the services that the pages use. Loading again adds what is missing and changes nothing else.
"""

from __future__ import annotations

import secrets
from array import array
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from django.conf import settings
from django.db import transaction

from accounts.enums import TeamRole
from accounts.models import Team, User
from accounts.services.person import create_person
from accounts.services.team import add_members, create_team
from actions.enums import Status, WorkLinkKind
from actions.models import ActionItem
from actions.sample_data import EVIDENCE, PEOPLE, REASONS, RECENT, TEAM_OF_FILE, TEAMS, RecentIncident, SampleGraph
from actions.services.action import ActionFacts, Refusal, add_action, change_status, edit_action
from actions.services.link import LinkFacts, complete_action
from incidents.models import Incident
from incidents.services.imports import import_file
from incidents.services.incidents import create_incident, name_service
from incidents.services.parts import add_event, add_figure
from postmortems.enums import SectionKind, State
from postmortems.models import Postmortem
from postmortems.series import Series
from postmortems.services.draft import start_postmortem
from postmortems.services.factor import FactorFacts, add_factor
from postmortems.services.glossary import explain_term
from postmortems.services.lesson import add_lesson
from postmortems.services.metric import MetricFacts, add_metric
from postmortems.services.response import write_response
from postmortems.services.section import add_section, digest, save_section
from postmortems.services.state import move_postmortem
from postmortems.services.why import add_why

FILES = Path(settings.BASE_DIR) / "incidents" / "samples"
IMPORTED_AGO = timedelta(days=120)
"""When the incidents of the past are said to have been written down, so that their actions have a history."""


class OrganisationInUse(Exception):
    """There are people here who are not of the sample organisation."""


@dataclass(frozen=True)
class Loaded:
    """What was loaded; `password` is None when all the people were here already."""

    password: str | None
    incidents: int
    actions: int


def load_samples(*, now: datetime, among_others: bool = False) -> Loaded:
    """Load what is missing of the sample organisation.

    Raises `OrganisationInUse` where real people work, unless `among_others` says that this is meant.
    """
    ours = {person.email for person in PEOPLE}
    if not among_others and User.objects.exclude(email__in=ours).exists():
        raise OrganisationInUse
    with transaction.atomic():
        people, password = _people(now=now)
        teams = _teams(people, now=now)
        for path in sorted(FILES.glob("*.json")):
            _import(path, teams[TEAM_OF_FILE[path.stem.partition("-")[0]]], now=now)
        for recent in RECENT:
            _record(recent, teams, people, now=now)
    return Loaded(password=password, incidents=Incident.objects.count(), actions=ActionItem.objects.count())


# -- People ------------------------------------------------------------------------------------------------------------


def _people(*, now: datetime) -> tuple[dict[str, User], str | None]:
    """The people by name, and the password of those made just now: a new one each time, so none is known."""
    password = secrets.token_urlsafe(12)
    known = {user.email: user for user in User.objects.filter(email__in=[person.email for person in PEOPLE])}
    people: dict[str, User] = {}
    for person in PEOPLE:
        people[person.name] = known.get(person.email) or create_person(
            email=person.email,
            display_name=person.name,
            timezone=person.timezone,
            password=password,
            by=None,
            now=now,
            is_administrator=person.is_administrator,
        )
    return people, password if len(known) < len(PEOPLE) else None


def _teams(people: dict[str, User], *, now: datetime) -> dict[str, Team]:
    founder = next(people[person.name] for person in PEOPLE if person.is_administrator)
    teams: dict[str, Team] = {}
    for name, description in TEAMS.items():
        team = Team.objects.filter(name=name).first()
        teams[name] = team or create_team(name=name, description=description, by=founder, now=now)
        for role in (TeamRole.MANAGER, TeamRole.MEMBER):
            of_role = [p for p in PEOPLE if name in p.teams and p.is_manager == (role == TeamRole.MANAGER)]
            add_members(team=teams[name], people=[people[p.name] for p in of_role], role=role, by=founder, now=now)
    return teams


# -- The incidents of the past -----------------------------------------------------------------------------------------


def _import(path: Path, team: Team, *, now: datetime) -> None:
    members = list(User.objects.filter(memberships__team=team).order_by("pk"))
    result = import_file(name=path.name, content=path.read_bytes(), team=team, by=members[0], now=now - IMPORTED_AGO)
    if result.outcome is None:
        raise ValueError(f"{path.name}: {'; '.join(result.faults)}")
    if result.outcome.created:
        actions = ActionItem.objects.filter(postmortem__incident=result.outcome.incident).order_by("pk")
        _give_history(actions, members, now=now)


def _give_history(actions: Iterable[ActionItem], people: list[User], *, now: datetime) -> None:
    """Owners, dates and states as they would be four months later: most done, some late, some given up."""
    for action in actions:
        turn = action.pk % 8
        owner = people[action.pk % len(people)]
        if turn == 7 and action.pk % 16 == 7:
            continue  # One that nobody has taken yet.
        shift = {0: -90, 1: -70, 2: -45, 3: -30, 4: 6 + action.pk % 20, 5: -3 - action.pk % 38, 6: 12 + action.pk % 30}
        due_on = now.date() + timedelta(days=shift.get(turn, -20))
        facts = ActionFacts(
            title=action.title,
            deliverable=action.deliverable,
            owner=owner,
            due_on=due_on,
            priority=action.priority,
            kind=action.kind,
        )
        planned = now - IMPORTED_AGO + timedelta(days=3)
        changed = edit_action(
            action=action, facts=facts, lessons=action.lessons.all(), revision=action.revision, by=owner, now=planned
        )
        _finish(changed, turn, owner, due_on=due_on, now=now)


def _finish(action: ActionItem, turn: int, owner: User, *, due_on: date, now: datetime) -> None:
    on_the_day = now - (now.date() - due_on)
    if turn < 4:
        late = timedelta(days=(action.pk % 5) * 3 - 6)
        evidence = LinkFacts(kind=WorkLinkKind.DOCUMENT, words=EVIDENCE[action.pk % len(EVIDENCE)])
        complete_action(action=action, evidence=evidence, revision=action.revision, by=owner, now=on_the_day + late)
    elif turn == 4:
        change_status(
            action=action, status=Status.IN_PROGRESS, revision=action.revision, by=owner, now=now - timedelta(days=9)
        )
    elif turn == 7:
        change_status(
            action=action,
            status=Status.WILL_NOT_DO,
            revision=action.revision,
            by=owner,
            now=on_the_day,
            refusal=Refusal(REASONS[action.pk % len(REASONS)], owner, now.date() + timedelta(days=60)),
        )


# -- The last days -----------------------------------------------------------------------------------------------------


def _record(recent: RecentIncident, teams: dict[str, Team], people: dict[str, User], *, now: datetime) -> None:
    if Incident.objects.filter(title=recent.title).exists():
        return
    start = (now - recent.ago).replace(second=0, microsecond=0)
    commander, team = people[recent.commander], teams[recent.team]
    begun = start + timedelta(minutes=15)
    incident = create_incident(
        title=recent.title,
        severity=recent.severity,
        team=team,
        by=commander,
        now=begun,
        commander=commander,
        timezone=commander.timezone,
        services=[name_service(name=name, team=team, by=commander) for name in recent.services],
        responders=[people[name] for name in recent.responders],
        impact=recent.impact,
        **{name: start + timedelta(minutes=minute) for name, minute in recent.minutes.items()},
        **recent.facts,
    )
    for minute, kind, role, text in recent.events:
        facts = {"at": start + timedelta(minutes=minute), "kind": kind, "actor_role": role, "text": text}
        add_event(incident=incident, facts=facts, by=commander, now=begun)
    for label, value in recent.figures:
        facts = {"label": label, "value": value, "is_estimated": value.startswith("about")}
        add_figure(incident=incident, facts=facts, by=commander, now=begun)
    if recent.is_drafted:
        _draft(recent, incident, people, by=commander, now=begun + timedelta(hours=2))


def _draft(
    recent: RecentIncident, incident: Incident, people: dict[str, User], *, by: User, now: datetime
) -> Postmortem:
    postmortem = start_postmortem(incident=incident, template=None, by=by, now=now)
    for section in postmortem.sections.filter(title__in=recent.sections):
        body = recent.sections[section.title]
        save_section(section=section, seen=digest(section.body), body=body, by=by, now=now)
    _analyse(recent, postmortem, by=by, now=now)
    lessons = [add_lesson(postmortem=postmortem, text=text, by=by, now=now) for text in recent.lessons]
    for planned in recent.actions:
        facts = ActionFacts(
            title=planned.title,
            owner=people[planned.owner] if planned.owner else None,
            due_on=(now + recent.ago).date() + timedelta(days=planned.due_in) if planned.due_in is not None else None,
            priority=planned.priority,
            kind=planned.kind,
        )
        served = [lessons[planned.lesson - 1]] if planned.lesson else []
        add_action(postmortem=postmortem, facts=facts, lessons=served, by=by, now=now)
    if recent.is_in_review:
        later = now + timedelta(days=3)
        move_postmortem(postmortem=postmortem, seen=State.DRAFT, to=State.IN_REVIEW, note="", by=by, now=later)
    return postmortem


def _analyse(recent: RecentIncident, postmortem: Postmortem, *, by: User, now: datetime) -> None:
    """The analysis of a recent incident, row by row as people would add them."""
    for branch, chain in zip(postmortem.branches.all(), recent.whys, strict=False):
        above = None
        for question, answer in chain:
            above = add_why(branch=branch, below=above, question=question, answer=answer, by=by, now=now)
    for factor in recent.factors:
        add_factor(postmortem=postmortem, facts=FactorFacts(**asdict(factor)), by=by, now=now)
    shown = {
        SectionKind.RESPONSE: ("Response analysis", recent.responses),
        SectionKind.METRICS: ("Graphs", recent.graphs),
        SectionKind.GLOSSARY: ("Glossary", recent.terms),
    }
    for kind, (title, rows) in shown.items():
        if rows and not postmortem.sections.filter(kind=kind).exists():
            add_section(postmortem=postmortem, title=title, kind=kind, by=by, now=now)
    for aspect, text in recent.responses.items():
        write_response(postmortem=postmortem, aspect=aspect, revision=0, text=text, by=by, now=now)
    for term, meaning in recent.terms.items():
        explain_term(postmortem=postmortem, term=term, meaning=meaning, by=by, now=now)
    began = postmortem.incident.occurred_at
    for graph in recent.graphs:
        facts = MetricFacts(graph.title, graph.unit, graph.shows, [_series(graph, began)])
        add_metric(postmortem=postmortem, facts=facts, by=by, now=now)


def _series(graph: SampleGraph, began: datetime) -> Series:
    """Straight lines between the values that are told."""
    times, values = array("d"), array("d")
    for (first, low), (last, high) in pairwise(graph.values):
        for seconds in range(first * 60, last * 60, graph.every):
            times.append(began.timestamp() + seconds)
            values.append(low + (high - low) * (seconds - first * 60) / ((last - first) * 60))
    return Series(graph.name, times, values)
