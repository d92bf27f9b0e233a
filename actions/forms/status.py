"""How an action goes on and ends: done with what shows it, or not to be done."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

from accounts.forms import CleanTextMixin
from accounts.models import User
from actions.enums import UNFINISHED, WorkLinkKind
from actions.models import ActionItem
from actions.owners import possible_owners
from actions.services.action import Refusal
from actions.services.link import LinkFacts

LONGEST_REFUSAL = timedelta(days=731)


class StatusForm(forms.Form):
    """A click on a status button. What is settled is asked about first, by forms of their own."""

    status = forms.ChoiceField(choices=[(status, status.label) for status in UNFINISHED])
    revision = forms.IntegerField()


class RefuseForm(CleanTextMixin, forms.Form):
    """Why an action will not be done, who carries the risk of that, and when they look again."""

    reason = forms.CharField(
        max_length=500,
        label="Why not",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="The next reader will ask. “The service is switched off in March” is a good reason.",
        error_messages={"required": "Say why: the next reader will ask."},
    )
    accepted_by = forms.ModelChoiceField(
        User.objects.none(),
        label="Who accepts the risk",
        empty_label="Choose a person",
        help_text="The person who would answer for it if it happened again.",
        error_messages={"required": "Name the person who accepts the risk."},
    )
    look_again_on = forms.DateField(
        label="Look again on",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="When they see whether the reason still holds. They are reminded.",
        error_messages={"required": "Say when to look again."},
    )
    revision = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, action: ActionItem, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        people = self.fields["accepted_by"]
        assert isinstance(people, forms.ModelChoiceField)  # noqa: S101  (narrows the type)
        people.queryset = possible_owners(action.postmortem)

    def clean_look_again_on(self) -> date:
        day: date = self.cleaned_data["look_again_on"]
        if not self.today < day <= self.today + LONGEST_REFUSAL:
            raise ValidationError("Choose a day within the next two years.")
        return day

    @property
    def refusal(self) -> Refusal:
        data = self.cleaned_data
        return Refusal(data["reason"], data["accepted_by"], data["look_again_on"])


class LinkForm(CleanTextMixin, forms.Form):
    """Where the work can be seen."""

    kind = forms.ChoiceField(choices=WorkLinkKind, initial=WorkLinkKind.PULL_REQUEST, label="What shows it")
    url = forms.URLField(
        required=False,
        max_length=1000,
        assume_scheme="https",
        label="Address",
        widget=forms.URLInput(attrs={"placeholder": "https://…", "autocomplete": "off"}),
        validators=[URLValidator(schemes=["http", "https"], message="An address begins with https:// or http://.")],
    )
    words = forms.CharField(
        required=False, max_length=300, label="In words", help_text="Needed where there is no address to give."
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors and not data.get("url") and not data.get("words"):
            self.refuse_silence()
        return data

    def refuse_silence(self) -> None:
        self.add_error("url", "Give the address of what shows it, or say it in words.")

    @property
    def facts(self) -> LinkFacts | None:
        data = self.cleaned_data
        said = data["url"] or data["words"]
        return LinkFacts(kind=data["kind"], url=data["url"], words=data["words"]) if said else None


class CompleteForm(LinkForm):
    """What shows that an action is done: asked for, unless a link says it already."""

    revision = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, has_links: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.has_links = has_links

    def refuse_silence(self) -> None:
        if not self.has_links:
            super().refuse_silence()
