"""Links to finished work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import User
from actions.enums import Status, WorkLinkKind
from actions.models import ActionItem, WorkLink
from actions.services.action import action_was_changed, change_status, lock_action
from actions.services.tracking import drop_remote_link, track_links


@dataclass(frozen=True)
class LinkFacts:
    """An address, words, or both."""

    kind: str = WorkLinkKind.PULL_REQUEST
    url: str = ""
    words: str = ""


@dataclass(frozen=True)
class FoundLink:
    """A link that somebody added at the issue."""

    id: str
    kind: str
    url: str
    words: str


@transaction.atomic
def add_link(*, action: ActionItem, facts: LinkFacts, by: User, now: datetime) -> WorkLink:
    """Keep where the work can be seen. An address that is there already is kept once. Raises `AlreadyGone`."""
    locked = lock_action(action)
    same = locked.links.filter(url=facts.url) if facts.url else locked.links.filter(url="", words=facts.words)
    twin = same.first()
    if twin:
        return twin
    link = locked.links.create(kind=facts.kind, url=facts.url, words=facts.words, added_by=by, added_at=now)
    audit.record(by=by, verb="action.link-added", obj=locked, kind=facts.kind)
    track_links(locked, now=now)
    action_was_changed(locked)
    return link


@transaction.atomic
def remove_link(*, link: WorkLink, by: User) -> None:
    """Take a link away; repeating it changes nothing."""
    action = lock_action(link.action)
    if WorkLink.objects.filter(pk=link.pk).delete()[0]:
        drop_remote_link(action, link.remote_id)
        audit.record(by=by, verb="action.link-removed", obj=action, kind=link.kind)
        action_was_changed(action)


def bring_remote_links(action: ActionItem, *, issue_id: str, found: Sequence[FoundLink], now: datetime) -> list[str]:
    """Have the action show the links that people added at its issue; the caller holds the action.

    What came from the issue and is not there any more goes; what somebody added here stays, whatever Jira says.
    Returns what was done, in words.
    """
    came = {each.remote_id: each for each in action.links.filter(remote_id__startswith=f"{issue_id}:")}
    taken = set(action.links.exclude(remote_id__in=list(came)).values_list("url", flat=True))
    wanted: dict[str, FoundLink] = {}
    for each in found:
        if each.url not in taken:
            taken.add(each.url)
            wanted[f"{issue_id}:{each.id}"] = each
    words = []
    for key, link in came.items():
        new = wanted.get(key)
        if new is None or (new.url, new.words, new.kind) != (link.url, link.words, link.kind):
            link.delete()
        if new is None:
            words.append(f"Removed a link: {link}")
    there = set(action.links.values_list("remote_id", flat=True))
    for key, new in wanted.items():
        if key not in there:
            link = action.links.create(
                kind=new.kind, url=new.url, words=new.words, added_by=None, added_at=now, remote_id=key
            )
            words.append(f"Added a link: {link}")
    if words:
        audit.record(by=None, verb="action.links-brought", obj=action, issue=issue_id, links=len(wanted))
        action_was_changed(action)
    return words


@transaction.atomic
def complete_action(
    *, action: ActionItem, evidence: LinkFacts | None, revision: int, by: User, now: datetime
) -> ActionItem:
    """Say that the action is done, with what shows it. Raises as `change_status` does; nothing is kept then."""
    done = change_status(action=action, status=Status.DONE, revision=revision, by=by, now=now)
    if evidence:
        add_link(action=done, facts=evidence, by=by, now=now)
    return done
