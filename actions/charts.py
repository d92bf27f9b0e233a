"""Graphs as SVG made here: no script, colours by class for both themes, the numbers in a table beside each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH, HEIGHT = 720, 220
LEFT, BOTTOM, TOP = 36, 26, 10
MOST_LABELS, MOST_ON_PHONE = 13, 6


@dataclass(frozen=True)
class Bar:
    """A value under a label; `url` leads to what it counts."""

    label: str
    values: tuple[int, ...]
    urls: tuple[str, ...] = ()


def grouped_bars(bars: Sequence[Bar], series: Sequence[str], *, title: str) -> SafeString:
    """Bars side by side for each label, one of each series; the series differ by shade."""
    top = _round_up(max((value for bar in bars for value in bar.values), default=0))
    step = (WIDTH - LEFT) / max(1, len(bars))
    wide = step * 0.72 / max(1, len(series))
    marks = [
        _bar(LEFT + at * step + step * 0.14 + number * wide, wide, bar, number, series[number], top)
        for at, bar in enumerate(bars)
        for number in range(len(series))
    ]
    every = max(1, ceil(len(bars) / MOST_LABELS))
    on_phone = every * max(1, ceil(len(bars) / every / MOST_ON_PHONE))
    labels = [
        (" chart-between" if at % on_phone else "", f"{LEFT + at * step + step / 2:.1f}", HEIGHT - 8, bar.label)
        for at, bar in enumerate(bars)
        if at % every == 0
    ]
    return format_html(
        '<svg class="chart" viewBox="0 0 {} {}" role="group" aria-label="{}"><title>{}</title>{}{}{}</svg>',
        WIDTH,
        HEIGHT,
        title,
        title,
        _grid(top),
        format_html_join("", "{}", ((mark,) for mark in marks)),
        format_html_join("", '<text class="chart-label{}" x="{}" y="{}" text-anchor="middle">{}</text>', labels),
    )


def _bar(x: float, wide: float, bar: Bar, number: int, name: str, top: int) -> SafeString:
    value = bar.values[number]
    high = value / top * (HEIGHT - BOTTOM - TOP)
    shape = format_html(
        '<rect class="chart-bar chart-series-{}" x="{}" y="{}" width="{}" height="{}" rx="1.5">'
        "<title>{}: {} {}</title></rect>",
        number,
        f"{x:.1f}",
        f"{HEIGHT - BOTTOM - high:.1f}",
        f"{wide - 1:.1f}",
        f"{high:.1f}",
        bar.label,
        value,
        name,
    )
    if not bar.urls or not value:
        return shape
    return format_html('<a href="{}" aria-label="{}: {} {}">{}</a>', bar.urls[number], bar.label, value, name, shape)


def _grid(top: int) -> SafeString:
    """Three lines with their numbers."""
    lines = []
    for part in (0, 0.5, 1):
        y = HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - TOP)
        lines.append((LEFT, f"{y:.1f}", WIDTH, f"{y:.1f}", LEFT - 6, f"{y + 4:.1f}", f"{top * part:g}"))
    return format_html_join(
        "",
        '<line class="chart-grid" x1="{}" y1="{}" x2="{}" y2="{}"/>'
        '<text class="chart-label num" x="{}" y="{}" text-anchor="end">{}</text>',
        lines,
    )


def _round_up(value: int) -> int:
    """The next number of one digit and zeros that is even, so that its half is whole."""
    size = 1
    while size * 10 < value:
        size *= 10
    return next(n * size for n in (2, 4, 6, 8, 10, 20) if n * size >= value)
