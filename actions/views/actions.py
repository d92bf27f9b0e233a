"""The list of actions and the page of one."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.access import Request, opens, signed_in
from accounts.pages import render_part
from actions import queries, rules
from actions.enums import ViewOf
from actions.forms.bulk import BulkForm
from actions.forms.filters import OF_NUMBERS, ActionFilterForm
from actions.models import ActionItem
from actions.views.context import action_context, list_context
from postmortems import rules as postmortem_rules
from postmortems.models import Postmortem


@require_GET
@signed_in
def actions(request: Request) -> HttpResponse:
    """The actions a person may see, filtered by what stands in the URL."""
    template = "actions/_actions.html" if request.htmx else "actions/actions.html"
    return render(request, template, list_page(request, request.GET))


def list_page(request: Request, query: QueryDict) -> dict[str, Any]:
    """The list as `query` filters it."""
    form = ActionFilterForm(query, user=request.user)
    filters = form.filters()
    page = queries.actions_for_list(request.user, filters, cursor=query.get("page", ""), now=timezone.now())
    bulk = BulkForm(user=request.user)
    chosen = query.copy()
    chosen.pop("page", None)
    wider = chosen.copy()
    for name in OF_NUMBERS:
        wider.pop(name, None)
    shown = {"form": form, "page": page, "filters": filters, "bulk": bulk, "query": query.urlencode()}
    shown |= {"narrowing": filters.narrowing(), "wider": wider.urlencode(), "view_query": chosen.urlencode()}
    return {**shown, **queries.saved_views(request.user, ViewOf.LIST)}


@require_GET
@signed_in
def actions_mine(request: Request) -> HttpResponse:
    """What waits for this person, for their home page."""
    page = queries.actions_waiting(request.user, now=timezone.now())
    template = "actions/_actions_mine.html" if request.htmx else "actions/actions_mine.html"
    return render(request, template, {"page": page})


@require_GET
@opens(ActionItem, rules.can_see)
def action(request: Request, action: ActionItem) -> HttpResponse:
    """The page of one action; alone, the fragment that "Cancel" brings back."""
    template = "actions/_action.html" if request.htmx else "actions/action.html"
    return render(request, template, action_context(request, action))


@require_GET
@opens(Postmortem, postmortem_rules.can_see)
def actions_of_postmortem(request: Request, postmortem: Postmortem) -> HttpResponse:
    """The actions of one post-mortem, to be edited in place within its writing page."""
    return render_part(
        request,
        "actions/_actions_editor.html",
        list_context(request, postmortem),
        title=f"Action items · {postmortem.reference}",
        back=postmortem.get_absolute_url(),
    )
