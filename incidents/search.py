"""Searching incidents: the search column, and what a result shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.postgres.aggregates import StringAgg
from django.db import connection
from django.db.models import OuterRef, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Coalesce, Concat, Left

from accounts.models import User
from accounts.search import Source
from incidents.models import Incident, TimelineEvent

HIGHLIGHTED = 20_000
"""Characters in which words are looked for to be shown around them."""

INDEX_ALL = """
UPDATE incidents_incident i SET search =
    setweight(to_tsvector('english', i.title), 'A') ||
    setweight(to_tsvector('english', 'INC-' || i.id || ' ' || coalesce((
        SELECT string_agg(s.name, ' ') FROM incidents_service s
        JOIN incidents_incident_services link ON link.service_id = s.id WHERE link.incident_id = i.id), '')), 'B') ||
    setweight(to_tsvector('english', left(i.summary || ' ' || i.impact || ' ' || coalesce((
        SELECT string_agg(e.text, ' ' ORDER BY e.at) FROM incidents_timelineevent e WHERE e.incident_id = i.id), ''),
        500000)), 'C')
"""
INDEX = f"{INDEX_ALL}WHERE i.id = %s"


def index_incident(pk: int) -> None:
    """Bring the search column of one incident up to date, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(INDEX, [pk])


def index_all() -> None:
    """Bring the search column of every incident up to date, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(INDEX_ALL)


class IncidentSource(Source):
    """Title, services, summary, impact and timeline of incidents."""

    kind = "incident"
    label = "Incidents"
    icon = "flame"
    letters = "INC"
    facts = {
        "severity": "severity",
        "service": "services",
        "team": "team",
        "since": "occurred_at__gte",
        "until": "occurred_at__lt",
    }

    def visible(self, user: User) -> QuerySet[Incident]:
        return Incident.objects.visible_to(user)

    def joined(self, rows: QuerySet[Incident]) -> QuerySet[Any]:
        events = TimelineEvent.objects.filter(incident=OuterRef("pk")).order_by().values("incident")
        told = events.annotate(told=StringAgg("text", delimiter=" ")).values("told")
        words = Concat(
            "summary",
            Value(" "),
            "impact",
            Value(" "),
            Coalesce(Subquery(told), Value(""), output_field=TextField()),
            output_field=TextField(),
        )
        return (
            rows.select_related("team")
            .defer("search")
            .annotate(words=Left(words, HIGHLIGHTED, output_field=TextField()))
        )

    def described(self, row: Incident) -> tuple[datetime | None, list[str]]:
        return row.occurred_at, [row.severity, str(row.team)]
