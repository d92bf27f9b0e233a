"""Words of a document as plain text, for a mail or a message."""

from __future__ import annotations

import re

from incidents.markdown import resolve_references
from postmortems.models import Postmortem, Section
from postmortems.references import references_in

LONGEST = 900
"""Characters of a paragraph that is quoted: more than that nobody reads in a mail."""
MARKS = re.compile(r"[*_`]{1,3}|^#{1,6}\s+|^>\s?|!?\[([^\]]*)\]\([^)]*\)", re.MULTILINE)
SENTENCE_END = re.compile(r"(?<=[.!?…])\s+(?=[^a-z])")


def first_words(postmortem: Postmortem, section: Section | None) -> str:
    """The first paragraph of a section, as plain text with its references as they are now."""
    if section is None:
        return ""
    body = resolve_references(section.body, references_in(postmortem, [section.body]))
    paragraphs = [each.strip() for each in body.split("\n\n") if each.strip()]
    return plain(paragraphs[0]) if paragraphs else ""


def first_sentence(text: str) -> str:
    """Up to the first full stop that ends one."""
    return SENTENCE_END.split(text, maxsplit=1)[0]


def plain(text: str) -> str:
    """`text` on one line, without its marks."""
    words = " ".join(MARKS.sub(lambda match: match[1] or "", text).split())
    return words if len(words) <= LONGEST else f"{words[:LONGEST].rsplit(' ', 1)[0]} …"
