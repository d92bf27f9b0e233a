"""Follow-up actions: what a post-mortem decided to do, by whom and by when."""

from __future__ import annotations

from datetime import date
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Now
from django.urls import reverse

from accounts.models import Team, User
from actions.enums import UNFINISHED, ActionKind, Horizon, Level, Priority, Status, WorkLinkKind
from incidents.enums import Severity
from postmortems.models import Lesson, Postmortem, postmortem_visibility

UNDATED_LAST = Value(date(9999, 12, 31), output_field=models.DateField())
"""Stands for a missing due date where actions are put in order."""


class ActionItemQuerySet(models.QuerySet["ActionItem"]):
    def visible_to(self, user: User) -> Self:
        """The actions `user` may see: those of the post-mortems they may see."""
        return self.filter(postmortem_visibility(user, "postmortem__"))

    def unfinished(self) -> Self:
        return self.filter(status__in=UNFINISHED)


class ActionItem(models.Model):
    """One follow-up action. `due_on` is a date in its owner's own time zone."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.PROTECT, related_name="action_items")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="action_items")
    title = models.CharField(max_length=200)
    deliverable = models.TextField(blank=True, max_length=5000)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="action_items")
    due_on = models.DateField(null=True, blank=True)
    due_set_at = models.DateTimeField(db_default=Now(), editable=False)
    """Since when this due date has been this owner's: reminders that would have come before do not."""
    priority = models.CharField(max_length=2, choices=Priority, default=Priority.P2)
    kind = models.CharField(max_length=8, choices=ActionKind, default=ActionKind.PREVENT)
    status = models.CharField(max_length=11, choices=Status, default=Status.OPEN)
    horizon = models.CharField(max_length=9, choices=Horizon, default=Horizon.IMMEDIATE)
    impact = models.PositiveSmallIntegerField(choices=Level, null=True, blank=True)
    effort = models.PositiveSmallIntegerField(choices=Level, null=True, blank=True)
    labels = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    """Words without spaces, as trackers have them."""
    reason = models.CharField(max_length=500, blank=True)
    risk_accepted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    look_again_on = models.DateField(null=True, blank=True)
    """When whoever accepts the risk of not doing it looks whether that still holds."""
    lessons = models.ManyToManyField(Lesson, blank=True, related_name="action_items")
    finished_at = models.DateTimeField(null=True, blank=True)
    import_key = models.CharField(max_length=64, null=True, blank=True, editable=False)
    incident_severity = models.CharField(max_length=4, choices=Severity, db_default="", editable=False)
    """Its incident's, kept by triggers (migration 0018), written by no code: to be counted from an index alone."""
    incident_services = ArrayField(models.BigIntegerField(), db_default=[], editable=False)
    """Those of its incident, kept in the same way, by key; of an incident of more than 200, the first."""
    revision = models.PositiveIntegerField(default=1, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    search = SearchVectorField(null=True, editable=False)

    objects = ActionItemQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            GinIndex(fields=["search"], name="actions_search"),
            models.Index(
                fields=["owner", "due_on", "id"], condition=Q(status__in=UNFINISHED), name="actions_unfinished_of_owner"
            ),
            # Of what an index includes, whatever has one width stands first: it is found without reading the rest.
            models.Index(
                "team",
                Coalesce(F("due_on"), UNDATED_LAST),
                "id",
                condition=Q(status__in=UNFINISHED),
                include=[
                    *("postmortem", "created_at", "owner", "due_on"),
                    *("priority", "incident_severity", "incident_services"),
                ],
                name="actions_to_do_of_team",
            ),
            models.Index(
                fields=["created_at"],
                include=["postmortem", "team", "owner", "priority", "incident_severity"],
                name="actions_decided",
            ),
            models.Index(
                fields=["due_on"],
                include=["postmortem", "team", "owner", "priority", "status", "incident_severity"],
                name="actions_due",
            ),
            models.Index(
                fields=["finished_at"],
                condition=Q(finished_at__isnull=False),
                include=[
                    *("postmortem", "created_at", "team", "owner", "due_on"),
                    *("status", "priority", "incident_severity", "incident_services"),
                ],
                name="actions_settled",
            ),
            models.Index(
                Coalesce(F("due_on"), UNDATED_LAST),
                "id",
                condition=Q(status__in=UNFINISHED),
                name="actions_unfinished_by_due",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["postmortem", "import_key"], name="actions_actionitem_imported_once"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="actions_actionitem_status_known"),
            models.CheckConstraint(condition=Q(priority__in=Priority.values), name="actions_actionitem_priority_known"),
            models.CheckConstraint(
                condition=Q(status__in=UNFINISHED, finished_at=None)
                | (~Q(status__in=UNFINISHED) & Q(finished_at__isnull=False)),
                name="actions_actionitem_finished_at_known",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.WILL_NOT_DO) | ~Q(reason=""), name="actions_actionitem_refusal_reasoned"
            ),
            models.CheckConstraint(condition=Q(horizon__in=Horizon.values), name="actions_actionitem_horizon_known"),
            models.CheckConstraint(
                condition=(Q(impact=None) | Q(impact__in=Level.values)) & (Q(effort=None) | Q(effort__in=Level.values)),
                name="actions_actionitem_place_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.title}"

    @property
    def reference(self) -> str:
        return f"ACT-{self.pk}"

    @property
    def guarded_by(self) -> Postmortem:
        return self.postmortem

    @property
    def is_finished(self) -> bool:
        return self.status not in UNFINISHED

    def get_absolute_url(self) -> str:
        return reverse("actions:action", args=[self.pk])


class WorkLinkQuerySet(models.QuerySet["WorkLink"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(postmortem_visibility(user, "action__postmortem__"))


class WorkLink(models.Model):
    """Where the work of an action can be seen; what shows that it is done. An address, or words where there is none."""

    action = models.ForeignKey(ActionItem, on_delete=models.CASCADE, related_name="links")
    kind = models.CharField(max_length=12, choices=WorkLinkKind, default=WorkLinkKind.PULL_REQUEST)
    url = models.URLField(max_length=1000, blank=True)
    words = models.CharField(max_length=300, blank=True)
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    """None where it came from Jira."""
    added_at = models.DateTimeField(editable=False)
    remote_id = models.CharField(max_length=100, blank=True, editable=False)
    """Issue and link in Jira that it came from, as "20001:10003"; empty where somebody added it here."""

    objects = WorkLinkQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(url="") | ~Q(words=""), name="actions_worklink_says_something"),
            models.CheckConstraint(condition=Q(kind__in=WorkLinkKind.values), name="actions_worklink_kind_known"),
            models.CheckConstraint(
                condition=Q(url="") | Q(url__startswith="https://") | Q(url__startswith="http://"),
                name="actions_worklink_web_address",
            ),
            models.UniqueConstraint(
                fields=["action", "url"], condition=~Q(url=""), name="actions_worklink_address_once"
            ),
        ]

    def __str__(self) -> str:
        return self.words or self.url

    @property
    def guarded_by(self) -> Postmortem:
        return self.action.postmortem


class ActionIdeaQuerySet(models.QuerySet["ActionIdea"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(postmortem_visibility(user, "postmortem__"))

    def on_shelf(self) -> Self:
        """Those that nobody took up or dropped."""
        return self.filter(became=None, dropped_at=None)


class ActionIdea(models.Model):
    """What is not yet an action: said, kept on the post-mortem's shelf, and taken up or dropped later."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="action_ideas")
    text = models.CharField(max_length=300)
    became = models.ForeignKey(ActionItem, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    dropped_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(editable=False)

    objects = ActionIdeaQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [models.CheckConstraint(condition=~Q(text=""), name="actions_actionidea_says_something")]

    def __str__(self) -> str:
        return self.text

    @property
    def guarded_by(self) -> Postmortem:
        return self.postmortem


class BulkChangeQuerySet(models.QuerySet["BulkChange"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(made_by=user)


class BulkChange(models.Model):
    """One change of many actions at once, with what they said before, so that it can be taken back."""

    made_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    made_at = models.DateTimeField(editable=False)
    before = models.JSONField()
    """By the number of each action: the revision it got, and the fields as they were."""
    undone_at = models.DateTimeField(null=True, blank=True)

    objects = BulkChangeQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{len(self.before)} actions at {self.made_at}"
