"""Kinds of rows of this app that an archive holds (docs/export.md)."""

from __future__ import annotations

from datetime import datetime

from accounts.portable import Kind
from actions import models
from actions.search import index_all

WHY_PAUSED = "Brought here by an import, without its secret. Give it the secret, and it goes on."


def _moment(now: datetime) -> datetime:
    return now


def _needs_secret(now: datetime) -> str:
    return WHY_PAUSED


def _told(notice: models.Notice) -> None:
    """What waits to go out is sent by the Debrief that the archive comes from."""
    notice.is_moot = notice.is_moot or notice.sent_at is None


KEPT_BY_DATABASE = "kept by the database"
HEALTH = "how the Jira was of late, seen from here"
PAUSED = "a connection is paused after an import, until it has its secret again"
SENDING = "how far sending it had come here"
KINDS = (
    Kind(
        "actions",
        models.ActionItem,
        "a follow-up action",
        left_out={
            "search": "worked out from the text",
            "incident_severity": KEPT_BY_DATABASE,
            "incident_services": KEPT_BY_DATABASE,
        },
        refresh=index_all,
    ),
    Kind("work_links", models.WorkLink, "where the work of an action can be seen"),
    Kind("action_ideas", models.ActionIdea, "what is not yet an action"),
    Kind(
        "bulk_changes",
        models.BulkChange,
        "a change of many actions at once, with what they said before",
        is_whole_only=True,
    ),
    Kind(
        "jira_connections",
        models.JiraConnection,
        "a Jira; without its secrets",
        left_out={
            "paused_reason": PAUSED,
            "paused_at": PAUSED,
            "told_at": PAUSED,
            "hook_seen_at": HEALTH,
            "failures": HEALTH,
            "failing_since": HEALTH,
            "retry_at": HEALTH,
            "answered_at": HEALTH,
        },
        fills={"paused_reason": _needs_secret, "paused_at": _moment, "told_at": _moment},
    ),
    Kind("token_warnings", models.TokenWarning, "a mail that a connection's token ends soon"),
    Kind("jira_mappings", models.JiraMapping, "where a team's actions go in Jira"),
    Kind("jira_people", models.JiraPerson, "which account of a Jira is which person"),
    Kind("sync_runs", models.SyncRun, "many actions sent to Jira at once"),
    Kind(
        "sync_items",
        models.ItemSync,
        "how an action stands to its issue",
        left_out={"lease": "whose hands it is in here", "lease_ends_at": "whose hands it is in here"},
    ),
    Kind("sync_conflicts", models.SyncConflict, "a value that gave way to one written at the other side"),
    Kind("sync_log", models.SyncEntry, "what was written to Jira, or from there"),
    Kind("reminder_settings", models.ReminderSettings, "how a person is reminded", own="person"),
    Kind("reminder_pauses", models.ReminderPause, "a person hears nothing of an action", own="person"),
    Kind(
        "reminders",
        models.Notice,
        "a reminder a person got",
        left_out={"leased_until": SENDING, "mail": SENDING, "attempts": SENDING},
        settle=_told,
        own="person",
    ),
    Kind("saved_views", models.SavedView, "a filter that a person keeps under a name"),
)
