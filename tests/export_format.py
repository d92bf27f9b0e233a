"""The tables of docs/export.md, as the kinds themselves say them: `write_tables` writes them anew."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from django.db import models

from accounts.portable.codecs import TEXT, list_of
from accounts.portable.kinds import Kind, all_kinds, kind_of
from config.env import BASE_DIR

GUIDE = BASE_DIR / "docs" / "export.md"
OURS = {"accounts", "incidents", "postmortems", "actions"}
BEGIN, END = "<!-- kinds -->\n", "<!-- end of kinds -->\n"


def tables() -> str:
    return "\n".join(line for kind in all_kinds() for line in _table(kind)) + "\n"


def _table(kind: Kind) -> Iterator[str]:
    said = _said_of(kind.model)
    yield f"### `{kind.file}`"
    yield ""
    yield f"Each line is {kind.words}."
    yield ""
    yield "| field | holds |"
    yield "|---|---|"
    for name, column in kind.columns.items():
        yield f"| `{name}` | {_column(kind, name, column)}{said.get(name, '')} |"
    for name, link in kind.lists.items():
        yield f"| `{name}` | list of ids in `{_file(link.model)}`{said.get(name, '')} |"
    yield ""
    hidden = [each for each in kind.model._meta.concrete_fields if kind.leaves_out(each)]
    for each in hidden:
        yield f"- `{each.name}` stays behind: {kind.left_out.get(each.name, 'a secret')}."
    if hidden:
        yield ""


def _said_of(model: type[models.Model]) -> dict[str, str]:
    """What the model says of its columns, in the line below each."""
    found: dict[str, str] = {}
    for base in reversed([each for each in model.__mro__ if each.__module__.partition(".")[0] in OURS]):
        [body] = ast.parse(inspect.getsource(base)).body
        assert isinstance(body, ast.ClassDef)
        for column, words in pairwise(body.body):
            if isinstance(column, ast.Assign) and isinstance(words, ast.Expr) and isinstance(words.value, ast.Constant):
                [name] = column.targets
                assert isinstance(name, ast.Name)
                found[name.id] = ". " + " ".join(str(words.value.value).rstrip(".").split()).replace("|", "or")
    return found


def _column(kind: Kind, name: str, column: models.Field[Any, Any]) -> str:
    if isinstance(column, models.ForeignKey):
        words = f"id in `{_file(column.remote_field.model)}`"
    else:
        words = kind.codec(name).words
        known = [f"`{value}`" for value, _ in column.flatchoices if value]
        if known and words in {TEXT.words, list_of(TEXT).words}:
            words = ("list of " if words != TEXT.words else "") + ", ".join(known)
    return f"{words}, or null" if column.null else words


def _file(model: type[models.Model]) -> str:
    kind = kind_of(model)
    assert kind
    return kind.file


def write_tables() -> None:
    """Bring the document up to date with the code."""
    before, _, rest = GUIDE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    GUIDE.write_text(before + BEGIN + "\n" + tables() + END + after)
