"""Typed input about incidents; nothing here saves."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError

from accounts.enums import Visibility
from accounts.forms import ZONES, CleanTextMixin, NamedChoiceField, OwnIdsMixin, active_people, team_filter
from accounts.models import Team, User
from incidents.enums import EventKind, Phase, PolicyFact, Precision, Requirement, Severity, Tier
from incidents.fields import FIRST_YEAR, LAST_YEAR, ZonedDateTimeField
from incidents.importers.debrief_json import MOST_SERVICES
from incidents.models import Incident, Service
from incidents.queries import TIMES, IncidentFilters

PHASES = [("", "Any phase"), *Phase.choices]

HELP = {
    "impact_started_at": "The first harm to a customer: the trigger, not the page.",
    "detected_at": "When someone or something noticed. It may lie before the impact.",
    "acknowledged_at": "When a person took it on.",
    "diagnosed_at": "When it was known what to change.",
    "mitigated_at": "When customers were no longer hurt.",
    "resolved_at": "When everything worked as before.",
    "closed_at": "When nothing was left to do in the response.",
}


class ZonedForm(CleanTextMixin, forms.Form):
    """A form whose moments are typed on the clock of one zone."""

    def __init__(self, *args: Any, zone: ZoneInfo, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for form_field in self.fields.values():
            if isinstance(form_field, ZonedDateTimeField):
                form_field.set_zone(zone)


def severity_filter() -> forms.ChoiceField:
    return forms.ChoiceField(choices=[("", "Any severity"), *[(s, s.value) for s in Severity]], required=False)


def service_filter() -> NamedChoiceField:
    return NamedChoiceField(Service.objects.all(), required=False, empty_label="Any service", to_field_name="slug")


class IncidentFilterForm(forms.Form):
    """The filters of the list, as they stand in the URL; what does not exist is passed over."""

    severity = severity_filter()
    team = team_filter()
    service = service_filter()
    phase = forms.ChoiceField(choices=PHASES, required=False)

    def filters(self) -> IncidentFilters:
        self.is_valid()
        known = {name: value for name, value in self.cleaned_data.items() if value}
        return IncidentFilters(**known)


class IncidentCreateForm(ZonedForm):
    """Four fields, and only the title must be typed."""

    title = forms.CharField(
        max_length=200,
        help_text="What customers saw, for how long: “Checkout failed for 23 minutes in Europe”. Not the cause.",
    )
    severity = forms.ChoiceField(choices=Severity, initial=Severity.SEV2)
    team = forms.ModelChoiceField(Team.objects.all(), empty_label=None)
    timezone = forms.ChoiceField(choices=ZONES, label="Time zone", initial="UTC")
    impact_started_at = ZonedDateTimeField(required=False, label="Impact started", help_text=HELP["impact_started_at"])
    is_customer_facing = forms.BooleanField(required=False, label="Customers were affected")
    is_security_sensitive = forms.BooleanField(
        required=False, label="Security-sensitive", help_text="Only people named on it will see it."
    )


class FactsForm(CleanTextMixin, forms.Form):
    """What kind of incident it was, and who was there."""

    title = forms.CharField(max_length=200)
    severity = forms.ChoiceField(choices=Severity)
    team = forms.ModelChoiceField(Team.objects.all(), empty_label=None, label="Owning team")
    services = forms.ModelMultipleChoiceField(Service.objects.all(), required=False)
    new_service = forms.CharField(
        max_length=120, required=False, label="Another service", help_text="Its name, if it is not listed yet."
    )
    commander = forms.ModelChoiceField(
        active_people(), required=False, label="Incident commander", empty_label="Nobody yet"
    )
    responders = forms.ModelMultipleChoiceField(active_people(), required=False)
    timezone = forms.ChoiceField(
        choices=ZONES,
        label="Time zone",
        help_text="Every time is shown on this clock. Moments already entered stay as they are.",
    )
    is_customer_facing = forms.BooleanField(required=False, label="Customers were affected")
    is_near_miss = forms.BooleanField(required=False, label="Near miss")
    is_slo_breach = forms.BooleanField(required=False, label="A service level objective was breached")
    is_emergency_escalation = forms.BooleanField(required=False, label="Emergency escalation was needed")
    is_security_sensitive = forms.BooleanField(required=False, label="Security-sensitive")
    third_party = forms.CharField(
        max_length=120, required=False, label="Third party", help_text="The vendor, if a dependency failed."
    )
    repeat_of = forms.CharField(
        max_length=20, required=False, label="Repeats", help_text="The reference of the earlier incident, as INC-12."
    )
    summary = forms.CharField(widget=forms.Textarea(attrs={"rows": 4}), max_length=5000, required=False)
    revision = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, incident: Incident, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.earlier = Incident.objects.visible_to(user).exclude(pk=incident.pk)

    def clean(self) -> dict[str, Any]:
        facts = super().clean() or self.cleaned_data
        if len(facts.get("services") or ()) + bool(facts.get("new_service")) > MOST_SERVICES:
            self.add_error("services", f"An incident has at most {MOST_SERVICES} services.")
        return facts

    def clean_repeat_of(self) -> Incident | None:
        typed = self.cleaned_data["repeat_of"].strip().upper().removeprefix("INC-")
        if not typed:
            return None
        found = self.earlier.filter(pk=typed).first() if typed.isascii() and typed.isdigit() else None
        if found is None:
            raise ValidationError("There is no such earlier incident that you can see.")
        return found


class TimesForm(ZonedForm):
    """The moments an incident passes. Order is checked only where reality fixes it."""

    impact_started_at = ZonedDateTimeField(required=False)
    detected_at = ZonedDateTimeField(required=False)
    acknowledged_at = ZonedDateTimeField(required=False)
    diagnosed_at = ZonedDateTimeField(required=False)
    mitigated_at = ZonedDateTimeField(required=False)
    resolved_at = ZonedDateTimeField(required=False)
    closed_at = ZonedDateTimeField(required=False)
    revision = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in TIMES.items():
            self.fields[name].label = label
            self.fields[name].help_text = HELP[name]

    def clean(self) -> dict[str, Any] | None:
        data = super().clean()
        for earlier, later in (
            ("impact_started_at", "mitigated_at"),
            ("impact_started_at", "resolved_at"),
            ("detected_at", "acknowledged_at"),
            ("detected_at", "resolved_at"),
            ("mitigated_at", "resolved_at"),
            ("resolved_at", "closed_at"),
        ):
            self._check_order(earlier, later)
        return data

    def _check_order(self, earlier: str, later: str) -> None:
        before: datetime | None = self.cleaned_data.get(earlier)
        after: datetime | None = self.cleaned_data.get(later)
        if before and after and after < before:
            message = f"“{TIMES[later]}” cannot come before “{TIMES[earlier]}”."
            self.add_error(later, ValidationError(message, code="order"))


class ImpactForm(CleanTextMixin, forms.Form):
    """The impact in words."""

    impact = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 5}),
        max_length=5000,
        required=False,
        label="Impact",
        help_text="Who could not do what, where, for how long.",
    )
    revision = forms.IntegerField(widget=forms.HiddenInput)


class EventForm(ZonedForm):
    """One timeline event."""

    at = ZonedDateTimeField(label="When")
    precision = forms.ChoiceField(choices=Precision, initial=Precision.EXACT, label="Known")
    kind = forms.ChoiceField(choices=EventKind, initial=EventKind.OTHER)
    actor_role = forms.CharField(
        max_length=80, required=False, label="Who", help_text="A role: on-call engineer, monitoring."
    )
    text = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), max_length=4000, label="What happened")
    is_milestone = forms.BooleanField(required=False, label="Milestone")
    is_customer_visible = forms.BooleanField(required=False, label="Customers could see it")
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)


class PasteForm(OwnIdsMixin, forms.Form):
    """Many lines of a timeline."""

    text = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false"}),
        max_length=1_000_000,
        strip=False,
        label="Lines",
        help_text=(
            "One event a line, as “14:32 - alert fires”. "
            "Dates, am/pm, zones, bullets, tables and chat exports are understood."
        ),
    )
    start_on = forms.DateField(
        label="First day",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="Used until a line names a day.",
    )

    def clean_start_on(self) -> date:
        day: date = self.cleaned_data["start_on"]
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise ValidationError(f"The year must lie between {FIRST_YEAR} and {LAST_YEAR}.")
        return day


class FigureForm(CleanTextMixin, forms.Form):
    """One number of the impact."""

    label = forms.CharField(max_length=120, label="What", help_text="Failed checkouts")
    value = forms.CharField(max_length=120, help_text="With its unit: 12 400 orders, 27 minutes, about 18 %")
    is_estimated = forms.BooleanField(required=False, label="Estimated")
    caveat = forms.CharField(max_length=300, required=False, help_text="How it was measured, what it leaves out.")
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)


class CommunicationForm(ZonedForm):
    """What was told to whom."""

    at = ZonedDateTimeField(label="When", required=False)
    precision = forms.ChoiceField(choices=Precision, initial=Precision.EXACT, label="Known")
    channel = forms.CharField(max_length=80, help_text="Status page, support briefing, e-mail")
    audience = forms.CharField(max_length=120, required=False, help_text="All customers, EU customers, support")
    text = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), max_length=4000, label="What was said")
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)


class OverrideForm(CleanTextMixin, forms.Form):
    """The commander's own judgement, with its reason."""

    requirement = forms.ChoiceField(choices=[("", "As the policy says"), *Requirement.choices], required=False)
    reason = forms.CharField(max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def clean(self) -> dict[str, Any] | None:
        data = super().clean()
        if self.cleaned_data.get("requirement") and not self.cleaned_data.get("reason", "").strip():
            self.add_error("reason", "Say why: the next reader will ask.")
        return data


class VisibilityForm(OwnIdsMixin, forms.Form):
    """Who may see the incident."""

    visibility = forms.ChoiceField(choices=Visibility, widget=forms.RadioSelect)
    readers = forms.ModelMultipleChoiceField(
        active_people(), required=False, label="People named", help_text="They see it whatever the choice above."
    )


class PolicyRuleForm(CleanTextMixin, forms.Form):
    """One rule of the policy."""

    fact = forms.ChoiceField(choices=PolicyFact, label="When")
    severities = forms.MultipleChoiceField(
        choices=[(s, s.value) for s in Severity], required=False, widget=forms.CheckboxSelectMultiple
    )
    service = forms.ModelChoiceField(Service.objects.all(), required=False)
    requirement = forms.ChoiceField(choices=Requirement, label="A post-mortem is")
    tier = forms.ChoiceField(choices=Tier, label="Size")
    reason = forms.CharField(max_length=300, help_text="Shown to people as the reason.")
    is_active = forms.BooleanField(required=False, label="In force", initial=True)

    def clean(self) -> dict[str, Any] | None:
        data = super().clean()
        fact = self.cleaned_data.get("fact")
        if fact == PolicyFact.SEVERITY and not self.cleaned_data.get("severities"):
            self.add_error("severities", "Choose at least one severity.")
        if fact == PolicyFact.SERVICE and not self.cleaned_data.get("service"):
            self.add_error("service", "Choose the service.")
        return data
