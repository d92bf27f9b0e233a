"""The public version: a text of its own for customers, what was approved of it, and what stands at its address."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import User
from postmortems.models.postmortem import Part, PartQuerySet, Postmortem


class PublicVersion(Part):
    """What the world may read. Approvals are for one revision of the text: another word, and they are void."""

    postmortem = models.OneToOneField(Postmortem, on_delete=models.CASCADE, related_name="public_version")
    title = models.CharField(max_length=200)
    body = models.TextField(max_length=100_000)
    revision = models.PositiveIntegerField(default=1, editable=False)
    updated_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    updated_at = models.DateTimeField()
    legal_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    legal_revision = models.PositiveIntegerField(null=True)
    leadership_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    leadership_revision = models.PositiveIntegerField(null=True)

    slug = models.SlugField(max_length=80, null=True, unique=True, editable=False)
    """Its address, for good, once it was published."""
    published_title = models.CharField(max_length=200, blank=True)
    published_body = models.TextField(blank=True)
    """What the world reads: the text as it was approved, whatever is being written since."""
    published_revision = models.PositiveIntegerField(null=True)
    published_at = models.DateTimeField(null=True)
    """None while nothing of it is public."""
    republished_at = models.DateTimeField(null=True)

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["-published_at", "-pk"]
        indexes = [
            models.Index(
                fields=["-published_at"], condition=Q(published_at__isnull=False), name="postmortems_public_lately"
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(published_at=None) | (Q(slug__isnull=False) & ~Q(published_body="")),
                name="postmortems_publicversion_has_address",
            )
        ]

    def __str__(self) -> str:
        return f"Public version of {self.postmortem.reference}"

    @property
    def text(self) -> str:
        """Everything that becomes public of it."""
        return f"{self.title}\n{self.body}"

    @property
    def is_legal(self) -> bool:
        return self.legal_revision == self.revision

    @property
    def is_led(self) -> bool:
        return self.leadership_revision == self.revision

    @property
    def is_ahead(self) -> bool:
        """Whether the text is another than the world reads."""
        return self.published_at is not None and self.published_revision != self.revision


class AllowedWords(Part):
    """Words that look as if they pointed inside, and may be public all the same: who said so, and why."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="allowed_words")
    quote = models.CharField(max_length=300)
    reason = models.CharField(max_length=300)
    allowed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    allowed_at = models.DateTimeField()

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["postmortem", "quote"], name="postmortems_allowedwords_once"),
        ]

    def __str__(self) -> str:
        return self.quote


class PublicationSettings(models.Model):
    """Who approves what becomes public. One row."""

    only = models.BooleanField(primary_key=True, default=True)
    legal = models.ManyToManyField(User, related_name="+", blank=True)
    leadership = models.ManyToManyField(User, related_name="+", blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(only=True), name="postmortems_publicationsettings_one")]

    def __str__(self) -> str:
        return "Publication"
