"""The shelf: what somebody thought of and nobody has decided yet."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import User
from actions.models import ActionIdea, ActionItem
from postmortems.collab.bus import announce_change
from postmortems.models import Postmortem


@transaction.atomic
def add_idea(*, postmortem: Postmortem, text: str, by: User, now: datetime) -> ActionIdea:
    """Put an idea on the shelf; the same words twice stand there once."""
    Postmortem.objects.select_for_update(of=("self",)).get(pk=postmortem.pk)
    twin = postmortem.action_ideas.on_shelf().filter(text=text).first()
    if twin:
        return twin
    idea = postmortem.action_ideas.create(text=text, created_by=by, created_at=now)
    audit.record(by=by, verb="idea.added", obj=idea)
    _announce(postmortem)
    return idea


@transaction.atomic
def drop_idea(*, idea: ActionIdea, by: User, now: datetime) -> None:
    """Take it off the shelf; repeating it changes nothing."""
    if ActionIdea.objects.on_shelf().filter(pk=idea.pk).update(dropped_at=now):
        audit.record(by=by, verb="idea.dropped", obj=idea)
        _announce(idea.postmortem)


def take_up_idea(*, idea: ActionIdea, action: ActionItem) -> None:
    """The idea became this action: it leaves the shelf."""
    ActionIdea.objects.on_shelf().filter(pk=idea.pk).update(became=action)


def _announce(postmortem: Postmortem) -> None:
    transaction.on_commit(lambda: announce_change(postmortem.pk, "actions"))
