"""How forms become HTML: as Django's templates have it, and what repeats hundreds of times without a template."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from django.forms.renderers import TemplatesSetting
from django.http import HttpRequest
from django.utils.formats import localize
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

SELECT = "django/forms/widgets/select.html"


class FormRenderer(TemplatesSetting):
    """Writes out a `<select>` by itself: a template for each of five hundred options is half the time of a list."""

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        """The HTML of `template_name`; for a select, letter by letter what its template gives here."""
        if template_name == SELECT:
            return select(context["widget"])
        return super().render(template_name, context, request)


def select(widget: Mapping[str, Any]) -> SafeString:
    """The twin of Django's `select.html`, for a widget whose options have no template of their own."""
    parts = ['<select name="', _escaped(widget["name"]), '"', _attrs(widget["attrs"]), ">"]
    for group, options, _ in widget["optgroups"]:
        if group:
            parts += ['<optgroup label="', _escaped(group), '">']
        for option in options:
            value, label = str(option["value"]), option["label"]
            parts += [
                '<option value="',
                _escaped(value),
                '"',
                _attrs(option["attrs"]),
                ">",
                _escaped(label),
                "</option>",
            ]
        if group:
            parts.append("</optgroup>")
    parts.append("</select>")
    return mark_safe("".join(parts))  # noqa: S308  (each part is ours or escaped)


def _attrs(attrs: Mapping[str, Any]) -> str:
    """The twin of Django's `attrs.html`."""
    said = []
    for name, value in attrs.items():
        if value is True:
            said.append(f" {_escaped(name)}")
        elif value is not False:
            said.append(f' {_escaped(name)}="{_escaped(str(value))}"')
    return "".join(said)


def _escaped(value: Any) -> str:
    return escape(value) if type(value) is str else conditional_escape(localize(value))
