"""The review meeting: its plan, its agenda and clock, who came, what was captured, and what a recording says."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.urls import reverse

from accounts.models import User
from incidents.models import TimelineEvent
from postmortems.enums import OPEN_MEETINGS, AttendeeKind, CaptureKind, MeetingForm, MeetingState, Step
from postmortems.models.postmortem import Part, PartQuerySet, Postmortem, Section


class Meeting(Part):
    """One review of a post-mortem: in writing, as a huddle, or as a full meeting."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="meetings")
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    """What calendars know it by, for good."""
    form = models.CharField(max_length=8, choices=MeetingForm)
    state = models.CharField(max_length=10, choices=MeetingState, default=MeetingState.PLANNED)
    starts_at = models.DateTimeField()
    """When people meet; of a review in writing, when it ends."""
    minutes = models.PositiveSmallIntegerField(default=60)
    place = models.CharField(max_length=300, blank=True)
    facilitator = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    note_taker = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    action_tracker = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    revision = models.PositiveIntegerField(default=1, editable=False)
    sequence = models.PositiveIntegerField(default=0, editable=False)
    """Rises with every change that calendars must hear of (RFC 5545, 3.8.7.4)."""
    invited_at = models.DateTimeField(null=True, blank=True)
    minutes_at = models.DateTimeField(null=True, blank=True)
    """When its minutes were sent."""

    steered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    current = models.ForeignKey("AgendaItem", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    clock_since = models.DateTimeField(null=True, blank=True)
    """Since when the clock of `current` runs; None while it stands."""
    event = models.ForeignKey(TimelineEvent, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    """The event of the timeline that is talked about."""
    notes = models.ForeignKey(Section, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    planned_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    planned_at = models.DateTimeField()

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_at", "-pk"]
        indexes = [models.Index(fields=["-starts_at", "-id"], name="postmortems_meeting_by_time")]
        constraints = [
            models.UniqueConstraint(
                fields=["postmortem"],
                condition=Q(state__in=OPEN_MEETINGS),
                name="postmortems_meeting_one_ahead",
            ),
            models.CheckConstraint(condition=Q(state__in=MeetingState.values), name="postmortems_meeting_state_known"),
            models.CheckConstraint(
                condition=~Q(state=MeetingState.RUNNING) | Q(started_at__isnull=False),
                name="postmortems_meeting_started_at_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_form_display()} on {self.postmortem.reference}"

    @property
    def ends_at(self) -> datetime:
        """When it is meant to end."""
        return self.starts_at if self.is_in_writing else self.starts_at + timedelta(minutes=self.minutes)

    @property
    def held_at(self) -> datetime:
        """When it began, or is meant to."""
        return self.started_at or self.starts_at

    @property
    def is_in_writing(self) -> bool:
        return self.form == MeetingForm.WRITING

    @property
    def is_running(self) -> bool:
        return self.state == MeetingState.RUNNING

    @property
    def is_ahead(self) -> bool:
        return self.state == MeetingState.PLANNED

    def get_absolute_url(self) -> str:
        return reverse("postmortems:meeting", args=[self.pk])


class AgendaItem(Part):
    """One step of a meeting, with the time meant for it and the time it took."""

    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="agenda")
    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="+")
    position = models.PositiveSmallIntegerField()
    step = models.CharField(max_length=8, choices=Step)
    minutes = models.PositiveSmallIntegerField()
    spent = models.DurationField(default=timedelta)
    """Before `Meeting.clock_since`."""

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["meeting", "step"], name="postmortems_agendaitem_once_a_step"),
            models.CheckConstraint(condition=Q(step__in=Step.values), name="postmortems_agendaitem_step_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_step_display()} ({self.minutes} min)"


class Attendee(Part):
    """One person invited to a meeting, and whether they came."""

    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="attendees")
    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=AttendeeKind, default=AttendeeKind.RESPONDER)
    is_invited = models.BooleanField(default=True)
    """False when they were taken off the list, or came without being asked."""
    came_at = models.DateTimeField(null=True, blank=True)
    told = models.IntegerField(null=True, blank=True)
    """The sequence of the last invitation that went out to them; None: none did."""
    told_off = models.BooleanField(default=False)
    """Whether the last they heard was that it is off for them."""
    leased_until = models.DateTimeField(null=True, blank=True)
    mailed_minutes_at = models.DateTimeField(null=True, blank=True)

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["user__display_name", "pk"]
        constraints = [models.UniqueConstraint(fields=["meeting", "user"], name="postmortems_attendee_once")]

    def __str__(self) -> str:
        return f"{self.user} at meeting {self.meeting_id}"


class Capture(Part):
    """One line captured in a meeting; where it became a row of its own, `made` is that row's number."""

    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="captures")
    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=8, choices=CaptureKind)
    text = models.TextField(max_length=2000)
    made = models.BigIntegerField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    """When what was parked or asked was dealt with."""
    revision = models.PositiveIntegerField(default=1, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=CaptureKind.values), name="postmortems_capture_kind_known"),
            models.CheckConstraint(condition=~Q(text=""), name="postmortems_capture_says_something"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} captured in meeting {self.meeting_id}"


class TranscriptLine(Part):
    """What somebody said, as a recording's transcript has it."""

    meeting = models.ForeignKey(Meeting, on_delete=models.CASCADE, related_name="transcript")
    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="+")
    position = models.PositiveIntegerField()
    at = models.DurationField(null=True, blank=True)
    """Since the recording began; None where the file does not say."""
    speaker = models.CharField(max_length=100, blank=True)
    text = models.TextField(max_length=4000)
    capture = models.ForeignKey(Capture, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    """What a person made of it."""

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["meeting", "position"], name="postmortems_transcriptline_once"),
        ]

    def __str__(self) -> str:
        return f"Line {self.position} of meeting {self.meeting_id}"

    @property
    def key(self) -> str:
        return str(self.pk)
