"""Fixed vocabularies of post-mortems."""

from django.db.models import TextChoices


class State(TextChoices):
    DRAFT = "draft", "Draft"
    IN_REVIEW = "in_review", "In review"
    PUBLISHED = "published", "Published"
    REOPENED = "reopened", "Reopened"


class SectionKind(TextChoices):
    """Prose is Markdown; every other kind is a living block that shows rows in place."""

    PROSE = "prose", "Prose"
    FACTS = "facts", "Facts and durations"
    TIMELINE = "timeline", "Timeline"
    IMPACT = "impact", "Impact"
    METRICS = "metrics", "Graphs"
    WHYS = "whys", "Five Whys"
    FACTORS = "factors", "Contributing factors"
    RESPONSE = "response", "Response analysis"
    COMMUNICATIONS = "communications", "Communications"
    LESSONS = "lessons", "Lessons"
    ACTIONS = "actions", "Action items"
    GLOSSARY = "glossary", "Glossary"


class RevisionReason(TextChoices):
    """What made the text worth keeping at that moment."""

    STARTED = "started", "Started from the template"
    PAUSE = "pause", "A pause in the writing"
    TURN = "turn", "Somebody else went on"
    SAVED = "saved", "Saved"
    FILLED = "filled", "Filled from the incident"
    RESTORED = "restored", "Restored"
    STATE = "state", "Moved to another state"
    NAMED = "named", "Named"


class ParticipantRole(TextChoices):
    CONTRIBUTOR = "contributor", "Contributor"
    REVIEWER = "reviewer", "Reviewer"
    FACILITATOR = "facilitator", "Facilitator"
    READER = "reader", "Reader"


class AttachmentKind(TextChoices):
    IMAGE = "image", "Image"
    FILE = "file", "File"


class ThreadState(TextChoices):
    OPEN = "open", "Open"
    RESOLVED = "resolved", "Resolved"
    ACCEPTED = "accepted", "Accepted"
    REJECTED = "rejected", "Rejected"


class BranchKind(TextChoices):
    """What a branch of the Five Whys asks about."""

    CAUSE = "cause", "Why it happened"
    DETECTION = "detection", "Why noticing took so long"
    RECOVERY = "recovery", "Why ending it took so long"
    OTHER = "other", "Something else"


class DefenceLayer(TextChoices):
    """Layers that an incident passes, in the order in which it usually does."""

    DESIGN = "design", "Design"
    REVIEW = "review", "Review"
    TESTING = "testing", "Testing"
    ROLLOUT = "rollout", "Rollout"
    DEPENDENCY = "dependency", "Dependency"
    MONITORING = "monitoring", "Monitoring"
    ALERTING = "alerting", "Alerting"
    RESPONSE = "response", "Response"
    PROCESS = "process", "Process"


class FactorCategory(TextChoices):
    """What a factor is made of: the bones of the fishbone, and what recurs across post-mortems."""

    CODE = "code", "Code"
    CONFIGURATION = "configuration", "Configuration"
    CAPACITY = "capacity", "Capacity and load"
    DATA = "data", "Data"
    INFRASTRUCTURE = "infrastructure", "Infrastructure"
    SUPPLIER = "supplier", "Supplier"
    TOOLS = "tools", "Tools"
    KNOWLEDGE = "knowledge", "Knowledge and documents"
    ORGANISATION = "organisation", "Organisation and load on people"


class GateKind(TextChoices):
    AND = "and", "All of these together"
    OR = "or", "Any of these alone"


class Aspect(TextChoices):
    """What a response analysis looks at; the last three for an incident at a supplier."""

    DETECTION = "detection", "Detection"
    DIAGNOSIS = "diagnosis", "Diagnosis"
    MITIGATION = "mitigation", "Mitigation"
    RADIUS = "radius", "Blast radius"
    CHOSEN = "chosen", "What we chose"
    WATCHED = "watched", "What we could have seen"
    CONTAINED = "contained", "What we could have contained"


class TimelinePeople(TextChoices):
    """How a timeline says who did what."""

    NAMES = "names", "By name: “Sam rolled back”"
    ROLES = "roles", "By role: “The on-call engineer rolled back”"
