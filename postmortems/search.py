"""Searching post-mortems: the search column, and what a result shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.postgres.aggregates import StringAgg
from django.db import connection
from django.db.models import F, Func, OuterRef, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Coalesce, Concat, Left

from accounts.models import User
from accounts.search import Source
from incidents.search import HIGHLIGHTED
from postmortems.models import Factor, Lesson, Postmortem, Section, Why

REFERENCE = r"\{\{[^{}]*\}\}"
"""The name of a fact in a text: no word of its author's. The fact itself is found on the incident."""

INDEX_ALL = """
UPDATE postmortems_postmortem p SET search =
    setweight(to_tsvector('english', p.title || ' PM-' || p.id), 'A') ||
    setweight(to_tsvector('english', coalesce((
        SELECT string_agg(l.text, ' ' ORDER BY l.number) FROM postmortems_lesson l
        WHERE l.postmortem_id = p.id), '')), 'B') ||
    setweight(to_tsvector('english', coalesce((
        SELECT string_agg(t.name, ' ') FROM postmortems_tag t
        JOIN postmortems_postmortem_tags x ON x.tag_id = t.id WHERE x.postmortem_id = p.id), '')), 'B') ||
    setweight(to_tsvector('english', left(coalesce((
        SELECT string_agg(regexp_replace(s.body, %s, ' ', 'g'), ' ' ORDER BY s.position)
        FROM postmortems_section s
        WHERE s.postmortem_id = p.id), ''), 500000)), 'C') ||
    setweight(to_tsvector('english', left(concat_ws(' ',
        (SELECT string_agg(f.text, ' ') FROM postmortems_factor f WHERE f.postmortem_id = p.id),
        (SELECT string_agg(w.question || ' ' || w.answer, ' ') FROM postmortems_why w
         WHERE w.postmortem_id = p.id AND w.removed_at IS NULL),
        (SELECT string_agg(r.text, ' ') FROM postmortems_responsenote r WHERE r.postmortem_id = p.id),
        (SELECT string_agg(t.term || ' ' || t.meaning, ' ') FROM postmortems_term t WHERE t.postmortem_id = p.id),
        (SELECT string_agg(m.title || ' ' || m.shows, ' ') FROM postmortems_metric m WHERE m.postmortem_id = p.id)
    ), 200000)), 'C')
"""
INDEX = f"{INDEX_ALL}WHERE p.id = %s"


def index_postmortem(pk: int) -> None:
    """Bring the search column of one post-mortem up to date, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(INDEX, [REFERENCE, pk])


def index_all() -> None:
    """Bring the search column of every post-mortem up to date, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(INDEX_ALL, [REFERENCE])


class PostmortemSource(Source):
    """Title, lessons and prose of post-mortems."""

    kind = "postmortem"
    label = "Post-mortems"
    icon = "file-text"
    letters = "PM"
    facts = {
        "severity": "incident__severity",
        "service": "incident__services",
        "team": "team",
        "state": "state",
        "tag": "tags__name",
        "since": "incident__occurred_at__gte",
        "until": "incident__occurred_at__lt",
    }

    def visible(self, user: User) -> QuerySet[Postmortem]:
        return Postmortem.objects.visible_to(user)

    def joined(self, rows: QuerySet[Postmortem]) -> QuerySet[Any]:
        told = [_told(Section, "body"), _told(Lesson, "text"), _told(Factor, "text"), _told(Why, "answer")]
        words = Concat(*(part for each in told for part in (each, Value(" "))), output_field=TextField())
        return (
            rows.select_related("team", "incident")
            .prefetch_related("tags")
            .defer("search", "incident__search")
            .annotate(words=Left(words, HIGHLIGHTED, output_field=TextField()))
        )

    def described(self, row: Postmortem) -> tuple[datetime | None, list[str]]:
        return row.incident.occurred_at, [
            row.incident.severity,
            row.get_state_display(),
            str(row.team),
            *map(str, row.tags.all()),
        ]


def _told(part: type[Section] | type[Lesson] | type[Factor] | type[Why], column: str) -> Coalesce:
    standing = Why.objects.standing() if part is Why else part.objects
    rows = standing.filter(postmortem=OuterRef("pk")).order_by().values("postmortem")
    words = Func(
        F(column), Value(REFERENCE), Value("…"), Value("g"), function="regexp_replace", output_field=TextField()
    )
    told = rows.annotate(told=StringAgg(words, delimiter=" ")).values("told")
    return Coalesce(Subquery(told), Value(""), output_field=TextField())
