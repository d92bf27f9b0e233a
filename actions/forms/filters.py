"""Which actions a list, the dashboard or a saved view shows."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict

from accounts.forms import CleanTextMixin, team_filter
from accounts.models import User
from actions.counting import BY
from actions.dashboard import Choice
from actions.enums import Priority, Status, ViewOf
from actions.filters import ALL, LANGUISHING, OVERDUE, SOON, TO_DO, ActionFilters, Days
from actions.owners import people_to_filter_by
from incidents.enums import Severity
from incidents.forms import service_filter
from incidents.models import Service
from postmortems.models import Postmortem

STATUSES = [
    (TO_DO, "To do"),
    (OVERDUE, "Overdue"),
    (SOON, "Due within a week"),
    (LANGUISHING, "Languishing"),
    *Status.choices,
    (ALL, "Any status"),
]
ANYONE, ME, NOBODY = "", "me", "nobody"
OF_NUMBERS = (
    *("created_from", "created_to", "finished_from", "finished_to", "due_from", "due_to"),
    *("dated", "also_service", "no_service"),
)
"""What only the numbers of the dashboard ask for; a list says it in words."""


class ActionFilterForm(forms.Form):
    """The filters of the list, as they stand in the URL; what does not exist is passed over."""

    q = forms.CharField(
        required=False, max_length=200, label="Words", widget=forms.TextInput(attrs={"type": "search"}), strip=True
    )
    status = forms.ChoiceField(choices=STATUSES, required=False)
    owner = forms.ChoiceField(required=False)
    team = team_filter()
    priority = forms.ChoiceField(choices=[("", "Any priority"), *((p, p.value) for p in Priority)], required=False)
    severity = forms.ChoiceField(choices=[("", "Any severity"), *Severity.choices], required=False)
    service = service_filter()
    postmortem = forms.IntegerField(required=False, min_value=1, max_value=2**62, widget=forms.HiddenInput)
    created_from = forms.DateField(required=False, widget=forms.HiddenInput)
    created_to = forms.DateField(required=False, widget=forms.HiddenInput)
    finished_from = forms.DateField(required=False, widget=forms.HiddenInput)
    finished_to = forms.DateField(required=False, widget=forms.HiddenInput)
    due_from = forms.DateField(required=False, widget=forms.HiddenInput)
    due_to = forms.DateField(required=False, widget=forms.HiddenInput)
    dated = forms.BooleanField(required=False, widget=forms.HiddenInput)
    also_service = forms.ModelChoiceField(
        Service.objects.all(), required=False, to_field_name="slug", widget=forms.HiddenInput
    )
    no_service = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.chosen_owner = self._owner(self.data.get("owner", ""))
        people = people_to_filter_by(user, self.chosen_owner)
        self.fields["owner"] = forms.ChoiceField(
            required=False,
            label="Owner",
            choices=[
                (ANYONE, "Anyone"),
                (ME, "Me"),
                (NOBODY, "Nobody yet"),
                *((str(person.pk), person.display_name) for person in people),
            ],
        )

    def _owner(self, value: str) -> User | None:
        is_number = value.isascii() and value.isdigit() and len(value) < 18
        return User.objects.filter(pk=value).first() if is_number else None

    def clean_q(self) -> str:
        return str(self.cleaned_data["q"]).replace("\0", "")

    def filters(self) -> ActionFilters:
        """What was chosen; a choice that does not exist counts as none."""
        self.is_valid()
        known = self.cleaned_data
        owner = known.get("owner", "")
        return ActionFilters(
            is_mine=owner == ME,
            is_unowned=owner == NOBODY,
            owner=self.chosen_owner,
            team=known.get("team"),
            status=known.get("status") or TO_DO,
            priority=known.get("priority", ""),
            severity=known.get("severity", ""),
            service=known.get("service"),
            also_service=known.get("also_service"),
            has_no_service=known.get("no_service", False),
            is_dated=known.get("dated", False),
            created=self._days("created"),
            finished=self._days("finished"),
            due=self._days("due"),
            postmortem=self._postmortem(known.get("postmortem")),
            text=known.get("q", ""),
        )

    def _days(self, name: str) -> Days:
        days = (self.cleaned_data.get(f"{name}_{end}") for end in ("from", "to"))
        return Days(*(day if day and 1990 <= day.year <= 2100 else None for day in days))

    def query(self) -> dict[str, str]:
        """The filters as they stand in the address, as far as they exist; how far a list goes is not among them."""
        self.is_valid()
        own = ("q", "owner", "team", "priority", "severity", "service", "postmortem")
        return {name: self.data[name] for name in own if self.data.get(name) and self.cleaned_data.get(name)}

    def _postmortem(self, pk: int | None) -> Postmortem | None:
        return Postmortem.objects.visible_to(self.user).filter(pk=pk).first() if pk else None


class DashboardForm(ActionFilterForm):
    """The filters of the dashboard: those of the list but the status, how far back, and by what."""

    weeks = forms.TypedChoiceField(
        label="Period",
        choices=[(4, "4 weeks"), (12, "12 weeks"), (26, "26 weeks"), (52, "A year")],
        coerce=int,
        required=False,
        empty_value=None,
        initial=12,
    )
    by = forms.ChoiceField(
        label="Table by", choices=[(name, name.capitalize()) for name in BY], required=False, initial="team"
    )

    def __init__(self, data: QueryDict, **kwargs: Any) -> None:
        asked = data.copy()
        asked.setdefault("weeks", "12")
        asked.setdefault("by", "team")
        super().__init__(asked, **kwargs)
        for name in ("q", "status", *OF_NUMBERS):
            del self.fields[name]

    def choice(self) -> Choice:
        """What was asked for; what does not exist counts as the default."""
        filters = self.filters()
        weeks, by = self.cleaned_data.get("weeks") or 12, self.cleaned_data.get("by") or "team"
        return Choice(filters=filters, weeks=weeks, by=by, query=self.query())


class ViewForm(CleanTextMixin, forms.Form):
    """A name for the filters that are set."""

    of = forms.ChoiceField(choices=ViewOf)
    name = forms.CharField(max_length=60)
    query = forms.CharField(required=False, max_length=1000)
