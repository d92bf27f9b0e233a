"""A post-mortem as one Markdown file: prose as it was written, blocks and references as they are now."""

from __future__ import annotations

from django.conf import settings

from incidents.markdown import resolve_references
from postmortems.blocks import block_of, cell
from postmortems.blocks.incident import known_durations, known_moments
from postmortems.models import Postmortem, Section
from postmortems.queries import sections_of, tags_of
from postmortems.references import references_in


def postmortem_as_markdown(postmortem: Postmortem) -> str:
    """Title, facts, then every section that has something to say, under headings of the second level."""
    sections = sections_of(postmortem)
    references = references_in(postmortem, [section.body for section in sections])
    parts = [f"# {postmortem.title}", _head(postmortem)]
    for section in sections:
        text = _block(section, postmortem) if not section.is_prose else resolve_references(section.body, references)
        if text.strip():
            parts.append(f"## {section.title}\n\n{text.strip()}")
    return "\n\n".join(parts) + "\n"


def _block(section: Section, postmortem: Postmortem) -> str:
    block = block_of(section.kind)
    return block.markdown(postmortem) if block else ""


def _head(postmortem: Postmortem) -> str:
    """What a reader wants to know first, and where the living document is."""
    incident = postmortem.incident
    services = ", ".join(service.name for service in incident.services.all())
    tags = ", ".join(tag.name for tag in tags_of(postmortem))
    rows = [
        ("Post-mortem", f"[{postmortem.reference}]({settings.BASE_URL}{postmortem.get_absolute_url()})"),
        ("State", postmortem.get_state_display()),
        ("Severity", incident.severity),
        ("Team", str(postmortem.team)),
        ("Owner", str(postmortem.owner)),
        *([("Services", services)] if services else []),
        *([("Tags", tags)] if tags else []),
        *((fact.label, fact.text) for fact in known_moments(incident) if fact.key == "impact-start"),
        *((fact.label, fact.text) for fact in known_durations(incident)),
    ]
    lines = [f"| {cell(label)} | {cell(text)} |" for label, text in rows]
    return "\n".join(["| | |", "| --- | --- |", *lines])
