"""Starting a post-mortem from its incident, and filling in what is known. The analysis is left to people."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.models import User
from incidents import policy
from incidents.models import Incident
from postmortems.enums import ParticipantRole, RevisionReason, SectionKind
from postmortems.models import Participant, Postmortem, Revision, Section, SectionRevision, Template
from postmortems.references import placeholder
from postmortems.services.postmortem import lock_for_writing, postmortem_was_changed
from postmortems.services.text import keep_revision, write_texts
from postmortems.services.why import begin_branches


def proposed_template(tier: str) -> Template:
    """The template that a post-mortem of this size starts from, unless its person chooses another."""
    return Template.objects.filter(tier=tier, is_archived=False).order_by("-is_default", "pk")[0]


@transaction.atomic
def start_postmortem(*, incident: Incident, template: Template | None, by: User, now: datetime) -> Postmortem:
    """The post-mortem of `incident`, made now with a first draft if there is none yet.

    Two people at once, or a double click, get the same one: the incident is locked while it is made. It inherits
    the incident's title, visibility and people; whoever starts it owns it.
    """
    locked = Incident.objects.select_for_update(of=("self",)).select_related("team").get(pk=incident.pk)
    existing = Postmortem.objects.filter(incident=locked).first()
    if existing:
        return existing
    postmortem = make_postmortem(locked, template=template, by=by, now=now)
    audit.record(by=by, verb="postmortem.started", obj=postmortem, incident=locked.pk)
    fill_from_incident(postmortem=postmortem, by=by, now=now)
    return postmortem


def make_postmortem(incident: Incident, *, template: Template | None, by: User, now: datetime) -> Postmortem:
    """A new post-mortem with the sections of its template and the incident's people. Lock the incident first."""
    advice = policy.recommend(incident)
    template = template or proposed_template(advice.tier)
    postmortem = Postmortem.objects.create(
        incident=incident,
        title=incident.title,
        tier=template.tier,
        team=advice.team,
        owner=by,
        template=template,
        visibility=incident.visibility,
        draft_due_at=advice.draft_due_at,
        meeting_due_at=advice.meeting_due_at,
        publish_due_at=advice.publish_due_at,
        created_by=by,
        created_at=now,
        updated_at=now,
    )
    _name_people(postmortem)
    copy_sections(postmortem, template, now=now)
    return postmortem


def _name_people(postmortem: Postmortem) -> None:
    """Name the incident's commander and responders as contributors, those invited to read it as readers."""
    incident = postmortem.incident
    writers = set(incident.responders.all()) | ({incident.commander} if incident.commander else set())
    readers = {*incident.readers.all(), incident.created_by} - writers
    roles = [*((user, ParticipantRole.CONTRIBUTOR) for user in writers)]
    roles += [(user, ParticipantRole.READER) for user in readers]
    Participant.objects.bulk_create(
        Participant(postmortem=postmortem, user=user, role=role)
        for user, role in roles
        if user.pk != postmortem.owner_id
    )


def copy_sections(postmortem: Postmortem, template: Template, *, now: datetime) -> None:
    """Give the post-mortem the template's sections; wording they bring is their first revision."""
    sections = [
        Section(
            postmortem=postmortem,
            position=row.position,
            kind=row.kind,
            title=row.title,
            guidance=row.guidance,
            body=row.body if row.kind == SectionKind.PROSE else "",
            is_summary=row.is_summary and row.kind == SectionKind.PROSE,
            updated_at=now,
        )
        for row in template.sections.all()
    ]
    Section.objects.bulk_create(sections)
    if any(section.kind == SectionKind.WHYS for section in sections):
        begin_branches(postmortem, now=now)
    worded = [section for section in sections if section.body]
    if not worded:
        return
    first = Revision.objects.create(postmortem=postmortem, number=1, reason=RevisionReason.STARTED, made_at=now)
    SectionRevision.objects.bulk_create(
        SectionRevision(section=each, postmortem=postmortem, revision=first, number=1, body=each.body, saved_at=now)
        for each in worded
    )


@transaction.atomic
def fill_from_incident(*, postmortem: Postmortem, by: User, now: datetime) -> bool:
    """Write the summary's facts if its section is still empty; True when something was written.

    Timeline, facts, impact and communications need no filling: their blocks show the incident as it is. Raises
    `AlreadyPublished`.
    """
    locked = lock_for_writing(postmortem)
    section = locked.sections.select_for_update().filter(is_summary=True, body="").first()
    text = summary_draft(locked.incident)
    if section is None:
        postmortem_was_changed(locked, part="text", now=now)
        return False
    write_texts(locked, {section: text}, by=by, now=now)
    keep_revision(locked, reason=RevisionReason.FILLED, by=by, now=now)
    audit.record(by=by, verb="section.filled", obj=locked, section=str(section.pk))
    postmortem_was_changed(locked, part="text", now=now)
    return True


def summary_draft(incident: Incident) -> str:
    """What is known of the incident, in sentences whose facts are living references."""
    parts = [incident.summary.strip()] if incident.summary.strip() else []
    parts.append(" ".join(filter(None, [_what(incident), _when(incident), _where(incident)])))
    if figures := list(incident.figures.all()[:6]):
        parts.append("\n".join(f"- {figure.label}: {placeholder(f'figure:{figure.pk}')}" for figure in figures))
    return "\n\n".join(parts)


def _what(incident: Incident) -> str:
    return f"{placeholder('title')} ({placeholder('severity')})."


def _when(incident: Incident) -> str:
    """One sentence about the times that are known; "" when none is."""
    steps = []
    if incident.impact_started_at:
        steps.append(f"began at {placeholder('impact-start')}")
    if incident.detected_at:
        steps.append(f"was noticed at {placeholder('detected')}")
    if incident.resolved_at:
        lasted = f", after {placeholder('duration')}" if incident.impact_started_at else ""
        steps.append(f"was over at {placeholder('resolved')}{lasted}")
    if not steps:
        return ""
    return f"It {' and '.join(filter(None, [', '.join(steps[:-1]), steps[-1]]))}."


def _where(incident: Incident) -> str:
    names = [placeholder(f"service:{service.slug}") for service in incident.services.all()]
    return f"Affected: {', '.join(names)}." if names else ""
