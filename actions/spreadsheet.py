"""Actions as rows of a spreadsheet (CSV), and rows as actions again. Nothing here saves."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from actions.enums import ActionKind, Horizon, Level, Priority
from actions.models import ActionItem

COLUMNS = (
    "reference",
    "title",
    "owner",
    "due",
    "priority",
    "kind",
    "horizon",
    "impact",
    "effort",
    "labels",
    "deliverable",
    "status",
    "finished",
    "reason",
    "lessons",
    "links",
    "team",
    "post-mortem",
)
READ_ONLY = ("status", "finished", "reason", "lessons", "links", "team")
"""Columns that an import passes over: a status wants evidence or a reason, and the others are not the action's own."""
MOST_ROWS = 2_000
LARGEST = 2_000_000
"""Characters of a file."""
FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""What a spreadsheet would take for a formula when a cell begins with it (OWASP, CSV injection).

After apostrophes too: one more is put before them, so that those of the text itself come back."""


class NotASpreadsheet(Exception):
    """It cannot be read as rows under a header; says why."""


def as_csv(actions: Iterable[ActionItem]) -> str:
    """Rows for spreadsheets; cells that would be taken for formulas begin with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for action in actions:
        writer.writerow([safe_cell(cell) for cell in _cells(action)])
    return out.getvalue()


def _cells(action: ActionItem) -> list[str]:
    return [
        action.reference,
        action.title,
        action.owner.email if action.owner else "",
        action.due_on.isoformat() if action.due_on else "",
        action.priority,
        action.kind,
        action.horizon,
        Level(action.impact).name.lower() if action.impact else "",
        Level(action.effort).name.lower() if action.effort else "",
        " ".join(action.labels),
        action.deliverable,
        action.status,
        action.finished_at.date().isoformat() if action.finished_at else "",
        action.reason,
        " ".join(f"L{lesson.number}" for lesson in action.lessons.all()),
        " ".join(link.url or link.words for link in action.links.all()),
        action.team.name,
        action.postmortem.reference,
    ]


def safe_cell(cell: str) -> str:
    """`cell`, so that no spreadsheet takes it for a formula."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def _unsafe(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell[1:]) else cell


@dataclass
class Row:
    """One line as it was read: the columns that it has, converted; and what is wrong with it."""

    line: int
    reference: int | None = None
    postmortem: int | None = None
    owner: str | None = None
    """An e-mail address, "" for nobody; None where the file has no such column."""
    values: dict[str, Any] = field(default_factory=dict)
    """By name of the field of `ActionFacts`."""
    problems: list[str] = field(default_factory=list)


def _why(error: csv.Error) -> str:
    """What the reader's own words mean for whoever made the file."""
    if "field limit" in str(error):
        return f"one of its cells is longer than {csv.field_size_limit():,} characters."
    return "its quotation marks do not pair up."


def read_csv(text: str) -> list[Row]:
    """The lines of a file, each with its problems; commas, semicolons or tabs between cells. Or `NotASpreadsheet`."""
    if len(text) > LARGEST:
        raise NotASpreadsheet("The file is too large: two million characters at most.")
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=_delimiter(text), strict=True)
    try:
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise NotASpreadsheet(f"Line {reader.line_num} cannot be read: {_why(error)}") from error
    if not lines:
        raise NotASpreadsheet("There is nothing in it.")
    names = [name.strip().lower() for name in lines[0][1]]
    _check_header(names)
    if len(lines) - 1 > MOST_ROWS:
        raise NotASpreadsheet(f"At most {MOST_ROWS:,} actions at once.")
    return [_row(number, dict(zip(names, cells, strict=False))) for number, cells in lines[1:]]


def _delimiter(text: str) -> str:
    header = text.split("\n", 1)[0]
    return max(",;\t", key=header.count)


def _check_header(names: list[str]) -> None:
    unknown = [name for name in names if name and name not in COLUMNS]
    if unknown:
        raise NotASpreadsheet(f"There is no column “{unknown[0]}”. Known are: {', '.join(COLUMNS)}.")
    if len(set(names)) != len(names):
        raise NotASpreadsheet("A column stands there twice.")
    if not {"title", "reference"} & set(names):
        raise NotASpreadsheet("The first line must name the columns; “title” is missing.")


def _row(line: int, cells: Mapping[str, str]) -> Row:
    row = Row(line)
    for name, cell in cells.items():
        if name and name not in READ_ONLY:
            _take(row, name, _unsafe(cell).strip())
    return row


def _take(row: Row, name: str, cell: str) -> None:
    if name in ("reference", "post-mortem"):
        letters, attribute = ("ACT", "reference") if name == "reference" else ("PM", "postmortem")
        number = _number(cell, letters)
        if cell and number is None:
            row.problems.append(f"“{cell}” is no reference like {letters}-12")
        setattr(row, attribute, number)
    elif name == "owner":
        row.owner = cell.lower()
    else:
        field_name, convert = FIELDS[name]
        try:
            row.values[field_name] = convert(cell)
        except ValueError as error:
            row.problems.append(str(error))


def _number(cell: str, letters: str) -> int | None:
    found = re.fullmatch(rf"(?:{letters}-)?([0-9]{{1,17}})", cell, re.IGNORECASE)
    return int(found[1]) if found else None


def _title(cell: str) -> str:
    title = " ".join(cell.split())
    if not title:
        raise ValueError("it has no title")
    if len(title) > 200:
        raise ValueError("the title is longer than 200 letters")
    return title


def _due(cell: str) -> date | None:
    if not cell:
        return None
    try:
        day = date.fromisoformat(cell)
    except ValueError as error:
        raise ValueError(f"“{cell}” is no date like 2026-05-31") from error
    if not 1990 <= day.year <= 2100:
        raise ValueError("the year must lie between 1990 and 2100")
    return day


def _one_of(choices: Iterable[str], default: str) -> Callable[[str], str]:
    known = list(choices)

    def convert(cell: str) -> str:
        found = {choice.lower(): choice for choice in known}.get(cell.lower().replace("-", "_") or default.lower())
        if found is None:
            raise ValueError(f"“{cell}” is none of {', '.join(known)}")
        return found

    return convert


def _level(cell: str) -> int | None:
    if not cell:
        return None
    try:
        return Level[cell.upper()].value
    except KeyError as error:
        raise ValueError(f"“{cell}” is none of low, medium, high") from error


def _labels(cell: str) -> list[str]:
    labels = list(dict.fromkeys(cell.replace(",", " ").split()))
    if len(labels) > 10 or any(len(label) > 50 for label in labels):
        raise ValueError("at most 10 labels of 50 letters")
    return labels


def _deliverable(cell: str) -> str:
    if len(cell) > 5000:
        raise ValueError("the deliverable is longer than 5,000 letters")
    return cell


FIELDS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "title": ("title", _title),
    "due": ("due_on", _due),
    "priority": ("priority", _one_of(Priority.values, Priority.P2)),
    "kind": ("kind", _one_of(ActionKind.values, ActionKind.PREVENT)),
    "horizon": ("horizon", _one_of(Horizon.values, Horizon.IMMEDIATE)),
    "impact": ("impact", _level),
    "effort": ("effort", _level),
    "labels": ("labels", _labels),
    "deliverable": ("deliverable", _deliverable),
}
