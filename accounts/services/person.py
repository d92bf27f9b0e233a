"""Changes of people: who they are, whether they may sign in, what office they hold."""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts import audit
from accounts.models import User


class AddressTaken(Exception):
    """Someone already has this e-mail address."""

    def __init__(self, person: User) -> None:
        super().__init__(f"{person.email} belongs to {person.display_name}")
        self.person = person


class LastAdministrator(Exception):
    """The change would leave the organisation without an administrator."""


@transaction.atomic
def create_person(
    *,
    email: str,
    display_name: str,
    timezone: str,
    password: str | None,
    by: User | None,
    now: datetime,
    is_administrator: bool = False,
) -> User:
    """A new person whose address counts as verified: someone vouches for it. `by` None means the person themselves.

    Without a password they come in by single sign-on or a password reset. AddressTaken when the address is known.
    """
    email = email.strip().lower()
    taken = User.objects.filter(email__iexact=email).first()
    if taken:
        raise AddressTaken(taken)
    person = User.objects.create_user(
        email, password, display_name=display_name, timezone=timezone, is_administrator=is_administrator
    )
    EmailAddress.objects.create(user=person, email=email, verified=True, primary=True)
    audit.record(by=by or person, verb="person.created", obj=person, is_administrator=is_administrator)
    return person


@transaction.atomic
def change_settings(*, person: User, display_name: str, timezone: str, by: User, now: datetime) -> User:
    """What a person says of themselves. Repeating it changes nothing and records nothing."""
    locked = User.objects.select_for_update().get(pk=person.pk)
    wanted = {"display_name": display_name, "timezone": timezone}
    changed = [name for name, value in wanted.items() if getattr(locked, name) != value]
    for name in changed:
        setattr(locked, name, wanted[name])
    if changed:
        locked.save(update_fields=changed)
        audit.record(by=by, verb="person.changed", obj=locked, fields=changed)
    return locked


@transaction.atomic
def appoint_administrator(*, person: User, by: User | None, now: datetime) -> User:
    locked = User.objects.select_for_update().get(pk=person.pk)
    if not locked.is_administrator:
        locked.is_administrator = True
        locked.save(update_fields=["is_administrator"])
        audit.record(by=by, verb="administrator.appointed", obj=locked)
    return locked


@transaction.atomic
def dismiss_administrator(*, person: User, by: User, now: datetime) -> User:
    """The person is an ordinary member from now on. LastAdministrator if nobody else would be left."""
    locked = _lock_with_administrators(person)
    if locked.is_administrator:
        locked.is_administrator = False
        locked.save(update_fields=["is_administrator"])
        audit.record(by=by, verb="administrator.dismissed", obj=locked)
    return locked


@transaction.atomic
def deactivate_person(*, person: User, by: User, now: datetime) -> User:
    """The person can no longer sign in, and every session they have ends at once, for good.

    What they wrote stays, under their name. LastAdministrator if nobody else would be left to administer.
    """
    locked = _lock_with_administrators(person)
    if locked.is_active:
        locked.is_active = False
        locked.session_generation += 1
        locked.save(update_fields=["is_active", "session_generation"])
        audit.record(by=by, verb="person.deactivated", obj=locked)
    return locked


@transaction.atomic
def end_sessions(*, person: User, by: User) -> User:
    """Every session the person has ends, wherever it is."""
    locked = User.objects.select_for_update().get(pk=person.pk)
    locked.session_generation += 1
    locked.save(update_fields=["session_generation"])
    audit.record(by=by, verb="person.signed-out", obj=locked)
    return locked


@transaction.atomic
def reactivate_person(*, person: User, by: User, now: datetime) -> User:
    locked = User.objects.select_for_update().get(pk=person.pk)
    if not locked.is_active:
        locked.is_active = True
        locked.save(update_fields=["is_active"])
        audit.record(by=by, verb="person.reactivated", obj=locked)
    return locked


def _lock_with_administrators(person: User) -> User:
    """`person` locked together with all administrators, so that two of them cannot dismiss each other at once."""
    office = list(
        User.objects.select_for_update().filter(is_administrator=True, is_active=True).order_by("pk").values_list("pk")
    )
    if office == [(person.pk,)]:
        raise LastAdministrator
    return User.objects.select_for_update().get(pk=person.pk)
