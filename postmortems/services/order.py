"""The order of rows that people arrange: each has a position among those beside it."""

from __future__ import annotations

from typing import Any

from django.db.models import Max, QuerySet


def next_position(rows: QuerySet[Any]) -> int:
    """The position behind the last of `rows`; 1 when there is none."""
    return (rows.aggregate(last=Max("position"))["last"] or 0) + 1


def swap_with_neighbour(row: Any, rows: QuerySet[Any], *, up: bool) -> bool:
    """Swap places with the one before or after among `rows`; False at their end. The caller holds the lock."""
    if up:
        neighbour = rows.filter(position__lt=row.position).order_by("position", "pk").last()
    else:
        neighbour = rows.filter(position__gt=row.position).order_by("position", "pk").first()
    if neighbour is None:
        return False
    neighbour.position, row.position = row.position, neighbour.position
    neighbour.save(update_fields=["position"])
    row.save(update_fields=["position"])
    return True
