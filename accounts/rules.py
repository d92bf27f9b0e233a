"""Who may do what with teams and invitations."""

from __future__ import annotations

from accounts.access import is_manager
from accounts.models import Export, Invitation, Team, User


def can_see_team(user: User, team: Team) -> bool:
    """Teams are no secret: everyone in the organisation sees who is on them."""
    return user.is_active


def can_manage_team(user: User, team: Team) -> bool:
    """Who adds and removes people: the team's managers, administrators."""
    return user.is_administrator or is_manager(user, team)


def can_rename_team(user: User, team: Team) -> bool:
    return user.is_administrator


def can_manage_invitation(user: User, invitation: Invitation) -> bool:
    """Who sends it again or withdraws it: managers of the team it leads to, administrators."""
    return user.is_administrator or is_manager(user, invitation.team)


def can_fetch_export(user: User, export: Export) -> bool:
    """Whoever asked for it, while they are an administrator: it holds what they may see, and no other administrator."""
    return user.is_administrator and export.asked_by_id == user.pk
