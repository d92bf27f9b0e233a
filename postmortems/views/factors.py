"""Contributing factors and the gates of their fault tree, edited on the writing page."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import Request, opens
from accounts.exceptions import EditedMeanwhile
from postmortems import rules
from postmortems.blocks.analysis import drawings_of
from postmortems.forms.analysis import FactorForm, GateForm
from postmortems.models import Factor, Gate, Postmortem
from postmortems.services import factor as services
from postmortems.services.factor import FactorGone, GateTooDeep, TooManyFactors
from postmortems.services.postmortem import AlreadyPublished
from postmortems.views.rows import CHANGED, GONE, PUBLISHED, changed, list_part


@require_GET
@opens(Postmortem, rules.can_see)
def factors(request: Request, postmortem: Postmortem) -> HttpResponse:
    """All factors, with their drawings."""
    return _list(request, postmortem)


def _list(request: Request, postmortem: Postmortem, status: int = 200, **extra: Any) -> HttpResponse:
    rows = list(postmortem.factors.select_related("gate"))
    context = {
        "factors": rows,
        "gates": list(postmortem.gates.select_related("parent")),
        "form": FactorForm(postmortem=postmortem),
        "gate_form": GateForm(postmortem=postmortem),
        **drawings_of(postmortem, rows),
        **extra,
    }
    title = "Contributing factors"
    return list_part(request, postmortem, "postmortems/_factors.html", context, title=title, status=status)


@require_POST
@opens(Postmortem, rules.can_edit)
def factor_add(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """One more hole, or one more layer that held."""
    form = FactorForm(request.POST, postmortem=postmortem)
    if not form.is_valid():
        return _list(request, postmortem, 422, form=form)
    try:
        services.add_factor(postmortem=postmortem, facts=form.facts, by=request.user, now=timezone.now())
    except TooManyFactors as error:
        return _list(request, postmortem, 422, form=form, problem=str(error))
    except AlreadyPublished:
        return _list(request, postmortem, 409, form=form, problem=PUBLISHED)
    return changed(request, postmortem, _list(request, postmortem))


@require_http_methods(["GET", "POST"])
@opens(Factor, rules.can_edit)
def factor_edit(request: Request, factor: Factor) -> HttpResponseBase:
    """Its form within the list, or save it."""
    postmortem = factor.postmortem
    names = ("text", "layer", "category", "has_held", "gate", "revision")
    initial = {name: getattr(factor, name) for name in names}
    form = FactorForm(request.POST or None, postmortem=postmortem, initial=initial)
    if not form.is_bound or not form.is_valid():
        return _list(request, postmortem, 422 if form.is_bound else 200, editing=factor, edit_form=form)
    try:
        services.update_factor(
            factor=factor, revision=form.cleaned_data["revision"] or 0, facts=form.facts, by=request.user,
            now=timezone.now(),
        )  # fmt: skip
    except EditedMeanwhile:
        factor.refresh_from_db()
        again = FactorForm({**request.POST.dict(), "revision": factor.revision}, postmortem=postmortem)
        return _list(request, postmortem, 409, editing=factor, edit_form=again, problem=CHANGED)
    except FactorGone:
        return _list(request, postmortem, 409, form=form, problem=GONE)
    except AlreadyPublished:
        return _list(request, postmortem, 409, form=form, problem=PUBLISHED)
    return changed(request, postmortem, _list(request, postmortem))


@require_POST
@opens(Factor, rules.can_edit)
def factor_move(request: Request, factor: Factor) -> HttpResponseBase:
    """Earlier or later."""
    try:
        services.move_factor(
            factor=factor, up=request.POST.get("direction") == "up", by=request.user, now=timezone.now()
        )
    except FactorGone:
        return _list(request, factor.postmortem, 409, problem="Somebody deleted it in the meantime.")
    except AlreadyPublished:
        return _list(request, factor.postmortem, 409, problem=PUBLISHED)
    return changed(request, factor.postmortem, _list(request, factor.postmortem))


@require_POST
@opens(Factor, rules.can_edit)
def factor_delete(request: Request, factor: Factor) -> HttpResponseBase:
    """Its number is not given again."""
    postmortem = factor.postmortem
    try:
        services.delete_factor(factor=factor, by=request.user, now=timezone.now())
    except AlreadyPublished:
        return _list(request, postmortem, 409, problem=PUBLISHED)
    return changed(request, postmortem, _list(request, postmortem))


# -- The fault tree ----------------------------------------------------------------------------------------------------


@require_POST
@opens(Postmortem, rules.can_edit)
def gate_add(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """One more step of the fault tree."""
    form = GateForm(request.POST, postmortem=postmortem)
    if not form.is_valid():
        return _list(request, postmortem, 422, gate_form=form)
    try:
        services.add_gate(postmortem=postmortem, by=request.user, now=timezone.now(), **_gate_facts(form))
    except GateTooDeep as error:
        return _list(request, postmortem, 422, gate_form=form, problem=str(error))
    except AlreadyPublished:
        return _list(request, postmortem, 409, gate_form=form, problem=PUBLISHED)
    return changed(request, postmortem, _list(request, postmortem))


def _gate_facts(form: GateForm) -> dict[str, Any]:
    said = form.cleaned_data
    return {"label": said["label"], "kind": said["kind"], "parent": said.get("parent")}


@require_http_methods(["GET", "POST"])
@opens(Gate, rules.can_edit)
def gate_edit(request: Request, gate: Gate) -> HttpResponseBase:
    """Say it, or hang it, otherwise."""
    postmortem = gate.postmortem
    initial = {name: getattr(gate, name) for name in ("label", "kind", "parent")}
    form = GateForm(request.POST or None, postmortem=postmortem, gate=gate, initial=initial)
    if not form.is_bound or not form.is_valid():
        return _list(request, postmortem, 422 if form.is_bound else 200, editing_gate=gate, edit_form=form)
    try:
        services.update_gate(gate=gate, by=request.user, now=timezone.now(), **_gate_facts(form))
    except GateTooDeep as error:
        return _list(request, postmortem, 422, editing_gate=gate, edit_form=form, problem=str(error))
    except FactorGone:
        return _list(request, postmortem, 409, gate_form=form, problem=GONE)
    except AlreadyPublished:
        return _list(request, postmortem, 409, gate_form=form, problem=PUBLISHED)
    return changed(request, postmortem, _list(request, postmortem))


@require_POST
@opens(Gate, rules.can_edit)
def gate_delete(request: Request, gate: Gate) -> HttpResponseBase:
    """What hung below it hangs where it hung."""
    postmortem = gate.postmortem
    try:
        services.delete_gate(gate=gate, by=request.user, now=timezone.now())
    except AlreadyPublished:
        return _list(request, postmortem, 409, problem=PUBLISHED)
    return changed(request, postmortem, _list(request, postmortem))
