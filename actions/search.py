"""The search column of action items."""

from django.db import connection

INDEX = """
UPDATE actions_actionitem a SET search =
    setweight(to_tsvector('english', a.title || ' ACT-' || a.id), 'A') ||
    setweight(to_tsvector('english', a.deliverable), 'C')
WHERE a.id = %s
"""


def index_action(pk: int) -> None:
    """Bring the search column of one action up to date, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(INDEX, [pk])
