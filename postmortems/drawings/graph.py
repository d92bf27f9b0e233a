"""A graph over time as SVG: what stands on paper, in exports, and where there is no script."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from postmortems.drawings.shapes import frame
from postmortems.graphs import Mark, Range
from postmortems.models import Metric
from postmortems.series import Series

WIDE, HIGH = 760, 230
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 26, 30
BUCKETS = 340
"""Across the width; of each, the lowest and the highest value are drawn, so that no peak is lost."""
STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000)
MOST_TICKS = 7


def draw_graph(metric: Metric, shown: Range, marks: Sequence[Mark], zone: ZoneInfo) -> SafeString:
    """All series within `shown`, times on the clock of `zone`; values begin at zero unless some are less."""
    lines = [Series(row.name, *row.points) for row in metric.series.all()]
    lowest, highest = _extent(lines, shown)
    ticks = value_ticks(lowest, highest)
    shapes = [
        _values(ticks, metric.unit),
        _times(shown, zone),
        *(_line(line, at, shown, ticks) for at, line in enumerate(lines)),
        *(_mark(mark, shown) for mark in marks if shown.start <= mark.at.timestamp() <= shown.end),
    ]
    return frame(shapes, wide=WIDE, high=HIGH, title=f"{metric.title} ({metric.unit})", description=metric.shows)


def _extent(lines: Sequence[Series], shown: Range) -> tuple[float, float]:
    seen = [value for line in lines for value in _within(line, shown)[1]]
    if not seen:
        return 0.0, 1.0
    return min(0.0, *seen) if len(seen) > 1 else min(0.0, seen[0]), max(seen)


def _within(line: Series, shown: Range) -> tuple[array[float], array[float]]:
    start, end = bisect_left(line.times, shown.start), bisect_right(line.times, shown.end)
    return line.times[start:end], line.values[start:end]


def value_ticks(lowest: float, highest: float) -> list[float]:
    """Round numbers from below the lowest to above the highest, four to seven of them."""
    span = (highest - lowest) or abs(highest) or 1.0
    raw = span / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw)
    first, last = math.floor(lowest / step), math.ceil(highest / step)
    return [at * step for at in range(first, max(last, first + 1) + 1)]


def _x(at: float, shown: Range) -> float:
    return LEFT + (at - shown.start) / (shown.end - shown.start) * (WIDE - LEFT - RIGHT)


def _y(value: float, ticks: Sequence[float]) -> float:
    return HIGH - BOTTOM - (value - ticks[0]) / (ticks[-1] - ticks[0]) * (HIGH - TOP - BOTTOM)


def _values(ticks: Sequence[float], unit: str) -> SafeString:
    rows = [
        (LEFT, f"{_y(tick, ticks):.1f}", WIDE - RIGHT, LEFT - 6, f"{_y(tick, ticks) + 4:.1f}", short(tick))
        for tick in ticks
    ]
    grid = format_html_join(
        "",
        '<path class="chart-grid" d="M{} {}H{}"/>'
        '<text class="chart-label num" x="{}" y="{}" text-anchor="end">{}</text>',
        rows,
    )
    return format_html('{}<text class="chart-label" x="4" y="14">{}</text>', grid, unit)


def short(value: float) -> str:
    """A number as an axis says it: 1500000 as "1.5M"."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if letter == 'k' else limit):g}{letter}"
    return f"{value:.6g}"


def _times(shown: Range, zone: ZoneInfo) -> SafeString:
    rows = [(f"{_x(at, shown):.1f}", HIGH - BOTTOM + 18, text) for at, text in time_ticks(shown, zone)]
    labels = format_html_join("", '<text class="chart-label" x="{}" y="{}" text-anchor="middle">{}</text>', rows)
    name = datetime.fromtimestamp(shown.start, tz=zone).tzname() or "UTC"
    return format_html('{}<text class="chart-label" x="4" y="{}">{}</text>', labels, HIGH - BOTTOM + 18, name)


def time_ticks(shown: Range, zone: ZoneInfo) -> list[tuple[float, str]]:
    """Round times of day on the clock of `zone`; dates where the stretch is of days."""
    span = shown.end - shown.start
    step = next((each for each in STEPS if span / each <= MOST_TICKS), span / MOST_TICKS)
    local = datetime.fromtimestamp(shown.start, tz=zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight.astimezone(UTC) + timedelta(seconds=math.ceil((shown.start - midnight.timestamp()) / step) * step)
    form = "%H:%M" if step < 86400 else "%-d %b"
    found: list[tuple[float, str]] = []
    while at.timestamp() <= shown.end - span * 0.02 and len(found) <= MOST_TICKS:
        if at.timestamp() >= shown.start + span * 0.02:
            found.append((at.timestamp(), f"{at.astimezone(zone):{form}}"))
        at += timedelta(seconds=step)
    return found


def _line(line: Series, at: int, shown: Range, ticks: Sequence[float]) -> SafeString:
    points = " ".join(f"{_x(when, shown):.1f},{_y(value, ticks):.1f}" for when, value in _thinned(line, shown))
    return format_html(
        '<polyline class="graph-line graph-line-{}" points="{}"><title>{}</title></polyline>', at, points, line.name
    )


def _thinned(line: Series, shown: Range) -> Iterator[tuple[float, float]]:
    """All points while they are few; else the lowest and the highest of each bucket, in their order."""
    times, values = _within(line, shown)
    if len(times) <= BUCKETS * 2:
        yield from zip(times, values, strict=True)
        return
    edge, wide = 0, (shown.end - shown.start) / BUCKETS
    for bucket in range(1, BUCKETS + 1):
        end = bisect_right(times, shown.start + bucket * wide, lo=edge)
        if end == edge:
            continue
        part = values[edge:end]
        low, high = part.index(min(part)), part.index(max(part))
        for each in sorted({low, high}):
            yield times[edge + each], part[each]
        edge = end


def _mark(mark: Mark, shown: Range) -> SafeString:
    x = _x(mark.at.timestamp(), shown)
    return format_html(
        '<g class="graph-mark"><title>{}</title><path d="M{} {}V{}"/>'
        '<text x="{}" y="{}" text-anchor="middle">{}</text></g>',
        mark.text,
        f"{x:.1f}",
        TOP - 8,
        HIGH - BOTTOM,
        f"{x:.1f}",
        TOP - 12,
        mark.number,
    )
