"""Fixed vocabularies of people and rights."""

from django.db.models import TextChoices


class TeamRole(TextChoices):
    MEMBER = "member", "Member"
    MANAGER = "manager", "Manager"


class Visibility(TextChoices):
    """Who may see a thing; named people always may, administrators never by office where it is restricted."""

    ORGANISATION = "organisation", "Everyone in the organisation"
    TEAM = "team", "The owning team"
    RESTRICTED = "restricted", "Named people only"
