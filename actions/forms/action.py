"""An action, its place in the matrix, and what is not one yet."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.forms import CleanTextMixin, without_control_characters
from accounts.models import User
from actions.enums import ActionKind, Horizon, Level, Priority
from actions.models import ActionItem
from actions.owners import possible_owners
from actions.services.action import ActionFacts
from postmortems.models import Lesson, Postmortem

LONGEST_TITLE = 200
MOST_LABELS, LONGEST_LABEL = 10, 50


class LevelField(forms.TypedChoiceField):
    """Low, medium, high, or not said."""

    def __init__(self, **kwargs: Any) -> None:
        choices = [("", "Not said"), *Level.choices]
        super().__init__(choices=choices, coerce=int, empty_value=None, required=False, **kwargs)


class LabelsField(forms.CharField):
    """Words without spaces, as trackers have them; typed with spaces or commas between them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=600, help_text="Words, with spaces between them.", **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return " ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        words = without_control_characters(super().to_python(value) or "").replace(",", " ").split()
        return list(dict.fromkeys(words))

    def validate(self, value: Any) -> None:
        if len(value) > MOST_LABELS:
            raise ValidationError(f"At most {MOST_LABELS} labels.")
        if any(len(word) > LONGEST_LABEL for word in value):
            raise ValidationError(f"A label has at most {LONGEST_LABEL} letters.")

    def run_validators(self, value: Any) -> None:
        """Those of a text do not apply to a list."""


class LessonsField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Lessons, each told in full."""

    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, obj: Any) -> str:
        return f"L{obj.number} {obj.text}"


class ActionForm(CleanTextMixin, forms.Form):
    """What is to be done, by whom, by when."""

    title = forms.CharField(
        max_length=LONGEST_TITLE,
        label="What will be done",
        help_text="Begin with a verb that can be finished: “Alert when the queue is older than five minutes”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    owner = forms.ModelChoiceField(
        User.objects.none(),
        required=False,
        empty_label="Nobody yet",
        help_text="One person, not a team.",
        error_messages={"invalid_choice": "Choose a person who may see this post-mortem."},
    )
    due_on = forms.DateField(
        required=False,
        label="Due",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="A day on the owner's calendar.",
    )
    priority = forms.ChoiceField(choices=Priority, initial=Priority.P2)
    kind = forms.ChoiceField(choices=ActionKind, initial=ActionKind.PREVENT)
    horizon = forms.ChoiceField(choices=Horizon, initial=Horizon.IMMEDIATE)
    deliverable = forms.CharField(
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What will exist when it is done, and later the links to it. Markdown.",
    )
    lessons = LessonsField(Lesson.objects.none(), required=False, label="Lessons served")
    impact = LevelField(label="Impact")
    effort = LevelField(label="Effort")
    labels = LabelsField()
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)
    rarer = ("horizon", "impact", "effort", "labels")
    """What most actions can do without: it stands behind a click."""

    def __init__(self, *args: Any, postmortem: Postmortem, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owner, lessons = self.fields["owner"], self.fields["lessons"]
        assert isinstance(owner, forms.ModelChoiceField)  # noqa: S101  (narrows the type)
        assert isinstance(lessons, forms.ModelMultipleChoiceField)  # noqa: S101
        owner.queryset = possible_owners(postmortem)
        lessons.queryset = postmortem.lessons.all()
        if not postmortem.lessons.exists():
            del self.fields["lessons"]

    def clean_due_on(self) -> Any:
        due_on = self.cleaned_data["due_on"]
        if due_on and not 1990 <= due_on.year <= 2100:
            raise ValidationError("The year must lie between 1990 and 2100.")
        return due_on

    @property
    def facts(self) -> ActionFacts:
        data = self.cleaned_data
        names = [field.name for field in fields(ActionFacts)]
        return ActionFacts(**{name: data[name] for name in names})

    def first_fields(self) -> list[forms.BoundField]:
        return [field for field in self.visible_fields() if field.name not in self.rarer]

    def rarer_fields(self) -> list[forms.BoundField]:
        return [field for field in self.visible_fields() if field.name in self.rarer]

    def has_rarer(self) -> bool:
        """Whether any of them says something, or is refused: then they are shown at once."""
        said = any(self[name].value() for name in ("impact", "effort", "labels"))
        return said or self["horizon"].value() == Horizon.LONG_TERM or any(name in self.errors for name in self.rarer)

    @property
    def chosen_lessons(self) -> list[Lesson]:
        return list(self.cleaned_data.get("lessons", ()))


def facts_of(action: ActionItem) -> dict[str, Any]:
    """The action as the initial values of its form."""
    return {**vars(ActionFacts.of(action)), "revision": action.revision, "lessons": list(action.lessons.all())}


class DeliverableForm(CleanTextMixin, forms.Form):
    """What came of it: the part that an owner writes who may not edit the post-mortem."""

    deliverable = forms.CharField(
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What exists now, with the links to it. Markdown.",
    )
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)


class IdeaForm(CleanTextMixin, forms.Form):
    """A thought that is no action yet."""

    text = forms.CharField(
        max_length=300,
        label="An idea",
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "An idea, to be decided later"}),
        error_messages={"required": "Write the idea first."},
    )


class PlaceForm(forms.Form):
    """Where an action stands between impact and effort."""

    impact = LevelField()
    effort = LevelField()
    revision = forms.IntegerField()
