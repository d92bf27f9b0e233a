"""Typed input about actions; nothing here saves."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.forms import CleanTextMixin
from accounts.models import Team, User
from actions.enums import ActionKind, Priority, Status
from actions.models import ActionItem
from actions.queries import ALL, OVERDUE, TO_DO, ActionFilters, people_to_filter_by, possible_owners
from actions.services.action import ActionFacts
from postmortems.models import Lesson, Postmortem

STATUSES = [(TO_DO, "To do"), (OVERDUE, "Overdue"), *Status.choices, (ALL, "Any status")]
ANYONE, ME, NOBODY = "", "me", "nobody"


class ActionFilterForm(forms.Form):
    """The filters of the list, as they stand in the URL; what does not exist is passed over."""

    q = forms.CharField(
        required=False, max_length=200, label="Words", widget=forms.TextInput(attrs={"type": "search"}), strip=True
    )
    status = forms.ChoiceField(choices=STATUSES, required=False)
    owner = forms.ChoiceField(required=False)
    team = forms.ModelChoiceField(Team.objects.all(), required=False, empty_label="Any team", to_field_name="slug")
    priority = forms.ChoiceField(choices=[("", "Any priority"), *((p, p.value) for p in Priority)], required=False)
    postmortem = forms.IntegerField(required=False, min_value=1, max_value=2**62, widget=forms.HiddenInput)

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
            postmortem=self._postmortem(known.get("postmortem")),
            text=known.get("q", ""),
        )

    def _postmortem(self, pk: int | None) -> Postmortem | None:
        return Postmortem.objects.visible_to(self.user).filter(pk=pk).first() if pk else None


class ActionForm(CleanTextMixin, forms.Form):
    """What is to be done, by whom, by when."""

    title = forms.CharField(
        max_length=200,
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
    deliverable = forms.CharField(
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What will exist when it is done, and later the links to it. Markdown.",
    )
    lessons = forms.ModelMultipleChoiceField(
        Lesson.objects.none(),
        required=False,
        label="Lessons served",
        widget=forms.CheckboxSelectMultiple,
    )
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)

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
        names = ("title", "deliverable", "owner", "due_on", "priority", "kind")
        return ActionFacts(**{name: data[name] for name in names})

    @property
    def chosen_lessons(self) -> list[Lesson]:
        return list(self.cleaned_data.get("lessons", ()))


def facts_of(action: ActionItem) -> dict[str, Any]:
    """The action as the initial values of its form."""
    names = ("title", "owner", "due_on", "priority", "kind", "deliverable", "revision")
    return {**{name: getattr(action, name) for name in names}, "lessons": list(action.lessons.all())}


class DeliverableForm(CleanTextMixin, forms.Form):
    """What came of it: the part that an owner writes who may not edit the post-mortem."""

    deliverable = forms.CharField(
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What exists now, with the links to it. Markdown.",
    )
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)


class StatusForm(forms.Form):
    """A click on a status button."""

    status = forms.ChoiceField(choices=[choice for choice in Status.choices if choice[0] != Status.WILL_NOT_DO])
    revision = forms.IntegerField()


class RefuseForm(CleanTextMixin, forms.Form):
    """Why an action will not be done."""

    reason = forms.CharField(
        max_length=500,
        label="Why not",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="The next reader will ask. “The service is switched off in March” is a good reason.",
        error_messages={"required": "Say why: the next reader will ask."},
    )
    revision = forms.IntegerField(widget=forms.HiddenInput)
