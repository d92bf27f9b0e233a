"""Fixed vocabularies of follow-up actions."""

from django.db.models import TextChoices


class Status(TextChoices):
    OPEN = "open", "Open"
    IN_PROGRESS = "in_progress", "In progress"
    DONE = "done", "Done"
    WILL_NOT_DO = "will_not_do", "Will not do"


UNFINISHED = (Status.OPEN, Status.IN_PROGRESS)


class Priority(TextChoices):
    P1 = "P1", "P1 · causes and customer impact"
    P2 = "P2", "P2 · detection and mitigation"
    P3 = "P3", "P3 · nice to have"


class ActionKind(TextChoices):
    PREVENT = "prevent", "Prevent"
    DETECT = "detect", "Detect"
    MITIGATE = "mitigate", "Mitigate"
    PROCESS = "process", "Process"
