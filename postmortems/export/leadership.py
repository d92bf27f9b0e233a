"""The e-mail to leadership: it stands alone. Facts are gathered; why, and how it ended, are its writers' words."""

from __future__ import annotations

import re

from django.conf import settings

from incidents.markdown import resolve_references
from postmortems.blocks.incident import known_durations, known_moments
from postmortems.models import Postmortem, Section
from postmortems.queries import sections_of
from postmortems.references import references_in

LONGEST = 900
"""Characters of a paragraph that is quoted: more than that nobody reads in a mail."""
SHOWN = {"impact-start", "detected", "resolved"}
MARKS = re.compile(r"[*_`]{1,3}|^#{1,6}\s+|^>\s?|!?\[([^\]]*)\]\([^)]*\)", re.MULTILINE)


def leadership_mail(postmortem: Postmortem) -> tuple[str, str]:
    """The subject and the text. What nobody has written yet stands in brackets, to be written by a person."""
    incident = postmortem.incident
    sections = sections_of(postmortem)
    services = ", ".join(service.name for service in incident.services.all())
    summary = next((section for section in sections if section.is_summary), None)
    cause = next((section for section in sections if section.is_prose and "cause" in section.title.lower()), None)
    recovery = incident.events.filter(kind="recovery").order_by("-at").first()
    parts = [
        ("What happened", _first_words(postmortem, summary) or "[in one sentence, for somebody who was not there]"),
        ("When", "\n".join(f"{fact.label}: {fact.text}" for fact in known_moments(incident) if fact.key in SHOWN)),
        ("How long", "\n".join(f"{fact.label}: {fact.text}" for fact in known_durations(incident))),
        ("Affected", services),
        ("In numbers", "\n".join(f"{each.label}: {each.value}" for each in incident.figures.all())),
        ("Why", _first_words(postmortem, cause) or "[the cause, as far as it is known]"),
        ("How it ended", _plain(recovery.text) if recovery else "[what ended it]"),
        (
            "What customers were told",
            "\n".join(_plain(each.text) for each in incident.communications.all() if each.text),
        ),
    ]
    text = "\n\n".join(f"{title}\n{said}" for title, said in parts if said)
    link = f"{settings.BASE_URL}{postmortem.get_absolute_url()}"
    return f"{incident.severity}: {postmortem.title}", f"{text}\n\nThe whole post-mortem: {link}\n"


def _first_words(postmortem: Postmortem, section: Section | None) -> str:
    """The first paragraph of a section, as plain text with its references as they are now."""
    if section is None:
        return ""
    body = resolve_references(section.body, references_in(postmortem, [section.body]))
    paragraphs = [each.strip() for each in body.split("\n\n") if each.strip()]
    return _plain(paragraphs[0]) if paragraphs else ""


def _plain(text: str) -> str:
    words = " ".join(MARKS.sub(lambda match: match[1] or "", text).split())
    return words if len(words) <= LONGEST else f"{words[:LONGEST].rsplit(' ', 1)[0]} …"
