"""One pass over one action: made if it is not there, merged with its issue, written to both sides until they agree."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from actions.enums import SyncState
from actions.jira import local, queue
from actions.jira.client import JiraClient
from actions.jira.connect import client_of, field_mapping, is_owner_allowed
from actions.jira.create import create_issue, is_ours, probe, saw_number
from actions.jira.links import OURS, are_links_news, bring_links
from actions.jira.merge import Merged, State, merge
from actions.jira.people import know_person
from actions.jira.queue import Clock, Lease, LeaseLost, held, held_with_action
from actions.jira.transitions import NoWay, next_step
from actions.models import ActionItem, ItemSync, JiraConnection, JiraMapping, SyncConflict, SyncEntry
from actions.services.tracking import may_leave
from actions.tracker import Conflicting, Issue, Missing, Refused, Step, TrackerError

logger = logging.getLogger("debrief.jira")

ROUNDS = 9
"""Of reading, merging and writing in one pass; people who write at the same moment make more of them."""
ASIDE = {"description"}
"""Fields that are written only after the issue was read just now: others merge as well from the answer to the write."""


def sync_item(sync_id: int, *, clock: Clock, is_in_between: bool = False) -> bool:
    """Bring one action and its issue together, if it is due and nobody else is at it. True if it was worked on.

    Repeating it, or doing it twice at once, changes nothing. What fails is remembered on the row, in words.
    """
    lease = queue.claim(sync_id, now=clock(), is_in_between=is_in_between)
    if lease is None:
        return False
    connection = JiraConnection.objects.get(items=sync_id)
    work(lease, connection, clock=clock)
    return True


def work(
    lease: Lease,
    connection: JiraConnection,
    *,
    clock: Clock,
    issue: Issue | None = None,
    asked_at: datetime | None = None,
) -> None:
    """Do what the leased row needs, and give it back. `issue` is what was asked for at `asked_at`."""
    begun = clock()
    run = None
    try:
        with client_of(connection, now=begun) as tracker:
            run = _Pass(lease, tracker, clock, asked_at or begun)
            run.run(issue)
        queue.answered(connection, now=clock())
    except TrackerError as error:
        logger.info("sync %s: %s", lease.sync_id, error.code)
        queue.failed(lease, error, now=clock())
    except LeaseLost:
        return
    queue.release(lease, now=clock(), looked_at=run.asked_at if run else begun)


@dataclass
class _Pass:
    lease: Lease
    tracker: JiraClient
    clock: Clock
    asked_at: datetime
    """When the answer that is merged was asked for: hints since then are not answered by it."""
    pushed: dict[str, Any] = field(default_factory=dict)

    def run(self, issue: Issue | None) -> None:
        with held(self.lease) as row:
            is_attempted, remote_id = row.attempt is not None, row.remote_id
            owner = row.action.owner if row.action else None
            project, connection = row.mapping.project_key, row.connection
            is_owner_told = remote_id is None or "owner" in row.dirty
            is_overtaken = row.hinted_at is not None and row.hinted_at >= self.asked_at
            is_overtaken = is_overtaken or bool(ASIDE & set(row.dirty))
        if owner is not None and is_owner_told:
            know_person(connection, self.tracker, owner, project=project, now=self.clock())
        if remote_id is None:
            step = probe if is_attempted else create_issue
            if not step(self.lease, self.tracker, self.clock):
                return
            with held(self.lease) as row:
                remote_id = row.remote_id or ""
        given = None if is_overtaken else issue
        self.agree(given or self._remembered() or self._read(remote_id))
        self._show_links()
        bring_links(self.lease, self.tracker, self.clock)

    # -- Reading -------------------------------------------------------------------------------------------------------

    def _read(self, remote_id: str) -> Issue:
        self.asked_at = self.clock()
        try:
            return self.tracker.issue(remote_id)
        except Missing:
            with held(self.lease) as row:
                project = row.mapping.project_key
            if self.tracker.can_browse(project):
                raise
            raise _hidden(project) from None

    def _remembered(self) -> Issue | None:
        """The issue as both sides agreed on it: enough to write to, for the answer brings what happened since."""
        with held(self.lease) as row:
            is_hinted = row.hinted_at is not None and (row.read_at is None or row.hinted_at >= row.read_at)
            names = set(row.dirty) - set(row.blocked)
            if is_hinted or row.read_at is None or not names or names & ASIDE or not names <= set(row.base):
                return None
            return Issue(
                id=row.remote_id or "",
                key=row.remote_key,
                project=row.remote_key.rpartition("-")[0],
                updated_at=row.remote_updated_at or row.read_at,
                values={name: each["r"] for name, each in row.base.items()},
                entries=(),
                marker=str(row.marker),
                names={},
            )

    # -- Merging -------------------------------------------------------------------------------------------------------

    def agree(self, issue: Issue) -> None:
        """Merge and write until there is nothing left to write."""
        for _ in range(ROUNDS):
            push = self._merge(issue)
            if not push:
                return
            try:
                issue = self._write(issue, push)
            except Conflicting:
                issue = self._read(issue.id)
        raise Conflicting("People were changing it all the time.")

    def _merge(self, issue: Issue) -> dict[str, Any]:
        """Decide and write down, in one transaction; returns what is to be written to Jira."""
        now = self.clock()
        with held_with_action(self.lease) as (row, action):
            if action is None or row.state == SyncState.UNLINKED:
                return {}
            if not is_ours(row, issue):
                raise Refused(f"{issue.key} belongs to another action. Unlink it, then link the right one.")
            if is_older(issue, row):
                raise Conflicting("Jira answered with an older state than before.")
            translate = field_mapping(row.mapping, action)
            translate = translate.without_people(self._strangers(translate.people, issue, action))
            values = local.values_of(action)
            state = State(row.base, row.dirty, row.last_entry)
            merged = merge(issue, values, state, translate, pushed=self.pushed)
            self._keep(row, action, issue, merged, values, now)
            push = self._allowed(row, action, merged)
            self.pushed = {name: {**values, **merged.local}[name] for name in push}
            row.save()
        saw_number(row.mapping, issue.key)
        return push

    def _strangers(self, people: Mapping[str, str], issue: Issue, action: ActionItem) -> set[str]:
        """People whom Jira names as owner but who may not see the action: they cannot own it here."""
        named = {issue.values.get("owner")}
        for entry in issue.entries:
            if "owner" in entry.changes:
                named.add(entry.changes["owner"].after)
        chosen = {person for person, account in people.items() if account in named}
        return {
            person for person in chosen if int(person) != action.owner_id and not is_owner_allowed(int(person), action)
        }

    def _keep(
        self, row: ItemSync, action: ActionItem, issue: Issue, merged: Merged, values: dict[str, Any], now: datetime
    ) -> None:
        if merged.local:
            author = next((entry.author for entry in reversed(issue.entries) if not entry.is_ours), "")
            local.write(action, merged.local, key=issue.key, author=author, now=now)
            if "labels" in merged.local:
                row.labels_seen = merged.local["labels"]
            SyncEntry.objects.create(
                sync=row, at=now, is_outward=False, fields=sorted(merged.local), words=author[:500]
            )
        for lost in merged.lost:
            SyncConflict.objects.create(
                sync=row, field=lost.field, ours=lost.ours, theirs=lost.theirs, author=lost.author, at=lost.at,
                winner=lost.winner, found_at=now,
            )  # fmt: skip
        row.are_links_due, row.is_swept = row.are_links_due or are_links_news(row, issue), False
        row.base, row.dirty, row.last_entry = merged.base, merged.dirty, merged.last_entry
        if issue.names:
            row.remote_updated_at = issue.updated_at
            row.read_at, row.remote_key, row.notes = self.asked_at, issue.key, _notes(issue, {**values, **merged.local})
        refused = {name: each for name, each in row.blocked.items() if _is_refused(each, merged.push.get(name), issue)}
        row.blocked = {**refused, **{name: {"words": words} for name, words in merged.blocked.items()}}
        row.state, row.error_code, row.error_text, row.failures = SyncState.LINKED, "", "", 0
        row.lease_ends_at = now + queue.LEASE
        if not set(merged.push) - set(row.blocked):
            row.waiting_since, row.synced_at = None, now
            row.due_at = row.due_at if row.are_links_due else None

    def _allowed(self, row: ItemSync, action: ActionItem, merged: Merged) -> dict[str, Any]:
        push = {name: value for name, value in merged.push.items() if name not in row.blocked}
        if push and not may_leave(action, row.mapping):
            words = "Its post-mortem is restricted now: nothing more is sent."
            row.blocked = {name: {"words": words} for name in push}
            row.due_at = None
            return {}
        return push

    # -- Writing -------------------------------------------------------------------------------------------------------

    def _write(self, issue: Issue, push: dict[str, Any]) -> Issue:
        values = {name: value for name, value in push.items() if name != "status"}
        if values:
            return self._update(issue, values)
        return self._move(issue, push["status"])

    def _update(self, issue: Issue, values: dict[str, Any]) -> Issue:
        """Write fields; those that Jira refuses stand back with its own words, and the others go through."""
        while values:
            try:
                answer = self.tracker.update(issue, values)
            except Refused as error:
                refused = {name: words for name, words in error.fields.items() if name in values}
                if not refused:
                    raise
                self._block({name: {"words": words, "value": values[name]} for name, words in refused.items()})
                values = {name: value for name, value in values.items() if name not in refused}
            else:
                self._log(sorted(values), f"Wrote to {issue.key}")
                return answer
        return self._read(issue.id)

    def _move(self, issue: Issue, goals: list[str] | str) -> Issue:
        """Take one step through the workflow; the next round looks where it led."""
        wanted = [goals] if isinstance(goals, str) else goals
        with held(self.lease) as row:
            mapping = row.mapping
        at = issue.values["status"]
        if not self._takes_known_step(issue, mapping, at, wanted):
            self._finds_step(issue, mapping, at, wanted, goals)
        return self._read(issue.id)

    def _takes_known_step(self, issue: Issue, mapping: JiraMapping, at: str, wanted: list[str]) -> bool:
        """Take a step that led there before, without asking which there are; False where there is none any more."""
        steps = mapping.known.get("steps", {}).get(at, {})
        known = next((steps[goal] for goal in wanted if goal in steps), None)
        if known is None:
            return False
        try:
            self.tracker.take_step(issue.id, known)
        except Refused:
            return False
        self._log(["status"], f"{issue.key}: a step of its workflow")
        return True

    def _finds_step(
        self, issue: Issue, mapping: JiraMapping, at: str, wanted: list[str], goals: list[str] | str
    ) -> None:
        steps = self.tracker.steps(issue.id)
        self._learn(mapping, at, steps)
        graph = mapping.known.get("graph", {})
        try:
            step = next_step(steps, at=at, goals=wanted, graph=graph, filled=mapping.closing)
            asked = {each.split("\n", 1)[0] for each in step.missing}
            self.tracker.take_step(issue.id, step.id, {name: mapping.closing[name] for name in asked})
        except NoWay as error:
            self._block({"status": {"words": str(error), "value": goals, "at": at}})
        except Refused as error:
            self._block({"status": {"words": str(error) or "Jira refused the step.", "value": goals, "at": at}})
        else:
            self._log(["status"], f"{issue.key}: {step.name}")

    def _learn(self, mapping: JiraMapping, status: str, steps: list[Step]) -> None:
        """Remember where one can go from a status, and by which steps that ask for nothing."""
        following = {step.to: step.category for step in steps}
        plain = {step.to: step.id for step in steps if not step.missing}
        graph, ways = mapping.known.setdefault("graph", {}), mapping.known.setdefault("steps", {})
        if (graph.get(status), ways.get(status)) == (following, plain):
            return
        with transaction.atomic():
            fresh = JiraMapping.objects.select_for_update(of=("self",)).get(pk=mapping.pk)
            fresh.known.setdefault("graph", {})[status] = following
            fresh.known.setdefault("steps", {})[status] = plain
            fresh.save(update_fields=["known"])
        graph[status], ways[status] = following, plain

    def _block(self, blocked: dict[str, dict[str, Any]]) -> None:
        with held(self.lease) as row:
            row.blocked.update(blocked)
            row.save(update_fields=["blocked"])

    def _log(self, names: list[str], words: str) -> None:
        with held(self.lease) as row:
            SyncEntry.objects.create(sync=row, at=self.clock(), is_outward=True, fields=names, words=words[:500])

    # -- Links ---------------------------------------------------------------------------------------------------------

    def _show_links(self) -> None:
        """The post-mortem and the work, as links at the issue."""
        with held(self.lease) as row:
            if row.action is None or row.state != SyncState.LINKED or not row.remote_id:
                return
            remote_id, action, shown = row.remote_id, row.action, set(row.links)
            wanted = _links(action, remote_id)
        new = {key: each for key, each in wanted.items() if f"{key} {each[0]}" not in shown}
        ids = {self.tracker.add_link(remote_id, key=key, url=url, title=title) for key, (url, title) in new.items()}
        if new:
            with held(self.lease) as row:
                row.links = sorted(shown | {f"{key} {url}" for key, (url, _) in new.items()})
                row.link_ids = sorted({*row.link_ids, *ids} - {""})
                row.save(update_fields=["links", "link_ids"])


def is_older(issue: Issue, row: ItemSync) -> bool:
    """Whether more was merged already than this answer knows of."""
    return bool(issue.names) and row.remote_updated_at is not None and issue.updated_at < row.remote_updated_at


def _is_refused(blocked: Mapping[str, Any], wanted: Any, issue: Issue) -> bool:
    """Whether Jira refused just that, and nothing moved since."""
    is_same = wanted is not None and blocked.get("value") == wanted
    return is_same and blocked.get("at") in {None, issue.values["status"]}


def _links(action: ActionItem, issue_id: str) -> dict[str, tuple[str, str]]:
    """By key, the address and the words of every link of ours that an issue shows."""
    site = settings.BASE_URL.rstrip("/")
    links = {"debrief": (f"{site}{action.get_absolute_url()}", f"{action.reference} in Debrief")}
    for each in action.links.exclude(url="").exclude(remote_id__startswith=f"{issue_id}:"):
        links[f"work-{each.pk}"] = (each.url, str(each))
    return {f"{OURS}{site}:{action.pk}:{key}": each for key, each in links.items()}


def _notes(issue: Issue, values: Mapping[str, Any]) -> dict[str, str]:
    """What Jira says where we have no word for it."""
    notes = {}
    if issue.values["owner"] and values["owner"] is None:
        notes["owner"] = issue.names.get("owner") or "Somebody in Jira"
    if issue.names.get("status"):
        notes["status"] = issue.names["status"]
    return notes


def _hidden(project: str) -> TrackerError:
    return Refused(f"The account may not see {project} in Jira any more. Give it “Browse projects” there.")
