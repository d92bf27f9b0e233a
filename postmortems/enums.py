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
    COMMUNICATIONS = "communications", "Communications"
    LESSONS = "lessons", "Lessons"
    ACTIONS = "actions", "Action items"


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
