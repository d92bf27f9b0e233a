"""Typed input about the coach."""

from __future__ import annotations

from django import forms

from accounts.forms import CleanTextMixin
from postmortems.coach.review import RULES
from postmortems.enums import TimelinePeople
from postmortems.forms.document import TextField


class CheckForm(CleanTextMixin, forms.Form):
    """A text as it is being typed; not a character of it is changed, for places count them."""

    body = TextField(required=False)

    def clean(self) -> None:
        """Nothing is cleaned away: what is found is shown where it stands."""


class DismissForm(CleanTextMixin, forms.Form):
    """Which finding is let stand, and why."""

    rule = forms.ChoiceField(choices=[(rule, rule) for rule in RULES], widget=forms.HiddenInput)
    place = forms.RegexField(r"^[\w-]{1,60}$", widget=forms.HiddenInput)
    quote = forms.CharField(max_length=300, required=False, strip=False, widget=forms.Textarea(attrs={"hidden": True}))
    reason = forms.CharField(
        max_length=300, label="Why is it fine?", help_text="The reviewer sees it.", widget=forms.TextInput
    )


class CoachSettingsForm(forms.Form):
    """What the organisation agreed on."""

    people_in_timelines = forms.ChoiceField(
        choices=TimelinePeople, widget=forms.RadioSelect, label="Who did what in timelines"
    )
