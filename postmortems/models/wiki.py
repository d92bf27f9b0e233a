"""Confluence as the database knows it: the connection, where each team's pages go, and the page of each post-mortem."""

from __future__ import annotations

import uuid
from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Team, User
from accounts.secrets import SealedField
from postmortems.enums import WikiKind
from postmortems.models.postmortem import Part, PartQuerySet, Postmortem


class ConfluenceConnection(models.Model):
    """The Confluence of the organisation, and how to sign in to it: there is one row at most."""

    only = models.BooleanField(primary_key=True, default=True, editable=False)
    kind = models.CharField(max_length=5, choices=WikiKind)
    url = models.URLField(max_length=500)
    username = models.CharField(max_length=254, blank=True)
    """The e-mail address of the account, on Cloud; Data Center knows it by its token."""
    secret = SealedField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(only=True), name="postmortems_confluence_only_one"),
            models.CheckConstraint(condition=Q(kind__in=WikiKind.values), name="postmortems_confluence_kind_known"),
        ]

    def __str__(self) -> str:
        return self.url


class ConfluencePlace(models.Model):
    """Where the pages of one team's post-mortems go."""

    team = models.OneToOneField(Team, primary_key=True, on_delete=models.CASCADE, related_name="confluence_place")
    space = models.CharField(max_length=255)
    """The key of the space."""
    parent = models.CharField(max_length=30, blank=True)
    """The id of the page to stand below; empty means at the top of the space."""

    def __str__(self) -> str:
        return f"{self.space} for {self.team_id}"


class ConfluencePageQuerySet(PartQuerySet["ConfluencePage"]):
    def due(self, now: object) -> Self:
        """What is to be pushed now and in nobody's hands."""
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        return self.filter(free, due_at__lte=now)


class ConfluencePage(Part):
    """The one page of one post-mortem, and the queue of what is to be written to it."""

    postmortem = models.OneToOneField(
        Postmortem, primary_key=True, on_delete=models.CASCADE, related_name="confluence_page"
    )
    marker = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    """Stands on the page as a property: by it the page is found again after a lost answer."""
    page_id = models.CharField(max_length=30, blank=True)
    version = models.PositiveIntegerField(default=0)
    """The last that Debrief wrote."""
    url = models.CharField(max_length=1000, blank=True)
    tried_title = models.CharField(max_length=255, blank=True)
    """Under which title a page may have been made whose id never came back."""
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    """When it is to be pushed, or tried again; None when nothing waits."""
    lease = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    """What went wrong last, and what to do; empty when it arrived."""
    pushed_at = models.DateTimeField(null=True)

    objects = ConfluencePageQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="postmortems_confluence_due")
        ]

    def __str__(self) -> str:
        return f"Page of {self.postmortem_id}"


class ConfluenceNote(Part):
    """One line of what happened between a post-mortem and its page."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="confluence_notes")
    at = models.DateTimeField()
    words = models.CharField(max_length=500)
    is_trouble = models.BooleanField(default=False)

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.words
