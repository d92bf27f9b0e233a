"""Follow-up actions: what a post-mortem decided to do, by whom and by when."""

from __future__ import annotations

from datetime import date
from typing import Self

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Now
from django.urls import reverse

from accounts.models import Team, User
from actions.enums import UNFINISHED, ActionKind, Priority, Status
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
    priority = models.CharField(max_length=2, choices=Priority, default=Priority.P2)
    kind = models.CharField(max_length=8, choices=ActionKind, default=ActionKind.PREVENT)
    status = models.CharField(max_length=11, choices=Status, default=Status.OPEN)
    reason = models.CharField(max_length=500, blank=True)
    lessons = models.ManyToManyField(Lesson, blank=True, related_name="action_items")
    finished_at = models.DateTimeField(null=True, blank=True)
    import_key = models.CharField(max_length=64, null=True, blank=True, editable=False)
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
            models.Index(
                fields=["team", "due_on", "id"], condition=Q(status__in=UNFINISHED), name="actions_unfinished_of_team"
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
