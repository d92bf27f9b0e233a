"""Filters that somebody keeps under a name."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q
from django.urls import reverse

from accounts.models import User
from actions.enums import ViewOf


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(person=user)


class SavedView(models.Model):
    """One person's name for an address of the list or the dashboard."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    of = models.CharField(max_length=20, choices=ViewOf)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, blank=True)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["person", "of", "name"], name="actions_savedview_named_once"),
            models.CheckConstraint(condition=~Q(name="") & Q(of__in=ViewOf.values), name="actions_savedview_named"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        address = reverse(f"actions:{self.of}")
        return f"{address}?{self.query}" if self.query else address
