"""Tags of post-mortems."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Tag(models.Model):
    """A short word in the one way it is written (`incidents.tagging`). That one exists may be a secret: only tags on
    post-mortems that a person may see are shown to them.
    """

    name = models.CharField(max_length=40, unique=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="postmortems_tag_named")]

    def __str__(self) -> str:
        return self.name
