"""What people answered the coach, and what the organisation agreed on."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import User
from postmortems.enums import TimelinePeople
from postmortems.models.postmortem import Part, PartQuerySet, Postmortem


class Dismissal(Part):
    """A finding that somebody looked at and let stand, with their reason. It holds while the words stay the same."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="dismissals")
    rule = models.CharField(max_length=40)
    place = models.CharField(max_length=60)
    """The section, row or field."""
    quote = models.CharField(max_length=300, blank=True)
    reason = models.CharField(max_length=300)
    dismissed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    dismissed_at = models.DateTimeField()

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["postmortem", "rule", "place", "quote"], name="postmortems_dismissal_once"),
            models.CheckConstraint(condition=~Q(reason=""), name="postmortems_dismissal_reasoned"),
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {self.quote[:40]}"


class CoachSettings(models.Model):
    """What the organisation agreed on; there is one row, or none."""

    only = models.BooleanField(primary_key=True, default=True, editable=False)
    people_in_timelines = models.CharField(max_length=5, choices=TimelinePeople, default=TimelinePeople.NAMES)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(only=True), name="postmortems_coachsettings_one_row"),
            models.CheckConstraint(
                condition=Q(people_in_timelines__in=TimelinePeople.values),
                name="postmortems_coachsettings_people_known",
            ),
        ]

    def __str__(self) -> str:
        return self.get_people_in_timelines_display()
