"""What the pages and fragments of one post-mortem share."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from accounts.access import Request
from postmortems import queries, rules
from postmortems.blocks import block_of
from postmortems.document import rendered_section
from postmortems.models import Postmortem, Section
from postmortems.services.state import MOVES


def header_context(request: Request, postmortem: Postmortem) -> dict[str, Any]:
    """The head of every page of a post-mortem: what it is, its state, and what this person may do."""
    can_manage = rules.can_manage(request.user, postmortem)
    return {
        "postmortem": postmortem,
        "incident": postmortem.incident,
        "can_edit": rules.can_edit(request.user, postmortem),
        "can_manage": can_manage,
        **state_context(request, postmortem, can_manage=can_manage),
    }


def state_context(request: Request, postmortem: Postmortem, *, can_manage: bool | None = None) -> dict[str, Any]:
    """The state, who set it, and the moves this person may make from it."""
    if can_manage is None:
        can_manage = rules.can_manage(request.user, postmortem)
    moves = [to for to in MOVES[postmortem.state] if rules.can_move(request.user, postmortem, to)]
    return {
        "postmortem": postmortem,
        "can_manage": can_manage,
        "moves": moves,
        "last_change": queries.last_state_change(postmortem),
    }


def section_context(section: Section, progress: str | None = None) -> dict[str, Any]:
    """One section on the writing page: drawn alone, it is what it is within the page."""
    postmortem = section.postmortem
    block = block_of(section.kind)
    return {
        "section": section,
        "postmortem": postmortem,
        "can_edit": True,
        "progress": progress or queries.progress_of(section, postmortem),
        "html": rendered_section(section),
        "edit_url": block.edit_url(postmortem) if block else "",
        "editor_url": block.editor_url(postmortem) if block else "",
    }


def write_url(section: Section) -> str:
    """The place of the section on the writing page."""
    return f"{reverse('postmortems:write', args=[section.postmortem_id])}#section-{section.pk}"
