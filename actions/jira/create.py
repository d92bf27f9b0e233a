"""An issue for an action: exactly one, whatever breaks in between.

What is about to be sent is committed first, and the marker goes with the creation itself. If the answer is lost, nobody
searches (the index of Cloud may lag for minutes): the numbers of the project are walked, and the marker is looked for.
Only a walk that reached the end, five minutes after the attempt, proves that nothing was made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from actions.enums import Status, SyncState
from actions.jira.connect import field_mapping, people_of
from actions.jira.local import values_of
from actions.jira.mapping import FieldMapping
from actions.jira.merge import Unmappable
from actions.jira.queue import Clock, Lease, LeaseLost, held, held_with_actions
from actions.models import ActionItem, ItemSync, JiraMapping, SyncEntry
from actions.services.tracking import may_leave
from actions.tracker import Draft, Issue, Made, Refused, Tracker, TrackerError, Unreachable

STALE = timedelta(seconds=10)
"""A worker that slept longer between its note and its request does not send: others may have decided meanwhile."""
IN_FLIGHT = timedelta(minutes=5)
"""For so long a request may still arrive at Jira after we gave it up."""
LOOK_AGAIN = timedelta(seconds=30)
OPTIONAL = {"description", "owner", "due_on", "priority", "labels"}
LINKED_FIELDS = [
    "base", "dirty", "labels_seen", "remote_id", "remote_key", "last_entry", "links_read_at", "attempt", "attempted_at",
    "failures", "error_code", "error_text", "state", "due_at",
]  # fmt: skip
PLACEHOLDER = re.compile(r"\{(title|reference|postmortem)\}")


def create_issue(lease: Lease, tracker: Tracker, clock: Clock) -> bool:
    """Make the issue; True if it is there now. Raises `TrackerError`."""
    for _ in range(len(OPTIONAL) + 1):
        noted_at = clock()
        draft = intend(lease, now=noted_at)
        if draft is None:
            return False
        if clock() - noted_at > STALE:
            raise Unreachable("The worker slept before it could ask.")
        try:
            made = tracker.create(draft)
        except Refused as error:
            if not set_aside(lease, error):
                raise
        except TrackerError as error:
            if not error.may_be_done:
                forget_attempt(lease)
            raise
        else:
            link(lease, made.id, made.key, now=clock())
            return True
    return False


def intend(lease: Lease, *, now: datetime) -> Draft | None:
    """Write down what is about to be created, and return it; None if nothing is to be any more."""
    drafts = intend_many([lease], now=now)
    return drafts[0][1] if drafts else None


def intend_many(leases: Sequence[Lease], *, now: datetime) -> list[tuple[Lease, Draft]]:
    """Write down, in one transaction, what is about to be created; what is not to be any more is left out."""
    people: dict[int, dict[str, str]] = {}
    drafts = []
    with held_with_actions(leases) as rows:
        for lease, row, action in rows:
            if row.connection_id not in people:
                people[row.connection_id] = people_of(row.mapping.connection)
            draft = _intend(row, action, people[row.connection_id], now)
            if draft is not None:
                drafts.append((lease, draft))
        names = ["attempt", "attempted_at", "state", "blocked", "due_at", "error_code", "error_text"]
        ItemSync.objects.bulk_update([row for _, row, _ in rows], names)
    return drafts


def _intend(row: ItemSync, action: ActionItem | None, people: Mapping[str, str], now: datetime) -> Draft | None:
    if action is None or row.state == SyncState.UNLINKED:
        return None
    if not may_leave(action, row.mapping):
        row.state, row.due_at, row.error_code = SyncState.ATTENTION, None, "restricted"
        row.error_text = "Its post-mortem is restricted, and restricted actions of this team are not sent to Jira."
        return None
    local = values_of(action)
    translate = field_mapping(row.mapping, action, people)
    said = _said(row, translate, local)
    agreed = {name: translate.normal(value) if name == "description" else value for name, value in said.items()}
    row.attempt = {"local": local, "remote": agreed, "after": row.mapping.highest_number}
    row.attempted_at, row.state = now, SyncState.UNCERTAIN
    extra = {name: _filled(value, action) for name, value in row.mapping.defaults.items()}
    return Draft(str(row.marker), row.mapping.project_key, row.mapping.issue_type_id, said, extra)


def _said(row: ItemSync, translate: FieldMapping, local: Mapping[str, Any]) -> dict[str, Any]:
    """What to say of each field; of what cannot be said, the row remembers why."""
    row.blocked = {name: each for name, each in row.blocked.items() if "value" in each}
    said: dict[str, Any] = {}
    for name in translate.fields:
        if name == "status" or name in row.blocked:
            continue
        try:
            said[name] = translate.to_remote(name, local[name])
        except Unmappable as error:
            row.blocked[name] = {"words": str(error)}
    return said


def _filled(value: Any, action: ActionItem) -> Any:
    """A constant, or one with names of ours in it."""
    if isinstance(value, list):
        return [_filled(each, action) for each in value]
    if isinstance(value, dict):
        return {name: _filled(each, action) for name, each in value.items()}
    if not isinstance(value, str):
        return value
    words = {"title": action.title, "reference": action.reference, "postmortem": action.postmortem.reference}
    return PLACEHOLDER.sub(lambda found: words[found[1]], value)


def set_aside(lease: Lease, error: Refused) -> bool:
    """Leave out the fields that Jira refused; False if there is none to leave out, so that nothing can be created."""
    with held(lease) as row:
        attempt, row.attempt, row.attempted_at = row.attempt, None, None
        row.state = SyncState.PENDING
        said = attempt["remote"] if attempt else {}
        names = OPTIONAL & set(error.fields) & set(said)
        for name in names:
            row.blocked[name] = {"words": error.fields[name], "value": said[name]}
        row.save(update_fields=["attempt", "attempted_at", "state", "blocked"])
    return bool(names)


def forget_attempt(lease: Lease) -> None:
    """It is certain that nothing was made."""
    with held(lease) as row:
        row.attempt, row.attempted_at, row.state = None, None, SyncState.PENDING
        row.save(update_fields=["attempt", "attempted_at", "state"])


def link(lease: Lease, issue_id: str, key: str, *, now: datetime) -> None:
    """The issue is there: both sides agreed on what was sent, not on what the action says by now."""
    if not link_many([(lease, Made(id=issue_id, key=key))], now=now):
        raise LeaseLost


def link_many(made: Sequence[tuple[Lease, Made]], *, now: datetime) -> int:
    """As `link`, many in one transaction; how many of the leases were still ours."""
    by_row = {lease.sync_id: each for lease, each in made}
    with held_with_actions([lease for lease, _ in made]) as rows:
        entries = [_link(row, action, by_row[row.pk], now) for _, row, action in rows]
        ItemSync.objects.bulk_update([row for _, row, _ in rows], LINKED_FIELDS)
        SyncEntry.objects.bulk_create(entries)
    for mapping in {row.mapping_id: row.mapping for _, row, _ in rows}.values():
        keys = [row.remote_key for _, row, _ in rows if row.mapping_id == mapping.pk]
        saw_number(mapping, max(keys, key=lambda key: int(key.rpartition("-")[2])))
    return len(rows)


def _link(row: ItemSync, action: ActionItem | None, made: Made, now: datetime) -> SyncEntry:
    attempt, attempted_at = row.attempt or {"local": {}, "remote": {}}, row.attempted_at or now
    present = values_of(action) if action else attempt["local"]
    row.base = {name: {"l": attempt["local"][name], "r": said} for name, said in attempt["remote"].items()}
    row.dirty = _still_to_say(row, present, attempt, attempted_at.isoformat())
    row.labels_seen = present.get("labels", [])
    row.remote_id, row.remote_key, row.last_entry, row.links_read_at = made.id, made.key, 0, now
    row.attempt, row.attempted_at, row.failures = None, None, 0
    row.error_code = row.error_text = ""
    row.state = SyncState.LINKED if action else SyncState.UNLINKED
    row.due_at = now if action else None
    words = f"Created {made.key}"
    return SyncEntry(sync=row, at=now, is_outward=True, fields=sorted(attempt["remote"]), words=words)


def _still_to_say(row: ItemSync, present: Mapping[str, Any], attempt: Mapping[str, Any], at: str) -> dict[str, Any]:
    """What the new issue does not say yet: what could not be sent with it, and what changed since."""
    dirty: dict[str, Any] = {}
    for name, value in present.items():
        was = attempt["local"].get(name)
        if name == "labels":
            times = row.dirty.get("labels", {})
            moved = set(value) ^ set(was or []) if name in attempt["remote"] else set(value)
            if moved:
                dirty[name] = {label: times.get(label, at) for label in moved}
        elif (name not in attempt["remote"] and (name != "status" or value != Status.OPEN)) or value != was:
            dirty[name] = row.dirty.get(name, at)
    return dirty


# -- An answer that was lost -------------------------------------------------------------------------------------------


def probe(lease: Lease, tracker: Tracker, clock: Clock) -> bool:
    """Find out whether the issue was made; True if it is there. Raises `TrackerError`."""
    with held(lease) as row:
        project, marker = row.mapping.project_key, str(row.marker)
        after, attempted_at, mapping = int((row.attempt or {}).get("after", 0)), row.attempted_at, row.mapping
    begun = clock()
    for issue in tracker.walk(project, after=after):
        saw_number(mapping, issue.key)
        if issue.marker == marker:
            link(lease, issue.id, issue.key, now=clock())
            return True
    is_proven = attempted_at is None or begun - attempted_at >= IN_FLIGHT
    if is_proven and not tracker.can_browse(project):
        raise Refused(f"Whether the issue was made cannot be seen: the account may not see {project} any more.")
    if is_proven:
        forget_attempt(lease)
    with held(lease) as row:
        row.due_at = clock() + (timedelta() if is_proven else LOOK_AGAIN)
        row.error_code, row.error_text = "", ""
        row.save(update_fields=["due_at", "error_code", "error_text"])
    return False


def saw_number(mapping: JiraMapping, key: str) -> None:
    """Remember the highest number of the project: where a walk need not begin before."""
    project, _, digits = key.rpartition("-")
    number = int(digits)
    if mapping.project_key == project and number > mapping.highest_number:
        rows = JiraMapping.objects.filter(pk=mapping.pk, project_key=project, highest_number__lt=number)
        rows.update(highest_number=number)


def is_ours(row: ItemSync, issue: Issue) -> bool:
    """Whether an issue is the one that was made for this action, or was linked to it by hand."""
    return not issue.marker or issue.marker == str(row.marker)
