"""The e-mail to leadership: it stands alone. Facts are gathered; why, and how it ended, are its writers' words."""

from __future__ import annotations

from django.conf import settings

from postmortems.blocks.incident import known_durations, known_moments
from postmortems.export.plain import first_words, plain
from postmortems.models import Postmortem
from postmortems.queries import sections_of

SHOWN = {"impact-start", "detected", "resolved"}


def leadership_mail(postmortem: Postmortem) -> tuple[str, str]:
    """The subject and the text. What nobody has written yet stands in brackets, to be written by a person."""
    incident = postmortem.incident
    sections = sections_of(postmortem)
    services = ", ".join(service.name for service in incident.services.all())
    summary = next((section for section in sections if section.is_summary), None)
    cause = next((section for section in sections if section.is_prose and "cause" in section.title.lower()), None)
    recovery = incident.events.filter(kind="recovery").order_by("-at").first()
    parts = [
        ("What happened", first_words(postmortem, summary) or "[in one sentence, for somebody who was not there]"),
        ("When", "\n".join(f"{fact.label}: {fact.text}" for fact in known_moments(incident) if fact.key in SHOWN)),
        ("How long", "\n".join(f"{fact.label}: {fact.text}" for fact in known_durations(incident))),
        ("Affected", services),
        ("In numbers", "\n".join(f"{each.label}: {each.value}" for each in incident.figures.all())),
        ("Why", first_words(postmortem, cause) or "[the cause, as far as it is known]"),
        ("How it ended", plain(recovery.text) if recovery else "[what ended it]"),
        (
            "What customers were told",
            "\n".join(plain(each.text) for each in incident.communications.all() if each.text),
        ),
    ]
    text = "\n\n".join(f"{title}\n{said}" for title, said in parts if said)
    link = f"{settings.BASE_URL}{postmortem.get_absolute_url()}"
    return f"{incident.severity}: {postmortem.title}", f"{text}\n\nThe whole post-mortem: {link}\n"
