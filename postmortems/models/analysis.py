"""The analysis as rows: Five Whys, contributing factors, the response, graphs, and the words that need explaining."""

from __future__ import annotations

from array import array
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now
from django.urls import reverse

from accounts.models import User
from postmortems.enums import Aspect, BranchKind, DefenceLayer, FactorCategory, GateKind
from postmortems.models.postmortem import Attachment, Part, PartQuerySet, Postmortem

UNDO_OFFERED = timedelta(minutes=1)


class Branch(Part):
    """One line of the Five Whys: why it happened, why it took long to notice, why it took long to end."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="branches")
    position = models.PositiveIntegerField()
    """Its number too: "2" in "Why 2.3"."""
    kind = models.CharField(max_length=10, choices=BranchKind)
    question = models.CharField(max_length=500)
    revision = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=BranchKind.values), name="postmortems_branch_kind_known"),
            models.CheckConstraint(condition=~Q(question=""), name="postmortems_branch_asks_something"),
        ]

    def __str__(self) -> str:
        return f"Branch {self.position}"


class WhyQuerySet(PartQuerySet["Why"]):
    def standing(self) -> WhyQuerySet:
        """Those that nobody deleted."""
        return self.filter(removed_at=None)

    def just_deleted(self, now: datetime) -> dict[int, list[Why]]:
        """By branch, what its last deletion took, the top first, while undoing it is offered: for a minute."""
        found: dict[int, list[Why]] = {}
        for why in self.filter(removed_at__gt=now - UNDO_OFFERED).order_by("-removed_at"):
            together = found.setdefault(why.branch_id, [])
            if not together or together[0].removed_with == why.removed_with:
                together.append(why)
        for together in found.values():
            keys = {why.pk for why in together}
            together.sort(key=lambda why: why.parent_id in keys)
        return found


class Why(Part):
    """One why: a question and its answer. The next why asks about that answer, so it hangs below.

    Deleted ones stay in the table, so that a deletion can be undone as a whole.
    """

    branch = models.ForeignKey(Branch, on_delete=models.CASCADE, related_name="whys")
    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="whys")
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="below")
    position = models.PositiveIntegerField()
    """Among those beside it."""
    question = models.CharField(max_length=500, blank=True)
    answer = models.TextField(max_length=2000, blank=True)
    import_key = models.CharField(max_length=64, null=True, blank=True, editable=False)
    revision = models.PositiveIntegerField(default=1, editable=False)
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)
    removed_with = models.UUIDField(null=True, blank=True, editable=False)
    """What was deleted in one go carries the same."""
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = WhyQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        indexes = [models.Index(fields=["branch", "position"], name="postmortems_why_order")]
        constraints = [
            models.UniqueConstraint(fields=["postmortem", "import_key"], name="postmortems_why_imported_once"),
            models.CheckConstraint(condition=~Q(question="") | ~Q(answer=""), name="postmortems_why_says_something"),
            models.CheckConstraint(
                condition=Q(removed_at=None, removed_with=None)
                | Q(removed_at__isnull=False, removed_with__isnull=False),
                name="postmortems_why_removal_known",
            ),
        ]

    def __str__(self) -> str:
        return (self.answer or self.question)[:80]

    @property
    def key(self) -> str:
        """Its key as a template joins it to a URL."""
        return str(self.pk)


class Gate(Part):
    """A step of the fault tree: what is below it leads to it, all together (AND) or any one alone (OR)."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="gates")
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="below")
    kind = models.CharField(max_length=3, choices=GateKind, default=GateKind.AND)
    label = models.CharField(max_length=200)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=GateKind.values), name="postmortems_gate_kind_known"),
            models.CheckConstraint(condition=~Q(label=""), name="postmortems_gate_says_something"),
        ]

    def __str__(self) -> str:
        return self.label


class Factor(Part):
    """A hole in a layer of defence, or a layer that held. Its number is never given to another."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="factors")
    number = models.PositiveIntegerField()
    text = models.TextField(max_length=2000)
    layer = models.CharField(max_length=10, choices=DefenceLayer)
    category = models.CharField(max_length=14, choices=FactorCategory, blank=True)
    has_held = models.BooleanField(default=False)
    """Whether the layer did its work here: part of what went well."""
    position = models.PositiveIntegerField()
    """In the order in which the incident passed them."""
    gate = models.ForeignKey(Gate, on_delete=models.SET_NULL, null=True, blank=True, related_name="factors")
    import_key = models.CharField(max_length=64, null=True, blank=True, editable=False)
    revision = models.PositiveIntegerField(default=1, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["postmortem", "number"], name="postmortems_factor_numbered_once"),
            models.UniqueConstraint(fields=["postmortem", "import_key"], name="postmortems_factor_imported_once"),
            models.CheckConstraint(condition=Q(layer__in=DefenceLayer.values), name="postmortems_factor_layer_known"),
            models.CheckConstraint(
                condition=Q(category__in=["", *FactorCategory.values]), name="postmortems_factor_category_known"
            ),
            models.CheckConstraint(condition=~Q(text=""), name="postmortems_factor_says_something"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.text[:60]}"

    @property
    def name(self) -> str:
        """What people cite."""
        return f"F{self.number}"


class ResponseNote(Part):
    """What people say of one part of the response: what would have cut it in half."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="response_notes")
    aspect = models.CharField(max_length=10, choices=Aspect)
    text = models.TextField(max_length=10_000)
    revision = models.PositiveIntegerField(default=1, editable=False)
    updated_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    updated_at = models.DateTimeField()

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["postmortem", "aspect"], name="postmortems_responsenote_once"),
            models.CheckConstraint(condition=Q(aspect__in=Aspect.values), name="postmortems_responsenote_aspect_known"),
        ]

    def __str__(self) -> str:
        return self.get_aspect_display()


class Term(Part):
    """A word that readers from outside may not know, and what is meant by it."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="terms")
    term = models.CharField(max_length=200)
    meaning = models.TextField(max_length=2000)
    import_key = models.CharField(max_length=64, null=True, blank=True, editable=False)
    revision = models.PositiveIntegerField(default=1, editable=False)

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = [Lower("term"), "pk"]
        constraints = [
            models.UniqueConstraint("postmortem", Lower("term"), name="postmortems_term_explained_once"),
            models.UniqueConstraint(fields=["postmortem", "import_key"], name="postmortems_term_imported_once"),
            models.CheckConstraint(condition=~Q(term="") & ~Q(meaning=""), name="postmortems_term_says_something"),
        ]

    def __str__(self) -> str:
        return self.term


class Metric(Part):
    """A graph: series over time, or a picture of one, with the sentence that says what it shows."""

    postmortem = models.ForeignKey(Postmortem, on_delete=models.CASCADE, related_name="metrics")
    title = models.CharField(max_length=120)
    unit = models.CharField(max_length=30, blank=True)
    shows = models.CharField(max_length=400)
    """What the reader is meant to see in it."""
    position = models.PositiveIntegerField()
    picture = models.ForeignKey(Attachment, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    revision = models.PositiveIntegerField(default=1, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(shows=""), name="postmortems_metric_shows_something"),
            models.CheckConstraint(
                condition=Q(picture__isnull=False) | ~Q(unit=""), name="postmortems_metric_has_a_unit"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return f"{reverse('postmortems:read', args=[self.postmortem_id])}#metric-{self.pk}"


class MetricSeries(models.Model):
    """One line of a graph: as many numbers as times, both as eight-byte floats of this machine's order."""

    metric = models.ForeignKey(Metric, on_delete=models.CASCADE, related_name="series")
    name = models.CharField(max_length=80)
    position = models.PositiveIntegerField()
    times = models.BinaryField()
    """Seconds since 1970, UTC, rising."""
    values = models.BinaryField()

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def ends(self) -> tuple[float, float]:
        """Its first and its last time; the others are not read."""
        packed, size = memoryview(self.times), array("d").itemsize
        first, last = array("d", bytes(packed[:size])), array("d", bytes(packed[-size:]))
        return first[0], last[0]

    @property
    def points(self) -> tuple[array[float], array[float]]:
        """Times and values."""
        times, values = array("d"), array("d")
        times.frombytes(bytes(self.times))
        values.frombytes(bytes(self.values))
        return times, values
