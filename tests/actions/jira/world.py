"""A team whose actions are kept in a fake Jira: both sides, a clock they share, and a worker that can be broken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts import secrets
from accounts.models import Team, User
from actions.enums import JiraAuth, JiraKind
from actions.jira import sync
from actions.jira.mapping import propose_priorities
from actions.models import ActionItem, ItemSync, JiraConnection, JiraMapping, JiraPerson
from actions.services.action import ActionFacts, add_action, change_status, edit_action
from postmortems.models import Postmortem
from tests.fakes.jira import Jira, JiraServer
from tests.fakes.jira.server import TOKEN
from tests.fakes.jira.state import PRIORITIES, SERVICE, STATUSES, Issue


def connect(server: JiraServer, by: User, **fields: Any) -> JiraConnection:
    """A connection that leads to the fake."""
    is_cloud = server.jira.is_cloud
    values = {
        "name": f"Jira {JiraConnection.objects.count() + 1}",
        "kind": JiraKind.CLOUD if is_cloud else JiraKind.DATA_CENTER,
        "site_url": server.url,
        "api_url": server.url,
        "auth": JiraAuth.API_TOKEN if is_cloud else JiraAuth.BEARER,
        "username": SERVICE.email if is_cloud else "",
        "secret": secrets.seal(TOKEN),
        "account_id": SERVICE.id if is_cloud else SERVICE.name,
        "created_by": by,
    }
    return JiraConnection.objects.create(**{**values, **fields})


def map_team(connection: JiraConnection, team: Team, **fields: Any) -> JiraMapping:
    """The team's actions go to OPS."""
    there, here = propose_priorities([{"id": key, "name": name} for key, name in PRIORITIES.items()])
    known = {"statuses": {key: {"name": name, "category": kind} for key, (name, kind) in STATUSES.items()}}
    values = {
        "project_key": "OPS",
        "issue_type_id": "10100",
        "priorities": there,
        "priorities_in": here,
        "statuses": {"will_not_do": ["31"], "done": ["30"]},
        "known": known,
        "labels": ["postmortem"],
    }
    return JiraMapping.objects.create(connection=connection, team=team, **{**values, **fields})


def know(connection: JiraConnection, server: JiraServer, person: User, account: str, at: datetime) -> JiraPerson:
    """A person here has an account there."""
    jira = server.jira
    theirs = jira.people[account]
    return JiraPerson.objects.create(
        connection=connection,
        person=person,
        account_id=theirs.id if jira.is_cloud else theirs.name,
        account_key="" if jira.is_cloud else theirs.key,
        display_name=theirs.name,
        checked_at=at,
    )


@dataclass
class Both:
    """Both sides of one team."""

    server: JiraServer
    connection: JiraConnection
    mapping: JiraMapping
    postmortem: Postmortem
    by: User

    @property
    def jira(self) -> Jira:
        return self.server.jira

    def clock(self) -> datetime:
        return self.jira.now

    def wait(self, **duration: float) -> None:
        self.server.advance(timedelta(**duration))

    def add(self, **facts: Any) -> ActionItem:
        values = {"title": "Alert when the queue is old", **facts}
        return add_action(postmortem=self.postmortem, facts=ActionFacts(**values), by=self.by, now=self.clock())

    def edit(self, action: ActionItem, **facts: Any) -> ActionItem:
        fresh = ActionItem.objects.get(pk=action.pk)
        names = ("title", "deliverable", "owner", "due_on", "priority", "labels")
        values = {name: getattr(fresh, name) for name in names}
        return edit_action(
            action=fresh,
            facts=ActionFacts(**{**values, "kind": fresh.kind, "horizon": fresh.horizon, **facts}),
            lessons=fresh.lessons.all(),
            revision=fresh.revision,
            by=self.by,
            now=self.clock(),
        )

    def move(self, action: ActionItem, status: str) -> ActionItem:
        fresh = ActionItem.objects.get(pk=action.pk)
        return change_status(
            action=fresh, status=status, revision=fresh.revision, by=self.by, now=self.clock(), refusal=None
        )

    def sync(self, action: ActionItem) -> ItemSync:
        """One pass of a worker, as if the time for it had come."""
        self.wait(seconds=2)
        sync.sync_item(self.row(action).pk, clock=self.clock)
        return self.row(action)

    def hint(self, action: ActionItem) -> None:
        ItemSync.objects.filter(action=action).update(hinted_at=self.clock(), due_at=self.clock())

    def pull(self, action: ActionItem) -> ItemSync:
        """Somebody said that the issue changed."""
        self.hint(action)
        return self.sync(action)

    def row(self, action: ActionItem) -> ItemSync:
        return ItemSync.objects.get(action=action)

    def issue(self, action: ActionItem) -> Issue:
        """The one issue that was made for it."""
        [issue] = self.jira.marked(str(self.row(action).marker))
        return issue

    def action(self, action: ActionItem) -> ActionItem:
        return ActionItem.objects.get(pk=action.pk)
