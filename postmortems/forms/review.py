"""Typed input about reviews."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.forms import CleanTextMixin, OwnIdsMixin, active_people
from postmortems.reviewing import QUESTIONS


class ReviewerForm(OwnIdsMixin, forms.Form):
    """Whom to ask."""

    reviewer = forms.ModelChoiceField(active_people(), label="Reviewer")


class VerdictForm(CleanTextMixin, forms.Form):
    """The five questions and a verdict. Whoever asks for changes says which."""

    comment = forms.CharField(
        max_length=10_000,
        required=False,
        label="What you would say to its writers",
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    verdict = forms.ChoiceField(
        choices=[("approve", "Approve"), ("changes", "Ask for changes")], widget=forms.HiddenInput
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for key, question in QUESTIONS.items():
            self.fields[key] = forms.BooleanField(required=False, label=question)
        self.order_fields([*QUESTIONS, "comment"])

    def clean(self) -> dict[str, Any] | None:
        data = super().clean()
        said = self.cleaned_data
        unmet = [question for key, question in QUESTIONS.items() if not said.get(key)]
        if said.get("verdict") == "changes" and not said.get("comment", "").strip():
            self.add_error("comment", ValidationError("Say what should change."))
        if said.get("verdict") == "approve" and unmet and not said.get("comment", "").strip():
            self.add_error(
                "comment", ValidationError("You left questions unticked: say why it may be published all the same.")
            )
        return data

    @property
    def answers(self) -> dict[str, bool]:
        return {key: bool(self.cleaned_data.get(key)) for key in QUESTIONS}
