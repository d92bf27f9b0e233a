"""What the pages and fragments of one post-mortem share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString

from accounts.access import Request
from incidents.markdown import Reference, render, render_inline
from postmortems import queries, rules
from postmortems.blocks import block_of
from postmortems.document import rendered_section
from postmortems.forms.document import AssignForm
from postmortems.models import Comment, Postmortem, Section, Thread
from postmortems.references import references_in
from postmortems.services.state import MOVES


def header_context(request: Request, postmortem: Postmortem) -> dict[str, Any]:
    """The head of every page of a post-mortem: what it is, its state, and what this person may do."""
    can_manage = rules.can_manage(request.user, postmortem)
    return {
        "postmortem": postmortem,
        "incident": postmortem.incident,
        "can_edit": rules.can_edit(request.user, postmortem),
        "can_manage": can_manage,
        "tags": queries.tags_of(postmortem),
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
        "progress": progress or queries.progress_of(section, postmortem),
        "html": rendered_section(section),
        "edit_url": block.edit_url(postmortem) if block else "",
        "editor_url": block.editor_url(postmortem) if block else "",
    }


def text_url(postmortem: Postmortem) -> str:
    """Where the text is: the reader's page once it is published, the writing page until then."""
    if postmortem.is_published:
        return postmortem.get_absolute_url()
    return reverse("postmortems:write", args=[postmortem.pk])


def write_url(section: Section) -> str:
    """The place of the section on the writing page."""
    return f"{reverse('postmortems:write', args=[section.postmortem_id])}#section-{section.pk}"


def comments_context(request: Request, postmortem: Postmortem) -> dict[str, Any]:
    """The threads as this person sees them."""
    threads = queries.threads_of(postmortem, request.user)
    can_edit = rules.can_edit(request.user, postmortem)
    texts = [said.body for thread in threads for said in thread.comments.all()]
    texts += [text for thread in threads for text in (thread.quote, thread.replacement or "")]
    references = references_in(postmortem, texts)
    shown = [ShownThread(thread, can_edit or thread.created_by_id == request.user.pk, references) for thread in threads]
    return {
        "postmortem": postmortem,
        "open_threads": [each for each in shown if each.thread.is_open],
        "closed_threads": [each for each in shown if not each.thread.is_open],
        "unread": sum(each.is_unread for each in shown),
        "can_accept": can_edit and not postmortem.is_published,
        "assign_form": AssignForm(),
        "me": request.user,
    }


@dataclass(frozen=True)
class ShownThread:
    """A thread, what this person may do with it, and what it says."""

    thread: Thread
    may_close: bool
    references: Mapping[str, Reference]

    @property
    def is_unread(self) -> bool:
        return bool(getattr(self.thread, "is_unread", False))

    @property
    def quote(self) -> SafeString:
        return render_inline(self.thread.quote, self.references)

    @property
    def replacement(self) -> SafeString:
        return render_inline(self.thread.replacement or "", self.references)

    @property
    def comments(self) -> list[tuple[Comment, SafeString]]:
        """What was said, in order, each with its HTML; a suggestion may come without a word."""
        said = [comment for comment in self.thread.comments.all() if comment.body]
        return [(comment, render(comment.body, self.references, prefix=f"comment-{comment.pk}")) for comment in said]
