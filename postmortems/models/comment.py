"""What people say about the text: threads on some of its words, and who should see them."""

from __future__ import annotations

import json

from django.db import models
from django.db.models import Q

from accounts.models import User
from postmortems.enums import ThreadState
from postmortems.models.postmortem import Part, PartQuerySet, Postmortem, Section


class Thread(Part):
    """A conversation about some words of a section; as a suggestion, with other words for them.

    Where the words are is kept twice: as positions in the live text, which move with it, and as a quote with what
    stood around it. When neither finds them, the thread is on deleted text, and still here.
    """

    section = models.ForeignKey(Section, on_delete=models.CASCADE, related_name="threads")
    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="threads")
    anchor = models.JSONField(default=dict)
    """Relative positions "start" and "end" as Yjs writes them; empty when the quote is all there is."""
    quote = models.TextField()
    quote_before = models.CharField(max_length=32, blank=True)
    quote_after = models.CharField(max_length=32, blank=True)
    replacement = models.TextField(null=True)
    """What is suggested instead of the quote; None when it is only talked about."""
    state = models.CharField(max_length=10, choices=ThreadState, default=ThreadState.OPEN)
    assigned_to = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    closed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["postmortem", "state"], name="postmortems_thread_of_document")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state=ThreadState.OPEN, closed_at=None)
                | (~Q(state=ThreadState.OPEN) & Q(closed_at__isnull=False)),
                name="postmortems_thread_closed_at_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.postmortem} · {self.quote[:40]}"

    @property
    def is_open(self) -> bool:
        return self.state == ThreadState.OPEN

    @property
    def is_suggestion(self) -> bool:
        return self.replacement is not None

    @property
    def anchor_json(self) -> str:
        """The anchor for the page's script."""
        return json.dumps(self.anchor)


class Comment(Part):
    """What one person said in a thread."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="comments")
    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="+")
    body = models.TextField(max_length=10_000)
    revision = models.PositiveIntegerField(default=1, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True)

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.created_by} on {self.postmortem}"


class CommentNotice(models.Model):
    """Somebody should see a comment: unread until they did, mailed once if that takes long."""

    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="notices")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="comment_notices")
    is_mention = models.BooleanField(default=False)
    read_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["comment", "person"], name="postmortems_commentnotice_once_a_person"),
        ]
        indexes = [
            models.Index(
                fields=["person"],
                condition=Q(read_at=None, mailed_at=None),
                name="postmortems_notice_to_mail",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person} · {self.comment}"
