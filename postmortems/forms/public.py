"""Typed input about what leaves the document: the public version, the e-mail to leadership."""

from __future__ import annotations

from django import forms

from accounts.forms import CleanTextMixin, OwnIdsMixin, active_people


class PublicVersionForm(CleanTextMixin, forms.Form):
    """The text for customers."""

    title = forms.CharField(max_length=200, label="Title", help_text="What customers saw.")
    body = forms.CharField(
        max_length=100_000,
        strip=False,
        label="Text",
        help_text="Markdown, for readers who do not know how you work: what happened, to whom, what you do about it.",
        widget=forms.Textarea(attrs={"rows": 18, "class": "prose-input"}),
    )
    revision = forms.IntegerField(widget=forms.HiddenInput)


class ApproveForm(forms.Form):
    """An approval of one revision."""

    side = forms.ChoiceField(choices=[("legal", "Legal"), ("leadership", "Leadership")])
    revision = forms.IntegerField()


class RevisionForm(forms.Form):
    revision = forms.IntegerField()


class AllowForm(CleanTextMixin, forms.Form):
    """Words that may be public all the same."""

    quote = forms.CharField(max_length=300, widget=forms.HiddenInput)
    reason = forms.CharField(max_length=300, label="Why this may be public")


class ApproversForm(OwnIdsMixin, forms.Form):
    """Who approves."""

    legal = forms.ModelMultipleChoiceField(
        active_people(), required=False, label="For legal", widget=forms.CheckboxSelectMultiple
    )
    leadership = forms.ModelMultipleChoiceField(
        active_people(), required=False, label="For leadership", widget=forms.CheckboxSelectMultiple
    )


class LeadershipForm(CleanTextMixin, forms.Form):
    """The e-mail to leadership, and to whom it goes."""

    subject = forms.CharField(max_length=200, label="Subject")
    text = forms.CharField(
        max_length=20_000, strip=False, label="Text", widget=forms.Textarea(attrs={"rows": 20, "class": "prose-input"})
    )
    people = forms.ModelMultipleChoiceField(active_people(), label="To", widget=forms.CheckboxSelectMultiple)
