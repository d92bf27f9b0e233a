"""What one person saw, knew and expected at the time: theirs alone until they share it."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q

from accounts.models import User
from postmortems.models.postmortem import Postmortem, postmortem_visibility


class PerspectiveQuerySet(models.QuerySet["Perspective"]):
    def visible_to(self, user: User) -> Self:
        """One's own, and those that were shared with the post-mortem's readers; there is no other way for anybody."""
        return self.filter(postmortem_visibility(user, "postmortem__"), Q(person=user) | Q(shared_at__isnull=False))


class Perspective(models.Model):
    """One person's account. Not a part of the document: search, exports and administrators' pages do not know it."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="perspectives")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    text = models.TextField(blank=True, max_length=20_000)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    shared_at = models.DateTimeField(null=True, blank=True)
    revision = models.PositiveIntegerField(default=1, editable=False)

    objects = PerspectiveQuerySet.as_manager()

    class Meta:
        ordering = ["asked_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["postmortem", "person"], name="postmortems_perspective_once_a_person"),
            models.CheckConstraint(
                condition=Q(shared_at=None) | ~Q(text=""), name="postmortems_perspective_shared_says_something"
            ),
        ]

    def __str__(self) -> str:
        return f"Perspective {self.pk}"
