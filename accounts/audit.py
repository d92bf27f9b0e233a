"""The audit log: one append-only row for every change, and for every look at something restricted."""

from __future__ import annotations

from typing import Any

from django.db import models

from accounts.models import AuditEntry, User
from config.logs import client_address, request_id


def record(*, by: User | None, verb: str, obj: models.Model, label: str = "", **details: Any) -> AuditEntry:
    """Append one row, in the caller's transaction: the change and its record are kept or lost together.

    `verb` is `noun.past-participle`, as in "incident.created". `details` holds names of fields and short values,
    never the text of a document. The label of a restricted object is its reference, without its title.
    """
    return AuditEntry.objects.create(
        actor=by,
        verb=verb,
        object_type=obj._meta.model_name or "",
        object_id=str(obj.pk),
        object_label=(label or audit_label(obj))[:200],
        details=details,
        request_id=request_id.get(),
        client_address=client_address.get(),
    )


def record_look(*, by: User, seen: models.Model, method: str) -> None:
    """Record that a restricted object, or a part of one, was read. Changes record themselves."""
    guarded = getattr(seen, "guarded_by", seen)
    if method in {"GET", "HEAD"} and getattr(guarded, "is_restricted", False):
        record(by=by, verb="restricted.viewed", obj=guarded)


def audit_label(obj: models.Model) -> str:
    """What the log calls an object: a restricted one is named by its reference only."""
    guarded = getattr(obj, "guarded_by", obj)
    if getattr(guarded, "is_restricted", False):
        return str(getattr(guarded, "reference", guarded.pk))
    return str(obj)
