"""What workers do with the live text."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Greatest, Length

from postmortems.collab import store
from postmortems.collab.bus import announce_change
from postmortems.enums import RevisionReason
from postmortems.models import DocumentHead, DocumentSnapshot, DocumentUpdate, Postmortem, Revision
from postmortems.services.text import bring_up_to_date, keep_revision

PAUSE = RevisionReason.PAUSE.value
LEFT_BEHIND = timedelta(minutes=2)
"""A hub asks after seconds; text that old with nobody asking has lost its nudge."""
TOLD = timedelta(seconds=10)
"""By then every process has an entry, without Redis too: whoever lacks one that was compacted loads all of it anew."""
SHORT_TAIL = 8 * 1024
"""Bytes of log behind the snapshot that are never worth a new one; otherwise it is as soon as it outgrows the old."""


def follow_text(*, postmortem_id: int, upto: int, reason: str, now: datetime) -> Revision | None:
    """Let the sections follow the log up to entry `upto`, with a `reason` keep a revision, and shorten a long log.

    What was done already is not done again, in whatever order it is asked for.
    """
    with transaction.atomic():
        postmortem = Postmortem.objects.select_for_update(of=("self",)).filter(pk=postmortem_id).first()
        if postmortem is None:
            return None
        if bring_up_to_date(postmortem, upto=upto):
            transaction.on_commit(lambda: announce_change(postmortem_id, "text"))
        revision = None
        if reason and DocumentHead.objects.filter(pk=postmortem_id, kept_seq__lt=upto).exists():
            revision = keep_revision(postmortem, reason=RevisionReason(reason), by=None, now=now)
    shorten_log(postmortem_id, now=now)
    return revision


def shorten_log(postmortem_id: int, *, now: datetime) -> bool:
    """Compact what the sections say and every process has, when it is long; True when that was done."""
    head = _long_logs().filter(pk=postmortem_id).first()
    if head is None:
        return False
    told = DocumentUpdate.objects.filter(postmortem=postmortem_id, seq__lte=head.body_seq, created_at__lt=now - TOLD)
    upto = told.aggregate(last=Max("seq"))["last"]
    return upto is not None and store.compact(postmortem_id, upto=upto)


def texts_left_behind(*, now: datetime) -> list[tuple[int, int]]:
    """Post-mortems, with the last entry of their log, that the history should have by now; and those with long logs."""
    recent = DocumentUpdate.objects.filter(postmortem=OuterRef("pk"), created_at__gt=now - LEFT_BEHIND)
    behind = DocumentHead.objects.filter(~Exists(recent), kept_seq__lt=F("head"))
    long = _long_logs().filter(~Exists(recent))
    return list(behind.union(long).values_list("pk", "head"))


def _long_logs() -> QuerySet[DocumentHead]:
    """Logs worth compacting, of which the sections say more than the snapshot does."""
    snapshot = DocumentSnapshot.objects.filter(postmortem=OuterRef("pk")).values(bytes=Length("data"))
    longest = Greatest(Value(SHORT_TAIL), Coalesce(Subquery(snapshot), 0))
    return DocumentHead.objects.filter(tail_bytes__gt=longest, body_seq__gt=F("snapshot_seq"))
