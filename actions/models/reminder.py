"""Who is reminded of what: settings, pauses, and the ledger that sees to it that each reminder goes out once."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from actions.enums import Answer, NoticeKind
from actions.models.action import ActionItem
from postmortems.models import Postmortem


class ReminderSettings(models.Model):
    """When and how one person is reminded. No row means: the defaults."""

    person = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="reminder_settings")
    at_hour = models.PositiveSmallIntegerField(default=9)
    """In the person's own time zone."""
    on_weekends = models.BooleanField(default=False)
    before_due = models.BooleanField(default=True)
    weekly_list = models.BooleanField(default=True)
    by_slack = models.BooleanField(default=False)
    """Instead of mail, where Slack is connected and knows the person."""
    muted_until = models.DateField(null=True, blank=True)
    planned_on = models.DateField(null=True, blank=True, editable=False)
    """The person's day that was looked at last: each day is planned once, whoever asks and how often."""

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(at_hour__lte=23), name="actions_remindersettings_hour_known")]

    def __str__(self) -> str:
        return f"Reminders of {self.person_id}"


class ReminderPause(models.Model):
    """One person hears nothing of one action: until a day, or for good."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    action = models.ForeignKey(ActionItem, on_delete=models.CASCADE, related_name="pauses")
    until = models.DateField(null=True, blank=True)
    """The first day on which reminders come again; None: they do not."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "action"], name="actions_reminderpause_once")]

    def __str__(self) -> str:
        return f"{self.person_id} of ACT-{self.action_id} until {self.until}"


class NoticeQuerySet(models.QuerySet["Notice"]):
    def waiting(self) -> Self:
        """Those that are still to go out."""
        return self.filter(sent_at=None, is_moot=False)


class Notice(models.Model):
    """The ledger: one row for each reminder one person gets, made once, sent once.

    `for_on` is the day it is meant for; `due_on` the due date it speaks of, so that another date is another reminder.
    """

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=NoticeKind)
    action = models.ForeignKey(ActionItem, on_delete=models.CASCADE, null=True, related_name="notices")
    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, null=True, related_name="+")
    for_on = models.DateField()
    due_on = models.DateField(null=True)
    planned_at = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField(null=True)
    mail = models.UUIDField(null=True)
    """The mail it goes out with. Sent again after a crash, it keeps its Message-ID, so that mail programs show one."""
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    is_moot = models.BooleanField(default=False)
    """Nothing to say any more when it was about to go: done, moved, hidden, muted."""
    answer = models.CharField(max_length=8, choices=Answer, blank=True)
    answered_at = models.DateTimeField(null=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "kind", "action", "postmortem", "for_on", "due_on"],
                nulls_distinct=False,
                name="actions_notice_once",
            ),
            models.CheckConstraint(condition=Q(kind__in=NoticeKind.values), name="actions_notice_kind_known"),
        ]
        indexes = [
            models.Index(fields=["person"], condition=Q(sent_at=None, is_moot=False), name="actions_notice_waiting")
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.person_id} on {self.for_on}"
