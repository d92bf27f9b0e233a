"""Typed input about review meetings."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError

from accounts.forms import CleanTextMixin, OwnIdsMixin, active_people
from accounts.models import User
from incidents.fields import ZonedDateTimeField
from incidents.models import TimelineEvent
from postmortems.enums import MeetingForm
from postmortems.meetings.agenda import MINUTES
from postmortems.models import AgendaItem, Meeting
from postmortems.services.meeting import MOST_INVITED, Plan

LARGEST_TRANSCRIPT = 5_000_000


class PlanForm(CleanTextMixin, forms.Form):
    """The plan of a review. Times are typed on the clock of the person who plans."""

    form = forms.ChoiceField(
        choices=MeetingForm.choices, label="How", widget=forms.RadioSelect(attrs={"class": "choice-line"})
    )
    starts_at = ZonedDateTimeField(label="When", required=True, help_text="A review in writing ends then.")
    minutes = forms.IntegerField(min_value=5, max_value=240, label="Minutes", required=False)
    place = forms.CharField(max_length=300, required=False, label="Where", help_text="A room, or the link of the call.")
    facilitator = forms.ModelChoiceField(active_people(), label="Facilitator")
    note_taker = forms.ModelChoiceField(active_people(), required=False, label="Takes notes", empty_label="Nobody yet")
    action_tracker = forms.ModelChoiceField(
        active_people(), required=False, label="Keeps the actions", empty_label="Nobody yet"
    )
    responders = forms.ModelMultipleChoiceField(
        active_people(), required=False, label="Responders", widget=forms.CheckboxSelectMultiple
    )
    stakeholders = forms.ModelMultipleChoiceField(
        active_people(), required=False, label="Others", widget=forms.CheckboxSelectMultiple
    )
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, zone: ZoneInfo, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        when = self.fields["starts_at"]
        assert isinstance(when, ZonedDateTimeField)  # noqa: S101  (declared above)
        when.set_zone(zone)

    def clean(self) -> dict[str, Any] | None:
        data = super().clean()
        people = {*self.cleaned_data.get("responders", []), *self.cleaned_data.get("stakeholders", [])}
        if len(people) > MOST_INVITED - 3:
            raise ValidationError(f"At most {MOST_INVITED - 3} people can be invited.")
        return data

    def plan(self) -> Plan:
        """What was typed; only after `is_valid`."""
        said = {name: value for name, value in self.cleaned_data.items() if name != "revision"}
        return Plan(**{**said, "minutes": self.minutes_meant()})

    def minutes_meant(self) -> int:
        """How long it takes: as typed, else as long as one of its size does; also while the rest is not valid."""
        self.is_valid()
        said = self.cleaned_data
        return said.get("minutes") or MINUTES[MeetingForm(said.get("form", MeetingForm.MEETING))]

    def people(self) -> list[User]:
        """Everybody chosen so far, also while the rest is not valid."""
        self.is_valid()
        said = self.cleaned_data
        some = [said.get(name) for name in ("facilitator", "note_taker", "action_tracker")]
        chosen = [*filter(None, some), *said.get("responders", []), *said.get("stakeholders", [])]
        return list({person.pk: person for person in chosen}.values())


def plan_of(meeting: Meeting) -> dict[str, Any]:
    """What the form shows of a plan that stands."""
    guests: dict[str, list[int]] = {"responder": [], "stakeholder": [], "role": []}
    for row in meeting.attendees.filter(is_invited=True):
        guests[row.kind].append(row.user_id)
    return {
        "form": meeting.form,
        "starts_at": meeting.starts_at,
        "minutes": meeting.minutes or None,
        "place": meeting.place,
        "facilitator": meeting.facilitator_id,
        "note_taker": meeting.note_taker_id,
        "action_tracker": meeting.action_tracker_id,
        "responders": guests["responder"],
        "stakeholders": guests["stakeholder"],
        "revision": meeting.revision,
    }


class StepForm(forms.Form):
    """Which step to go to."""

    item = forms.ModelChoiceField(AgendaItem.objects.none())

    def __init__(self, data: Any, meeting: Meeting) -> None:
        super().__init__(data)
        self.fields["item"].queryset = meeting.agenda.all()  # type: ignore[attr-defined]


class ClockForm(forms.Form):
    """Whether the clock runs."""

    is_running = forms.BooleanField(required=False)


class PointForm(forms.Form):
    """Which event is talked about; none at all is an answer too."""

    event = forms.ModelChoiceField(TimelineEvent.objects.none(), required=False)

    def __init__(self, data: Any, meeting: Meeting) -> None:
        super().__init__(data)
        rows = TimelineEvent.objects.filter(incident=meeting.postmortem.incident_id)
        self.fields["event"].queryset = rows  # type: ignore[attr-defined]


class CameForm(forms.Form):
    """Who came."""

    person = forms.ModelChoiceField(active_people(), required=False)
    came = forms.BooleanField(required=False)


class LineForm(CleanTextMixin, forms.Form):
    """One captured line, as it was typed."""

    line = forms.CharField(max_length=2_100, label="Line")


class CorrectionForm(CleanTextMixin, forms.Form):
    """A line said otherwise, and the revision it was read at."""

    line = forms.CharField(max_length=2_100, label="Line")
    revision = forms.IntegerField(widget=forms.HiddenInput)


class SettledForm(forms.Form):
    """Whether what was parked has been dealt with."""

    is_settled = forms.BooleanField(required=False)


class TranscriptForm(OwnIdsMixin, forms.Form):
    """A transcript as a file, or pasted."""

    file = forms.FileField(required=False, label="File", help_text="WebVTT, SRT or plain text, of at most 5 MB.")
    text = forms.CharField(
        required=False, max_length=LARGEST_TRANSCRIPT, label="Or paste it", widget=forms.Textarea(attrs={"rows": 6})
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        file = data.get("file")
        if file and file.size > LARGEST_TRANSCRIPT:
            raise ValidationError("The file is larger than 5 MB.")
        if file:
            try:
                data["text"] = file.read().decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise ValidationError("The file is not text in UTF-8.") from error
        if not data.get("text", "").strip() and not self.errors:
            raise ValidationError("Choose a file, or paste what was said.")
        data["text"] = data.get("text", "").replace("\x00", "")
        return data
