"""Archives of the organisation's data: asked for on a page, made in the background, kept for a day.

The row is the queue. Whoever makes an archive holds a lock of Postgres on its row's number while it does, which ends by
itself when the worker dies; a sweep asks again for what nobody holds.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from celery import current_app
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import F
from kombu.exceptions import OperationalError

from accounts import audit
from accounts.models import AuditEntry, Export, User
from accounts.portable.kinds import restricted_rows
from accounts.portable.writing import Busy, hold_alone, write_organisation

logger = logging.getLogger("debrief.export")
MAKE_TASK = "accounts.tasks.make_export"
FOLDER = "exports"
MOST_ATTEMPTS = 3
TOLD_FOR = timedelta(hours=24)
"""How long it is said that one failed."""
STARTS_WITHIN = timedelta(minutes=2)
"""A worker that is asked begins sooner, unless the nudge was lost."""


class AlreadyUnderWay(Exception):
    """One that this person asked for is being made."""


@dataclass(frozen=True)
class Progress:
    """How many lines are written, and of how many; nothing is known before it begins."""

    done: int = 0
    total: int = 0

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 0


def ask_for_export(*, by: User, now: datetime) -> Export:
    """Have an archive made of what `by` may see. Raises `AlreadyUnderWay`, also for the second of two clicks."""
    try:
        with transaction.atomic():
            export = Export.objects.create(asked_by=by, asked_at=now)
            audit.record(by=by, verb="export.asked", obj=export)
            _nudge(export.pk)
    except IntegrityError as error:
        raise AlreadyUnderWay from error
    return export


def _nudge(export_id: UUID) -> None:
    """Ask a worker once this is committed. Without a broker, the sweep finds it."""

    def ask() -> None:
        try:
            current_app.send_task(MAKE_TASK, (str(export_id),), expires=300)
        except OperationalError as error:
            logger.warning("no worker could be asked for export %s: %s", export_id, type(error).__name__)

    transaction.on_commit(ask)


def progress_of(export: Export) -> Progress:
    """How far it is. Redis knows; without it nobody does, and it is made all the same."""
    done, total = cache.get(_key(export.pk), (0, 0))
    return Progress(done, total)


def _key(export_id: UUID) -> str:
    return f"export:{export_id}"


def _number(export_id: UUID) -> int:
    """What its lock is known by in Postgres."""
    return export_id.int & (2**63 - 1)


# -- Making ------------------------------------------------------------------------------------------------------------


def make_export(export_id: UUID, *, now: datetime) -> bool:
    """Make the archive; True for the one of any number of callers that did. Repeating it makes none.

    Holds what the person may see at that moment. Whoever is no administrator any more gets none.
    """
    export = Export.objects.select_related("asked_by").filter(pk=export_id, ready_at=None, failed_at=None).first()
    if export is None or export.attempts >= MOST_ATTEMPTS:
        return False
    if not (export.asked_by.is_administrator and export.asked_by.is_active):
        export.delete()
        return False
    Export.objects.filter(pk=export.pk).update(attempts=F("attempts") + 1)
    try:
        return _make(export, f"{FOLDER}/{uuid4()}.zip", now=now)
    except Busy:
        Export.objects.filter(pk=export.pk).update(attempts=F("attempts") - 1)
        return False


def _make(export: Export, name: str, *, now: datetime) -> bool:
    path = Path(default_storage.path(name))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with path.open("xb") as opened:
            path.chmod(0o600)
            written = write_organisation(
                opened,
                by=export.asked_by,
                now=now,
                alone=_number(export.pk),
                progress=lambda done, total: cache.set(_key(export.pk), (done, total), timeout=3600),
            )
        is_ours = _keep(export, name, size=path.stat().st_size, lines=written.lines, now=now)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if not is_ours:
        path.unlink(missing_ok=True)
    return is_ours


@transaction.atomic
def _keep(export: Export, name: str, *, size: int, lines: int, now: datetime) -> bool:
    """Let it be downloaded; False when another was quicker, or nobody wants it any more."""
    ours = Export.objects.filter(pk=export.pk, ready_at=None, failed_at=None)
    if not ours.update(ready_at=now, file=name, size=size, lines=lines):
        return False
    audit.record(by=export.asked_by, verb="export.made", obj=export, lines=lines, size=size)
    for row in restricted_rows(export.asked_by):
        audit.record(by=export.asked_by, verb="restricted.exported", obj=row)
    return True


def record_download(*, export: Export, by: User) -> None:
    audit.record(by=by, verb="export.downloaded", obj=export, size=export.size)


@transaction.atomic
def delete_export(*, export: Export, by: User) -> None:
    """Take it away before its time; what is being made comes to nothing."""
    audit.record(by=by, verb="export.deleted", obj=export)
    _remove(export)


def _remove(export: Export) -> None:
    """The file first: a row without one is harmless, and a file without a row would stay."""
    if export.file:
        default_storage.delete(export.file)
    export.delete()


# -- Sweeping ----------------------------------------------------------------------------------------------------------


def sweep_exports(*, now: datetime) -> int:
    """Delete what lay here for its time, ask again for what nobody makes, give up what does not succeed.

    How many archives were deleted.
    """
    expired = list(Export.objects.filter(ready_at__lte=now - Export.KEPT_FOR))
    for export in [*expired, *Export.objects.filter(failed_at__lte=now - TOLD_FOR)]:
        _remove(export)
    waiting = Export.objects.filter(ready_at=None, failed_at=None, asked_at__lt=now - STARTS_WITHIN)
    for export_id, attempts in waiting.values_list("pk", "attempts"):
        if attempts < MOST_ATTEMPTS:
            _nudge(export_id)
    _give_up(now=now)
    _remove_leftovers(now=now)
    return len(expired)


def _give_up(*, now: datetime) -> None:
    """Say of those that were tried often enough, and that nobody is making, that they failed."""
    tried = Export.objects.filter(ready_at=None, failed_at=None, attempts__gte=MOST_ATTEMPTS)
    for export_id in tried.values_list("pk", flat=True):
        with suppress(Busy), transaction.atomic():
            hold_alone(_number(export_id))
            Export.objects.filter(pk=export_id, ready_at=None).update(failed_at=now)


def _remove_leftovers(*, now: datetime) -> None:
    """Files that a worker left behind when it died."""
    folder = Path(default_storage.path(FOLDER))
    known = set(Export.objects.values_list("file", flat=True))
    for file in folder.iterdir() if folder.is_dir() else ():
        is_old = datetime.fromtimestamp(file.stat().st_mtime, UTC) < now - Export.KEPT_FOR
        if is_old and f"{FOLDER}/{file.name}" not in known:
            file.unlink(missing_ok=True)


# -- By command --------------------------------------------------------------------------------------------------------


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
