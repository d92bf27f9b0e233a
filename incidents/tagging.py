"""Tags: short words that people agree on, written in one way only, so that the same word is the same tag."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 40
MOST_TAGS = 12
"""On one post-mortem: more say nothing."""
_TAG = re.compile(r"[^\W_](?:[\w.+/-]*[^\W_]|[+])*")
_GAP = re.compile(r"[\s_-]+")


def normalised(words: str) -> str:
    """The tag that `words` mean: "#Data Base " is "data-base". "" where there is none, or it is too long."""
    plain = unicodedata.normalize("NFKC", words).casefold().strip().lstrip("#").strip()
    tag = _GAP.sub("-", plain).strip("-")
    return tag if len(tag) <= LONGEST and _TAG.fullmatch(tag) else ""


def split(text: str) -> list[str]:
    """What stands between commas in `text`, each once, as it was written."""
    return list(dict.fromkeys(part.strip() for part in text.replace("\n", ",").split(",") if part.strip()))
