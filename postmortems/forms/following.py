"""Typed input about what one follows."""

from __future__ import annotations

from django import forms

from accounts.forms import OwnIdsMixin
from accounts.models import Team
from incidents.models import Service
from postmortems.forms.tags import TagsField


class FollowingForm(OwnIdsMixin, forms.Form):
    """What one wants to hear of."""

    comments = forms.BooleanField(
        required=False, initial=True, label="Comments that concern you, when they stay unread for ten minutes"
    )
    weekly = forms.BooleanField(required=False, label="On Monday mornings, what was learned the week before")
    everything = forms.BooleanField(required=False, label="Every post-mortem, as it is published")
    teams = forms.ModelMultipleChoiceField(
        Team.objects.all(), required=False, label="What these teams publish", widget=forms.CheckboxSelectMultiple
    )
    services = forms.ModelMultipleChoiceField(
        Service.objects.all(), required=False, label="What is about these services", widget=forms.CheckboxSelectMultiple
    )
    tags = TagsField(required=False, label="What has one of these tags", help_text="Between commas: dns, capacity.")
