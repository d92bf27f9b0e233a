"""Key-set paging: the next page starts where the last row ended, however many rows come before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

from django.core import signing
from django.db import models
from django.db.models import Q

M = TypeVar("M", bound=models.Model)
SALT = "paging"


@dataclass(frozen=True)
class Page(Generic[M]):
    """Some rows in order, and the cursors of the pages around them ("" where there is none)."""

    rows: list[M]
    next_cursor: str
    previous_cursor: str


def page_of(
    queryset: models.QuerySet[M], *, order: tuple[str, ...], cursor: str, size: int = 50, ascending: bool = False
) -> Page[M]:
    """The `size` rows at `cursor`, newest first; with `ascending`, the smallest first.

    `order` names the fields, all in the one direction, the last one unique. A cursor that is not ours counts as the
    first page: a stale link still leads somewhere.
    """
    backwards, position = _read(cursor, order)
    upwards = backwards != ascending
    prefix = "" if upwards else "-"
    ordered = queryset.order_by(*(prefix + name for name in order))
    if position:
        ordered = ordered.filter(_beyond(order, position, upwards=upwards))
    rows = list(ordered[: size + 1])
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
    has_next, has_previous = (bool(rows), more) if backwards else (more, bool(position))
    return Page(
        rows=rows,
        next_cursor=_cursor(rows[-1], order, backwards=False) if rows and has_next else "",
        previous_cursor=_cursor(rows[0], order, backwards=True) if rows and has_previous else "",
    )


def _beyond(order: tuple[str, ...], position: list[Any], *, upwards: bool) -> Q:
    """Rows with larger values than `position` where values rise, with smaller ones where they fall."""
    comparison = "gt" if upwards else "lt"
    condition = Q()
    for index, name in enumerate(order):
        equal = {order[i]: position[i] for i in range(index)}
        condition |= Q(**equal, **{f"{name}__{comparison}": position[index]})
    return condition


def _cursor(row: models.Model, order: tuple[str, ...], *, backwards: bool) -> str:
    values = [getattr(row, name) for name in order]
    texts = [value.isoformat() if isinstance(value, date) else value for value in values]
    return signing.dumps([backwards, *texts], salt=SALT)


def _read(cursor: str, order: tuple[str, ...]) -> tuple[bool, list[Any] | None]:
    try:
        backwards, *position = signing.loads(cursor, salt=SALT)
    except (signing.BadSignature, TypeError, ValueError):
        return False, None
    return (bool(backwards), position) if len(position) == len(order) else (False, None)
