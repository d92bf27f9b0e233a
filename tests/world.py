"""A small organisation with one of everything for each visibility, and in each a canary word that betrays a leak."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import models
from django.test import Client
from django.test.client import ClientHandler

from accounts.enums import TeamRole, Visibility
from accounts.models import AuditEntry, Export, Invitation, Membership, Team, User
from actions.models import (
    ActionIdea,
    ActionItem,
    BulkChange,
    ItemSync,
    JiraConnection,
    JiraMapping,
    SavedView,
    SyncRun,
    WorkLink,
)
from incidents.models import Communication, ImpactFigure, Incident, PolicyRule, Service, TimelineEvent
from postmortems.models import (
    AgendaItem,
    Attachment,
    Attendee,
    Branch,
    Capture,
    Channel,
    Comment,
    Dismissal,
    Factor,
    Gate,
    Lesson,
    Meeting,
    Metric,
    Participant,
    Perspective,
    Postmortem,
    PublicVersion,
    Review,
    Revision,
    Section,
    SectionRevision,
    StateChange,
    Template,
    Term,
    Thread,
    TranscriptLine,
    Why,
)
from tests.routes import Route

NOON = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
CANARY = {
    Visibility.ORGANISATION: "canaryorganisation",
    Visibility.TEAM: "canaryteam",
    Visibility.RESTRICTED: "canaryrestricted",
}
FIXED = {
    "key": "00000000-0000-0000-0000-000000000000",
    "choice": "retry",
    "panel": "facts",
    "aspect": "detection",
    "number": 1,
    "token": "no-such-token",
    "slug": "edge",
    "format": "md",
    "name": "notes.txt",
}
"""Values for URL parameters that name no guarded object."""


@cache
def _middleware() -> ClientHandler:
    return ClientHandler(enforce_csrf_checks=False)


def stranger() -> Client:
    """A client that nobody has signed in with. All share one chain of middleware, which takes long to load."""
    client = Client()
    client.handler = _middleware()
    return client


@dataclass
class World:
    """The organisation: people by role, objects by model and visibility."""

    people: dict[str, User]
    objects: dict[tuple[type[models.Model], str], models.Model] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    """By role, of those who are signed in already."""

    def client(self, role: str) -> Client:
        client = stranger()
        if role in self.sessions:
            client.cookies[settings.SESSION_COOKIE_NAME] = self.sessions[role]
        else:
            client.force_login(self.people[role])
        return client

    def sign_everybody_in(self) -> None:
        self.sessions = {role: self.client(role).cookies[settings.SESSION_COOKIE_NAME].value for role in self.people}

    def fingerprint(self) -> dict[str, str]:
        """A digest of every row of ours, by table; the audit log is left out, since looking writes there."""
        ours = {"accounts", "incidents", "postmortems", "actions"}
        found = [model for model in apps.get_models(include_auto_created=True) if model._meta.app_label in ours]
        return {model._meta.label: _digest(model) for model in found if model is not AuditEntry}


def _digest(model: type[models.Model]) -> str:
    names = [column.attname for column in model._meta.concrete_fields if column.attname != "last_login"]
    rows = model._default_manager.order_by("pk").values_list(*names)
    return hashlib.sha256(repr(list(rows)).encode()).hexdigest()


def build_world() -> World:
    """Make it: Alice owns, Bob is on the team, Mallory is not."""
    names = {"owner": "Alice", "member": "Bob", "manager": "Maya", "administrator": "Ada", "mallory": "Mallory"}
    people = {role: User.objects.create_user(f"{role}@example.com", display_name=name) for role, name in names.items()}
    User.objects.filter(pk=people["administrator"].pk).update(is_administrator=True)
    people["administrator"].refresh_from_db()
    team = Team.objects.create(name="Edge", slug="edge")
    other = Team.objects.create(name="Identity", slug="identity")
    Membership.objects.create(team=team, user=people["member"])
    Membership.objects.create(team=team, user=people["manager"], role=TeamRole.MANAGER)
    Membership.objects.create(team=other, user=people["mallory"])
    world = World(people)
    connection, mapping, run = _jira(people["administrator"], team)
    for visibility in Visibility:
        _build(world, team, visibility)
    rule = PolicyRule.objects.first() or PolicyRule.objects.create(
        fact="always", requirement="optional", tier="lightweight", reason="Always."
    )
    template = Template.objects.order_by("pk").last() or Template.objects.create(name="Own", tier="standard")
    invitation = Invitation.objects.create(
        email="new@example.com", token_digest="0" * 64, invited_by=people["administrator"], expires_at=NOON
    )
    change = BulkChange.objects.create(made_by=people["owner"], made_at=NOON, before={})
    channel = Channel.objects.create(team=team, name="#edge", added_by=people["manager"], added_at=NOON)
    channel.teams.add(team)
    view = SavedView.objects.create(person=people["owner"], of="actions", name="Mine", query="owner=me")
    export = Export.objects.create(asked_by=people["administrator"], asked_at=NOON)
    settled = (export, channel, connection, mapping, run, view, change, team, rule, template, invitation)
    for shared in (*settled, people["member"]):
        for visibility in Visibility:
            world.objects[type(shared), visibility] = shared
    return world


def _jira(by: User, team: Team) -> tuple[JiraConnection, JiraMapping, SyncRun]:
    """A Jira that cannot be reached: nothing listens there."""
    connection = JiraConnection.objects.create(
        name="Jira",
        kind="cloud",
        site_url="https://jira.invalid",
        api_url="https://jira.invalid",
        auth="bearer",
        secret="sealed-by-no-key",
        created_by=by,
        created_at=NOON,
    )
    mapping = JiraMapping.objects.create(connection=connection, team=team, project_key="OPS", issue_type_id="1")
    run = SyncRun.objects.create(mapping=mapping, total=0, started_by=by, started_at=NOON)
    return connection, mapping, run


def _build(world: World, team: Team, visibility: Visibility) -> None:
    owner, canary = world.people["owner"], CANARY[visibility]
    service = Service.objects.create(name=f"Service {visibility}", slug=f"service-{visibility}", team=team)
    incident = Incident.objects.create(
        title=f"Outage {canary}",
        team=team,
        visibility=visibility,
        commander=owner,
        created_by=owner,
        occurred_at=NOON,
        impact_started_at=NOON,
        summary=f"Summary {canary}",
        impact=f"Impact {canary}",
    )
    incident.services.add(service)
    postmortem = Postmortem.objects.create(
        incident=incident,
        title=f"Learning {canary}",
        tier="standard",
        team=team,
        owner=owner,
        visibility=visibility,
        created_by=owner,
        last_lesson_number=1,
        submitted_at=NOON,
    )
    section = Section.objects.create(
        postmortem=postmortem, position=1, title=f"Summary {canary}", body=f"Text {canary}"
    )
    Section.objects.create(postmortem=postmortem, position=2, title="Timeline", kind="timeline")
    for position, kind in enumerate(("actions", "metrics", "whys", "factors", "response", "glossary"), start=3):
        Section.objects.create(postmortem=postmortem, position=position, title=kind.title(), kind=kind)
    attachment = Attachment(
        postmortem=postmortem, kind="file", name="notes.txt", content_type="text/plain", size=9, uploaded_by=owner
    )
    attachment.file.save("notes.txt", ContentFile(f"notes {canary}".encode()), save=False)
    attachment.save()
    revision = Revision.objects.create(
        postmortem=postmortem, number=1, reason="named", name=f"Name {canary}", made_by=owner, made_at=NOON
    )
    thread = Thread.objects.create(
        section=section,
        postmortem=postmortem,
        quote=f"Quote {canary}",
        replacement=f"Instead {canary}",
        created_by=owner,
        created_at=NOON,
    )
    comment = Comment.objects.create(
        thread=thread, postmortem=postmortem, body=f"Comment {canary}", created_by=owner, created_at=NOON
    )
    branch = Branch.objects.create(postmortem=postmortem, position=1, kind="cause", question=f"Branch {canary}?")
    postmortem.response_notes.create(aspect="detection", text=f"Response {canary}", updated_by=owner, updated_at=NOON)
    meeting = Meeting.objects.create(
        postmortem=postmortem, form="meeting", state="running", starts_at=NOON, started_at=NOON, steered_by=owner,
        place=f"Room {canary}", facilitator=owner, planned_by=owner, planned_at=NOON,
    )  # fmt: skip
    meeting.current = AgendaItem.objects.create(
        meeting=meeting, postmortem=postmortem, position=1, step="tone", minutes=2
    )
    meeting.save(update_fields=["current"])
    Attendee.objects.create(meeting=meeting, postmortem=postmortem, user=owner)
    parts: list[models.Model] = [
        Review.objects.create(
            postmortem=postmortem,
            reviewer=owner,
            asked_by=owner,
            asked_at=NOON,
            submitted_at=NOON,
            verdict="changes",
            comment=f"Comment {canary}",
        ),
        PublicVersion.objects.create(
            postmortem=postmortem, title=f"Public {canary}", body=f"Text {canary}", updated_by=owner, updated_at=NOON
        ),
        meeting,
        Capture.objects.create(
            meeting=meeting,
            postmortem=postmortem,
            kind="parking",
            text=f"Parked {canary}",
            created_by=owner,
            created_at=NOON,
        ),
        TranscriptLine.objects.create(meeting=meeting, postmortem=postmortem, position=1, text=f"Said {canary}"),
        branch,
        Why.objects.create(branch=branch, postmortem=postmortem, position=1, answer=f"Why {canary}", created_by=owner),
        Factor.objects.create(
            postmortem=postmortem, number=1, text=f"Factor {canary}", layer="design", position=1, created_by=owner
        ),
        Gate.objects.create(postmortem=postmortem, label=f"Gate {canary}"),
        Perspective.objects.create(
            postmortem=postmortem, person=owner, text=f"Perspective {canary}", asked_by=owner, asked_at=NOON
        ),
        Dismissal.objects.create(
            postmortem=postmortem,
            rule="vague-amount",
            place="x",
            quote=f"Some {canary}",
            reason=f"Reason {canary}",
            dismissed_by=owner,
            dismissed_at=NOON,
        ),
        Term.objects.create(postmortem=postmortem, term=f"Term {canary}", meaning="A word"),
        Metric.objects.create(
            postmortem=postmortem,
            title=f"Metric {canary}",
            shows="It rose",
            unit="ms",
            position=1,
            created_by=owner,
        ),
        incident,
        TimelineEvent.objects.create(incident=incident, at=NOON, text=f"Event {canary}", created_by=owner),
        ImpactFigure.objects.create(incident=incident, label=f"Figure {canary}", value="12"),
        Communication.objects.create(incident=incident, channel=f"Channel {canary}", text="We are looking"),
        postmortem,
        section,
        attachment,
        Lesson.objects.create(postmortem=postmortem, number=1, text=f"Lesson {canary}", created_by=owner),
        Participant.objects.create(postmortem=postmortem, user=owner, role="contributor"),
        SectionRevision.objects.create(
            section=section,
            postmortem=postmortem,
            revision=revision,
            number=1,
            body=f"Text {canary}",
            saved_by=owner,
            saved_at=NOON,
        ),
        revision,
        thread,
        comment,
        StateChange.objects.create(
            postmortem=postmortem, from_state="draft", to_state="in_review", changed_by=owner, changed_at=NOON
        ),
    ]
    action = ActionItem.objects.create(
        postmortem=postmortem,
        team=team,
        title=f"Action {canary}",
        owner=owner,
        due_on=date(2026, 5, 1),
        created_by=owner,
    )
    link = WorkLink.objects.create(action=action, words=f"Work {canary}", added_by=owner, added_at=NOON)
    idea = ActionIdea.objects.create(postmortem=postmortem, text=f"Idea {canary}", created_by=owner, created_at=NOON)
    mapping = JiraMapping.objects.get(team=team)
    sync = ItemSync.objects.create(
        action=action,
        connection=mapping.connection,
        mapping=mapping,
        state="linked",
        remote_id=f"2000{postmortem.pk}",
        remote_key=f"OPS-{postmortem.pk}",
        blocked={"owner": {"words": f"Nobody is {canary}"}},
    )
    sync.conflicts.create(
        field="title", ours=f"Ours {canary}", theirs=f"Theirs {canary}", at=NOON, winner="ours", found_at=NOON
    )
    sync.log.create(at=NOON, is_outward=True, fields=["title"], words=f"Wrote {canary}")
    parts += [action, link, idea, sync]
    _index(incident, postmortem)
    for part in parts:
        world.objects[type(part), visibility] = part


def _index(incident: Incident, postmortem: Postmortem) -> None:
    from actions.search import index_action
    from incidents.search import index_incident
    from postmortems.search import index_postmortem

    index_incident(incident.pk)
    index_postmortem(postmortem.pk)
    for pk in postmortem.action_items.values_list("pk", flat=True):
        index_action(pk)


def address_of(route: Route, world: World, visibility: str) -> str:
    """A URL of `route` that leads to the world's object of this visibility."""
    values: dict[str, Any] = dict(FIXED)
    access = route.access
    if access is not None and access.model is not None:
        subject = world.objects[access.model, visibility]
        values.update({name: getattr(subject, name) for name in ("pk", "slug", "name") if hasattr(subject, name)})
    else:
        values["pk"] = _shared_pk(route, world)
    from django.urls import reverse

    unknown = set(route.parameters) - set(values)
    assert not unknown, f"{route.pattern}: tests/world.py does not know what {unknown} stands for"
    return reverse(route.name, kwargs={name: values[name] for name in route.parameters})


def _shared_pk(route: Route, world: World) -> object:
    """For administrators' pages, whose objects are not guarded one by one: the one the path names."""
    for word, model in (("polic", PolicyRule), ("template", Template), ("invitation", Invitation), ("people", User)):
        if word in route.pattern:
            return world.objects[model, Visibility.ORGANISATION].pk
    return world.objects[Team, Visibility.ORGANISATION].pk
