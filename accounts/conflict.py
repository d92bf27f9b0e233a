"""Two people had the same form open, and the second saves: what each of them changed since they began."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, runtime_checkable

from django import forms
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.dateformat import format as dated


@runtime_checkable
class Spread(Protocol):
    """A widget that sends its value under several names."""

    def posted(self, name: str, value: Any) -> dict[str, list[str]]:
        """What a page would send that leaves `value` as it is."""

    def in_words(self, value: Any) -> str:
        """`value` as people read it."""


def send_beginnings(form: forms.Form) -> None:
    """Let `form` send along what its fields said at first: so it is known what this person left as it was."""
    for field in form.visible_fields():
        field.field.show_hidden_initial = True


@dataclass(frozen=True)
class Reconciled:
    """A person's input as it stands to what others saved meanwhile."""

    data: QueryDict
    """Their input; what they left as it was when they began says what stands, or saving theirs would undo it."""
    theirs: list[tuple[str, str]]
    """What others wrote that differs from both, by label and in words. Nothing: others changed other things."""


def reconcile(sent: QueryDict, present: forms.Form, *, revision: int) -> Reconciled:
    """`sent`, with its beginnings, beside `present`: the same form without input, of what stands now at `revision`."""
    data, theirs, files = sent.copy(), [], MultiValueDict[str, Any]()
    for field in present.visible_fields():
        widget, hidden = field.field.widget, field.field.hidden_widget()
        stands = _plain(field.value())
        typed = _plain(widget.value_from_datadict(sent, files, field.html_name))
        began = _plain(hidden.value_from_datadict(sent, files, field.html_initial_name))
        if stands not in (began, typed):
            theirs.append((str(field.label), _in_words(field)))
        if typed == began:
            for name, texts in _posted(field).items():
                data.setlist(name, texts)
        data.setlist(field.html_initial_name, _texts(hidden.format_value(field.value())))
    data["revision"] = str(revision)
    return Reconciled(data, theirs)


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
