"""Saved views of the list and the dashboard."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.access import Request, opens, signed_in
from actions import rules
from actions.enums import ViewOf
from actions.forms.filters import ViewForm
from actions.models import SavedView
from actions.services.view import MOST, TooManyViews, remove_view, save_view


@require_POST
@signed_in
def view_add(request: Request) -> HttpResponseBase:
    """Keep the filters that are set under a name."""
    form = ViewForm(request.POST)
    is_valid, data = form.is_valid(), form.cleaned_data
    query = QueryDict(data.get("query", "")).urlencode()  # only what parses as filters, never an address
    unsaved = SavedView(of=data.get("of", ViewOf.LIST), query=query)
    if not is_valid:
        messages.error(request, "Give the view a name of at most 60 letters.")
        return redirect(unsaved.get_absolute_url())
    try:
        view = save_view(person=request.user, of=data["of"], name=data["name"], query=query[:1000])
    except TooManyViews:
        messages.error(request, f"There are {MOST} views already: remove one first.")
        return redirect(unsaved.get_absolute_url())
    return redirect(view.get_absolute_url())


@require_POST
@opens(SavedView, rules.can_remove_view)
def view_remove(request: Request, view: SavedView) -> HttpResponseBase:
    """Forget a view."""
    remove_view(view=view)
    return redirect(f"actions:{view.of}")
