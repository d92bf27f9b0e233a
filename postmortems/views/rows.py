"""Rows of the analysis that are edited in a list: factors, gates, terms, graphs and answers work alike.

A change answers with its whole list; a form stands in the list where its row is. What somebody else did first is said
above the form, which keeps what this person wrote.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from accounts.access import Request
from accounts.pages import render_part
from postmortems import rules
from postmortems.models import Postmortem
from postmortems.views.context import text_url

GONE = "Somebody deleted it in the meantime. What you wrote is below: save to add it again."
PUBLISHED = "The post-mortem was published in the meantime: reopen it before changing its analysis."
CHANGED = "Somebody changed it while you were editing. Theirs is above; yours is in the form."


def list_part(
    request: Request, postmortem: Postmortem, fragment: str, context: dict[str, Any], *, title: str, status: int = 200
) -> HttpResponse:
    """The list; nobody edits in what is published."""
    postmortem.refresh_from_db(fields=["state"])
    can_edit = rules.can_edit(request.user, postmortem) and not postmortem.is_published
    page = {"postmortem": postmortem, "can_edit": can_edit, **context}
    page_title = f"{title} of {postmortem.reference}"
    return render_part(request, fragment, page, title=page_title, back=text_url(postmortem), status=status)


def changed(request: Request, postmortem: Postmortem, part: HttpResponse) -> HttpResponseBase:
    """After a change: the list for htmx, the writing page without it."""
    return part if request.htmx else redirect(text_url(postmortem))
