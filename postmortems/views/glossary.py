"""The glossary, edited on the writing page."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import Request, opens
from accounts.exceptions import EditedMeanwhile
from postmortems import rules
from postmortems.forms.analysis import TermForm
from postmortems.models import Postmortem, Term
from postmortems.services import glossary as services
from postmortems.services.glossary import ExplainedAlready, TermGone, TooManyTerms
from postmortems.services.postmortem import AlreadyPublished
from postmortems.views.rows import CHANGED, GONE, PUBLISHED, changed, list_part

TWICE = "It is explained already."


@require_GET
@opens(Postmortem, rules.can_see)
def glossary(request: Request, postmortem: Postmortem) -> HttpResponse:
    """All terms."""
    return _list(request, postmortem)


def _list(request: Request, postmortem: Postmortem, status: int = 200, **extra: Any) -> HttpResponse:
    context = {"terms": list(postmortem.terms.all()), "form": TermForm(), **extra}
    return list_part(request, postmortem, "postmortems/_glossary.html", context, title="Glossary", status=status)


@require_POST
@opens(Postmortem, rules.can_edit)
def term_add(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """One more term."""
    form = TermForm(request.POST)
    if not form.is_valid():
        return _list(request, postmortem, 422, form=form)
    said = form.cleaned_data
    try:
        services.explain_term(
            postmortem=postmortem, term=said["term"], meaning=said["meaning"], by=request.user, now=timezone.now()
        )
    except ExplainedAlready:
        form.add_error("term", TWICE)
        return _list(request, postmortem, 422, form=form)
    except TooManyTerms as error:
        return _list(request, postmortem, 422, form=form, problem=str(error))
    except AlreadyPublished:
        return _list(request, postmortem, 409, form=form, problem=PUBLISHED)
    return changed(request, postmortem, _list(request, postmortem))


@require_http_methods(["GET", "POST"])
@opens(Term, rules.can_edit)
def term_edit(request: Request, term: Term) -> HttpResponseBase:
    """Its form within the list, or save it."""
    postmortem = term.postmortem
    initial = {"term": term.term, "meaning": term.meaning, "revision": term.revision}
    form = TermForm(request.POST or None, initial=initial)
    if not form.is_bound or not form.is_valid():
        return _list(request, postmortem, 422 if form.is_bound else 200, editing=term, edit_form=form)
    said = form.cleaned_data
    try:
        services.update_term(
            term=term, revision=said["revision"] or 0, word=said["term"], meaning=said["meaning"], by=request.user,
            now=timezone.now(),
        )  # fmt: skip
    except ExplainedAlready:
        form.add_error("term", TWICE)
        return _list(request, postmortem, 422, editing=term, edit_form=form)
    except EditedMeanwhile:
        term.refresh_from_db()
        again = TermForm({**said, "revision": term.revision})
        return _list(request, postmortem, 409, editing=term, edit_form=again, problem=CHANGED)
    except TermGone:
        return _list(request, postmortem, 409, form=form, problem=GONE)
    except AlreadyPublished:
        return _list(request, postmortem, 409, form=form, problem=PUBLISHED)
    return changed(request, postmortem, _list(request, postmortem))


@require_POST
@opens(Term, rules.can_edit)
def term_delete(request: Request, term: Term) -> HttpResponseBase:
    """Take it out."""
    postmortem = term.postmortem
    try:
        services.delete_term(term=term, by=request.user, now=timezone.now())
    except AlreadyPublished:
        return _list(request, postmortem, 409, problem=PUBLISHED)
    return changed(request, postmortem, _list(request, postmortem))
