"""Fills the database with as many post-mortems and actions as a large organisation has after years, by SQL alone."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

import actions.search
import incidents.search
import postmortems.search

COMMON = [
    "database",
    "cache",
    "queue",
    "deploy",
    "latency",
    "customers",
    "checkout",
    "rollback",
    "replica",
    "timeout",
    "error",
    "retry",
    "alert",
    "page",
]
RARE_EVERY = 997
"""Every so many post-mortems mention the rare word."""

PEOPLE = """
INSERT INTO accounts_user (email, display_name, password, timezone, is_administrator, is_active)
SELECT 'person' || n || '@example.com', 'Person ' || n, '!', 'Europe/London', false, true
FROM generate_series(1, %(people)s) n
"""
TEAMS = """
INSERT INTO accounts_team (name, slug, description)
SELECT 'Team ' || n, 'team-' || n, '' FROM generate_series(1, %(teams)s) n
"""
MEMBERSHIPS = """
INSERT INTO accounts_membership (team_id, user_id, role)
SELECT t.id, u.id, CASE WHEN u.id %% 10 = 0 THEN 'manager' ELSE 'member' END
FROM accounts_user u JOIN accounts_team t ON t.id = 1 + u.id %% %(teams)s
"""
SERVICES = """
INSERT INTO incidents_service (name, slug, team_id)
SELECT 'Service ' || n, 'service-' || n, 1 + n %% %(teams)s FROM generate_series(1, %(services)s) n
"""
INCIDENTS = """
INSERT INTO incidents_incident (visibility, title, severity, team_id, timezone, impact_started_at, detected_at,
    mitigated_at, resolved_at, occurred_at, is_customer_facing, is_near_miss, is_security_sensitive, is_slo_breach,
    is_emergency_escalation, third_party, summary, impact, override_requirement, override_reason, revision,
    created_by_id)
SELECT CASE WHEN n %% 50 = 0 THEN 'restricted' WHEN n %% 10 = 0 THEN 'team' ELSE 'organisation' END,
    'Customers could not ' || (%(words)s::text[])[1 + n %% %(word_count)s] || ' for ' || n %% 90 || ' minutes',
    'SEV' || n %% 5, 1 + n %% %(teams)s, 'UTC', began, began + interval '4 min', began + interval '31 min',
    began + interval '47 min', began, n %% 2 = 0, false, n %% 50 = 0, false, false, '', 'What happened, in short.',
    'Some customers saw errors.', '', '', 1, 1 + n %% %(people)s
FROM generate_series(1, %(postmortems)s) n,
    LATERAL (SELECT timestamptz '2020-01-01 00:00Z' + n * interval '30 min' AS began) moment
"""
INCIDENT_SERVICES = """
INSERT INTO incidents_incident_services (incident_id, service_id)
SELECT i.id, 1 + i.id %% %(services)s FROM incidents_incident i
"""
EVENTS = """
INSERT INTO incidents_timelineevent (incident_id, at, precision, kind, actor_role, text, is_milestone,
    is_customer_visible, source, revision, created_by_id)
SELECT i.id, i.occurred_at + k * interval '6 min', 'exact', (ARRAY['trigger','detection','escalation','action',
    'recovery'])[1 + k], 'on-call', 'Step ' || k || ' of the response', k = 1, false, '', 1, i.created_by_id
FROM incidents_incident i, generate_series(0, 4) k
"""
POSTMORTEMS = """
INSERT INTO postmortems_postmortem (visibility, incident_id, title, tier, state, team_id, owner_id, published_at,
    last_lesson_number, revision, created_by_id)
SELECT i.visibility, i.id, i.title, 'standard', CASE WHEN i.id %% 20 = 0 THEN 'draft' WHEN i.id %% 33 = 0 THEN
    'in_review' ELSE 'published' END, i.team_id, i.created_by_id, i.occurred_at + interval '9 days', 1, 1,
    i.created_by_id
FROM incidents_incident i
"""
SECTIONS = """
INSERT INTO postmortems_section (id, postmortem_id, position, kind, title, guidance, body, is_summary, revision)
SELECT gen_random_uuid(), p.id, k, CASE k WHEN 2 THEN 'timeline' WHEN 5 THEN 'lessons' WHEN 6 THEN 'actions' ELSE
    'prose' END, (ARRAY['Summary','Timeline','Root cause analysis','Contributing factors','Lessons',
    'Action items'])[k], '', CASE WHEN k IN (2, 5, 6) THEN '' ELSE
    (SELECT string_agg((%(words)s::text[])[1 + (p.id * 7 + k * 13 + w * (1 + p.id %% 5)) %% %(word_count)s], ' ')
     FROM generate_series(1, 100) w) || CASE WHEN p.id %% %(rare_every)s = 0 AND k = 1 THEN ' zirconium' ELSE '' END
    END, k = 1, 1
FROM postmortems_postmortem p, generate_series(1, 6) k
"""
LESSONS = """
INSERT INTO postmortems_lesson (postmortem_id, number, text, revision, created_by_id)
SELECT p.id, 1, 'Rehearse what you will need on the worst day.', 1, p.owner_id FROM postmortems_postmortem p
"""
ACTIONS = """
INSERT INTO actions_actionitem (postmortem_id, team_id, title, deliverable, owner_id, due_on, priority, kind, horizon,
    labels, status, reason, created_at, updated_at, finished_at, revision, created_by_id)
SELECT p.id, p.team_id, 'Alert on ' || (%(words)s::text[])[1 + (p.id + k) %% %(word_count)s] || ' saturation', '',
    1 + (p.id + k) %% %(people)s, moment.decided::date + 30, 'P' || 1 + (p.id + k) %% 3, 'detect', 'immediate', '{}',
    CASE WHEN is_open THEN 'open' ELSE 'done' END, '', moment.decided, moment.decided,
    CASE WHEN is_open THEN NULL ELSE least(now(), moment.decided + (p.id + k) %% 45 * interval '1 day') END,
    1, p.owner_id
FROM postmortems_postmortem p, generate_series(1, %(actions_each)s) k,
    LATERAL (SELECT now() - (%(postmortems)s - p.id) * interval '5 years' / %(postmortems)s AS decided) moment,
    LATERAL (SELECT (p.id + k) %% 25 = 0 OR (moment.decided > now() - interval '60 days' AND k %% 2 = 0) AS is_open) _
"""
"""Five years of actions: one in twenty-five of the old ones is still open, and half of those of the last two months."""


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    postmortems: int = 100_000
    actions_each: int = 10
    people: int = 5_000
    teams: int = 50
    services: int = 200


def fill(size: Size) -> None:
    """Make the rows; the search columns are left to the product's own indexing."""
    parameters: dict[str, int | list[str]] = {
        "postmortems": size.postmortems,
        "actions_each": size.actions_each,
        "people": size.people,
        "teams": size.teams,
        "services": size.services,
        "words": COMMON,
        "word_count": len(COMMON),
        "rare_every": RARE_EVERY,
    }
    statements = (
        PEOPLE,
        TEAMS,
        MEMBERSHIPS,
        SERVICES,
        INCIDENTS,
        INCIDENT_SERVICES,
        EVENTS,
        POSTMORTEMS,
        SECTIONS,
        LESSONS,
        ACTIONS,
    )
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, parameters)


def index_all() -> None:
    """Fill the search columns as the product does, for all rows at once."""
    for search in (incidents.search, postmortems.search, actions.search):
        search.index_all()
