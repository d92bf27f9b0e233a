"""Fixed vocabularies of follow-up actions."""

from collections.abc import Mapping

from django.db.models import IntegerChoices, TextChoices


class Status(TextChoices):
    OPEN = "open", "Open"
    IN_PROGRESS = "in_progress", "In progress"
    DONE = "done", "Done"
    WILL_NOT_DO = "will_not_do", "Will not do"


UNFINISHED = (Status.OPEN, Status.IN_PROGRESS)

FOLLOWING: Mapping[str, tuple[Status, ...]] = {
    Status.OPEN: (Status.IN_PROGRESS, Status.DONE, Status.WILL_NOT_DO),
    Status.IN_PROGRESS: (Status.DONE, Status.OPEN, Status.WILL_NOT_DO),
    Status.DONE: (Status.OPEN,),
    Status.WILL_NOT_DO: (Status.OPEN,),
}
"""From each status, those a person may choose next; the likeliest comes first."""


class Priority(TextChoices):
    P1 = "P1", "P1 · causes and customer impact"
    P2 = "P2", "P2 · detection and mitigation"
    P3 = "P3", "P3 · nice to have"


class ActionKind(TextChoices):
    PREVENT = "prevent", "Prevent"
    DETECT = "detect", "Detect"
    MITIGATE = "mitigate", "Mitigate"
    PROCESS = "process", "Process"


class Horizon(TextChoices):
    IMMEDIATE = "immediate", "Immediate"
    LONG_TERM = "long_term", "Long-term"


class Level(IntegerChoices):
    """How much an action helps, or costs, beside the others of its post-mortem."""

    LOW = 1, "Low"
    MEDIUM = 2, "Medium"
    HIGH = 3, "High"


class WorkLinkKind(TextChoices):
    """What a link to finished work leads to."""

    PULL_REQUEST = "pull_request", "Pull request"
    ALERT = "alert", "Alert"
    RUNBOOK = "runbook", "Runbook"
    DASHBOARD = "dashboard", "Dashboard"
    DOCUMENT = "document", "Document"
    OTHER = "other", "Other"


class NoticeKind(TextChoices):
    """Why somebody is told something about actions."""

    BEFORE = "before", "Before it is due"
    ON_DAY = "on_day", "On the day"
    LATE = "late", "While it is late"
    ESCALATION = "escalation", "Late for a week"
    LOOK_AGAIN = "look_again", "Look again"
    ALL_DONE = "all_done", "Everything is settled"
    WEEKLY = "weekly", "The week's list"


class Answer(TextChoices):
    """What somebody may say to a reminder by one click."""

    DONE = "done", "Done"
    SNOOZE = "snooze", "Snooze a week"
    NOT_MINE = "not_mine", "Not mine"


class ViewOf(TextChoices):
    """Which page a saved view is of."""

    LIST = "actions", "List"
    DASHBOARD = "actions-dashboard", "Dashboard"


class JiraKind(TextChoices):
    """Which of Jira's two deployments a connection leads to."""

    CLOUD = "cloud", "Jira Cloud"
    DATA_CENTER = "dc", "Jira Data Center"


class JiraAuth(TextChoices):
    """How Debrief signs in to a Jira."""

    API_TOKEN = "api_token", "E-mail and API token (Cloud)"
    BEARER = "bearer", "Access token (Data Center, or OAuth 2.0 on Cloud)"
    OAUTH = "oauth", "OAuth 2.0, renewed by itself (Cloud)"


class SyncState(TextChoices):
    """How an action and its issue stand to each other."""

    PENDING = "pending", "Waiting to be created in Jira"
    UNCERTAIN = "uncertain", "Created, or perhaps not: being looked for"
    LINKED = "linked", "In Jira"
    MISSING = "missing", "Not in Jira any more"
    ATTENTION = "attention", "Needs attention"
    UNLINKED = "unlinked", "Not kept in Jira"
