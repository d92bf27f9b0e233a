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
    ACCEPTED = "accepted", "Suggestion accepted"
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


class MeetingForm(TextChoices):
    """How much of a review an incident deserves (PRODUCT.md, F5)."""

    WRITING = "writing", "Review in writing"
    HUDDLE = "huddle", "Huddle of 15 minutes"
    MEETING = "meeting", "Review meeting"


class MeetingState(TextChoices):
    PLANNED = "planned", "Planned"
    RUNNING = "running", "Running"
    ENDED = "ended", "Ended"
    CANCELLED = "cancelled", "Cancelled"


OPEN_MEETINGS = [MeetingState.PLANNED, MeetingState.RUNNING]
"""A post-mortem has one of these at most."""


class Step(TextChoices):
    """The steps of a meeting, in order."""

    TONE = "tone", "Tone"
    TIMELINE = "timeline", "Timeline"
    CAUSES = "causes", "Causes"
    WELL = "well", "What went well"
    IMPROVE = "improve", "What could be improved"
    ACTIONS = "actions", "Actions"
    CLOSE = "close", "Close"


class AttendeeKind(TextChoices):
    RESPONDER = "responder", "Responder"
    STAKEHOLDER = "stakeholder", "Stakeholder"
    ROLE = "role", "Runs it"


class CaptureKind(TextChoices):
    """What a captured line is; the first word people type before the colon."""

    NOTE = "note", "Note"
    EVENT = "event", "Event"
    WHY = "why", "Why"
    FACTOR = "factor", "Factor"
    LESSON = "lesson", "Lesson"
    ACTION = "action", "Action"
    DECISION = "decision", "Decision"
    QUESTION = "question", "Question"
    PARKING = "parking", "Parking lot"


class Verdict(TextChoices):
    """How a review ended."""

    WAITING = "waiting", "Asked"
    APPROVED = "approved", "Approved"
    CHANGES = "changes", "Asks for changes"
    WITHDRAWN = "withdrawn", "Handed over"


class TidingsKind(TextChoices):
    """What people are told of post-mortems by mail."""

    PUBLISHED = "published", "Published"
    DIGEST = "digest", "Learned this week"
    ANNIVERSARY = "anniversary", "A year ago"
    DRAFT_DUE = "draft", "The draft is due"
    PUBLISH_DUE = "publish", "Publication is due"


class NewsKind(TextChoices):
    """What channels are told of post-mortems."""

    PUBLISHED = "published", "Published"
    DIGEST = "digest", "Learned this week"


class NewsState(TextChoices):
    """How far one piece of news for one channel is."""

    WAITING = "waiting", "Waiting"
    SENT = "sent", "Told"
    MOOT = "moot", "Nothing to say any more"
    UNCLEAR = "unclear", "No clear answer"


class WikiKind(TextChoices):
    """Which Confluence it is; the two speak differently."""

    CLOUD = "cloud", "Confluence Cloud"
    DATA_CENTER = "dc", "Confluence Data Center"
