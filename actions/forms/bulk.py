"""What changes for many actions at once."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.forms import CleanTextMixin, PersonChoiceField
from accounts.models import User
from actions.enums import UNFINISHED, Priority, Status, WorkLinkKind
from actions.forms.action import ActionForm
from actions.owners import people_of_same_teams
from actions.services.bulk import BulkFacts
from actions.services.link import LinkFacts


class BulkForm(CleanTextMixin, forms.Form):
    """What changes for all the chosen actions. Nothing chosen means: as it is."""

    owner = PersonChoiceField(
        User.objects.none(),
        required=False,
        empty_label="Owner as it is",
        error_messages={"invalid_choice": "Choose one of the people offered."},
    )
    due_on = forms.DateField(
        required=False, label="Due", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    priority = forms.ChoiceField(
        required=False, choices=[("", "Priority as it is"), *((p.value, p.value) for p in Priority)]
    )
    status = forms.ChoiceField(
        required=False,
        choices=[("", "Status as it is"), *((s, s.label) for s in (*UNFINISHED, Status.DONE))],
    )
    words = forms.CharField(
        required=False, max_length=300, label="What shows it", help_text="Needed when the status becomes “Done”."
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = self.fields["owner"]
        assert isinstance(people, forms.ModelChoiceField)  # noqa: S101  (narrows the type)
        people.queryset = people_of_same_teams(user)

    clean_due_on = ActionForm.clean_due_on

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("status") == Status.DONE and not data.get("words"):
            self.add_error("words", "Say what shows that they are done.")
        if not self.errors and not any(data[name] for name in ("owner", "due_on", "priority", "status")):
            raise ValidationError("Choose what to change.")
        return data

    @property
    def facts(self) -> BulkFacts:
        data = self.cleaned_data
        evidence = LinkFacts(kind=WorkLinkKind.OTHER, words=data["words"]) if data["words"] else None
        return BulkFacts(
            owner=data["owner"],
            due_on=data["due_on"],
            priority=data["priority"] or None,
            status=data["status"] or None,
            evidence=evidence,
        )
