"""Who may do what with an action item. `can_see` is the twin of `ActionItemQuerySet.visible_to`."""

from __future__ import annotations

from django.db.models import Q

from accounts.access import is_manager
from accounts.enums import TeamRole
from accounts.models import User
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
from postmortems import rules as postmortem_rules


def can_see(user: User, action: ActionItem) -> bool:
    """Those who see the post-mortem see its actions."""
    return postmortem_rules.can_see(user, action.postmortem)


def can_edit(user: User, action: ActionItem) -> bool:
    """Those who may edit the post-mortem decide what is to be done, by whom and by when."""
    return postmortem_rules.can_edit(user, action.postmortem)


def can_update(user: User, action: ActionItem) -> bool:
    """The owner says how far it is and what came of it, even where the document is not theirs to edit."""
    return (action.owner_id == user.pk and can_see(user, action)) or can_edit(user, action)


def can_update_link(user: User, link: WorkLink) -> bool:
    """Whoever may say how far an action is may say where its work can be seen."""
    return can_update(user, link.action)


def can_undo(user: User, change: BulkChange) -> bool:
    """Whoever changed many actions at once may take that back."""
    return change.made_by_id == user.pk


def can_edit_idea(user: User, idea: ActionIdea) -> bool:
    """Those who may edit the post-mortem decide what becomes of ideas."""
    return postmortem_rules.can_edit(user, idea.postmortem)


def can_remove_view(user: User, view: SavedView) -> bool:
    """One's own."""
    return view.person_id == user.pk


# -- Jira --------------------------------------------------------------------------------------------------------------


def can_see_connection(user: User, connection: JiraConnection) -> bool:
    """How Jira is concerns everybody; its secrets are shown to nobody."""
    return user.is_active


def can_connect(user: User, connection: JiraConnection) -> bool:
    """Administrators say how Debrief signs in."""
    return user.is_administrator


def can_add_mapping(user: User, connection: JiraConnection) -> bool:
    """Administrators, and whoever manages a team: they say where its actions go."""
    return user.is_administrator or user.memberships.filter(role=TeamRole.MANAGER).exists()


def can_map(user: User, mapping: JiraMapping) -> bool:
    """Administrators, and the managers of the team."""
    return user.is_administrator or is_manager(user, mapping.team)


def can_see_run(user: User, run: SyncRun) -> bool:
    """How far it is, is no secret."""
    return user.is_active


def can_stop_run(user: User, run: SyncRun) -> bool:
    """Whoever could have started it."""
    return can_map(user, run.mapping)


def can_mend(user: User, sync: ItemSync) -> bool:
    """Whoever may say how far the action is may say what becomes of its issue."""
    return sync.action is not None and can_update(user, sync.action)


def mended_by(user: User) -> Q:
    """The SQL twin of `can_mend`, among rows of actions that `user` may see."""
    return Q(action__owner=user) | postmortem_rules.written_by(user, "action__postmortem__")
