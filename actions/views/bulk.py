"""Changing many actions of the list at once, with undo."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.access import Request, opens, signed_in
from actions import rules
from actions.forms.bulk import BulkForm
from actions.models import BulkChange
from actions.services.bulk import MOST, NotUndoable, bulk_edit, chosen_actions, undo_bulk_change
from actions.views.actions import list_page


@require_POST
@signed_in
def actions_bulk(request: Request) -> HttpResponseBase:
    """Change the chosen actions; the list comes back as it was filtered, with what happened above it."""
    form = BulkForm(request.POST, user=request.user)
    ids = [int(text) for text in request.POST.getlist("chosen") if text.isascii() and text.isdigit() and len(text) < 18]
    if not ids or len(ids) > MOST:
        words = f"Choose at most {MOST} actions at once." if ids else "Choose the actions first."
        return _list(request, bulk=form, problem=words, chosen=ids, status=422)
    if not form.is_valid():
        return _list(request, bulk=form, chosen=ids, status=422)
    result = bulk_edit(actions=chosen_actions(request.user, ids), facts=form.facts, by=request.user, now=timezone.now())
    return _list(request, result=result)


@require_POST
@opens(BulkChange, rules.can_undo)
def actions_undo(request: Request, change: BulkChange) -> HttpResponseBase:
    """Take a change of many back."""
    try:
        result = undo_bulk_change(change=change, by=request.user, now=timezone.now())
    except NotUndoable:
        return _list(request, problem="This was taken back already.", status=409)
    return _list(request, result=result, is_undo=True)


def _list(request: Request, *, status: int = 200, **more: Any) -> HttpResponse:
    """The list as the hidden field `query` says it was filtered."""
    query = QueryDict(request.POST.get("query", "")[:2000])
    template = "actions/_actions.html" if request.htmx else "actions/actions.html"
    return render(request, template, {**list_page(request, query), **more}, status=status)
