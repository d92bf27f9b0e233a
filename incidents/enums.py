"""Fixed vocabularies of incidents: the field's terms, as PRODUCT vocabulary has them."""

from django.db.models import TextChoices


class Severity(TextChoices):
    SEV0 = "SEV0", "SEV0 · everything is down"
    SEV1 = "SEV1", "SEV1 · a main function is down"
    SEV2 = "SEV2", "SEV2 · degraded for many"
    SEV3 = "SEV3", "SEV3 · degraded for few"
    SEV4 = "SEV4", "SEV4 · hardly noticed"


class Phase(TextChoices):
    """How far an incident has come, from its times."""

    ONGOING = "ongoing", "Ongoing"
    MITIGATED = "mitigated", "Mitigated"
    RESOLVED = "resolved", "Resolved"


class EventKind(TextChoices):
    TRIGGER = "trigger", "Trigger"
    DETECTION = "detection", "Detection"
    ESCALATION = "escalation", "Escalation"
    DECISION = "decision", "Decision"
    ACTION = "action", "Action taken"
    MILESTONE = "milestone", "Milestone"
    COMMUNICATION = "communication", "Communication"
    RECOVERY = "recovery", "Recovery"
    OTHER = "other", "Other"


class Precision(TextChoices):
    """How exactly a time is known."""

    EXACT = "exact", "To the minute"
    APPROXIMATE = "approximate", "About then"
    DAY = "day", "That day"


class Requirement(TextChoices):
    """What the policy says about writing a post-mortem."""

    REQUIRED = "required", "Required"
    RECOMMENDED = "recommended", "Recommended"
    OPTIONAL = "optional", "Optional"


class Tier(TextChoices):
    """How long a post-mortem the incident deserves."""

    LIGHTWEIGHT = "lightweight", "Lightweight"
    STANDARD = "standard", "Standard"
    FULL = "full", "Full"


class PolicyFact(TextChoices):
    """What a policy rule looks at."""

    SEVERITY = "severity", "Severity is one of"
    CUSTOMER_FACING = "customer_facing", "Customers were affected"
    SLO_BREACH = "slo_breach", "A service level objective was breached"
    SECURITY = "security", "Security-sensitive"
    EMERGENCY_ESCALATION = "emergency_escalation", "Emergency escalation was needed"
    SEVERAL_TEAMS = "several_teams", "Several teams responded"
    NEAR_MISS = "near_miss", "Near miss"
    REPEAT = "repeat", "Repeats an earlier incident"
    SERVICE = "service", "A certain service was affected"
    ALWAYS = "always", "Any incident"
