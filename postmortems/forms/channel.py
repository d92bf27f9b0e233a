"""Typed input about the channels of a team."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts import secrets, slack
from accounts.forms import CleanTextMixin, OwnIdsMixin
from accounts.models import Team
from incidents.models import Service
from postmortems.forms.tags import TagsField

ID = re.compile(r"[CG][A-Z0-9]{7,20}")
NAME = re.compile(r"#[^\s#@<>&,|A-Z]{1,79}")
"""Slack's names have no capitals and no spaces, but any script."""


class ChannelForm(CleanTextMixin, OwnIdsMixin, forms.Form):
    """A channel and what it hears."""

    name = forms.CharField(max_length=80, label="Channel", help_text="#edge, or its id in Slack, such as C0123ABCD.")
    hook = forms.CharField(
        max_length=500,
        required=False,
        label="Address of an incoming webhook",
        help_text="Where Debrief has no bot in your Slack. A secret: kept encrypted, not shown again.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    everything = forms.BooleanField(required=False, label="Every post-mortem, as it is published")
    weekly = forms.BooleanField(required=False, label="On Monday mornings, what was learned the week before")
    teams = forms.ModelMultipleChoiceField(
        Team.objects.all(), required=False, label="What these teams publish", widget=forms.CheckboxSelectMultiple
    )
    services = forms.ModelMultipleChoiceField(
        Service.objects.all(), required=False, label="What is about these services", widget=forms.CheckboxSelectMultiple
    )
    tags = TagsField(required=False, label="What has one of these tags", help_text="Between commas: dns, capacity.")
    is_private = forms.BooleanField(
        required=False,
        label="Only people of this team read the channel",
        help_text="Then it hears of what only the team may see, too. What is restricted goes to no channel.",
    )

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip()
        if ID.fullmatch(name):
            return name
        name = f"#{name.removeprefix('#')}".lower()
        if not NAME.fullmatch(name):
            raise ValidationError("A channel of Slack is like #edge: no spaces, and no person.")
        return name

    def clean_hook(self) -> str:
        hook = str(self.cleaned_data["hook"]).strip()
        if not hook:
            return ""
        try:
            slack.check_hook(hook)
        except slack.HookNotAllowed as error:
            raise ValidationError(str(error)) from error
        if not secrets.are_keys_set():
            raise ValidationError(str(secrets.NoKeys()))
        return hook

    def clean(self) -> dict[str, Any] | None:
        data = super().clean()
        hears = ("everything", "weekly", "teams", "services", "tags")
        if not self.errors and not any(self.cleaned_data.get(name) for name in hears):
            self.add_error(None, ValidationError("Choose something that the channel is to hear of."))
        return data
