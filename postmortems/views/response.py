"""The response analysis, edited on the writing page: one answer beside what was measured."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse, HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import Request, opens
from accounts.exceptions import EditedMeanwhile
from postmortems import rules
from postmortems.blocks.analysis import answers_of
from postmortems.enums import Aspect
from postmortems.forms.analysis import ResponseForm
from postmortems.models import Postmortem
from postmortems.services.postmortem import AlreadyPublished
from postmortems.services.response import write_response
from postmortems.views.rows import CHANGED, PUBLISHED, changed, list_part


@require_GET
@opens(Postmortem, rules.can_see)
def response(request: Request, postmortem: Postmortem) -> HttpResponse:
    """Every question with what was measured and answered."""
    return _list(request, postmortem)


def _list(request: Request, postmortem: Postmortem, status: int = 200, **extra: Any) -> HttpResponse:
    context = {"answers": answers_of(postmortem), **extra}
    title = "Response analysis"
    return list_part(request, postmortem, "postmortems/_response.html", context, title=title, status=status)


@require_http_methods(["GET", "POST"])
@opens(Postmortem, rules.can_edit)
def response_edit(request: Request, postmortem: Postmortem, aspect: str) -> HttpResponseBase:
    """The form of one answer within the list, or save it."""
    if aspect not in Aspect.values:
        raise Http404
    note = postmortem.response_notes.filter(aspect=aspect).first()
    initial = {"text": note.text, "revision": note.revision} if note else {"text": "", "revision": 0}
    form = ResponseForm(request.POST or None, initial=initial)
    if request.method == "GET" or not form.is_valid():
        return _list(request, postmortem, 422 if form.is_bound else 200, editing=aspect, form=form)
    said = form.cleaned_data
    try:
        write_response(
            postmortem=postmortem, aspect=aspect, revision=said["revision"] or 0, text=said["text"].strip(),
            by=request.user, now=timezone.now(),
        )  # fmt: skip
    except EditedMeanwhile:
        note = postmortem.response_notes.filter(aspect=aspect).first()
        again = ResponseForm({"text": said["text"], "revision": note.revision if note else 0})
        return _list(request, postmortem, 409, editing=aspect, form=again, problem=CHANGED)
    except AlreadyPublished:
        return _list(request, postmortem, 409, problem=PUBLISHED, mine=said["text"])
    return changed(request, postmortem, _list(request, postmortem))
