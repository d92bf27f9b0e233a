"""Impact by effort: which actions are worth doing first."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.access import Request, opens
from accounts.exceptions import EditedMeanwhile
from actions import matrices, rules
from actions.enums import Level
from actions.forms.action import PlaceForm
from actions.models import ActionItem
from actions.services.action import AlreadyGone, place_action
from postmortems import rules as postmortem_rules
from postmortems.models import Postmortem


@require_GET
@opens(Postmortem, postmortem_rules.can_see)
def actions_matrix(request: Request, postmortem: Postmortem) -> HttpResponse:
    """The matrix of one post-mortem."""
    return _matrix(request, postmortem)


@require_POST
@opens(ActionItem, rules.can_edit)
def action_place(request: Request, action: ActionItem) -> HttpResponseBase:
    """Move an action to its place; whoever was too late sees where it stands now."""
    form = PlaceForm(request.POST)
    if not form.is_valid():
        return _matrix(request, action.postmortem, problem="That place does not exist.", status=422)
    try:
        place_action(action=action, by=request.user, now=timezone.now(), **form.cleaned_data)
    except EditedMeanwhile:
        words = f"Someone changed {action.reference} meanwhile. This is how it stands now."
        return _matrix(request, action.postmortem, problem=words, status=409)
    except AlreadyGone:
        return _matrix(request, action.postmortem, problem=f"{action.reference} was deleted.", status=409)
    if not request.htmx:
        return redirect(reverse("actions:actions-matrix", args=[action.postmortem_id]))
    return _matrix(request, action.postmortem, moved=action.pk)


def _matrix(
    request: Request, postmortem: Postmortem, *, problem: str = "", moved: int = 0, status: int = 200
) -> HttpResponse:
    context = {
        "postmortem": postmortem,
        "matrix": matrices.matrix_of(postmortem),
        "can_edit": postmortem_rules.can_edit(request.user, postmortem),
        "levels": Level,
        "problem": problem,
        "moved": moved,
    }
    template = "actions/_matrix.html" if request.htmx else "actions/matrix.html"
    return render(request, template, context, status=status)
