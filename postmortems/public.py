"""What the world reads, and the text a public version begins with."""

from __future__ import annotations

from django.db.models import QuerySet

from postmortems.blocks.incident import known_durations, known_moments
from postmortems.models import Postmortem, PublicVersion


def public_versions() -> QuerySet[PublicVersion]:
    """Everything that is public, the latest first; nothing else of it is to be read from these rows."""
    rows = PublicVersion.objects.filter(published_at__isnull=False)
    return rows.only("slug", "published_title", "published_body", "published_at", "republished_at")


def first_text(postmortem: Postmortem) -> str:
    """Headings with what the incident's own data says: times, durations, what customers were told. No word of why."""
    incident = postmortem.incident
    times = [f"- {fact.label}: {fact.text}" for fact in (*known_moments(incident), *known_durations(incident))]
    figures = [f"- {figure.label}: {figure.value}" for figure in incident.figures.all()]
    told = [f"- {each.text}" for each in incident.communications.all() if each.text]
    parts = [
        ("What happened", []),
        ("When", times),
        ("Who was affected", figures),
        ("What we told you", told),
        ("Why it happened", []),
        ("What we do about it", []),
    ]
    return "\n\n".join("\n".join([f"## {title}", "", *lines]) for title, lines in parts) + "\n"
