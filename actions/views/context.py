"""What every fragment of one action is rendered with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpResponse
from django.utils import timezone

from accounts.access import Request
from actions import queries, repeats, rules
from actions.forms.action import IdeaForm
from actions.jira.queries import jira_row
from actions.models import ActionItem
from postmortems import rules as postmortem_rules
from postmortems.models import Postmortem


def action_context(request: Request, action: ActionItem, **more: Any) -> dict[str, Any]:
    """One action as this person sees it now."""
    can_edit = rules.can_edit(request.user, action)
    now = timezone.now()
    shown = queries.row_for_page(action, user=request.user, can_edit=can_edit, now=now)
    row = replace(shown, jira=jira_row(shown.action, now=now))
    return {
        "row": row,
        "postmortem": row.action.postmortem,
        "is_own_page": is_own_page(request, action),
        **more,
    }


def is_own_page(request: Request, action: ActionItem) -> bool:
    """Whether this is asked for on the page of the action alone."""
    shown_on = request.htmx.current_url_abs_path if request.htmx else request.path
    return shown_on == action.get_absolute_url()


def list_context(request: Request, postmortem: Postmortem) -> dict[str, Any]:
    """The actions of one post-mortem as this person may edit them."""
    can_edit = postmortem_rules.can_edit(request.user, postmortem)
    rows = queries.rows_of(postmortem, user=request.user, can_edit=can_edit, now=timezone.now())
    finished = sum(1 for row in rows if row.action.is_finished)
    ideas = list(postmortem.action_ideas.on_shelf().select_related("created_by"))
    found = {"postmortem": postmortem, "rows": rows, "finished": finished, "can_add": can_edit, "ideas": ideas}
    fixes = repeats.earlier_fixes(postmortem, request.user) if can_edit else None
    return {**found, "idea_form": IdeaForm() if can_edit else None, "fixes": fixes}


def csv_file(text: str, name: str) -> HttpResponse:
    """`text` to be kept as a file, named after what it is and the day.

    A byte order mark goes first: without it Excel reads every letter beyond ASCII as two wrong ones.
    """
    response = HttpResponse(f"\ufeff{text}", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-{timezone.localdate():%Y-%m-%d}.csv"'
    return response
