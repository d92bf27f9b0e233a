"""Living blocks: sections that show rows of the incident or of the post-mortem in place, always as they are now.

An app above adds its own block from `AppConfig.ready()`: `blocks.register(ActionsBlock())`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, ClassVar

from django.urls import reverse

from accounts.models import User
from postmortems.coach.finding import Finding
from postmortems.coach.review import check_text
from postmortems.enums import SectionKind
from postmortems.models import Postmortem


class Block(ABC):
    """One kind of living block. Whoever may see the post-mortem may see all that its blocks show."""

    kind: ClassVar[str]
    template: ClassVar[str]
    """Draws the block for reading, within a page or an export: no forms, no scripts."""
    panel: ClassVar[str] = ""
    """The panel of the incident's page where its rows are edited, if it is not called like the kind."""

    @abstractmethod
    def context(self, postmortem: Postmortem, user: User | None) -> dict[str, Any]:
        """What `template` needs; `user` is None in an export."""

    @abstractmethod
    def markdown(self, postmortem: Postmortem) -> str:
        """The block as Markdown, without its heading; "" when there is nothing to show."""

    def missing(self, postmortem: Postmortem) -> list[str]:
        """What readers still need from this block before publication, each as one sentence."""
        return []

    def findings(self, postmortem: Postmortem) -> list[Finding]:
        """What the coach has to say of its rows; each finding's `place` is the id of its element, or its kind."""
        return []

    def edit_url(self, postmortem: Postmortem) -> str:
        """Where its rows are edited; "" where that is on the writing page itself."""
        return f"{reverse('incidents:incident', args=[postmortem.incident_id])}#incident-{self.panel or self.kind}"

    def editor_url(self, postmortem: Postmortem) -> str:
        """The fragment that edits its rows within the writing page (loaded by htmx); "" when there is none."""
        return ""


_registry: dict[str, Block] = {}


def register(block: Block) -> None:
    """Show sections of `block.kind` through `block`; called once at start."""
    _registry[block.kind] = block


def block_of(kind: str) -> Block | None:
    """The block of this kind, or None for prose."""
    return _registry.get(kind)


def missing_for_publication(postmortem: Postmortem) -> list[str]:
    """What readers still need: a summary, and what each kind of block says of itself. Empty when all is there."""
    summary = postmortem.sections.filter(is_summary=True).first()
    missing = [] if summary and summary.body.strip() else ["The summary is empty."]
    for kind in SectionKind.values:
        block = _registry.get(kind)
        missing.extend(block.missing(postmortem) if block else [])
    return missing


def findings_in_row(text: str, place: str, *, is_response: bool = False) -> list[Finding]:
    """What the coach finds in the words of a row. Its times need no zone: the timeline of the document states one."""
    return [replace(each, place=place) for each in check_text(text, zone_is_said=True, is_response=is_response)]


def cell(text: str) -> str:
    """`text` within one cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")
