"""Series over time from text that people paste or export: a time, then one number or several, a line each."""

from __future__ import annotations

import csv
import io
import math
import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

MOST_BYTES = 8_000_000
MOST_POINTS = 200_000
"""Of all series together."""
MOST_SERIES = 8
TOLD = 5
"""Faults that are told one by one; of more, the number."""
SEPARATORS = "\t;,|"
FEWEST = 2
GAPS = {"", "-", "–", "—", "null", "none", "nan", "n/a", "na"}
THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?\Z")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\Z")
EPOCH = re.compile(r"\d{9,10}(\.\d+)?\Z")
EPOCH_MILLISECONDS = re.compile(r"\d{12,13}\Z")
FORMATS = ("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%d %b %Y %H:%M:%S", "%d %b %Y %H:%M", "%b %d, %Y, %H:%M:%S")


@dataclass(frozen=True)
class Series:
    """One line of a graph: seconds since 1970 in UTC, rising, and as many values."""

    name: str
    times: array[float]
    values: array[float]


class NotSeries(Exception):
    """The text is no series. `faults` says why, each with its line where it has one."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(" ".join(faults))
        self.faults = list(faults)


def read_series(text: str, *, zone: ZoneInfo) -> list[Series]:
    """Read `text`; times without an offset are on the clock of `zone`. Raises `NotSeries` and keeps nothing then.

    Columns are parted by tab, semicolon, comma or bar; a first line without a time names them. An empty cell, "-" or
    "NaN" is a gap. Lines may come in any order.
    """
    if len(text.encode()) > MOST_BYTES:
        raise NotSeries([f"This is more than {MOST_BYTES // 1_000_000} MB. Take fewer points: one a second will do."])
    rows = _rows(text)
    if not rows:
        raise NotSeries(["There is nothing in it: each line needs a time and a number."])
    names, rows = _header(rows, zone)
    wide = max(len(cells) for _, cells in rows) if rows else 0
    if wide < FEWEST:
        raise NotSeries(["Each line needs a time and a number, parted by a comma, a semicolon or a tab."])
    if wide - 1 > MOST_SERIES:
        raise NotSeries([f"A graph of {wide - 1} lines is read by nobody: take {MOST_SERIES} at most."])
    return _columns(rows, [*names, *(f"Series {at}" for at in range(len(names) + 1, wide))], zone)


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """The lines that say something, with their numbers, cut at what parts most of the first ones."""
    lines = text.lstrip("\ufeff").splitlines()
    first = [line for line in lines if line.strip()][:5]
    separator = max(SEPARATORS, key=lambda each: sum(each in line for line in first)) if first else ","
    reader = csv.reader(io.StringIO("\n".join(lines)), delimiter=separator)
    try:
        found = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise NotSeries([f"Line {reader.line_num}: {error}."]) from error
    return [(number, cells) for number, cells in found if any(cells)]


def _header(rows: list[tuple[int, list[str]]], zone: ZoneInfo) -> tuple[list[str], list[tuple[int, list[str]]]]:
    _, first = rows[0]
    if _moment(first[0], zone) is not None or any(_number(cell) is not None for cell in first[1:]):
        return [], rows
    return [name[:80] or f"Series {at}" for at, name in enumerate(first[1:], start=1)], rows[1:]


def _columns(rows: Iterable[tuple[int, list[str]]], names: list[str], zone: ZoneInfo) -> list[Series]:
    points: list[list[tuple[float, float]]] = [[] for _ in names]
    faults: list[str] = []
    count = 0
    for line, cells in rows:
        at = _moment(cells[0], zone)
        if at is None:
            faults.append(f"Line {line}: “{cells[0][:40]}” is no time. Write 2026-04-01 14:32 or 2026-04-01T14:32:00Z.")
            continue
        for column, cell in zip(points, cells[1:], strict=False):
            if cell.casefold() in GAPS:
                continue
            value = _number(cell)
            if value is None:
                faults.append(f"Line {line}: “{cell[:40]}” is no number. A unit belongs into the field for it.")
            else:
                column.append((at, value))
                count += 1
        if count > MOST_POINTS:
            raise NotSeries([f"These are more than {MOST_POINTS:,} points. Take one a second, or fewer."])
    if faults:
        more = len(faults) - TOLD
        raise NotSeries(faults[:TOLD] + ([f"And {more} more lines like these."] if more > 0 else []))
    found = [_series(name, sorted(column)) for name, column in zip(names, points, strict=True) if column]
    if not found:
        raise NotSeries(["There is no number in it."])
    return found


def _series(name: str, points: list[tuple[float, float]]) -> Series:
    return Series(name, array("d", [at for at, _ in points]), array("d", [value for _, value in points]))


def _moment(cell: str, zone: ZoneInfo) -> float | None:
    """Seconds since 1970; None where it is no time, or one outside of 1970 to 2199."""
    if EPOCH_MILLISECONDS.match(cell):
        return float(cell) / 1000
    if EPOCH.match(cell):
        return float(cell)
    moment = _written(cell)
    if moment is None or not 1970 < moment.year < 2200:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC).timestamp()


def _written(cell: str) -> datetime | None:
    text = cell.removesuffix(" UTC") + ("+00:00" if cell.endswith(" UTC") else "")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for form in FORMATS:
        try:
            return datetime.strptime(cell, form)  # noqa: DTZ007  (the caller says on which clock)
        except ValueError:
            continue
    return None


def _number(cell: str) -> float | None:
    """The number a cell says; with a decimal comma where it has no point."""
    text = cell.removesuffix("%").strip()
    if THOUSANDS.match(text):
        text = text.replace(",", "")
    text = text.replace(",", ".") if text.count(",") == 1 and "." not in text else text
    if not NUMBER.match(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None
