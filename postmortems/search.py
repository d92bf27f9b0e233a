"""The search column of post-mortems."""

from django.db import connection

INDEX = """
UPDATE postmortems_postmortem p SET search =
    setweight(to_tsvector('english', p.title || ' PM-' || p.id), 'A') ||
    setweight(to_tsvector('english', coalesce((
        SELECT string_agg(l.text, ' ' ORDER BY l.number) FROM postmortems_lesson l
        WHERE l.postmortem_id = p.id), '')), 'B') ||
    setweight(to_tsvector('english', left(coalesce((
        SELECT string_agg(s.body, ' ' ORDER BY s.position) FROM postmortems_section s
        WHERE s.postmortem_id = p.id), ''), 500000)), 'C')
WHERE p.id = %s
"""


def index_postmortem(pk: int) -> None:
    """Bring the search column of one post-mortem up to date, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(INDEX, [pk])
