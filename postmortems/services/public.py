"""The public version: written, approved twice, published as approved, taken down."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.utils.text import slugify

from accounts import audit
from accounts.exceptions import EditedMeanwhile
from accounts.models import User
from postmortems.leaks import Leak, leaks_in
from postmortems.models import AllowedWords, Postmortem, PublicationSettings, PublicVersion
from postmortems.services.postmortem import lock_postmortem, postmortem_was_changed

MOST_ALLOWED = 200


class MayNotApprove(Exception):
    """The person is not among those who approve for it, or approved the same text for the other side."""


class NotReady(Exception):
    """It may not be published yet; `missing` says in sentences why."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__(" ".join(missing))
        self.missing = missing


@transaction.atomic
def write_public_version(
    *, postmortem: Postmortem, revision: int, title: str, body: str, by: User, now: datetime
) -> PublicVersion:
    """Write the text. What the world reads stays as it was approved. Raises `EditedMeanwhile`."""
    locked = lock_postmortem(postmortem)
    row = PublicVersion.objects.select_for_update(of=("self",)).filter(postmortem=locked).first()
    if row is None:
        row = PublicVersion(postmortem=locked, title=title, body=body, updated_by=by, updated_at=now)
        row.save(force_insert=True)
    elif (row.title, row.body) == (title, body):
        return row
    else:
        if row.revision != revision:
            raise EditedMeanwhile(row)
        row.title, row.body, row.updated_by, row.updated_at = title, body, by, now
        row.revision += 1
        row.save(update_fields=["title", "body", "updated_by", "updated_at", "revision"])
    audit.record(by=by, verb="public-version.written", obj=locked, revision=row.revision)
    postmortem_was_changed(locked, part="public", now=now)
    return row


@transaction.atomic
def approve_public_version(*, version: PublicVersion, revision: int, side: str, by: User, now: datetime) -> None:
    """Approve this revision for "legal" or "leadership". Two people do, not one.

    Raises `EditedMeanwhile` when it is another text by now, or `MayNotApprove`.
    """
    locked = _locked(version)
    if locked.revision != revision:
        raise EditedMeanwhile(locked)
    if by.pk not in approvers(side):
        raise MayNotApprove("You are not among those who approve for this side.")
    other = locked.leadership_by_id if side == "legal" else locked.legal_by_id
    is_other_current = locked.is_led if side == "legal" else locked.is_legal
    if is_other_current and other == by.pk:
        raise MayNotApprove("You approved it for the other side: somebody else does for this one.")
    setattr(locked, f"{side}_by", by)
    setattr(locked, f"{side}_revision", revision)
    locked.save(update_fields=[f"{side}_by", f"{side}_revision"])
    audit.record(by=by, verb=f"public-version.approved-{side}", obj=locked.postmortem, revision=revision)
    postmortem_was_changed(locked.postmortem, part="public", now=now)


def approvers(side: str) -> set[int]:
    """Who approves for "legal" or for "leadership", and still works here."""
    row = PublicationSettings.objects.first()
    people = getattr(row, side) if row and side in {"legal", "leadership"} else User.objects.none()
    return set(people.filter(is_active=True).values_list("pk", flat=True))


def missing_of(version: PublicVersion, found: Sequence[Leak]) -> list[str]:
    """What speaks against publishing this text, in which `found` points inside; each as one sentence."""
    missing = [] if version.postmortem.published_at else ["The post-mortem itself was never published."]
    if not version.is_legal:
        missing.append("Legal has not approved this text.")
    if not version.is_led:
        missing.append("Leadership has not approved this text.")
    if found:
        missing.append(f"{len(found)} {'place points' if len(found) == 1 else 'places point'} inside.")
    return missing


@transaction.atomic
def publish_public_version(*, version: PublicVersion, revision: int, by: User, now: datetime) -> PublicVersion:
    """Let the world read this revision, at an address that stays. Twice is harmless.

    Raises `EditedMeanwhile` or `NotReady`; nothing is written then.
    """
    locked = _locked(version)
    if locked.revision != revision:
        raise EditedMeanwhile(locked)
    if locked.published_at and locked.published_revision == revision:
        return locked
    if missing := missing_of(locked, leaks_in(locked.text, locked.postmortem)):
        raise NotReady(missing)
    locked.slug = locked.slug or f"{slugify(locked.title)[:60] or 'incident'}-{secrets.token_hex(3)}"
    locked.published_title, locked.published_body, locked.published_revision = locked.title, locked.body, revision
    locked.published_at, locked.republished_at = locked.published_at or now, now
    locked.save(
        update_fields=[
            "slug", "published_title", "published_body", "published_revision", "published_at", "republished_at",
        ]
    )  # fmt: skip
    audit.record(by=by, verb="public-version.published", obj=locked.postmortem, revision=revision)
    postmortem_was_changed(locked.postmortem, part="public", now=now)
    return locked


@transaction.atomic
def take_down(*, version: PublicVersion, by: User, now: datetime) -> None:
    """Nobody outside reads it any more. Twice is harmless; its address stays its own."""
    locked = _locked(version)
    if locked.published_at is None:
        return
    locked.published_at, locked.published_revision = None, None
    locked.save(update_fields=["published_at", "published_revision"])
    audit.record(by=by, verb="public-version.taken-down", obj=locked.postmortem)
    postmortem_was_changed(locked.postmortem, part="public", now=now)


@transaction.atomic
def allow_words(*, postmortem: Postmortem, quote: str, reason: str, by: User, now: datetime) -> None:
    """Let words be public that look as if they pointed inside. Approvals of the text are void then."""
    locked = lock_postmortem(postmortem)
    if locked.allowed_words.count() >= MOST_ALLOWED:
        return
    AllowedWords.objects.update_or_create(
        postmortem=locked, quote=quote, defaults={"reason": reason, "allowed_by": by, "allowed_at": now}
    )
    PublicVersion.objects.filter(postmortem=locked).update(legal_revision=None, leadership_revision=None)
    audit.record(by=by, verb="public-version.words-allowed", obj=locked)
    postmortem_was_changed(locked, part="public", now=now)


@transaction.atomic
def choose_approvers(*, legal: Iterable[User], leadership: Iterable[User], by: User) -> None:
    """Who approves from now on."""
    row, _ = PublicationSettings.objects.get_or_create(only=True)
    row.legal.set(legal)
    row.leadership.set(leadership)
    audit.record(by=by, verb="publication.approvers-chosen", obj=row)


def _locked(version: PublicVersion) -> PublicVersion:
    lock_postmortem(version.postmortem)
    rows = PublicVersion.objects.select_for_update(of=("self",)).select_related("postmortem__incident")
    return rows.get(pk=version.pk)
