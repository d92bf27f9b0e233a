"""Slack channels that hear of what is published, and the ledger of what they were told."""

from __future__ import annotations

from typing import Self
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.urls import reverse

from accounts.enums import TeamRole
from accounts.models import Team, User, validate_timezone
from accounts.secrets import SealedField
from incidents.models import Service
from postmortems.enums import NewsKind, NewsState
from postmortems.models.postmortem import Postmortem
from postmortems.models.tag import Tag


class ChannelQuerySet(models.QuerySet["Channel"]):
    def visible_to(self, user: User) -> Self:
        """Channels of the teams a person manages: the SQL twin of `rules.can_manage_channel`."""
        if user.is_administrator:
            return self
        return self.filter(team__memberships__user=user, team__memberships__role=TeamRole.MANAGER)


class Channel(models.Model):
    """A channel in Slack and what it hears. The bot writes there, or an incoming webhook where there is one."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="channels")
    """Whose managers look after it."""
    name = models.CharField(max_length=80)
    """As people and Slack know it: "#edge", or Slack's own id."""
    hook = SealedField(blank=True)
    """The address of an incoming webhook; empty where the bot writes."""
    everything = models.BooleanField(default=False)
    teams = models.ManyToManyField(Team, related_name="+", blank=True)
    services = models.ManyToManyField(Service, related_name="+", blank=True)
    tags = models.ManyToManyField(Tag, related_name="+", blank=True)
    weekly = models.BooleanField(default=False)
    is_private = models.BooleanField(default=False)
    """Only people of the team read it, so it hears of what only the team may see."""
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_timezone])
    """Of whoever set it up: the digest comes on its Monday."""
    trouble = models.CharField(max_length=300, blank=True)
    """What went wrong last, in words; empty while messages arrive."""
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    objects = ChannelQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint("team", Lower("name"), name="postmortems_channel_once_a_team")]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def get_absolute_url(self) -> str:
        return reverse("postmortems:channel", args=[self.pk])


class News(models.Model):
    """The ledger: one row for each thing one channel is told, made once, said once."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="news")
    kind = models.CharField(max_length=9, choices=NewsKind)
    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, null=True, related_name="news")
    for_on = models.DateField(null=True)
    """The Monday a digest is for."""
    planned_at = models.DateTimeField()
    state = models.CharField(max_length=7, choices=NewsState, default=NewsState.WAITING)
    is_leaving = models.BooleanField(default=False)
    """It may have left: whoever holds the lease is speaking to Slack, or died doing so."""
    leased_until = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "news"
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "kind", "postmortem", "for_on"], nulls_distinct=False, name="postmortems_news_once"
            ),
            models.CheckConstraint(condition=Q(kind__in=NewsKind.values), name="postmortems_news_kind_known"),
            models.CheckConstraint(condition=Q(state__in=NewsState.values), name="postmortems_news_state_known"),
        ]
        indexes = [
            models.Index(fields=["planned_at"], condition=Q(state=NewsState.WAITING), name="postmortems_news_wait")
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.channel_id}"
