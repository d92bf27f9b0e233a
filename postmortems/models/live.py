"""Live text (postmortems/collab): the log, its snapshot, and whose each client is.

What is inserted with every commit has no foreign keys in Postgres: checking one locks the row it names, and a service
that holds that row while it waits for the head would be waited for by the commit that holds the head.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from accounts.models import User
from postmortems.models.postmortem import Postmortem


class DocumentHead(models.Model):
    """Where the live text of a post-mortem stands: one narrow row, locked by every append."""

    postmortem = models.OneToOneField(Postmortem, primary_key=True, on_delete=models.CASCADE, related_name="document")
    head = models.PositiveBigIntegerField(default=0)
    """The number of the last update; numbers have no gaps, so a hole in the log can be seen."""
    acl_version = models.PositiveIntegerField(default=0)
    """Rises whenever anyone's right to write may have changed: an append names the one it was checked against."""
    body_seq = models.PositiveBigIntegerField(default=0, db_default=0)
    """The entry up to which `Section.body` says what the log says."""
    kept_seq = models.PositiveBigIntegerField(default=0, db_default=0)
    """The entry up to which the history has it."""
    snapshot_seq = models.PositiveBigIntegerField(default=0)
    tail_bytes = models.PositiveBigIntegerField(default=0)
    """Size of the log behind the snapshot: what asks for compaction."""

    def __str__(self) -> str:
        return f"PM-{self.pk} at {self.head}"


class DocumentSnapshot(models.Model):
    """The live text as one update: everything up to `seq`."""

    postmortem = models.OneToOneField(Postmortem, primary_key=True, on_delete=models.CASCADE, related_name="+")
    seq = models.PositiveBigIntegerField()
    data = models.BinaryField()
    unkept = ArrayField(models.BigIntegerField(), default=list, db_default=[])
    """Who wrote those of its entries that the history did not have when it was made; 0 for no person."""

    def __str__(self) -> str:
        return f"PM-{self.pk} up to {self.seq}"


class DocumentUpdate(models.Model):
    """One entry of the log: the updates of one commit, each behind its length."""

    pk = models.CompositePrimaryKey("postmortem", "seq")
    postmortem = models.ForeignKey(
        Postmortem, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    seq = models.PositiveBigIntegerField()
    data = models.BinaryField()
    people = ArrayField(models.BigIntegerField(), default=list, db_default=[])
    """Who sent each of its updates, in their order; 0 for what no person wrote."""
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"PM-{self.postmortem_id}, update {self.seq}"


class DocumentWriter(models.Model):
    """Whose page a client of the live text is: what tells who wrote which words."""

    pk = models.CompositePrimaryKey("postmortem", "client")
    postmortem = models.ForeignKey(
        Postmortem, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    client = models.PositiveBigIntegerField()
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_constraint=False)

    def __str__(self) -> str:
        return f"{self.user_id} as {self.client}"
