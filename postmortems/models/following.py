"""What people want to hear of when something is published, and the ledger of what they were told."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import Team, User
from incidents.models import Service
from postmortems.enums import TidingsKind
from postmortems.models.postmortem import Postmortem
from postmortems.models.tag import Tag


class Following(models.Model):
    """What one person hears of. No row means: comments, and nothing else."""

    person = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="following")
    everything = models.BooleanField(default=False)
    teams = models.ManyToManyField(Team, related_name="+", blank=True)
    services = models.ManyToManyField(Service, related_name="+", blank=True)
    tags = models.ManyToManyField(Tag, related_name="+", blank=True)
    weekly = models.BooleanField(default=False)
    """The digest of what was learned, on Monday mornings."""
    comments = models.BooleanField(default=True)
    """Those that concern the person, by mail when they stay unread."""

    def __str__(self) -> str:
        return f"What {self.person_id} follows"


class Tidings(models.Model):
    """The ledger: one row for each thing one person is told, made once, sent once."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=11, choices=TidingsKind)
    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, null=True, related_name="+")
    for_on = models.DateField(null=True)
    """The person's Monday a digest is for; the day of an anniversary."""
    planned_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    is_moot = models.BooleanField(default=False)
    """Nothing to say any more when it was about to go: hidden, reopened, nothing learned that week."""

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "tidings"
        constraints = [
            models.UniqueConstraint(
                fields=["person", "kind", "postmortem", "for_on"], nulls_distinct=False, name="postmortems_tidings_once"
            ),
            models.CheckConstraint(condition=Q(kind__in=TidingsKind.values), name="postmortems_tidings_kind_known"),
        ]
        indexes = [
            models.Index(
                fields=["planned_at"], condition=Q(sent_at=None, is_moot=False), name="postmortems_tidings_wait"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.person_id}"
