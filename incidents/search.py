"""The search column of incidents."""

from django.db import connection

INDEX = """
UPDATE incidents_incident i SET search =
    setweight(to_tsvector('english', i.title), 'A') ||
    setweight(to_tsvector('english', 'INC-' || i.id || ' ' || coalesce((
        SELECT string_agg(s.name, ' ') FROM incidents_service s
        JOIN incidents_incident_services link ON link.service_id = s.id WHERE link.incident_id = i.id), '')), 'B') ||
    setweight(to_tsvector('english', left(i.summary || ' ' || i.impact || ' ' || coalesce((
        SELECT string_agg(e.text, ' ' ORDER BY e.at) FROM incidents_timelineevent e WHERE e.incident_id = i.id), ''),
        500000)), 'C')
WHERE i.id = %s
"""


def index_incident(pk: int) -> None:
    """Bring the search column of one incident up to date, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(INDEX, [pk])
