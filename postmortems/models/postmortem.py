"""Post-mortems: documents of ordered sections, made from a template, with lessons and attachments."""

from __future__ import annotations

import uuid
from pathlib import PurePosixPath
from typing import Self, TypeVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Lower, Now
from django.urls import reverse

from accounts.access import visibility_filter
from accounts.enums import Visibility
from accounts.models import Guarded, Team, User
from incidents.enums import Tier
from incidents.models import Incident, incident_visibility
from postmortems.enums import AttachmentKind, ParticipantRole, RevisionReason, SectionKind, State
from postmortems.models.tag import Tag


class Template(models.Model):
    """A shape for post-mortems: sections in order, with guidance. Built-in ones are copied, then edited."""

    name = models.CharField(max_length=80)
    tier = models.CharField(max_length=12, choices=Tier)
    description = models.CharField(max_length=300, blank=True)
    is_builtin = models.BooleanField(default=False, editable=False)
    is_archived = models.BooleanField(default=False)
    is_default = models.BooleanField(default=False)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(Lower("name"), name="postmortems_template_name_any_case"),
            models.UniqueConstraint(
                fields=["tier"], condition=Q(is_default=True), name="postmortems_template_one_default_a_tier"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("postmortems:template", args=[self.pk])


class TemplateSection(models.Model):
    """One section a new post-mortem starts with."""

    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="sections")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=SectionKind, default=SectionKind.PROSE)
    title = models.CharField(max_length=120)
    guidance = models.TextField(blank=True, max_length=2000)
    body = models.TextField(blank=True, max_length=20_000)
    is_summary = models.BooleanField(default=False)
    """The section that the first draft fills with the summary facts."""

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.title


class PostmortemQuerySet(models.QuerySet["Postmortem"]):
    def visible_to(self, user: User) -> Self:
        """The post-mortems `user` may see: the SQL twin of `postmortems.rules.can_see`."""
        return self.filter(postmortem_visibility(user))


def postmortem_visibility(user: User, prefix: str = "") -> Q:
    """Condition on a row with a post-mortem at `prefix`: `user` may see it, and the incident it is about."""
    return own_visibility(user, prefix) & incident_visibility(user, f"{prefix}incident__")


def own_visibility(user: User, prefix: str = "") -> Q:
    """The half of `postmortem_visibility` that the post-mortem decides, without its incident."""
    row = OuterRef(f"{prefix}pk" if prefix else "pk")
    takes_part = Exists(Participant.objects.filter(postmortem=row, user=user))
    named = Q(**{f"{prefix}owner": user}) | Q(takes_part)
    return visibility_filter(user, named=named, prefix=prefix)


class Postmortem(Guarded):
    """What was learned from an incident. Never seen by anyone who may not see its incident."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="postmortems")
    title = models.CharField(max_length=200)
    tier = models.CharField(max_length=12, choices=Tier)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="postmortems")
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="owned_postmortems")
    people = models.ManyToManyField(User, through="Participant", related_name="+")
    template = models.ForeignKey(Template, on_delete=models.SET_NULL, null=True, related_name="+")
    tags = models.ManyToManyField(Tag, related_name="postmortems", blank=True)

    draft_due_at = models.DateTimeField(null=True, blank=True)
    meeting_due_at = models.DateTimeField(null=True, blank=True)
    publish_due_at = models.DateTimeField(null=True, blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    lessons_shared_at = models.DateTimeField(null=True, blank=True, editable=False)
    """Since when the lessons of a restricted one, and nothing else of it, are for the whole organisation."""

    last_lesson_number = models.PositiveIntegerField(default=0, editable=False)
    last_factor_number = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    revision = models.PositiveIntegerField(default=1, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    search = SearchVectorField(null=True, editable=False)

    objects = PostmortemQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            GinIndex(fields=["search"], name="postmortems_search"),
            models.Index(fields=["team", "-id"], name="postmortems_by_team"),
            models.Index(fields=["state", "-id"], name="postmortems_by_state"),
            models.Index(fields=["owner", "-id"], name="postmortems_by_owner"),
            models.Index(
                fields=["id"],
                condition=~Q(visibility=Visibility.ORGANISATION),
                include=["incident", "visibility", "team", "owner"],
                name="postmortems_guarded",
            ),
            models.Index(fields=["incident"], include=["id"], name="postmortems_of_incident"),
            models.Index(
                fields=["-published_at", "-id"], condition=Q(state=State.PUBLISHED), name="postmortems_published_lately"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["incident"], name="postmortems_postmortem_one_an_incident"),
            models.CheckConstraint(condition=Q(state__in=State.values), name="postmortems_postmortem_state_known"),
            models.CheckConstraint(
                condition=~Q(state=State.PUBLISHED) | Q(published_at__isnull=False),
                name="postmortems_postmortem_published_at_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.title}"

    @property
    def reference(self) -> str:
        return f"PM-{self.pk}"

    @property
    def guarded_by(self) -> Postmortem:
        return self

    @property
    def is_restricted(self) -> bool:
        """Whether it, or the incident it is about, is for named people only."""
        return super().is_restricted or self.incident.is_restricted

    @property
    def is_published(self) -> bool:
        return self.state == State.PUBLISHED

    def get_absolute_url(self) -> str:
        return reverse("postmortems:postmortem", args=[self.pk])


PartT = TypeVar("PartT", bound="Part")


class PartQuerySet(models.QuerySet[PartT]):
    """Rows that are part of a post-mortem are seen by those who see the post-mortem."""

    def visible_to(self, user: User) -> Self:
        return self.filter(postmortem_visibility(user, "postmortem__"))


class Part(models.Model):
    """A row that belongs to a post-mortem and shares its readers."""

    postmortem: models.ForeignKey[Postmortem, Postmortem]

    class Meta:
        abstract = True

    @property
    def guarded_by(self) -> Postmortem:
        return self.postmortem


class Participant(Part):
    """A person named on a post-mortem, beside its owner."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="participants")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="participations")
    role = models.CharField(max_length=12, choices=ParticipantRole, default=ParticipantRole.CONTRIBUTOR)

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["role", "user__display_name"]
        constraints = [
            models.UniqueConstraint(fields=["postmortem", "user", "role"], name="postmortems_participant_once_a_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"


class Section(Part):
    """One section: prose written by people, or a block that shows rows in place."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="sections")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=SectionKind, default=SectionKind.PROSE)
    title = models.CharField(max_length=120)
    guidance = models.TextField(blank=True)
    body = models.TextField(blank=True)
    is_summary = models.BooleanField(default=False)
    revision = models.PositiveIntegerField(default=1, editable=False)
    is_kept = models.BooleanField(default=True, db_default=True, editable=False)
    """Whether what it says stands in its last revision: not while people are typing."""
    updated_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["position", "id"]
        indexes = [models.Index(fields=["postmortem", "position"], name="postmortems_section_order")]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=SectionKind.values), name="postmortems_section_kind_known"),
            models.CheckConstraint(
                condition=Q(kind=SectionKind.PROSE) | Q(body=""), name="postmortems_section_only_prose_has_text"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_prose(self) -> bool:
        return self.kind == SectionKind.PROSE


class Revision(Part):
    """The whole text at one moment worth coming back to: a pause, a move to another state, a name given by a person."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    reason = models.CharField(max_length=10, choices=RevisionReason)
    name = models.CharField(max_length=120, blank=True)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    """Who asked for it; None when it was made at a pause."""
    made_at = models.DateTimeField()
    writers = models.ManyToManyField(User, related_name="+")
    """Who wrote since the revision before."""

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["postmortem", "number"], name="postmortems_revision_numbered_once"),
        ]

    def __str__(self) -> str:
        return self.name or f"Revision {self.number}"


class SectionRevision(Part):
    """What a section said at one revision of the document that changed it: no text that was ever saved is lost."""

    section = models.ForeignKey(Section, on_delete=models.CASCADE, related_name="revisions")
    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="+")
    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="sections")
    number = models.PositiveIntegerField()
    body = models.TextField(blank=True)
    authors = models.JSONField(default=list, db_default=[])
    """Pairs from the begin of the text on: a person, or 0 for nobody known, and how many characters are theirs."""
    saved_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    saved_at = models.DateTimeField()

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["section", "number"], name="postmortems_sectionrevision_numbered_once"),
        ]

    def __str__(self) -> str:
        return f"{self.section} · revision {self.number}"


class StateChange(Part):
    """Who moved a post-mortem from which state to which, and when."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="state_changes")
    from_state = models.CharField(max_length=10, choices=State)
    to_state = models.CharField(max_length=10, choices=State)
    note = models.CharField(max_length=500, blank=True)
    changed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, editable=False)
    """When whoever did it took it back at once; the post-mortem is then as if it had not been."""

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.from_state} → {self.to_state}"


class Lesson(Part):
    """Something learned, general enough for another team. Its number is never given to another lesson."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="lessons")
    number = models.PositiveIntegerField()
    text = models.TextField(max_length=2000)
    import_key = models.CharField(max_length=64, null=True, blank=True, editable=False)
    revision = models.PositiveIntegerField(default=1, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["postmortem", "number"], name="postmortems_lesson_numbered_once"),
            models.UniqueConstraint(fields=["postmortem", "import_key"], name="postmortems_lesson_imported_once"),
            models.CheckConstraint(condition=~Q(text=""), name="postmortems_lesson_says_something"),
        ]

    def __str__(self) -> str:
        return f"L{self.number} {self.text[:60]}"


def stored_name(attachment: Attachment, name: str) -> str:
    """Path below FILES_ROOT: random, so that a name a person chose never reaches the file system."""
    return str(PurePosixPath("attachments", attachment.id.hex[:2], attachment.id.hex))


class Attachment(Part):
    """A checked file of a post-mortem, served only through the gate."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="attachments")
    kind = models.CharField(max_length=6, choices=AttachmentKind)
    file = models.FileField(upload_to=stored_name)
    name = models.CharField(max_length=150)
    content_type = models.CharField(max_length=80)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    alternative_text = models.CharField(max_length=300, blank=True)
    uploaded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("postmortems:attachment", args=[self.pk, self.name])
