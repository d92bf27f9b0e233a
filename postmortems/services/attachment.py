"""Files of a post-mortem: checked before they are kept, served only through the gate."""

from __future__ import annotations

MOST_FILES = 500
"""A post-mortem with more files than this is a mistake, or worse."""


class FileRefused(Exception):
    """The file is not one we keep; the message says why, in words for its person."""
