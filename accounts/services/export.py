"""Archives of the organisation's data: asked for on a page, made in the background, kept for a day."""

from __future__ import annotations

from accounts.models import AuditEntry


def record_whole_export(*, lines: int) -> None:
    """Note in the audit log that somebody with access to the server took everything out."""
    AuditEntry.objects.create(
        actor=None,
        verb="organisation.exported",
        object_type="organisation",
        object_id="",
        object_label="Everything, by command",
        details={"lines": lines},
    )
