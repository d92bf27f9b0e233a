"""Links to finished work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import User
from actions.enums import Status, WorkLinkKind
from actions.models import ActionItem, WorkLink
from actions.services.action import action_was_changed, change_status, lock_action
from actions.services.tracking import track_links


@dataclass(frozen=True)
class LinkFacts:
    """An address, words, or both."""

    kind: str = WorkLinkKind.PULL_REQUEST
    url: str = ""
    words: str = ""


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
        audit.record(by=by, verb="action.link-removed", obj=action, kind=link.kind)
        action_was_changed(action)


@transaction.atomic
def complete_action(
    *, action: ActionItem, evidence: LinkFacts | None, revision: int, by: User, now: datetime
) -> ActionItem:
    """Say that the action is done, with what shows it. Raises as `change_status` does; nothing is kept then."""
    done = change_status(action=action, status=Status.DONE, revision=revision, by=by, now=now)
    if evidence:
        add_link(action=done, facts=evidence, by=by, now=now)
    return done
