"""The review of a post-mortem by somebody from outside: who was asked, and what they answered."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import User
from postmortems.enums import Verdict
from postmortems.models.postmortem import Part, PartQuerySet, Postmortem, Revision


class Review(Part):
    """One person's review of a post-mortem as it was handed in at `submitted_at`."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="reviews")
    submitted_at = models.DateTimeField()
    """Which handing in it is about: what was approved before a reopening does not count after it."""
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    verdict = models.CharField(max_length=10, choices=Verdict, default=Verdict.WAITING)
    answers = models.JSONField(default=dict)
    """The five questions (`postmortems.reviewing.QUESTIONS`) by their keys: true or false."""
    comment = models.TextField(blank=True, max_length=10_000)
    answered_at = models.DateTimeField(null=True, blank=True)
    revision = models.ForeignKey(Revision, on_delete=models.SET_NULL, null=True, related_name="+")
    """The text that was judged."""

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["asked_at", "pk"]
        indexes = [models.Index(fields=["reviewer", "verdict", "-asked_at"], name="postmortems_review_of_person")]
        constraints = [
            models.UniqueConstraint(
                fields=["postmortem", "reviewer", "submitted_at"], name="postmortems_review_once_a_round"
            ),
            models.CheckConstraint(condition=Q(verdict__in=Verdict.values), name="postmortems_review_verdict_known"),
        ]

    def __str__(self) -> str:
        return f"Review of {self.postmortem.reference} by {self.reviewer}"
