"""What the lines of an archive are: each kind of row, its fields by name, and who may see which."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from django.apps import apps
from django.db import models
from django.db.models import Q, QuerySet

from accounts.access import VisibleManager
from accounts.enums import Visibility
from accounts.models import Guarded, User
from accounts.portable.codecs import Codec, Unfit, Value, codec_of, list_of, read_value
from accounts.secrets import SealedField

if TYPE_CHECKING:
    AnyField = models.Field[Any, Any]


@dataclass(frozen=True)
class Link:
    """Where it stands which rows a row is linked to: the table in between, and its two columns."""

    model: type[models.Model]
    between: type[models.Model]
    source: str
    target: str


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of row. Everything else follows from the model: its columns, and lists of what it is linked to."""

    name: str
    """Of its file, without the ending."""
    model: type[models.Model]
    words: str
    """What one line is."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Columns that do not travel, and why."""
    fills: Mapping[str, Callable[[datetime], Any]] = field(default_factory=dict)
    """What a column that did not travel holds after an import at that moment; its default otherwise."""
    codecs: Mapping[str, Codec] = field(default_factory=dict)
    """For columns whose values are not written as others of their sort are."""
    settle: Callable[[Any], None] | None = None
    """Changes a row just before it is written: what was about to be sent counts as settled."""
    joins: Sequence[str] = ()
    """What `settle` looks at beside the row."""
    tree: str = ""
    """The reference to a row of the same kind that must not lead round in a circle."""
    is_seeded: bool = False
    """Whether a new Debrief has such rows; an import replaces them."""
    own: str = ""
    """For what is one person's: the column that says whose. Others' are not shown to an administrator."""
    forgets: Sequence[str] = ()
    """References that are left empty where what they point to is not shown."""
    is_whole_only: bool = False
    """Whether its rows may quote what is hidden, so that only an archive of everything has them."""
    refresh: Callable[[], None] | None = None
    """Works out what does not travel, once everything is in."""

    @property
    def file(self) -> str:
        return f"{self.name}.jsonl"

    @cached_property
    def columns(self) -> dict[str, AnyField]:
        """By the name each has in a line; what tells the rows apart comes first."""
        meta = self.model._meta
        keys = cast("tuple[AnyField, ...]", meta.pk_fields)
        others = [each for each in meta.concrete_fields if each not in keys]
        return {each.name: each for each in (*keys, *others) if not self.leaves_out(each)}

    def leaves_out(self, column: AnyField) -> bool:
        return column.name in self.left_out or isinstance(column, SealedField)

    @cached_property
    def keys(self) -> list[AnyField]:
        return [each for each in self.columns.values() if each in self.model._meta.pk_fields]

    @cached_property
    def lists(self) -> dict[str, Link]:
        """Links to any number of other rows; those with a model of their own are kinds of their own."""
        return {
            each.name: Link(
                each.remote_field.model, between, f"{each.m2m_field_name()}_id", f"{each.m2m_reverse_field_name()}_id"
            )
            for each in self.model._meta.local_many_to_many
            if (between := each.remote_field.through) and between._meta.auto_created
        }

    @cached_property
    def references(self) -> list[models.ForeignKey[Any, Any]]:
        return [each for each in self.columns.values() if isinstance(each, models.ForeignKey)]

    def codec(self, name: str) -> Codec:
        return self.codecs.get(name) or codec_of(self.columns[name])

    # -- Rows to lines and back ----------------------------------------------------------------------------------------

    def line(self, row: models.Model, linked: Mapping[str, Sequence[Any]]) -> dict[str, Value]:
        """What is written of one row; `linked` holds the ids it is linked to, by the name of each list."""
        written: dict[str, Value] = {}
        for name, column in self.columns.items():
            value = getattr(row, column.attname)
            is_empty = value is None or (isinstance(column, models.FileField) and not value)
            written[name] = None if is_empty else self.codec(name).write(value)
        for name in self.lists:
            written[name] = self._list_codec(name).write(sorted(linked[name]))
        return written

    def row(self, line: Mapping[str, Value], *, now: datetime) -> tuple[models.Model, dict[str, list[Any]]]:
        """The row a line describes, unsaved, and what it is linked to. Raises `Unfit`, naming the field."""
        unknown = sorted(set(line) - set(self.columns) - set(self.lists))
        if unknown:
            raise Unfit(f"“{unknown[0][:40]}” is no field of {self.name}")
        values = {name: fill(now) for name, fill in self.fills.items()}
        for name, column in self.columns.items():
            if name in line:
                values[column.attname] = self._value(name, line[name])
            elif column in self.keys or not _may_be_missing(column):
                raise Unfit(f"“{name}” is missing")
        links: dict[str, list[Any]] = {name: self._value(name, line.get(name, [])) for name in self.lists}
        for name, ids in links.items():
            if len(set(ids)) < len(ids):
                raise Unfit(f"{name}: something is named twice")
        return self.model(**values), links

    def _value(self, name: str, value: Value) -> Any:
        column = self.columns.get(name)
        try:
            return read_value(column, self.codec(name), value) if column else self._list_codec(name).read(value)
        except Unfit as unfit:
            raise Unfit(f"{name}: {unfit}") from unfit

    def _list_codec(self, name: str) -> Codec:
        return list_of(codec_of(self.lists[name].model._meta.pk))

    def key(self, line: Mapping[str, Value]) -> tuple[Value, ...]:
        """What tells a line from the others of its kind."""
        return tuple(line.get(each.name) for each in self.keys)

    def written_key(self, values: Sequence[Any]) -> tuple[Value, ...]:
        """The same of a row, from its values."""
        return tuple(self.codec(each.name).write(value) for each, value in zip(self.keys, values, strict=True))

    # -- Whose rows ----------------------------------------------------------------------------------------------------

    def rows(self, by: User | None) -> QuerySet[Any]:
        """Those an archive for `by` holds, in a lasting order; for None, all of them."""
        everything = self.model._default_manager.all()
        found = everything if by is None else self._seen(everything, by)
        ordered = found.order_by(*(each.attname for each in self.keys))
        hidden = [each.name for each in self.model._meta.concrete_fields if self.leaves_out(each)]
        return ordered.select_related(*self.joins).defer(*hidden) if self.joins else ordered.defer(*hidden)

    def _seen(self, rows: QuerySet[Any], by: User) -> QuerySet[Any]:
        """What `by` may see by the product's own rules; where a model has none, what hangs on nothing hidden."""
        if self.is_whole_only:
            return rows.none()
        if self.own:
            rows = rows.filter(**{self.own: by})
        elif hasattr(rows, "visible_to"):
            return rows_seen(self.model, by)
        for reference in self.references:
            target = reference.remote_field.model
            if is_guarded(target):
                seen = rows_seen(target, by).values("pk")
                rows = rows.filter(Q(**{f"{reference.name}__in": seen}) | Q(**{reference.name: None}))
        return rows


def is_guarded(model: type[models.Model]) -> bool:
    """Whether not everybody may see every row."""
    return hasattr(model._default_manager.all(), "visible_to")


def rows_seen(model: type[models.Model], by: User) -> QuerySet[Any]:
    """The rows of a guarded model that `by` may see."""
    return cast("VisibleManager", model._default_manager).visible_to(by)


def restricted_rows(by: User) -> Iterator[models.Model]:
    """What `by` may see although it is not for everybody: looks at it are noted one by one."""
    for kind in all_kinds():
        if issubclass(kind.model, Guarded):
            always = [each for each in kind.references if not each.null]
            guards = [each.name for each in always if issubclass(each.remote_field.model, Guarded)]
            condition = Q(visibility=Visibility.RESTRICTED)
            for name in guards:
                condition |= Q(**{f"{name}__visibility": Visibility.RESTRICTED})
            yield from rows_seen(kind.model, by).filter(condition)


def _may_be_missing(column: AnyField) -> bool:
    """Whether an archive of an earlier Debrief may know nothing of it."""
    may_be_empty = column.null or (column.empty_strings_allowed and column.blank)
    return column.has_default() or column.has_db_default() or may_be_empty


_kinds: dict[str, Kind] = {}

NOT_EXPORTED: Mapping[str, str] = {
    "auth.Permission": "Django makes them anew; nothing here asks for one",
    "auth.Group": "nothing here asks for one",
    "contenttypes.ContentType": "Django makes them anew",
    "sessions.Session": "whoever is signed in here is not signed in there",
    "account.EmailConfirmation": "links that were mailed and lead here",
    "socialaccount.SocialApp": "the provider is set up in the environment, with its secret",
    "socialaccount.SocialToken": "secrets of the provider, good for nothing afterwards",
    "accounts.Arrival": "says how this installation came by its data, not what the data is",
    "postmortems.ConfluenceConnection": "nothing without its secret: connect it again, and its pages are known",
    "actions.JiraGrant": "tokens and the secret of an app: somebody agrees at Atlassian again",
    "accounts.Export": "archives that wait here to be fetched",
    "actions.HookDelivery": "what Jira delivered here lately; another delivery only has an issue looked at again",
}
"""Models whose rows are in no archive, and why."""


def register(*kinds: Kind) -> None:
    """Let archives hold these; called once at start."""
    _kinds.update({kind.name: kind for kind in kinds})


def all_kinds() -> list[Kind]:
    """In the order in which they are written and read: what is pointed to before what points to it, by and large."""
    return list(_kinds.values())


def kind_named(name: str) -> Kind | None:
    return _kinds.get(name)


def kind_of(model: type[models.Model]) -> Kind | None:
    return next((kind for kind in _kinds.values() if kind.model is model), None)


def file_names(kinds: Iterable[Kind], by: User | None = None) -> Iterator[str]:
    """What the rows that `by` may see call their files, below the folder of files; for None, all rows."""
    for kind in kinds:
        for name, column in kind.columns.items():
            if isinstance(column, models.FileField):
                yield from kind.rows(by).exclude(**{name: ""}).values_list(name, flat=True).iterator()


def forgotten_models() -> list[str]:
    """Models that are neither a kind nor named with a reason why not."""
    known = {kind.model._meta.label for kind in _kinds.values()} | set(NOT_EXPORTED)
    return sorted(model._meta.label for model in apps.get_models() if model._meta.label not in known)
