"""People here, people in Jira, two workers and a bad network, in every order Hypothesis can think of.

What must hold whatever happens: never two issues for one action; and once everything is quiet, both sides say the same,
and every word that anybody wrote stands there or is kept where it can be seen.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from unittest import mock

from django.db.models import Q
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from accounts.models import Team, User
from actions.enums import FOLLOWING, Status, SyncState
from actions.jira import inbound, sync
from actions.jira.client import JiraClient
from actions.jira.connect import field_mapping
from actions.jira.local import values_of
from actions.models import ActionItem, ItemSync
from actions.services import tracking
from actions.services.action import Refusal, change_status
from actions.services.link import LinkFacts, add_link, remove_link
from postmortems.models import Postmortem
from tests.actions.jira.world import Both, connect, know, map_team
from tests.factories.actions import make_postmortem
from tests.fakes.jira import Jira, JiraServer
from tests.fakes.jira.contract import Contract
from tests.fakes.jira.server import Asked, Fault
from tests.fakes.jira.state import STATUSES, Issue, Person

NUMBERS = itertools.count(1)
LOST_ANSWERS = ["drop-before", "drop-after", "delay", "truncate", "500", "503", "504", "html"]
REFUSALS = ["429", "409"]
SCALARS = ["title", "due_on", "priority", "status", "owner"]
LABELS = ["queue", "alerts", "db"]
PRIORITIES_MEAN = {"1": "P1", "2": "P1", "3": "P2", "4": "P3", "5": "P3"}
MEANT = {"10": "open", "11": "open", "20": "in_progress", "21": "in_progress", "30": "done", "31": "will_not_do"}


class Killed(BaseException):
    """The worker's process is gone."""


@dataclass(frozen=True)
class Edit:
    """What somebody in Jira does, decided beforehand: it happens in another thread."""

    item: int
    kind: str
    title: str
    day: str | None
    priority: str
    owner: str | None
    status: str
    label: str
    at_end: bool
    is_inside: bool


EDITS = st.builds(
    Edit,
    item=st.integers(0, 3),
    kind=st.sampled_from([*SCALARS, "text", "text", "label"]),
    title=st.integers(1, 5).map(lambda n: f"There {n}"),
    day=st.sampled_from([None, "2026-06-01", "2026-06-02"]),
    priority=st.sampled_from(["1", "2", "3", "4", "5"]),
    owner=st.sampled_from([None, "1", "2"]),
    status=st.sampled_from(sorted(STATUSES)),
    label=st.sampled_from(LABELS),
    at_end=st.booleans(),
    is_inside=st.booleans(),
)


@dataclass
class Item:
    """What the machine knows of one action: who wrote what last."""

    pk: int
    tokens: list[str] = field(default_factory=list)
    last: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, bool] = field(default_factory=dict)
    links: set[str] = field(default_factory=set)
    """Addresses that somebody added here."""
    unwanted: set[str] = field(default_factory=set)
    """Addresses from Jira that somebody took away here."""
    is_deleted_there: bool = False

    def __repr__(self) -> str:
        return f"ACT-{self.pk}"


class JiraMachine(RuleBasedStateMachine):
    """Set `is_cloud` and the servers before it runs."""

    is_cloud = True
    servers: dict[bool, JiraServer] = {}
    totals: dict[str, int] = {}

    @initialize()
    def begin(self) -> None:
        number = next(NUMBERS)
        server = self.servers[self.is_cloud]
        server.jira = Jira(is_cloud=self.is_cloud)
        server.jira.people["2"] = Person("2", "lee", "lee@jira.example")
        server.faults, server.delayed, server.before, server.log = [], [], None, []
        server.crashes = []
        server.contract = Contract(is_cloud=self.is_cloud)
        team = Team.objects.create(name=f"Team {number}", slug=f"team-{number}")
        self.people = [
            User.objects.create_user(f"p{number}-{each}@example.com", display_name=f"P{each}") for each in range(3)
        ]
        postmortem: Postmortem = make_postmortem(owner=self.people[0], team=team)
        connection = connect(server, self.people[0], name=f"Jira {number}")
        mapping = map_team(connection, team)
        for person, account in zip(self.people, "12", strict=False):
            know(connection, server, person, account, server.jira.now)
        self.both = Both(server, connection, mapping, postmortem, self.people[0])
        self.items: list[Item] = []
        self.working = 0
        self.tokens = itertools.count(1)
        self.nudges = mock.patch.object(tracking, "_ask")
        self.nudges.start()

    # -- Helpers -------------------------------------------------------------------------------------------------------

    @property
    def jira(self) -> Jira:
        return self.both.jira

    def tick(self) -> None:
        """No two people write at the same moment."""
        self.both.wait(seconds=1)

    def token(self) -> str:
        return f"tok{next(self.tokens)}en"

    def action(self, item: Item) -> ActionItem:
        return ActionItem.objects.get(pk=item.pk)

    def issue(self, item: Item) -> Issue | None:
        row = ItemSync.objects.get(action_id=item.pk)
        if row.remote_id is None or item.is_deleted_there:
            return None
        return self.jira.issues[row.remote_id]

    def wrote(self, item: Item, name: str, value: Any) -> None:
        item.last[name] = value
        self.count("edits")

    def count(self, name: str, by: int = 1) -> None:
        self.totals[name] = self.totals.get(name, 0) + by

    # -- People here ---------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.items) < 4)
    @rule(title=st.sampled_from(["Alert", "Page", "Drain"]), owner=st.sampled_from([None, 0, 1]))
    def add(self, title: str, owner: int | None) -> None:
        self.tick()
        token = self.token()
        person = self.people[owner] if owner is not None else None
        action = self.both.add(title=title, owner=person, deliverable=f"{token} begins it.", labels=["queue"])
        item = Item(action.pk, tokens=[token], labels={"queue": True})
        item.last = {"title": title, "owner": person.pk if person else None}
        self.items.append(item)
        self.count("items")

    @precondition(lambda self: self.items)
    @rule(data=st.data(), name=st.sampled_from(SCALARS))
    def edit_here(self, data: st.DataObject, name: str) -> None:
        item = data.draw(st.sampled_from(self.items))
        self.tick()
        action = self.action(item)
        if name == "status":
            status = data.draw(st.sampled_from(FOLLOWING[action.status]))
            refusal = Refusal("Not worth it") if status == Status.WILL_NOT_DO else None
            change_status(
                action=action,
                status=status,
                revision=action.revision,
                by=self.people[0],
                now=self.jira.now,
                refusal=refusal,
            )
            self.wrote(item, "status", str(status))
            return
        value = data.draw(self.values_here(name))
        if getattr(action, name) == value:
            return
        self.both.edit(action, **{name: value})
        said = value.pk if isinstance(value, User) else value.isoformat() if isinstance(value, date) else value
        self.wrote(item, name, said)

    def values_here(self, name: str) -> st.SearchStrategy[Any]:
        return {
            "title": st.integers(1, 5).map(lambda n: f"Here {n}"),
            "due_on": st.sampled_from([None, date(2026, 5, 1), date(2026, 5, 2)]),
            "priority": st.sampled_from(["P1", "P2", "P3"]),
            "owner": st.sampled_from([None, *self.people]),
        }[name]

    @precondition(lambda self: self.items)
    @rule(data=st.data(), at_end=st.booleans(), is_inside=st.booleans())
    def write_here(self, data: st.DataObject, at_end: bool, is_inside: bool) -> None:
        item = data.draw(st.sampled_from(self.items))
        self.tick()
        token, action = self.token(), self.action(item)
        self.both.edit(action, deliverable=with_token(action.deliverable, token, at_end, is_inside))
        item.tokens.append(token)
        self.count("edits")

    @precondition(lambda self: self.items)
    @rule(data=st.data(), label=st.sampled_from(LABELS))
    def label_here(self, data: st.DataObject, label: str) -> None:
        item = data.draw(st.sampled_from(self.items))
        self.tick()
        action = self.action(item)
        labels = set(action.labels) ^ {label}
        self.both.edit(action, labels=sorted(labels))
        item.labels[label] = label in labels
        self.count("edits")

    # -- People there --------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.items)
    @rule(edit=EDITS)
    def edit_there(self, edit: Edit) -> None:
        item = self.items[edit.item % len(self.items)]
        issue = self.issue(item)
        if issue is None:
            return
        self.tick()
        match edit.kind:
            case "text":
                token = self.token()
                value = self.text_with_token(issue, token, edit.at_end, edit.is_inside)
                self.jira.edit(issue, {"description": value}, by="2")
                item.tokens.append(token)
            case "label":
                labels = set(issue.fields["labels"]) ^ {edit.label}
                self.jira.edit(issue, {"labels": sorted(labels)}, by="2")
                item.labels[edit.label] = edit.label in labels
            case "status":
                if edit.status != issue.status:
                    self.jira.set_status(issue, edit.status, by="2")
                    self.wrote(item, "status", MEANT[edit.status])
            case _:
                self.scalar_there(edit, item, issue)
        self.count("edits")

    @precondition(lambda self: self.items)
    @rule(data=st.data(), what=st.sampled_from(["link", "link", "unlink"]), is_there=st.booleans())
    def link_or_unlink(self, data: st.DataObject, what: str, is_there: bool) -> None:
        """One rule for all of it: links are simple, and must not crowd out what is not."""
        item = data.draw(st.sampled_from(self.items))
        self.tick()
        issue = self.issue(item)
        if what == "link":
            self.link(item, issue if is_there else None)
        elif is_there and issue is not None:
            theirs = [each["id"] for each in issue.links.values() if "globalId" not in each]
            if theirs:
                self.jira.hide_link(issue, data.draw(st.sampled_from(theirs)), by="2")
        else:
            self.unlink_here(item)
        self.count(f"{what}s")

    def link(self, item: Item, issue: Issue | None) -> None:
        url = f"https://git.example/{self.token()}"
        if issue is not None:
            self.jira.show_link(issue, url, "Work", by="2")
        else:
            add_link(action=self.action(item), facts=LinkFacts(url=url), by=self.people[0], now=self.jira.now)
            item.links.add(url)

    def unlink_here(self, item: Item) -> None:
        link = self.action(item).links.first()
        if link is None:
            return
        if link.remote_id:
            item.unwanted.add(link.url)
        else:
            item.links.discard(link.url)
        remove_link(link=link, by=self.people[0])

    def collide(self, edit: Edit) -> None:
        """Somebody there changes just what was changed here and is on its way."""
        row = ItemSync.objects.filter(action_id=self.working).exclude(dirty={}).first()
        if row is None:
            return
        names = sorted(set(row.dirty) & {*SCALARS, "labels", "description"})
        name = names[len(edit.title + edit.priority + edit.status) % len(names)] if edit.at_end else names[-1]
        kind = {"labels": "label", "description": "text"}.get(name, name)
        place = [item.pk for item in self.items].index(self.working)
        self.edit_there(dataclasses.replace(edit, item=place, kind=kind))
        self.count("collisions")

    def scalar_there(self, edit: Edit, item: Item, issue: Issue) -> None:
        owner = edit.owner
        name, kept, sent, meant = {
            "title": ("summary", edit.title, edit.title, edit.title),
            "due_on": ("duedate", edit.day, edit.day, edit.day),
            "priority": ("priority", edit.priority, {"id": edit.priority}, PRIORITIES_MEAN[edit.priority]),
            "owner": (
                "assignee",
                owner,
                {"accountId": owner, "name": self.jira.people[owner].name} if owner else None,
                self.people[int(owner) - 1].pk if owner else None,
            ),
        }[edit.kind]
        if issue.fields[name] != kept:
            self.jira.edit(issue, {name: sent}, by="2")
            self.wrote(item, edit.kind, meant)

    def text_with_token(self, issue: Issue, token: str, at_end: bool, is_inside: bool) -> Any:
        kept = issue.fields["description"]
        if not self.is_cloud:
            return with_token(kept or "", token, at_end, is_inside)
        content = json.loads(json.dumps(kept["content"])) if kept else []
        new = {"type": "paragraph", "content": [{"type": "text", "text": f"{token} there."}]}
        if is_inside and content:
            content[-1 if at_end else 0]["content"].append({"type": "text", "text": f" {token}"})
        else:
            content.insert(len(content) if at_end else 0, new)
        return {"version": 1, "type": "doc", "content": content}

    @precondition(lambda self: self.items)
    @rule(data=st.data(), is_far=st.booleans())
    def somebody_moves_or_deletes(self, data: st.DataObject, is_far: bool) -> None:
        item = data.draw(st.sampled_from(self.items))
        issue = self.issue(item)
        if issue is None:
            return
        self.tick()
        if is_far and data.draw(st.integers(0, 3)) == 0:
            self.jira.delete(issue)
            item.is_deleted_there = True
            self.count("deletions")
        elif issue.project == "OPS":
            self.jira.relocate(issue, "WEB")
            self.count("moves")

    # -- Workers and what breaks them ----------------------------------------------------------------------------------

    @precondition(lambda self: self.items)
    @rule(data=st.data())
    def work(self, data: st.DataObject) -> None:
        item = data.draw(st.sampled_from(self.items))
        self.both.wait(seconds=2)
        with self.trouble(data):
            self.one_pass(item)

    @precondition(lambda self: self.items)
    @rule(data=st.data())
    def look_and_work(self, data: st.DataObject) -> None:
        item = data.draw(st.sampled_from(self.items))
        ItemSync.objects.filter(action_id=item.pk).update(hinted_at=self.jira.now, due_at=self.jira.now)
        with self.trouble(data):
            self.one_pass(item)

    @precondition(lambda self: self.items)
    @rule(data=st.data())
    def work_on_many(self, data: st.DataObject) -> None:
        with self.trouble(data), self.mortal():
            inbound.look_at_many(self.both.connection.pk, clock=self.both.clock)

    def one_pass(self, item: Item) -> None:
        row = ItemSync.objects.get(action_id=item.pk)
        self.working = item.pk
        with self.mortal():
            sync.sync_item(row.pk, clock=self.both.clock)

    @contextmanager
    def mortal(self) -> Iterator[None]:
        try:
            yield
        except Killed:
            self.count("kills")

    @contextmanager
    def trouble(self, data: st.DataObject) -> Iterator[None]:
        """Something happens at the `k`-th request of what is done inside."""
        kind = data.draw(
            st.sampled_from(
                ["none", "fault", "fault", "kill", "kill", "edit", "collide", "collide", "refusal", "worker", "pause"]
            )
        )
        at = data.draw(st.integers(1, 3))
        at = 1 if kind == "collide" else at
        seen = itertools.count(1)
        real, server = JiraClient._call, self.both.server
        is_busy: list[bool] = []
        lost, refusal = data.draw(st.sampled_from(LOST_ANSWERS)), data.draw(st.sampled_from(REFUSALS))
        wait, edit = data.draw(st.sampled_from(["0", "3", "0.5", "soon"])), data.draw(EDITS)

        def before(asked: Asked) -> None:
            if is_busy or next(seen) != at:
                return
            is_busy.append(True)
            if kind == "fault":
                server.faults.append(Fault(lost))
            elif kind == "refusal":
                server.faults.append(Fault(refusal, {"Retry-After": wait}))
            elif kind == "edit":
                self.edit_there(edit)
            elif kind == "collide":
                self.collide(edit)
            elif kind in {"worker", "pause"}:
                if kind == "pause":
                    self.both.wait(seconds=100)
                self.one_pass(self.items[edit.item % len(self.items)])

        killing = itertools.count(1)
        is_after = data.draw(st.booleans())

        def call(client: JiraClient, *args: Any, **kwargs: Any) -> Any:
            is_now = kind == "kill" and next(killing) == at
            if is_now and not is_after:
                raise Killed
            answer = real(client, *args, **kwargs)
            if is_now:
                raise Killed
            return answer

        server.before = before
        try:
            with mock.patch.object(JiraClient, "_call", call):
                yield
        finally:
            server.before = None
            server.faults.clear()

    @precondition(lambda self: self.items)
    @rule(seconds=st.sampled_from([1, 5, 40, 100, 400]))
    def time_passes(self, seconds: int) -> None:
        self.both.wait(seconds=seconds)

    @precondition(lambda self: self.jira.events)
    @rule(order=st.sampled_from(["as sent", "reversed", "twice", "lost"]))
    def webhooks_arrive(self, order: str) -> None:
        events, self.jira.events = self.jira.events, []
        ids = [str(event["issue"]["id"]) for event in events]
        if order == "lost":
            return
        ids = ids[::-1] if order == "reversed" else ids * 2 if order == "twice" else ids
        for each in ids:
            inbound.look_at(self.both.connection.pk, [each], now=self.jira.now)

    # -- What must hold ------------------------------------------------------------------------------------------------

    @invariant()
    def there_is_never_a_second_issue(self) -> None:
        for item in getattr(self, "items", ()):
            marker = str(ItemSync.objects.get(action_id=item.pk).marker)
            assert len(self.jira.marked(marker)) <= 1, f"two issues for ACT-{item.pk}"

    def settle(self) -> None:
        """Let everything come to rest: what was held up arrives, leases end, and every action is looked at.

        Until such a round found nothing to do; what is not at rest after six is left to `check`.
        """
        rest = None
        for _ in range(6):
            self.both.wait(hours=2)
            inbound.sweep(now=self.jira.now)
            for item in self.items:
                ItemSync.objects.filter(action_id=item.pk).exclude(state=SyncState.MISSING).update(due_at=self.jira.now)
                self.one_pass(item)
            before, rest = rest, self.rest()
            if rest is not None and rest == before:
                return

    def rest(self) -> object:
        """What stays the same once nothing is left to do; None while something is in trouble."""
        rows = self.both.connection.items.order_by("pk")
        if rows.filter(~Q(error_text="") | Q(lease__isnull=False)).exclude(state=SyncState.MISSING):
            return None
        written = sum(asked.is_write for asked, _ in self.both.server.log)
        return written, list(rows.values_list("state", "dirty", "blocked", "remote_key", "action__revision", "links"))

    def teardown(self) -> None:
        if not hasattr(self, "items"):
            return
        try:
            self.settle()
            for item in self.items:
                self.check(item)
            self.there_is_never_a_second_issue()
            assert self.both.server.contract.faults == []
            assert self.both.server.crashes == []
            self.count("machines")
            self.count("requests", len(self.both.server.log))
        finally:
            self.nudges.stop()
            # A sweep looks at every connection's: those of a thousand machines before this one, too.
            self.both.connection.items.all().delete()

    def check(self, item: Item) -> None:
        row = ItemSync.objects.get(action_id=item.pk)
        action = self.action(item)
        if item.is_deleted_there:
            assert row.state == SyncState.MISSING
            return
        assert (row.state, row.error_text) == (SyncState.LINKED, ""), (row.state, row.error_text)
        issue = self.issue(item)
        assert issue is not None
        self.check_values(item, row, action, issue)
        self.check_tokens(item, row, action, issue)
        self.check_links(item, action, issue)

    def check_values(self, item: Item, row: ItemSync, action: ActionItem, issue: Issue) -> None:
        with mock.patch.object(JiraClient, "_call", return_value=None):
            translate = field_mapping(row.mapping, action)
        assert set(row.blocked) <= {"owner"}, row.blocked
        values = values_of(action)
        client = JiraClient(self.both.connection.api_url, is_cloud=self.is_cloud, secret="x")
        seen = client._read(self.jira.issue(issue))
        for name in (*SCALARS, "labels", "description"):
            if name not in row.blocked:
                assert translate.agrees(name, values[name], seen.values[name]), (name, values[name], seen.values[name])
        for name, value in item.last.items():
            kept = [(each.ours, each.theirs) for each in row.conflicts.filter(field=name)]
            is_kept = any(value in pair for pair in kept)
            assert values[name] == value or is_kept, (name, "last was", value, "is", values[name], kept)
        for label, is_there in item.labels.items():
            assert (label in values["labels"]) == is_there, (label, is_there, values["labels"])

    def check_tokens(self, item: Item, row: ItemSync, action: ActionItem, issue: Issue) -> None:
        kept = json.dumps([[each.ours, each.theirs] for each in row.conflicts.filter(field="description")])
        there = json.dumps(issue.fields["description"])
        for token in item.tokens:
            assert token in kept or (token in action.deliverable and token in there), (token, action.deliverable, there)

    def check_links(self, item: Item, action: ActionItem, issue: Issue) -> None:
        theirs = {each["object"]["url"] for each in issue.links.values() if "globalId" not in each}
        ours = {each["object"]["url"] for each in issue.links.values() if "globalId" in each}
        came = set(action.links.exclude(remote_id="").values_list("url", flat=True))
        added = set(action.links.filter(remote_id="").values_list("url", flat=True))
        assert came == theirs - item.unwanted, (came, theirs, item.unwanted)
        assert added == item.links, (added, item.links)
        assert added <= ours, (added, ours)
        assert not came & ours, "what came from there was shown there as ours"


def with_token(text: str, token: str, at_end: bool, is_inside: bool) -> str:
    """A paragraph more, or a word more in one."""
    parts = [part for part in text.split("\n\n") if part]
    if is_inside and parts:
        parts[-1 if at_end else 0] += f" {token}"
    else:
        parts.insert(len(parts) if at_end else 0, f"{token} new.")
    return "\n\n".join(parts)
