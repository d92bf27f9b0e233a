"""Jira as the database knows it: connections, mappings, and how each action stands to its issue."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse

from accounts.models import Team, User
from accounts.secrets import SealedField
from actions.enums import JiraAuth, JiraKind, SyncState
from actions.models.action import ActionItem
from postmortems.models import Postmortem, postmortem_visibility

LEAST_AT_ONCE, MOST_AT_ONCE = 2, 10
IN_TROUBLE = Q(state__in=[SyncState.MISSING, SyncState.ATTENTION]) | ~Q(blocked={}) | ~Q(error_code="")


class JiraConnectionQuerySet(models.QuerySet["JiraConnection"]):
    def visible_to(self, user: User) -> Self:
        """All of them: a connection says which Jira, and never the secret."""
        return self.all() if user.is_active else self.none()

    def askable(self, now: datetime) -> Self:
        """Those that may be asked something: not paused, and not to be left alone for a while."""
        return self.filter(Q(retry_at=None) | Q(retry_at__lte=now), paused_reason="")


class JiraConnection(models.Model):
    """One Jira, how to sign in to it, and how it has been of late."""

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=5, choices=JiraKind)
    site_url = models.URLField(max_length=500)
    """Where people read issues."""
    api_url = models.URLField(max_length=500)
    """Where Debrief asks; another one than `site_url` for scoped tokens of Cloud."""
    auth = models.CharField(max_length=9, choices=JiraAuth)
    username = models.CharField(max_length=254, blank=True)
    secret = SealedField()
    account_id = models.CharField(max_length=255, blank=True)
    is_dedicated = models.BooleanField(default=False)
    """Whether no person works in Jira with this account: then whatever it did was Debrief's doing."""
    hook_key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    hook_secret = SealedField(blank=True)
    hook_seen_at = models.DateTimeField(null=True, blank=True, editable=False)
    paused_reason = models.CharField(max_length=500, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True, editable=False)
    """When the administrators were told that Jira refuses to go on."""
    failures = models.PositiveIntegerField(default=0, editable=False)
    """In a row, of reaching it."""
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    retry_at = models.DateTimeField(null=True, blank=True, editable=False)
    """Until then nothing is asked of it, by its own wish or because it does not answer."""
    answered_at = models.DateTimeField(null=True, blank=True, editable=False)
    at_once = models.PositiveSmallIntegerField(default=4)
    """How many requests may be under way at a time; one of them is kept for what people just did."""
    at_once_now = models.PositiveSmallIntegerField(default=4, editable=False)
    """How many of those Jira bears, as far as is known: fewer after it asked us to be slower."""
    at_once_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    token_expires_on = models.DateField(null=True, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = JiraConnectionQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["name"], name="actions_jiraconnection_name_once"),
            models.CheckConstraint(condition=Q(kind__in=JiraKind.values), name="actions_jiraconnection_kind_known"),
            models.CheckConstraint(condition=Q(auth__in=JiraAuth.values), name="actions_jiraconnection_auth_known"),
            models.CheckConstraint(
                condition=Q(at_once__range=(LEAST_AT_ONCE, MOST_AT_ONCE)), name="actions_jiraconnection_at_once_bounded"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("actions:jira-connection", args=[self.pk])

    @property
    def is_cloud(self) -> bool:
        return self.kind == JiraKind.CLOUD


class JiraGrant(models.Model):
    """What Atlassian lets an app do with a Jira Cloud: its tokens, each of which is renewed by the one before.

    Kept apart from the connection, for the row is held while Atlassian is asked: nobody else waits for that.
    """

    connection = models.OneToOneField(JiraConnection, on_delete=models.CASCADE, related_name="grant")
    client_id = models.CharField(max_length=200)
    client_secret = SealedField()
    access_token = SealedField(blank=True)
    refresh_token = SealedField(blank=True)
    """Good for one renewal. Empty until somebody agreed at Atlassian."""
    access_ends_at = models.DateTimeField(null=True, blank=True, editable=False)
    renewal_begun_at = models.DateTimeField(null=True, blank=True, editable=False)
    """When the refresh token was sent, as long as it is not known what came of it."""
    renewed_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return f"Grant of {self.connection_id}"


class TokenWarning(models.Model):
    """The ledger of mails that a token ends: one for each day, connection and number of days before."""

    connection = models.ForeignKey(JiraConnection, on_delete=models.CASCADE, related_name="token_warnings")
    expires_on = models.DateField()
    days = models.PositiveSmallIntegerField()
    """Sent when no more than so many days were left."""
    sent_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "expires_on", "days"], name="actions_tokenwarning_once"),
        ]

    def __str__(self) -> str:
        return f"{self.days} days before {self.expires_on}"


class JiraMappingQuerySet(models.QuerySet["JiraMapping"]):
    def visible_to(self, user: User) -> Self:
        return self.all() if user.is_active else self.none()


class JiraMapping(models.Model):
    """Where one team's actions go, and what each value of ours is called there."""

    connection = models.ForeignKey(JiraConnection, on_delete=models.CASCADE, related_name="mappings")
    team = models.OneToOneField(Team, on_delete=models.CASCADE, related_name="jira_mapping")
    project_key = models.CharField(max_length=50)
    issue_type_id = models.CharField(max_length=50)
    issue_type_name = models.CharField(max_length=200, blank=True)
    priorities = models.JSONField(default=dict)
    priorities_in = models.JSONField(default=dict)
    statuses = models.JSONField(default=dict, blank=True)
    known = models.JSONField(default=dict)
    """What the project had when it was tested: "statuses" by id, "fields" that can be set."""
    defaults = models.JSONField(default=dict, blank=True)
    """Values of Jira's own fields for each new issue; `{title}` and other names in them are filled in."""
    closing = models.JSONField(default=dict, blank=True)
    """Values for fields that a screen asks for when an issue is closed."""
    labels = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    is_automatic = models.BooleanField(default=True)
    """Whether new actions are sent by themselves, or one by one when somebody asks."""
    sends_restricted = models.BooleanField(default=False)
    """Whether actions of restricted post-mortems may be sent: whoever sees the project reads them there."""
    highest_number = models.PositiveIntegerField(default=0, editable=False)
    """The highest number of an issue of the project that was seen."""
    polled_at = models.DateTimeField(null=True, blank=True, editable=False)
    tested_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = JiraMappingQuerySet.as_manager()

    class Meta:
        ordering = ["team__name", "pk"]

    def __str__(self) -> str:
        return f"{self.team} in {self.project_key}"


class JiraPerson(models.Model):
    """Which account of a Jira is which person here."""

    connection = models.ForeignKey(JiraConnection, on_delete=models.CASCADE, related_name="people")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    account_id = models.CharField(max_length=255)
    account_key = models.CharField(max_length=255, blank=True)
    """What Data Center's histories call the account."""
    display_name = models.CharField(max_length=255, blank=True)
    is_by_hand = models.BooleanField(default=False)
    """Whether somebody said so, rather than equal mail addresses."""
    checked_at = models.DateTimeField()

    class Meta:
        ordering = ["person__display_name"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "person"], name="actions_jiraperson_person_once"),
            models.UniqueConstraint(fields=["connection", "account_id"], name="actions_jiraperson_account_once"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} is {self.account_id}"


class SyncRunQuerySet(models.QuerySet["SyncRun"]):
    def visible_to(self, user: User) -> Self:
        return self.all() if user.is_active else self.none()


class SyncRun(models.Model):
    """Many actions at once, in the background: how far it is. It can be stopped, and goes on where it was."""

    mapping = models.ForeignKey(JiraMapping, on_delete=models.CASCADE, related_name="runs")
    total = models.PositiveIntegerField(default=0)
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)

    objects = SyncRunQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["mapping"], condition=Q(ended_at=None), name="actions_syncrun_one_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.total} actions to {self.mapping}"


OUT_OF_TOUCH = [SyncState.UNLINKED, SyncState.MISSING]
"""Nothing goes to the issue any more, nor comes from it."""


class ItemSyncQuerySet(models.QuerySet["ItemSync"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(postmortem_visibility(user, "action__postmortem__"))

    def due(self, now: datetime) -> Self:
        """Those a worker is to look at and that nobody has."""
        return self.in_touch().filter(Q(lease=None) | Q(lease_ends_at__lt=now), due_at__lte=now)

    def in_touch(self) -> Self:
        """Those that have an issue, or are to get one."""
        return self.exclude(state__in=OUT_OF_TOUCH)

    def waiting(self) -> Self:
        """Those with something that their Jira was not told yet."""
        return self.in_touch().exclude(waiting_since=None)

    def in_trouble(self) -> Self:
        """Those somebody has to look at."""
        return self.filter(IN_TROUBLE).exclude(state=SyncState.UNLINKED)


class ItemSync(models.Model):
    """How one action stands to its issue. The row is the queue: whoever leases it works on it."""

    action = models.OneToOneField(ActionItem, on_delete=models.SET_NULL, null=True, related_name="sync")
    connection = models.ForeignKey(JiraConnection, on_delete=models.PROTECT, related_name="items")
    mapping = models.ForeignKey(JiraMapping, on_delete=models.PROTECT, related_name="items")
    marker = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = models.CharField(max_length=9, choices=SyncState, default=SyncState.PENDING)
    remote_id = models.CharField(max_length=50, null=True, blank=True)
    remote_key = models.CharField(max_length=100, blank=True)
    remote_updated_at = models.DateTimeField(null=True, blank=True)
    last_entry = models.BigIntegerField(default=0)
    base = models.JSONField(default=dict)
    dirty = models.JSONField(default=dict)
    labels_seen = ArrayField(models.CharField(max_length=50), default=list)
    """Our labels when they were marked last, so that each one's own time is known."""
    blocked = models.JSONField(default=dict)
    """By field, why it cannot be the same on both sides."""
    notes = models.JSONField(default=dict)
    """By field, what Jira says where we have no word for it, such as an owner nobody here is."""
    links = ArrayField(models.CharField(max_length=1100), default=list)
    """Links that were shown at the issue."""
    link_ids = ArrayField(models.CharField(max_length=20), default=list)
    """What Jira calls those."""
    links_dropped = ArrayField(models.CharField(max_length=20), default=list)
    """Links of people in Jira that somebody does not want here."""
    are_links_due = models.BooleanField(default=False)
    """Whether people's links in Jira are to be read: they changed, and nobody brought them here yet."""
    links_read_at = models.DateTimeField(null=True, blank=True)
    """Up to when, by Jira's clock, people's changes were looked at for links."""
    is_swept = models.BooleanField(default=False)
    """Whether it is the night's look at everything that is due."""
    attempt = models.JSONField(null=True, blank=True)
    """What was being created: written before it is sent, so that a lost answer is known to be lost."""
    attempted_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    """When it is to be looked at; None: when something happens."""
    waiting_since = models.DateTimeField(null=True, blank=True)
    """Since when something of ours is not in Jira yet."""
    is_bulk = models.BooleanField(default=False)
    """Whether it belongs to a large run, which never goes before somebody's own edit."""
    run = models.ForeignKey(SyncRun, on_delete=models.SET_NULL, null=True, blank=True, related_name="items")
    error_code = models.CharField(max_length=20, blank=True)
    error_text = models.CharField(max_length=1000, blank=True)
    synced_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    lease = models.UUIDField(null=True, blank=True)
    lease_ends_at = models.DateTimeField(null=True, blank=True)
    hinted_at = models.DateTimeField(null=True, blank=True)
    """When something said last that the issue may have changed."""

    objects = ItemSyncQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["connection", "is_bulk", "due_at"], condition=Q(due_at__isnull=False), name="actions_sync_due"
            ),
            models.Index(
                fields=["connection", "lease_ends_at"], condition=Q(lease__isnull=False), name="actions_sync_leased"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["connection", "remote_id"], name="actions_itemsync_issue_once"),
            models.CheckConstraint(condition=Q(state__in=SyncState.values), name="actions_itemsync_state_known"),
            models.CheckConstraint(
                condition=~Q(state=SyncState.LINKED) | Q(remote_id__isnull=False),
                name="actions_itemsync_linked_to_something",
            ),
        ]

    def __str__(self) -> str:
        return self.remote_key or f"ACT-{self.action_id} on its way to Jira"

    @property
    def guarded_by(self) -> Postmortem:
        assert self.action is not None  # noqa: S101  (rows without one are seen by nobody)
        return self.action.postmortem

    @property
    def url(self) -> str:
        return f"{self.connection.site_url}/browse/{self.remote_key}" if self.remote_key else ""


class SyncConflict(models.Model):
    """A value that gave way to one written at the other side. Never deleted while its action is there."""

    sync = models.ForeignKey(ItemSync, on_delete=models.CASCADE, related_name="conflicts")
    field = models.CharField(max_length=20)
    ours = models.JSONField(null=True)
    theirs = models.JSONField(null=True)
    author = models.CharField(max_length=255, blank=True)
    at = models.DateTimeField()
    winner = models.CharField(max_length=6)
    found_at = models.DateTimeField()
    resolved_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-found_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.field} of {self.sync_id}"


class SyncEntry(models.Model):
    """What was written to one side, and when: the log people read."""

    sync = models.ForeignKey(ItemSync, on_delete=models.CASCADE, related_name="log")
    at = models.DateTimeField()
    is_outward = models.BooleanField()
    """Written to Jira, rather than here."""
    fields = ArrayField(models.CharField(max_length=20), default=list)
    words = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["at"], name="actions_syncentry_by_age")]

    def __str__(self) -> str:
        return self.words


class HookDelivery(models.Model):
    """A delivery of a webhook that was heard: the same one again is not. Kept for two weeks."""

    connection = models.ForeignKey(JiraConnection, on_delete=models.CASCADE, related_name="deliveries")
    delivery_id = models.CharField(max_length=200)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "delivery_id"], name="actions_hookdelivery_once"),
        ]
        indexes = [models.Index(fields=["received_at"], name="actions_hookdelivery_by_age")]

    def __str__(self) -> str:
        return self.delivery_id
