"""When somebody is reminded, and when not."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts import slack


class PauseForm(forms.Form):
    """Quiet for one action."""

    choice = forms.ChoiceField(choices=[("week", "Snooze a week"), ("mute", "Mute"), ("resume", "Remind again")])


class ReminderSettingsForm(forms.Form):
    """When and how somebody is reminded."""

    at_hour = forms.TypedChoiceField(
        label="At", choices=[(hour, f"{hour:02}:00") for hour in range(24)], coerce=int, help_text="In your time zone."
    )
    on_weekends = forms.BooleanField(required=False, label="On Saturdays and Sundays too")
    before_due = forms.BooleanField(required=False, label="Before something is due: a week and a day ahead")
    weekly_list = forms.BooleanField(
        required=False, label="On Mondays, what is late in the teams I manage", help_text="For managers of a team."
    )
    by_slack = forms.BooleanField(
        required=False, label="In Slack instead of by mail", help_text="By mail where Slack does not know your address."
    )
    muted_until = forms.DateField(
        required=False,
        label="Nothing until",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="While you are away. What is late then is still late afterwards, and you hear of it once.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not slack.is_connected():
            del self.fields["by_slack"]
