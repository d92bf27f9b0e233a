"""Links that people add at an issue (pull requests, runbooks), brought to the action; ours are not mistaken for theirs.

They are read only when a history says that one changed, and in the nightly sweep where people changed anything: a
question for each issue whenever it is looked at would double what Jira is asked.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from actions.enums import SyncState, WorkLinkKind
from actions.jira.queue import Clock, Lease, held, held_with_action
from actions.models import ItemSync, SyncEntry
from actions.services.link import FoundLink, bring_remote_links
from actions.tracker import Forbidden, Issue, Missing, Refused, RemoteLink, Tracker

OURS = "debrief:"
"""How every key begins under which a Debrief shows a link at an issue."""
MOST = 50
"""Links of one issue that are brought."""
LONGEST_URL, LONGEST_WORDS = 1000, 300
SIGNS = {
    WorkLinkKind.PULL_REQUEST: ("/pull/", "/pulls/", "/pull-requests/", "/merge_requests/", "/commit/", "/commits/"),
    WorkLinkKind.RUNBOOK: ("runbook", "playbook"),
    WorkLinkKind.DASHBOARD: ("dashboard", "grafana"),
    WorkLinkKind.ALERT: ("/alert", "alerting"),
    WorkLinkKind.DOCUMENT: ("/wiki/", "confluence", "/document", "docs."),
}
"""Parts of an address that tell what it leads to, the surest first."""


def are_links_news(row: ItemSync, issue: Issue) -> bool:
    """Whether people's links at the issue may have changed since they were read; `row` is as before the merge."""
    ours = set(row.link_ids)
    if any(set(entry.links) - ours for entry in issue.entries if entry.id > row.last_entry):
        return True
    theirs = [each for each in issue.entries if not each.is_ours and not (each.links and set(each.links) <= ours)]
    return row.is_swept and any(row.links_read_at is None or each.at > row.links_read_at for each in theirs)


def bring_links(lease: Lease, tracker: Tracker, clock: Clock) -> None:
    """Read the links if they are due, and have the action show them. Raises `TrackerError`, and they stay due.

    Where Jira shows none to the account, or has its links switched off, the issue is in step all the same.
    """
    with held(lease) as row:
        if not row.are_links_due or row.state != SyncState.LINKED or not row.remote_id:
            return
        issue_id, due_at = row.remote_id, row.due_at
    now = clock()
    try:
        found, refusal = tracker.links(issue_id), ""
    except (Forbidden, Missing, Refused) as error:
        found, refusal = [], f"Its links in Jira cannot be read: {error}"
    with held_with_action(lease) as (row, action):
        row.are_links_due, row.links_read_at = False, row.remote_updated_at or now
        row.due_at = None if row.due_at == due_at and not row.waiting_since else row.due_at
        row.link_ids = sorted({*row.link_ids, *(each.id for each in found if each.key.startswith(OURS))})
        row.save(update_fields=["are_links_due", "links_read_at", "due_at", "link_ids"])
        words = [refusal]
        if action is not None and not refusal:
            theirs = [each for each in map(_link, found) if each and each.id not in row.links_dropped]
            words = bring_remote_links(action, issue_id=issue_id, found=theirs[:MOST], now=now)
        for each in words:
            SyncEntry.objects.create(sync=row, at=now, is_outward=False, fields=["links"], words=each[:500])


def _link(link: RemoteLink) -> FoundLink | None:
    """A link as an action shows it; None if it is ours, or nothing a browser may be sent to."""
    url = _address(link.url)
    if link.key.startswith(OURS) or url is None:
        return None
    words = " ".join("".join(each if each.isprintable() else " " for each in link.title).split())[:LONGEST_WORDS]
    return FoundLink(id=link.id, kind=_kind(url, words), url=url, words="" if words == url else words)


def _address(url: str) -> str | None:
    """The address, if it is one of the web and hides nothing: no other scheme, no name or password, no odd signs."""
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    is_plain = all(each.isprintable() and not each.isspace() and each not in '\\<>"' for each in url)
    if not is_web or not is_plain or parts.username is not None or len(url) > LONGEST_URL:
        return None
    return parts.scheme + url[len(parts.scheme) :]


def _kind(url: str, words: str) -> str:
    told = f"{url} {words}".casefold()
    return next((kind for kind, signs in SIGNS.items() if any(sign in told for sign in signs)), WorkLinkKind.OTHER)
