"""Graphs: edited on the writing page, and their numbers for the page's script."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import Request, opens
from accounts.exceptions import EditedMeanwhile
from postmortems import rules
from postmortems.blocks.analysis import MetricsBlock, metrics_of
from postmortems.forms.analysis import MetricForm
from postmortems.graphs import marks_of, range_of
from postmortems.models import Metric, Postmortem
from postmortems.services import metric as services
from postmortems.services.attachment import FileRefused
from postmortems.services.metric import MetricGone, TooManyMetrics
from postmortems.services.postmortem import AlreadyPublished
from postmortems.views.rows import CHANGED, GONE, PUBLISHED, changed, list_part


@require_GET
@opens(Postmortem, rules.can_see)
def metrics(request: Request, postmortem: Postmortem) -> HttpResponse:
    """All graphs."""
    return _list(request, postmortem)


def _list(request: Request, postmortem: Postmortem, status: int = 200, **extra: Any) -> HttpResponse:
    context = {
        **MetricsBlock().context(postmortem, request.user),
        "form": MetricForm(postmortem=postmortem),
        **extra,
    }
    return list_part(request, postmortem, "postmortems/_metrics.html", context, title="Graphs", status=status)


@require_GET
@opens(Metric, rules.can_see)
def metric_numbers(request: Request, metric: Metric) -> HttpResponse:
    """The series with the stretch of time and the moments that all graphs of the post-mortem share."""
    postmortem = metric.postmortem
    shown = range_of(postmortem, metrics_of(postmortem))
    numbers = {
        "unit": metric.unit,
        "zone": postmortem.incident.timezone,
        "range": [shown.start, shown.end] if shown else None,
        "marks": [[mark.at.timestamp(), mark.number, mark.text] for mark in marks_of(postmortem.incident)],
        "series": [
            {"name": row.name, "times": list(times), "values": list(values)}
            for row, (times, values) in ((row, row.points) for row in metric.series.all())
        ],
    }
    return JsonResponse(numbers)


@require_POST
@opens(Postmortem, rules.can_edit)
def metric_add(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """One more graph."""
    form = MetricForm(request.POST, request.FILES, postmortem=postmortem)
    if not form.is_valid():
        return _list(request, postmortem, 422, form=form)
    try:
        services.add_metric(postmortem=postmortem, facts=form.facts, by=request.user, now=timezone.now())
    except FileRefused as error:
        form.add_error("file", str(error))
        return _list(request, postmortem, 422, form=form)
    except TooManyMetrics as error:
        return _list(request, postmortem, 422, form=form, problem=str(error))
    except AlreadyPublished:
        return _list(request, postmortem, 409, form=form, problem=PUBLISHED)
    return changed(request, postmortem, _list(request, postmortem))


@require_http_methods(["GET", "POST"])
@opens(Metric, rules.can_edit)
def metric_edit(request: Request, metric: Metric) -> HttpResponseBase:
    """Its form within the list, or save it."""
    postmortem = metric.postmortem
    initial = {name: getattr(metric, name) for name in ("title", "unit", "shows", "revision")}
    form = MetricForm(
        request.POST or None, request.FILES or None, postmortem=postmortem, has_data=True, initial=initial
    )
    if not form.is_bound or not form.is_valid():
        return _list(request, postmortem, 422 if form.is_bound else 200, editing=metric, edit_form=form)
    try:
        services.update_metric(
            metric=metric, revision=form.cleaned_data["revision"] or 0, facts=form.facts, by=request.user,
            now=timezone.now(),
        )  # fmt: skip
    except FileRefused as error:
        form.add_error("file", str(error))
        return _list(request, postmortem, 422, editing=metric, edit_form=form)
    except EditedMeanwhile:
        metric.refresh_from_db()
        mine = {**request.POST.dict(), "revision": metric.revision}
        again = MetricForm(mine, postmortem=postmortem, has_data=True)
        return _list(request, postmortem, 409, editing=metric, edit_form=again, problem=CHANGED)
    except MetricGone:
        return _list(request, postmortem, 409, form=form, problem=GONE)
    except AlreadyPublished:
        return _list(request, postmortem, 409, form=form, problem=PUBLISHED)
    return changed(request, postmortem, _list(request, postmortem))


@require_POST
@opens(Metric, rules.can_edit)
def metric_move(request: Request, metric: Metric) -> HttpResponseBase:
    """Up or down."""
    try:
        services.move_metric(
            metric=metric, up=request.POST.get("direction") == "up", by=request.user, now=timezone.now()
        )
    except MetricGone:
        return _list(request, metric.postmortem, 409, problem="Somebody deleted it in the meantime.")
    except AlreadyPublished:
        return _list(request, metric.postmortem, 409, problem=PUBLISHED)
    return changed(request, metric.postmortem, _list(request, metric.postmortem))


@require_POST
@opens(Metric, rules.can_edit)
def metric_delete(request: Request, metric: Metric) -> HttpResponseBase:
    """Take it out."""
    postmortem = metric.postmortem
    try:
        services.delete_metric(metric=metric, by=request.user, now=timezone.now())
    except AlreadyPublished:
        return _list(request, postmortem, 409, problem=PUBLISHED)
    return changed(request, postmortem, _list(request, postmortem))
