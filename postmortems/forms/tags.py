"""Typed input about tags."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.forms import OwnIdsMixin
from incidents.tagging import LONGEST, normalised, split

NO_TAG = f"“%(word)s” is no tag: letters and digits, at most {LONGEST} characters."


class TagsField(forms.CharField):
    """Several tags between commas; cleaned, a list of tags in their one way of writing."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}))
        super().__init__(max_length=1000, **kwargs)

    def clean(self, value: Any) -> Any:
        tags = [(word, normalised(word)) for word in split(str(super().clean(value)))]
        for word, tag in tags:
            if not tag:
                raise ValidationError(NO_TAG, params={"word": word[:LONGEST]})
        return list(dict.fromkeys(tag for _, tag in tags))

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value


class TagForm(OwnIdsMixin, forms.Form):
    """One tag to put on a post-mortem, or several."""

    name = TagsField(label="Add a tag")


class UntagForm(forms.Form):
    """The tag to take off."""

    name = forms.CharField(max_length=LONGEST)


class TagFilter(forms.CharField):
    """A tag to filter by, however it is written; no tag finds nothing rather than everything."""

    def __init__(self) -> None:
        widget = forms.TextInput(attrs={"type": "search", "autocomplete": "off", "list": "known-tags"})
        super().__init__(max_length=80, required=False, label="Tag", widget=widget)

    def clean(self, value: Any) -> str:
        words = str(super().clean(value))
        return (normalised(words) or words) if words else ""
