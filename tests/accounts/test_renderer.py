"""A select is written out as Django's own template writes it."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.forms.renderers import TemplatesSetting, get_default_renderer
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from accounts.renderer import FormRenderer

FEW = [("", "Any"), ("a", "A"), ("b", "B")]
WIDGETS: list[tuple[forms.Select, Any]] = [
    (forms.Select(choices=[]), None),
    (forms.Select(choices=FEW), "a"),
    (forms.Select(choices=FEW), "not among them"),
    (forms.Select(choices=[("", ""), (None, "None"), (1000, 1000), (True, True)]), 1000),
    (forms.Select(choices=[('"><script>', "<b>&amp;'\""), ("é ", mark_safe("<i>ours</i>"))]), '"><script>'),
    (forms.Select(choices=[("Fruit & nuts", [("f", "Fig"), ("n", "Nut")]), ("z", "Rest")]), "n"),
    (forms.Select(choices=[("x", gettext_lazy("January"))]), None),
    (forms.Select(attrs={"required": True, "disabled": False, "data-x": '"<', "id": 7000}, choices=FEW), "b"),
    (forms.SelectMultiple(choices=FEW), ["a", "b"]),
    (forms.NullBooleanSelect(), True),
]


@pytest.mark.parametrize(("widget", "value"), WIDGETS)
def test_select_is_what_the_template_gives(widget: forms.Select, value: Any) -> None:
    attrs = {"id": "id_<x>"}
    expected = widget.render("na<me", value, attrs=attrs, renderer=TemplatesSetting())
    assert widget.render("na<me", value, attrs=attrs, renderer=FormRenderer()) == expected


def test_every_form_is_rendered_so() -> None:
    assert isinstance(get_default_renderer(), FormRenderer)


def test_other_widgets_keep_their_templates() -> None:
    assert forms.TextInput().render("q", "x", renderer=FormRenderer()) == '<input type="text" name="q" value="x">'
