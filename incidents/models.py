"""Incidents and what is known of them: facts, timeline, impact, communications, and the policy on post-mortems."""

from __future__ import annotations

from typing import Self, TypeVar
from zoneinfo import ZoneInfo

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Lower, Now
from django.urls import reverse

from accounts.access import visibility_filter
from accounts.enums import Visibility
from accounts.models import Guarded, Team, User, validate_timezone
from incidents.enums import EventKind, Phase, PolicyFact, Precision, Requirement, Severity, Tier


class Service(models.Model):
    """Something that runs and can fail; incidents name the ones they touched."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=120, unique=True)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, related_name="services")

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(Lower("name"), name="incidents_service_name_any_case")]

    def __str__(self) -> str:
        return self.name


class IncidentQuerySet(models.QuerySet["Incident"]):
    def visible_to(self, user: User) -> Self:
        """The incidents `user` may see: the SQL twin of `incidents.rules.can_see`."""
        return self.filter(incident_visibility(user))


def incident_visibility(user: User, prefix: str = "") -> Q:
    """Condition on a row with an incident at `prefix` ("" or "incident__"): `user` may see that incident."""
    row = OuterRef(f"{prefix}pk" if prefix else "pk")
    responds = Exists(Incident.responders.through.objects.filter(incident=row, user=user))
    reads = Exists(Incident.readers.through.objects.filter(incident=row, user=user))
    named = Q(**{f"{prefix}commander": user}) | Q(**{f"{prefix}created_by": user}) | Q(responds) | Q(reads)
    return visibility_filter(user, named=named, prefix=prefix)


class Incident(Guarded):
    """One incident. All times are stored in UTC; `timezone` is the zone its people write and read them in."""

    title = models.CharField(max_length=200)
    severity = models.CharField(max_length=4, choices=Severity, default=Severity.SEV2)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="incidents")
    services = models.ManyToManyField(Service, blank=True, related_name="incidents")
    commander = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="commanded")
    responders = models.ManyToManyField(User, blank=True, related_name="responded_to")
    readers = models.ManyToManyField(User, blank=True, related_name="+")
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_timezone])

    impact_started_at = models.DateTimeField(null=True, blank=True)
    detected_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    diagnosed_at = models.DateTimeField(null=True, blank=True)
    mitigated_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    is_customer_facing = models.BooleanField(default=False)
    is_near_miss = models.BooleanField(default=False)
    is_security_sensitive = models.BooleanField(default=False)
    is_slo_breach = models.BooleanField(default=False)
    is_emergency_escalation = models.BooleanField(default=False)
    third_party = models.CharField(max_length=120, blank=True)
    repeat_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="repeats")

    occurred_at = models.DateTimeField(editable=False)
    """When it began, as far as is known: impact start, else detection, else the moment it was recorded."""

    summary = models.TextField(blank=True)
    impact = models.TextField(blank=True)

    override_requirement = models.CharField(max_length=12, choices=Requirement, blank=True)
    override_reason = models.CharField(max_length=500, blank=True)
    override_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    override_at = models.DateTimeField(null=True, blank=True)

    import_key = models.CharField(max_length=120, null=True, blank=True, unique=True, editable=False)
    revision = models.PositiveIntegerField(default=1, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    search = SearchVectorField(null=True, editable=False)

    objects = IncidentQuerySet.as_manager()

    class Meta:
        ordering = ["-occurred_at", "-pk"]
        indexes = [
            GinIndex(fields=["search"], name="incidents_search"),
            models.Index(fields=["-occurred_at", "-id"], name="incidents_newest_first"),
            models.Index(fields=["team", "-id"], name="incidents_by_team"),
            models.Index(fields=["severity", "-id"], name="incidents_by_severity"),
            models.Index(
                fields=["id"],
                condition=~Q(visibility=Visibility.ORGANISATION),
                include=["visibility", "team", "commander", "created_by"],
                name="incidents_guarded",
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(severity__in=Severity.values), name="incidents_incident_severity_known"),
            models.CheckConstraint(
                condition=Q(resolved_at=None) | Q(impact_started_at=None) | Q(resolved_at__gte=F("impact_started_at")),
                name="incidents_incident_ends_after_start",
                violation_error_message="An incident cannot be resolved before its impact started.",
            ),
            models.CheckConstraint(
                condition=Q(override_requirement="") | ~Q(override_reason=""),
                name="incidents_incident_override_reasoned",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.title}"

    @property
    def reference(self) -> str:
        return f"INC-{self.pk}"

    @property
    def phase(self) -> Phase:
        """Mitigated: customers feel it no longer, but it is not said to be over."""
        if self.resolved_at:
            return Phase.RESOLVED
        return Phase.MITIGATED if self.mitigated_at else Phase.ONGOING

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def guarded_by(self) -> Incident:
        return self

    def get_absolute_url(self) -> str:
        return reverse("incidents:incident", args=[self.pk])


PartT = TypeVar("PartT", bound="Part")


class PartQuerySet(models.QuerySet[PartT]):
    """Rows that are part of an incident are seen by those who see the incident."""

    def visible_to(self, user: User) -> Self:
        return self.filter(incident_visibility(user, "incident__"))


class Part(models.Model):
    """A row that belongs to an incident and shares its readers."""

    incident: models.ForeignKey[Incident, Incident]

    class Meta:
        abstract = True

    @property
    def guarded_by(self) -> Incident:
        return self.incident


class TimelineEvent(Part):
    """What happened when. `at` is UTC; with precision "day" only the date in the incident's zone is meant."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    precision = models.CharField(max_length=12, choices=Precision, default=Precision.EXACT)
    kind = models.CharField(max_length=14, choices=EventKind, default=EventKind.OTHER)
    actor_role = models.CharField(max_length=80, blank=True)
    text = models.TextField(max_length=4000)
    is_milestone = models.BooleanField(default=False)
    is_customer_visible = models.BooleanField(default=False)
    source = models.CharField(max_length=40, blank=True, editable=False)
    import_key = models.CharField(max_length=64, null=True, blank=True, editable=False)
    revision = models.PositiveIntegerField(default=1, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["at", "pk"]
        indexes = [models.Index(fields=["incident", "at"], name="incidents_event_order")]
        constraints = [
            models.UniqueConstraint(fields=["incident", "import_key"], name="incidents_event_imported_once"),
            models.CheckConstraint(condition=Q(kind__in=EventKind.values), name="incidents_event_kind_known"),
            models.CheckConstraint(condition=~Q(text=""), name="incidents_event_says_something"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} UTC {self.text[:60]}"


class ImpactFigure(Part):
    """One number of the impact with its unit, as people state it ("about 18 hours")."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="figures")
    label = models.CharField(max_length=120)
    value = models.CharField(max_length=120)
    is_estimated = models.BooleanField(default=False)
    caveat = models.CharField(max_length=300, blank=True)
    position = models.PositiveIntegerField(default=0)
    import_key = models.CharField(max_length=64, null=True, blank=True, editable=False)
    revision = models.PositiveIntegerField(default=1, editable=False)

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["incident", "import_key"], name="incidents_figure_imported_once"),
        ]

    def __str__(self) -> str:
        return f"{self.label}: {self.value}"


class Communication(Part):
    """What was told to whom, on which channel; `at` may be unknown, or known as a day only."""

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="communications")
    at = models.DateTimeField(null=True, blank=True)
    precision = models.CharField(max_length=12, choices=Precision, default=Precision.EXACT)
    channel = models.CharField(max_length=80)
    audience = models.CharField(max_length=120, blank=True)
    text = models.TextField(max_length=4000)
    import_key = models.CharField(max_length=64, null=True, blank=True, editable=False)
    revision = models.PositiveIntegerField(default=1, editable=False)

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = [F("at").asc(nulls_last=True), "pk"]
        constraints = [
            models.UniqueConstraint(fields=["incident", "import_key"], name="incidents_communication_imported_once"),
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {self.text[:60]}"


class ImportedPart(Part):
    """What a file said of one part of an incident when it was last read: "facts", "events", "lessons", …

    `values` maps each row's import key to the values it was given. What differs from them now was changed by people,
    and a later import leaves it alone; a key without a row was deleted by people, and stays deleted.
    """

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="imported_parts")
    part = models.CharField(max_length=20)
    values = models.JSONField(default=dict)
    read_at = models.DateTimeField()

    objects = PartQuerySet.as_manager()

    class Meta:
        ordering = ["part"]
        constraints = [
            models.UniqueConstraint(fields=["incident", "part"], name="incidents_importedpart_once"),
        ]

    def __str__(self) -> str:
        return f"{self.incident_id} {self.part}"


class PolicyRule(models.Model):
    """One line of the policy: when `fact` holds, a post-mortem is `requirement` and at least `tier`, for `reason`."""

    position = models.PositiveIntegerField(default=0)
    fact = models.CharField(max_length=24, choices=PolicyFact)
    severities = ArrayField(models.CharField(max_length=4, choices=Severity), default=list, blank=True)
    service = models.ForeignKey(Service, on_delete=models.CASCADE, null=True, blank=True, related_name="policy_rules")
    requirement = models.CharField(max_length=12, choices=Requirement)
    tier = models.CharField(max_length=12, choices=Tier)
    reason = models.CharField(max_length=300)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(fact=PolicyFact.SERVICE) | Q(service__isnull=False),
                name="incidents_policyrule_names_its_service",
            ),
            models.CheckConstraint(
                condition=~Q(fact=PolicyFact.SEVERITY) | Q(severities__len__gt=0),
                name="incidents_policyrule_names_severities",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_fact_display()}: {self.get_requirement_display()}"
