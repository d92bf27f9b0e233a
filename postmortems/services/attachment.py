"""Files of a post-mortem: checked before they are kept, served only through the gate."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from accounts import audit
from accounts.models import User
from postmortems.files import RefusedFile, inspect
from postmortems.models import Attachment, Postmortem
from postmortems.services.postmortem import lock_for_writing

MOST_FILES = 500
"""A post-mortem with more files than this is a mistake, or worse."""


class FileRefused(Exception):
    """The file is not one we keep; the message says why, in words for its person."""
