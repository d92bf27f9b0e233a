"""Typed input about perspectives."""

from __future__ import annotations

from django import forms

from accounts.forms import CleanTextMixin, OwnIdsMixin, active_people


class AskForm(OwnIdsMixin, forms.Form):
    """Whom to ask."""

    people = forms.ModelMultipleChoiceField(
        active_people(), label="People", widget=forms.SelectMultiple(attrs={"size": 6})
    )


class PerspectiveForm(CleanTextMixin, forms.Form):
    """What one saw, knew and expected."""

    text = forms.CharField(
        max_length=20_000,
        required=False,
        label="Your account",
        help_text="What did you see first? What did you take it for? What did you expect to happen when you acted? "
        "Nobody reads this until you share it.",
        widget=forms.Textarea(attrs={"rows": 8}),
    )
    revision = forms.IntegerField(widget=forms.HiddenInput)
