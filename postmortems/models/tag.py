"""Tags of post-mortems."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Q

from accounts.models import User


class TagQuerySet(models.QuerySet["Tag"]):
    def visible_to(self, user: User) -> Self:
        """Tags on post-mortems that a person may see: that another exists would say something of what is hidden."""
        postmortems: Any = self.model._meta.get_field("postmortems").related_model
        seen = postmortems.objects.visible_to(user)
        return self.filter(pk__in=postmortems.tags.through.objects.filter(postmortem__in=seen).values("tag"))


class Tag(models.Model):
    """A short word in the one way it is written (`incidents.tagging`). That one exists may be a secret: only tags on
    post-mortems that a person may see are shown to them.
    """

    name = models.CharField(max_length=40, unique=True)

    objects = TagQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="postmortems_tag_named")]

    def __str__(self) -> str:
        return self.name
