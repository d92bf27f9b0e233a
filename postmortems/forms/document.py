"""Typed input about post-mortems; nothing here saves."""

from __future__ import annotations

import json
import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.enums import Visibility
from accounts.forms import CleanTextMixin, OwnIdsMixin, active_people, team_filter
from incidents.enums import Tier
from incidents.forms import service_filter, severity_filter
from postmortems.enums import ParticipantRole, SectionKind, State
from postmortems.forms.tags import TagFilter
from postmortems.models import Template
from postmortems.queries import PostmortemFilters

MOST_BYTES = 1_000_000
"""A section of more text than this is a log file: it belongs into an attachment."""


class TextField(forms.CharField):
    """Markdown of any length up to 1 MB; spaces at its ends are kept, so that typing is never lost."""

    widget = forms.Textarea

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strip=False, **kwargs)

    def validate(self, value: str) -> None:
        super().validate(value)
        size = len(value.encode())
        if size > MOST_BYTES:
            raise ValidationError(
                f"This text has {size / 1_000_000:.1f} MB; a section holds 1 MB. Nothing was saved, and your text is "
                "still here: move logs and long output into an attachment."
            )


class SectionForm(CleanTextMixin, forms.Form):
    """The text of one section, and the digest of the one it was written on."""

    body = TextField(required=False, label="Text", widget=forms.Textarea(attrs={"rows": 14, "class": "prose-input"}))
    seen = forms.RegexField(r"^[0-9a-f]{64}$", widget=forms.HiddenInput)


class PreviewForm(CleanTextMixin, forms.Form):
    """A text to be shown as its readers will see it."""

    body = TextField(required=False)


class TitleForm(CleanTextMixin, forms.Form):
    """The title: what customers saw, not the cause."""

    title = forms.CharField(
        max_length=200,
        help_text="What customers saw, for how long: “Checkout failed for 23 minutes in Europe”. Not the cause.",
    )
    revision = forms.IntegerField(widget=forms.HiddenInput)


class SectionAddForm(CleanTextMixin, forms.Form):
    """A new section at the end."""

    title = forms.CharField(max_length=120)
    kind = forms.ChoiceField(choices=SectionKind, initial=SectionKind.PROSE, label="Shows")


class SectionTitleForm(CleanTextMixin, forms.Form):
    """The heading of a section."""

    title = forms.CharField(max_length=120)


ROW = re.compile(r"why-[1-9]\d{0,8}\Z")
"""A row that comments can hang on: the id of its element."""


class AnchorField(forms.CharField):
    """Where the words are, as JSON: two positions in the live text as Yjs writes them, a row of a block, or nothing."""

    widget = forms.HiddenInput

    def __init__(self) -> None:
        super().__init__(max_length=1000, required=False)

    def clean(self, value: Any) -> Any:
        written = super().clean(value)
        if not written:
            return {}
        try:
            anchor = json.loads(written)
        except (ValueError, RecursionError) as error:
            raise ValidationError("This is no place in a text.") from error
        if isinstance(anchor, dict) and set(anchor) == {"row"} and ROW.match(str(anchor["row"])):
            return {"row": str(anchor["row"])}
        is_pair = isinstance(anchor, dict) and set(anchor) == {"start", "end"}
        if not is_pair or not all(isinstance(each, dict) for each in anchor.values()) or "\\u0000" in written:
            raise ValidationError("This is no place in a text.")
        return anchor


class ThreadForm(CleanTextMixin, forms.Form):
    """A comment on some words, or other words for them."""

    quote = forms.CharField(max_length=5000, strip=False, widget=forms.Textarea(attrs={"hidden": True}))
    # Not `before` and `after`: in a page, a form's fields hide methods of it that have the same name.
    quote_before = forms.CharField(
        max_length=32, required=False, strip=False, widget=forms.Textarea(attrs={"hidden": True})
    )
    quote_after = forms.CharField(
        max_length=32, required=False, strip=False, widget=forms.Textarea(attrs={"hidden": True})
    )
    anchor = AnchorField()
    is_suggestion = forms.BooleanField(required=False, widget=forms.HiddenInput)
    replacement = forms.CharField(
        max_length=20_000,
        required=False,
        strip=False,
        label="Say instead",
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    body = forms.CharField(max_length=10_000, required=False, label="Comment", widget=forms.Textarea(attrs={"rows": 3}))

    def clean(self) -> dict[str, Any] | None:
        data = super().clean()
        if not self.cleaned_data.get("is_suggestion"):
            self.cleaned_data["replacement"] = None
            if not self.cleaned_data.get("body", "").strip():
                self.add_error("body", "Write what you want to say.")
        elif "quote" in self.cleaned_data and self.cleaned_data.get("replacement") == self.cleaned_data["quote"]:
            self.add_error("replacement", "That is what the text says already: write what it should say instead.")
        return data


class CommentForm(CleanTextMixin, forms.Form):
    """What somebody says in a thread."""

    body = forms.CharField(max_length=10_000, label="Reply", widget=forms.Textarea(attrs={"rows": 2}))
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)


class MentionForm(CleanTextMixin, forms.Form):
    """The beginning of a name."""

    q = forms.CharField(max_length=80, required=False)


class RevisionNameForm(CleanTextMixin, forms.Form):
    """What a moment in the history is called."""

    name = forms.CharField(max_length=120, help_text="For instance: before the review meeting.")


class AssignForm(OwnIdsMixin, forms.Form):
    """Who should see to a thread; nobody, if empty."""

    person = forms.ModelChoiceField(active_people(), required=False, empty_label="Nobody")


class AcceptForm(forms.Form):
    """Which words a suggestion is about now, and where about they stand, as far as the page knows.

    `seen`: the words that this person was shown when others had changed them.
    """

    words = forms.CharField(max_length=5000, strip=False, required=False)
    seen = forms.CharField(max_length=5000, strip=False, required=False)
    near = forms.IntegerField(min_value=0, max_value=10_000_000, required=False)

    def clean_seen(self) -> str:
        return str(self.cleaned_data["seen"]).replace("\r\n", "\n")


class LessonForm(CleanTextMixin, forms.Form):
    """One lesson."""

    text = forms.CharField(
        max_length=2000,
        label="Lesson",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="One sentence, useful to a team that has never heard of this incident.",
    )
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def clean(self) -> dict[str, Any] | None:
        data = super().clean()
        if "text" in self.cleaned_data and not self.cleaned_data["text"].strip():
            self.add_error("text", "Write the lesson.")
        return data


class StartForm(forms.Form):
    """Which template to start from; none means the one the policy proposes."""

    template = forms.ModelChoiceField(Template.objects.filter(is_archived=False), required=False, empty_label=None)


class MoveForm(CleanTextMixin, forms.Form):
    """A move to another state, from the state its person saw."""

    seen = forms.ChoiceField(choices=State, widget=forms.HiddenInput)
    to = forms.ChoiceField(choices=State, widget=forms.HiddenInput)
    note = forms.CharField(
        max_length=500,
        required=False,
        label="Note",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Kept in the history, for whoever wonders later.",
    )


class VisibilityForm(OwnIdsMixin, forms.Form):
    """Who may see the post-mortem."""

    visibility = forms.ChoiceField(choices=Visibility, widget=forms.RadioSelect)


class ParticipantForm(OwnIdsMixin, forms.Form):
    """Someone to name on the post-mortem."""

    person = forms.ModelChoiceField(active_people(), empty_label="Choose a person")
    role = forms.ChoiceField(choices=ParticipantRole, initial=ParticipantRole.CONTRIBUTOR)


class OwnerForm(OwnIdsMixin, forms.Form):
    """Who owns it from now on."""

    owner = forms.ModelChoiceField(active_people(), empty_label="Choose a person", label="New owner")


class UploadForm(forms.Form):
    """One file, and what an image shows for those who cannot see it."""

    file = forms.FileField(error_messages={"empty": "This file is empty.", "required": "Choose a file."})
    alternative_text = forms.CharField(max_length=300, required=False)


def state_filter() -> forms.ChoiceField:
    return forms.ChoiceField(choices=[("", "Any state"), *State.choices], required=False)


class PostmortemFilterForm(forms.Form):
    """The filters of the list, as they stand in the URL; what does not exist is passed over."""

    text = forms.CharField(
        max_length=200, required=False, label="Text", widget=forms.TextInput(attrs={"type": "search"})
    )
    state = state_filter()
    team = team_filter()
    severity = severity_filter()
    service = service_filter()
    tag = TagFilter()
    mine = forms.BooleanField(required=False, label="Mine")

    def filters(self) -> PostmortemFilters:
        self.is_valid()
        known = {name: value for name, value in self.cleaned_data.items() if value}
        return PostmortemFilters(**known)


class TemplateForm(CleanTextMixin, forms.Form):
    """What a template is called and for which size it is."""

    name = forms.CharField(max_length=80)
    tier = forms.ChoiceField(choices=Tier, label="Size")
    description = forms.CharField(max_length=300, required=False)


class TemplateSectionForm(CleanTextMixin, forms.Form):
    """One section of a template."""

    title = forms.CharField(max_length=120)
    kind = forms.ChoiceField(choices=SectionKind, initial=SectionKind.PROSE, label="Shows")
    guidance = forms.CharField(
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Shown above the empty section: what belongs here, and what a good answer looks like.",
    )
    body = forms.CharField(
        max_length=20_000,
        required=False,
        label="Wording to start from",
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Markdown that every new post-mortem begins with. Prose only.",
    )
    is_summary = forms.BooleanField(
        required=False, label="This is the summary", help_text="The first draft writes the facts here."
    )

    def clean(self) -> dict[str, Any] | None:
        data = super().clean()
        is_prose = self.cleaned_data.get("kind") == SectionKind.PROSE
        if not is_prose and self.cleaned_data.get("body", "").strip():
            self.add_error("body", "Only prose starts with wording: a block shows what the incident says.")
        if not is_prose and self.cleaned_data.get("is_summary"):
            self.add_error("is_summary", "The summary is prose.")
        return data
