"""Graphs of a post-mortem: series or a picture, always with the sentence that says what they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from accounts import audit
from accounts.exceptions import EditedMeanwhile
from accounts.models import User
from postmortems.enums import AttachmentKind
from postmortems.models import Attachment, Metric, MetricSeries, Postmortem
from postmortems.series import Series
from postmortems.services.attachment import FileRefused, add_attachment
from postmortems.services.order import next_position, swap_with_neighbour
from postmortems.services.postmortem import lock_for_writing, postmortem_was_changed

MOST_METRICS = 20


class TooManyMetrics(Exception):
    """More graphs than explain anything."""


class MetricGone(Exception):
    """It was deleted by someone else in the meantime."""


@dataclass(frozen=True)
class MetricFacts:
    """What is said of a graph. Without series and picture, a graph keeps those it has."""

    title: str
    unit: str
    shows: str
    series: Sequence[Series] = field(default_factory=list)
    picture: UploadedFile[bytes] | None = None


def add_metric(*, postmortem: Postmortem, facts: MetricFacts, by: User, now: datetime) -> Metric:
    """Add a graph, last. The same title again (a double click) is kept once.

    Raises `FileRefused`, `TooManyMetrics` or `AlreadyPublished`.
    """
    picture = _picture(postmortem, facts, by=by, now=now)
    with transaction.atomic():
        locked = lock_for_writing(postmortem)
        if twin := locked.metrics.filter(title=facts.title, shows=facts.shows).first():
            return twin
        if locked.metrics.count() >= MOST_METRICS:
            raise TooManyMetrics(f"There are {MOST_METRICS} graphs. Keep those that explain something.")
        metric = Metric.objects.create(
            postmortem=locked, title=facts.title, unit=facts.unit, shows=facts.shows,
            position=next_position(locked.metrics.all()), picture=picture, created_by=by, created_at=now,
        )  # fmt: skip
        _keep(metric, facts.series)
        _record(metric, "metric.added", locked, by=by, now=now)
        return metric


def update_metric(*, metric: Metric, revision: int, facts: MetricFacts, by: User, now: datetime) -> Metric:
    """Say something else of it, or give it other data, if nobody did since `revision`.

    Raises `EditedMeanwhile`, `MetricGone`, `FileRefused` or `AlreadyPublished`.
    """
    picture = _picture(metric.postmortem, facts, by=by, now=now)
    with transaction.atomic():
        postmortem = lock_for_writing(metric.postmortem)
        locked = Metric.objects.select_for_update(of=("self",)).filter(pk=metric.pk).first()
        if locked is None:
            raise MetricGone
        if locked.revision != revision:
            raise EditedMeanwhile(locked)
        locked.title, locked.unit, locked.shows = facts.title, facts.unit, facts.shows
        locked.picture = picture or (None if facts.series else locked.picture)
        locked.revision += 1
        locked.save(update_fields=["title", "unit", "shows", "picture", "revision"])
        if facts.series or picture:
            locked.series.all().delete()
            _keep(locked, facts.series)
        _record(locked, "metric.edited", postmortem, by=by, now=now)
        return locked


@transaction.atomic
def move_metric(*, metric: Metric, up: bool, by: User, now: datetime) -> None:
    """Swap places with the one before or after; at the end nothing happens."""
    postmortem = lock_for_writing(metric.postmortem)
    locked = Metric.objects.select_for_update(of=("self",)).filter(pk=metric.pk).first()
    if locked is None:
        raise MetricGone
    if swap_with_neighbour(locked, postmortem.metrics.all(), up=up):
        _record(locked, "metric.moved", postmortem, by=by, now=now)


@transaction.atomic
def delete_metric(*, metric: Metric, by: User, now: datetime) -> None:
    """Deleting it twice is harmless. Its picture stays among the files."""
    postmortem = lock_for_writing(metric.postmortem)
    locked = Metric.objects.filter(pk=metric.pk).first()
    if locked is not None:
        _record(locked, "metric.deleted", postmortem, by=by, now=now)
        locked.delete()


def _picture(postmortem: Postmortem, facts: MetricFacts, *, by: User, now: datetime) -> Attachment | None:
    """Checked and kept among the files before anything is locked: it takes its time."""
    if facts.picture is None:
        return None
    kept = add_attachment(
        postmortem=postmortem, upload=facts.picture, alternative_text=facts.shows[:300], by=by, now=now
    )
    if kept.kind != AttachmentKind.IMAGE:
        raise FileRefused("This is no picture. Numbers can be pasted, or uploaded as CSV.")
    return kept


def _keep(metric: Metric, series: Sequence[Series]) -> None:
    MetricSeries.objects.bulk_create(
        MetricSeries(
            metric=metric, name=each.name, position=at, times=each.times.tobytes(), values=each.values.tobytes()
        )
        for at, each in enumerate(series, start=1)
    )


def _record(metric: Metric, verb: str, postmortem: Postmortem, *, by: User, now: datetime) -> None:
    audit.record(by=by, verb=verb, obj=postmortem, row=metric.pk)
    postmortem_was_changed(postmortem, part="metrics", now=now)
