"""Post-mortems for tests, and the incidents they are about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from factory.declarations import LazyAttribute, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory

from incidents.models import Incident, Service, TimelineEvent
from postmortems.models import Lesson, Participant, Postmortem, Revision, Section, SectionRevision
from tests.factories.accounts import TeamFactory, UserFactory

STARTED = datetime(2026, 4, 1, 9, 47, tzinfo=UTC)
RESOLVED = datetime(2026, 4, 1, 12, 35, tzinfo=UTC)
NOW = datetime(2026, 4, 2, 8, 0, tzinfo=UTC)


class IncidentFactory(DjangoModelFactory[Incident]):
    """An incident of a morning: from 9:47 to 12:35 UTC."""

    class Meta:
        model = Incident
        skip_postgeneration_save = True

    title = Sequence(lambda n: f"Checkout failed for {n} minutes")
    severity = "SEV2"
    team = SubFactory(TeamFactory)
    created_by = SubFactory(UserFactory)
    occurred_at = STARTED
    impact_started_at = STARTED
    resolved_at = RESOLVED


class ServiceFactory(DjangoModelFactory[Service]):
    class Meta:
        model = Service

    name = Sequence(lambda n: f"Service {n}")
    slug = Sequence(lambda n: f"service-{n}")


class EventFactory(DjangoModelFactory[TimelineEvent]):
    class Meta:
        model = TimelineEvent

    incident = SubFactory(IncidentFactory)
    at = STARTED
    text = Sequence(lambda n: f"Event {n}")
    created_by = SelfAttribute("incident.created_by")


class PostmortemFactory(DjangoModelFactory[Postmortem]):
    """A draft without sections."""

    class Meta:
        model = Postmortem
        skip_postgeneration_save = True

    incident = SubFactory(IncidentFactory)
    title = SelfAttribute("incident.title")
    tier = "standard"
    team = SelfAttribute("incident.team")
    owner = SelfAttribute("incident.created_by")
    created_by = SelfAttribute("owner")


class SectionFactory(DjangoModelFactory[Section]):
    class Meta:
        model = Section

    postmortem = SubFactory(PostmortemFactory)
    position = Sequence(lambda n: n + 1)
    title = LazyAttribute(lambda section: f"Section {section.position}")


class RevisionFactory(DjangoModelFactory[SectionRevision]):
    class Meta:
        model = SectionRevision

    section = SubFactory(SectionFactory)
    postmortem = SelfAttribute("section.postmortem")
    revision = LazyAttribute(
        lambda row: Revision.objects.create(
            postmortem=row.postmortem, number=row.postmortem.revisions.count() + 1, reason="saved", made_at=row.saved_at
        )
    )
    number = 1
    saved_at = NOW


class LessonFactory(DjangoModelFactory[Lesson]):
    class Meta:
        model = Lesson

    postmortem = SubFactory(PostmortemFactory)
    number = 1
    text = "Try the way back before you need it."
    created_by = SelfAttribute("postmortem.owner")


class ParticipantFactory(DjangoModelFactory[Participant]):
    class Meta:
        model = Participant

    postmortem = SubFactory(PostmortemFactory)
    user = SubFactory(UserFactory)
    role = "contributor"


def published(**values: Any) -> Postmortem:
    """A post-mortem that readers can read."""
    return PostmortemFactory.create(state="published", published_at=NOW, **values)
