"""Two people had the same form open, and the second saves: what each of them changed since they began."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from django import forms
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.dateformat import format as dated

from accounts.exceptions import EditedMeanwhile

FormT = TypeVar("FormT", bound=forms.Form)
SavedT = TypeVar("SavedT")


class Revised(Protocol):
    """A row that counts how often it was saved."""

    revision: int

    def refresh_from_db(self) -> None: ...


@runtime_checkable
class Spread(Protocol):
    """A widget that sends its value under several names."""

    def posted(self, name: str, value: Any) -> dict[str, list[str]]:
        """What a page would send that leaves `value` as it is."""

    def in_words(self, value: Any) -> str:
        """`value` as people read it."""


@dataclass(frozen=True)
class Attempt(Generic[FormT, SavedT]):
    """What came of a form: shown or refused, in conflict with what others wrote, or saved."""

    form: FormT
    """With this person's input; in a conflict, what they left as it was when they began says what stands."""
    theirs: list[tuple[str, str]] = field(default_factory=list)
    """What others wrote meanwhile that differs from both, by label and in words."""
    saved: SavedT | None = None


def save_form(
    sent: QueryDict | None,
    form_of: Callable[[QueryDict | None], FormT],
    save: Callable[[FormT], SavedT],
    *,
    row: Revised,
) -> Attempt[FormT, SavedT]:
    """Save what was `sent`, if it is valid; where others changed only other things of `row` meanwhile, over theirs.

    The form sends along what its fields said at first: so it is known what this person left as it was. `save` raises
    `EditedMeanwhile` where the form's revision is not that of `row`; whatever else it raises goes on.
    """
    while True:
        form = _with_beginnings(form_of(sent))
        if sent is None or not form.is_valid():
            return Attempt(form)
        try:
            return Attempt(form, saved=save(form))
        except EditedMeanwhile:
            row.refresh_from_db()
        sent, theirs = _reconcile(sent, _with_beginnings(form_of(None)), revision=row.revision)
        if theirs:
            form = _with_beginnings(form_of(sent))
            form.full_clean()
            return Attempt(form, theirs)


def _with_beginnings(form: FormT) -> FormT:
    for each in form.visible_fields():
        each.field.show_hidden_initial = True
    return form


def _reconcile(sent: QueryDict, present: forms.Form, *, revision: int) -> tuple[QueryDict, list[tuple[str, str]]]:
    """`sent`, with its beginnings, beside `present`: the same form without input, of what stands now at `revision`.

    Returns it with what the person left alone as it stands, or saving theirs would undo it; and what others wrote.
    """
    data, theirs, files = sent.copy(), [], MultiValueDict[str, Any]()
    for each in present.visible_fields():
        widget, hidden = each.field.widget, each.field.hidden_widget()
        stands = _plain(each.value())
        typed = _plain(widget.value_from_datadict(sent, files, each.html_name))
        began = _plain(hidden.value_from_datadict(sent, files, each.html_initial_name))
        if stands not in (began, typed):
            theirs.append((str(each.label), _in_words(each)))
        if typed == began:
            for name, texts in _posted(each).items():
                data.setlist(name, texts)
        data.setlist(each.html_initial_name, _texts(hidden.format_value(each.value())))
    data["revision"] = str(revision)
    return data, theirs


def _plain(value: Any) -> list[str]:
    """For comparing: browsers end lines in two characters, and the order of boxes says nothing."""
    return sorted(each.replace("\r\n", "\n") for each in _texts(value))


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return ["" if each is None else str(each) for each in values]


def _posted(field: forms.BoundField) -> dict[str, list[str]]:
    widget, value = field.field.widget, field.value()
    if isinstance(widget, Spread):
        return widget.posted(field.html_name, value)
    return {field.html_name: _texts(value)}


def _in_words(field: forms.BoundField) -> str:
    value = field.value()
    match field.field.widget:
        case Spread() as widget:
            return widget.in_words(value)
        case forms.widgets.ChoiceWidget():
            return ", ".join(str(choice.choice_label) for choice in field.subwidgets if choice.data["selected"])
    match value:
        case bool():
            return "yes" if value else "no"
        case date():
            return dated(value, "j F Y")
        case _:
            return "" if value is None else str(value)
