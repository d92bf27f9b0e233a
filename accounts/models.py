"""People, teams, invitations and the audit log."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import ClassVar, Self
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower, Now
from django.urls import reverse
from django.utils.crypto import salted_hmac

from accounts.enums import TeamRole, Visibility
from accounts.managers import UserManager


def validate_timezone(value: str) -> None:
    """Accept the names of the IANA time zone database only."""
    if value not in available_timezones():
        raise ValidationError(
            "“%(value)s” is not a time zone we know. Try one like Europe/Paris.", params={"value": value}
        )


class User(AbstractBaseUser):
    """A person who signs in. Names shown to others come from here, at the moment they are shown."""

    email = models.EmailField(max_length=254, unique=True)
    display_name = models.CharField(max_length=100)
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_timezone])
    is_administrator = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    session_generation = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    """Raising it ends every session the person has, wherever it is."""
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["display_name"]

    class Meta:
        ordering = ["display_name", "pk"]
        constraints = [
            models.UniqueConstraint(Lower("email"), name="accounts_user_email_any_case"),
            models.CheckConstraint(condition=~models.Q(display_name=""), name="accounts_user_named"),
        ]

    def __str__(self) -> str:
        return self.display_name

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        """What a session must carry to be believed: another password or generation ends it."""
        value = f"{self.password}:{self.session_generation}"
        return salted_hmac("accounts.User.session", value, secret=secret, algorithm="sha256").hexdigest()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def initials(self) -> str:
        """Two letters at most, for avatars."""
        words = self.display_name.split()
        return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()


class TeamQuerySet(models.QuerySet["Team"]):
    def visible_to(self, user: User) -> Self:
        """Everyone in the organisation sees its teams."""
        return self if user.is_active else self.none()


class Team(models.Model):
    """A group that owns services, incidents and what follows from them."""

    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=80, unique=True)
    description = models.CharField(max_length=300, blank=True)
    people: models.ManyToManyField[User, Membership] = models.ManyToManyField(
        User, through="Membership", related_name="teams"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(Lower("name"), name="accounts_team_name_any_case")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("accounts:team", args=[self.slug])


class Membership(models.Model):
    """One person's place in one team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=TeamRole, default=TeamRole.MEMBER)

    class Meta:
        ordering = ["user__display_name"]
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="accounts_membership_once"),
            models.CheckConstraint(condition=models.Q(role__in=TeamRole.values), name="accounts_membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team} ({self.role})"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def visible_to(self, user: User) -> Self:
        """Invitations onto the teams a person manages; administrators see them all."""
        if user.is_administrator:
            return self
        return self.filter(team__memberships__user=user, team__memberships__role=TeamRole.MANAGER)


class Invitation(models.Model):
    """A mailed offer to join. Only a digest of its token is kept, so a copy of the database invites nobody."""

    email = models.EmailField(max_length=254)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, blank=True, related_name="invitations")
    role = models.CharField(max_length=10, choices=TeamRole, default=TeamRole.MEMBER)
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=TeamRole.values), name="accounts_invitation_role_known"),
        ]

    def __str__(self) -> str:
        return f"Invitation of {self.email}"


class AuditEntry(models.Model):
    """One change, or one look at something restricted. Append-only: a trigger refuses updates and deletes."""

    at = models.DateTimeField(db_default=Now(), editable=False)
    actor = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    verb = models.CharField(max_length=60)
    object_type = models.CharField(max_length=40)
    object_id = models.CharField(max_length=40)
    object_label = models.CharField(max_length=200)
    details = models.JSONField(default=dict)
    request_id = models.CharField(max_length=36, blank=True)
    client_address = models.GenericIPAddressField(null=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["object_type", "object_id", "-id"], name="accounts_audit_object"),
            models.Index(fields=["actor", "-id"], name="accounts_audit_actor"),
        ]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.verb} {self.object_label}"

    @property
    def words(self) -> str:
        """The verb for reading: "incident.title-changed" is "incident title changed"."""
        return self.verb.replace(".", " ").replace("-", " ").replace("_", " ")


class Arrival(models.Model):
    """That everything here came by an import: what lies before it was told where it comes from, and is not told again.

    One row, or none.
    """

    only = models.BooleanField(primary_key=True, default=True, editable=False)
    at = models.DateTimeField()
    made_at = models.DateTimeField()
    """When the archive was made."""
    product = models.CharField(max_length=40, blank=True)
    """The version of the Debrief that made it."""

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(only=True), name="accounts_arrival_one_row")]

    def __str__(self) -> str:
        return f"Import at {self.at}"


class ExportQuerySet(models.QuerySet["Export"]):
    def visible_to(self, user: User) -> Self:
        """Their own, for administrators: an archive holds what whoever asked for it may see."""
        return self.filter(asked_by=user) if user.is_administrator else self.none()


class Export(models.Model):
    """An archive that an administrator asked for; once it is made, it lies here for a day."""

    KEPT_FOR: ClassVar[timedelta] = timedelta(hours=24)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    asked_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    asked_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    ready_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    file = models.CharField(max_length=100, blank=True)
    """Below the folder of files, once it is ready."""
    size = models.PositiveBigIntegerField(default=0)
    lines = models.PositiveBigIntegerField(default=0)

    objects = ExportQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["asked_by"],
                condition=models.Q(ready_at=None, failed_at=None),
                name="accounts_export_one_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"Export asked for at {self.asked_at:%Y-%m-%d %H:%M} UTC"

    @property
    def is_under_way(self) -> bool:
        return self.ready_at is None and self.failed_at is None

    @property
    def kept_until(self) -> datetime | None:
        return self.ready_at and self.ready_at + self.KEPT_FOR


class Guarded(models.Model):
    """Something whose readers are decided by its visibility: see `accounts.access`."""

    visibility = models.CharField(max_length=12, choices=Visibility, default=Visibility.ORGANISATION)

    class Meta:
        abstract = True

    @property
    def is_restricted(self) -> bool:
        return self.visibility == Visibility.RESTRICTED
