"""Files of a post-mortem: checked before they are kept, served only through the gate."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from accounts import audit
from accounts.models import User
from postmortems.files import CheckedFile, RefusedFile, inspect
from postmortems.models import Attachment, Postmortem
from postmortems.services.postmortem import lock_for_writing

MOST_FILES = 500
"""A post-mortem with more files than this is a mistake."""


class FileRefused(Exception):
    """The file is not one we keep; the message says why, in words for its person."""


def add_attachment(
    *, postmortem: Postmortem, upload: UploadedFile[bytes], alternative_text: str, by: User, now: datetime
) -> Attachment:
    """Check `upload` by its content and keep it. The same file twice (a double drop) is kept once.

    Raises `FileRefused` or `AlreadyPublished`; nothing is kept then. Checking takes its time, so it happens before
    anything is locked.
    """
    checked = inspect(upload)
    if isinstance(checked, RefusedFile):
        raise FileRefused(checked.reason)
    return _keep(postmortem, checked, alternative_text, by=by, now=now)


@transaction.atomic
def _keep(
    postmortem: Postmortem, checked: CheckedFile, alternative_text: str, *, by: User, now: datetime
) -> Attachment:
    locked = lock_for_writing(postmortem)
    digest = hashlib.sha256(checked.content).hexdigest()
    twin = locked.attachments.filter(sha256=digest, name=checked.name, uploaded_by=by).first()
    if twin:
        return twin
    if locked.attachments.count() >= MOST_FILES:
        raise FileRefused(f"A post-mortem holds {MOST_FILES} files.")
    attachment = Attachment(
        postmortem=locked,
        kind=checked.kind,
        name=checked.name,
        content_type=checked.content_type,
        size=len(checked.content),
        sha256=digest,
        width=checked.width,
        height=checked.height,
        alternative_text=alternative_text,
        uploaded_by=by,
        created_at=now,
    )
    attachment.file.save(checked.name, ContentFile(checked.content), save=False)
    attachment.save(force_insert=True)
    audit.record(by=by, verb="attachment.added", obj=locked, attachment=str(attachment.pk), size=attachment.size)
    return attachment
