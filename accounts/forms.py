"""Forms of people, teams, search and the audit log."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone

from accounts import search
from accounts.models import Team
from accounts.search import Wanted


def day_field(label: str) -> forms.DateField:
    """A day in a century that databases and calendars agree on."""
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    known = [MinValueValidator(date(1970, 1, 1)), MaxValueValidator(date(2199, 12, 31))]
    return forms.DateField(required=False, label=label, widget=widget, validators=known)


class SearchForm(forms.Form):
    """What to look for, as it stands in the URL; a filter that makes no sense is passed over."""

    q = forms.CharField(
        required=False,
        max_length=search.LONGEST_TEXT,
        label="Words",
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off", "spellcheck": "false"}),
    )
    kind = forms.ChoiceField(required=False)
    team = forms.ModelChoiceField(Team.objects.all(), required=False, empty_label="Any team", to_field_name="slug")
    since = day_field("From")
    until = day_field("To")

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        kinds = [(source.kind, source.label) for source in search.sources()]
        self.fields["kind"].choices = [("", "Everything"), *kinds]  # type: ignore[attr-defined]
        self.fields.update(search.filters())
        self.order_fields(["q", "kind", *search.filters(), "team", "since", "until"])

    def wanted(self) -> Wanted:
        self.is_valid()
        known = {name: value for name, value in self.cleaned_data.items() if value}
        text, kind = known.pop("q", ""), known.pop("kind", "")
        if since := known.get("since"):
            known["since"] = _midnight(since)
        if until := known.get("until"):
            known["until"] = _midnight(until) + timedelta(days=1)
        return Wanted(text=text, kind=kind, facts=known)


def _midnight(day: date) -> datetime:
    """When `day` begins for the person who asks."""
    return datetime.combine(day, time(), tzinfo=timezone.get_current_timezone())
