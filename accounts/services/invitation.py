"""Invitations: a mailed link that lets somebody in, once, for seven days."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from accounts import audit, mail
from accounts.enums import TeamRole
from accounts.models import Invitation, Membership, Team, User
from accounts.services.person import create_person

VALID_FOR = timedelta(days=7)


class NotOpen(Exception):
    """The invitation was used or withdrawn, or has expired."""


class SentToAnother(Exception):
    """The invitation was mailed to an address that is not this person's."""


@dataclass
class Invited:
    """What came of inviting several addresses: mailed, already in, and those the mail server did not take."""

    mailed: list[str] = field(default_factory=list)
    already_in: list[str] = field(default_factory=list)
    not_mailed: list[str] = field(default_factory=list)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def invite_people(*, emails: Iterable[str], team: Team | None, role: str, by: User, now: datetime) -> Invited:
    """Invite each address to the organisation and, with a team, onto it.

    An address invited before gets a new link, and the old one ends. Nothing is sent to people who are in already.
    """
    result = Invited()
    for email in dict.fromkeys(email.strip().lower() for email in emails):
        if _is_in(email, team):
            result.already_in.append(email)
            continue
        invitation, token = _renew(email, team, role, by, now)
        (result.mailed if _mail(invitation, token) else result.not_mailed).append(email)
    return result


def resend_invitation(*, invitation: Invitation, by: User, now: datetime) -> bool:
    """Mail a new link, valid for seven days from now; the old one ends. False when the mail could not be sent.

    NotOpen when it was used or withdrawn.
    """
    renewed, token = _give_new_token(invitation, by, now)
    return _mail(renewed, token)


@transaction.atomic
def withdraw_invitation(*, invitation: Invitation, by: User, now: datetime) -> Invitation:
    """Its link leads nowhere from now on; repeating it changes nothing. NotOpen when it was used."""
    locked = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if locked.accepted_at:
        raise NotOpen
    if not locked.withdrawn_at:
        locked.withdrawn_at = now
        locked.save(update_fields=["withdrawn_at"])
        audit.record(by=by, verb="invitation.withdrawn", obj=locked)
    return locked


@transaction.atomic
def accept_invitation(
    *, invitation: Invitation, display_name: str, timezone: str, password: str, now: datetime
) -> User:
    """Make the invited person; their address is verified, since they came by the mail sent to it.

    NotOpen when someone was quicker; AddressTaken when they have an account by now.
    """
    locked = _lock_open(invitation, now)
    person = create_person(
        email=locked.email, display_name=display_name, timezone=timezone, password=password, by=None, now=now
    )
    _use(locked, person, now)
    return person


@transaction.atomic
def join_by_invitation(*, invitation: Invitation, by: User, now: datetime) -> None:
    """Somebody who has an account follows the link. SentToAnother unless it was mailed to an address of theirs."""
    locked = _lock_open(invitation, now)
    if not is_address_of(by, locked.email):
        raise SentToAnother
    _use(locked, by, now)


def is_address_of(person: User, email: str) -> bool:
    """Whether `email` is the person's own: the one they sign in with, or another that they have verified."""
    if person.email == email.lower():
        return True
    return person.emailaddress_set.filter(email__iexact=email, verified=True).exists()


def is_open(invitation: Invitation, *, now: datetime) -> bool:
    return not invitation.accepted_at and not invitation.withdrawn_at and now < invitation.expires_at


def _is_in(email: str, team: Team | None) -> bool:
    person = User.objects.filter(
        Q(email__iexact=email) | Q(emailaddress__email__iexact=email, emailaddress__verified=True)
    ).first()
    if person is None:
        return False
    return team is None or team.memberships.filter(user=person).exists()


@transaction.atomic
def _renew(email: str, team: Team | None, role: str, by: User, now: datetime) -> tuple[Invitation, str]:
    earlier = Invitation.objects.filter(email=email, team=team, accepted_at=None, withdrawn_at=None)
    for invitation in earlier.select_for_update():
        withdraw_invitation(invitation=invitation, by=by, now=now)
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        email=email, team=team, role=role, token_digest=digest(token), invited_by=by, expires_at=now + VALID_FOR
    )
    audit.record(by=by, verb="invitation.created", obj=invitation, team=team.pk if team else None, role=role)
    return invitation, token


@transaction.atomic
def _give_new_token(invitation: Invitation, by: User, now: datetime) -> tuple[Invitation, str]:
    locked = Invitation.objects.select_for_update().get(pk=invitation.pk)
    if locked.accepted_at or locked.withdrawn_at:
        raise NotOpen
    token = secrets.token_urlsafe(32)
    locked.token_digest, locked.expires_at = digest(token), now + VALID_FOR
    locked.save(update_fields=["token_digest", "expires_at"])
    audit.record(by=by, verb="invitation.resent", obj=locked)
    return locked, token


def _mail(invitation: Invitation, token: str) -> bool:
    """Mail the link; False when the mail server did not take it. Outside any transaction of ours."""
    where = f"the {invitation.team} team on Debrief" if invitation.team else "Debrief"
    context = {"invitation": invitation, "link": mail.link_to(reverse("accounts:invitation", args=[token]))}
    subject = f"{invitation.invited_by.display_name} invites you to join {where}"
    try:
        mail.send("invitation", to=invitation.email, subject=subject, context=context)
    except mail.MailNotSent:
        return False
    return True


def _lock_open(invitation: Invitation, now: datetime) -> Invitation:
    locked = Invitation.objects.select_for_update(of=["self"]).select_related("team").get(pk=invitation.pk)
    if not is_open(locked, now=now):
        raise NotOpen
    return locked


def _use(invitation: Invitation, person: User, now: datetime) -> None:
    invitation.accepted_at = now
    invitation.save(update_fields=["accepted_at"])
    audit.record(by=person, verb="invitation.accepted", obj=invitation)
    if invitation.team:
        _join(invitation.team, person, invitation.role, invitation.invited_by)


def _join(team: Team, person: User, role: str, by: User) -> None:
    """Put them on the team; who is on it already is never given less than they had."""
    membership, is_new = Membership.objects.get_or_create(team=team, user=person, defaults={"role": role})
    if not is_new and role == TeamRole.MANAGER and membership.role != role:
        membership.role = role
        membership.save(update_fields=["role"])
    audit.record(by=person, verb="member.joined", obj=team, person=person.pk, role=membership.role, invited_by=by.pk)
