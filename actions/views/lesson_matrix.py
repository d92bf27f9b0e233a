"""Which lesson is served by which action, as a table: both gaps stand out, and a click closes one."""

from __future__ import annotations

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.access import Request, opens
from accounts.pages import render_part
from actions import matrices, rules
from actions.models import ActionItem
from actions.services import action as services
from postmortems import rules as postmortem_rules
from postmortems.models import Postmortem


@require_GET
@opens(Postmortem, postmortem_rules.can_see)
def lesson_matrix(request: Request, postmortem: Postmortem) -> HttpResponse:
    """The table of a post-mortem."""
    return _matrix(request, postmortem)


def _matrix(request: Request, postmortem: Postmortem, status: int = 200) -> HttpResponse:
    context = {
        "postmortem": postmortem,
        "matrix": matrices.lesson_matrix(postmortem),
        "can_edit": postmortem_rules.can_edit(request.user, postmortem),
    }
    title = f"Lessons and actions of {postmortem.reference}"
    back = postmortem.get_absolute_url()
    return render_part(request, "actions/_lesson_matrix.html", context, title=title, back=back, status=status)


@require_POST
@opens(ActionItem, rules.can_edit)
def lesson_serve(request: Request, action: ActionItem, number: int) -> HttpResponseBase:
    """The action serves the lesson of this number from now on, or no more."""
    lesson = action.postmortem.lessons.filter(number=number).first()
    if lesson is None:
        raise Http404
    try:
        services.serve_lesson(
            action=action, lesson=lesson, serves="serves" in request.POST, by=request.user, now=timezone.now()
        )
    except services.AlreadyGone:
        return _matrix(request, action.postmortem, 409)
    if request.htmx:
        return _matrix(request, action.postmortem)
    return redirect("actions:lesson-matrix", pk=action.postmortem_id)
