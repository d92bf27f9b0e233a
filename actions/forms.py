"""Typed input about actions; nothing here saves."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.http import QueryDict

from accounts import slack
from accounts.forms import CleanTextMixin, PersonChoiceField, team_filter, without_control_characters
from accounts.models import User
from actions.dashboard import BY, Choice
from actions.enums import UNFINISHED, ActionKind, Horizon, Level, Priority, Status, ViewOf, WorkLinkKind
from actions.filters import ALL, LANGUISHING, OVERDUE, SOON, TO_DO, ActionFilters, Days
from actions.models import ActionItem
from actions.owners import people_of_same_teams, people_to_filter_by, possible_owners
from actions.services.action import ActionFacts, Refusal
from actions.services.bulk import BulkFacts
from actions.services.link import LinkFacts
from incidents.enums import Severity
from incidents.forms import service_filter
from postmortems.models import Lesson, Postmortem

MOST_LABELS, LONGEST_LABEL = 10, 50
LONGEST_REFUSAL = timedelta(days=731)
STATUSES = [
    (TO_DO, "To do"),
    (OVERDUE, "Overdue"),
    (SOON, "Due within a week"),
    (LANGUISHING, "Languishing"),
    *Status.choices,
    (ALL, "Any status"),
]
ANYONE, ME, NOBODY = "", "me", "nobody"


class ActionFilterForm(forms.Form):
    """The filters of the list, as they stand in the URL; what does not exist is passed over."""

    q = forms.CharField(
        required=False, max_length=200, label="Words", widget=forms.TextInput(attrs={"type": "search"}), strip=True
    )
    status = forms.ChoiceField(choices=STATUSES, required=False)
    owner = forms.ChoiceField(required=False)
    team = team_filter()
    priority = forms.ChoiceField(choices=[("", "Any priority"), *((p, p.value) for p in Priority)], required=False)
    severity = forms.ChoiceField(choices=[("", "Any severity"), *Severity.choices], required=False)
    service = service_filter()
    postmortem = forms.IntegerField(required=False, min_value=1, max_value=2**62, widget=forms.HiddenInput)
    created_from = forms.DateField(required=False, widget=forms.HiddenInput)
    created_to = forms.DateField(required=False, widget=forms.HiddenInput)
    finished_from = forms.DateField(required=False, widget=forms.HiddenInput)
    finished_to = forms.DateField(required=False, widget=forms.HiddenInput)
    due_from = forms.DateField(required=False, widget=forms.HiddenInput)
    due_to = forms.DateField(required=False, widget=forms.HiddenInput)

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
            severity=known.get("severity", ""),
            service=known.get("service"),
            created=self._days("created"),
            finished=self._days("finished"),
            due=self._days("due"),
            postmortem=self._postmortem(known.get("postmortem")),
            text=known.get("q", ""),
        )

    def _days(self, name: str) -> Days:
        days = (self.cleaned_data.get(f"{name}_{end}") for end in ("from", "to"))
        return Days(*(day if day and 1990 <= day.year <= 2100 else None for day in days))

    def query(self) -> dict[str, str]:
        """The filters as they stand in the address, as far as they exist; how far a list goes is not among them."""
        self.is_valid()
        own = ("q", "owner", "team", "priority", "severity", "service", "postmortem")
        return {name: self.data[name] for name in own if self.data.get(name) and self.cleaned_data.get(name)}

    def _postmortem(self, pk: int | None) -> Postmortem | None:
        return Postmortem.objects.visible_to(self.user).filter(pk=pk).first() if pk else None


class DashboardForm(ActionFilterForm):
    """The filters of the dashboard: those of the list but the status, how far back, and by what."""

    weeks = forms.TypedChoiceField(
        label="Period",
        choices=[(4, "4 weeks"), (12, "12 weeks"), (26, "26 weeks"), (52, "A year")],
        coerce=int,
        required=False,
        empty_value=None,
        initial=12,
    )
    by = forms.ChoiceField(
        label="Table by", choices=[(name, name.capitalize()) for name in BY], required=False, initial="team"
    )

    def __init__(self, data: QueryDict, **kwargs: Any) -> None:
        asked = data.copy()
        asked.setdefault("weeks", "12")
        asked.setdefault("by", "team")
        super().__init__(asked, **kwargs)
        for name in ("q", "status", "created_from", "created_to", "finished_from", "finished_to", "due_from", "due_to"):
            del self.fields[name]

    def choice(self) -> Choice:
        """What was asked for; what does not exist counts as the default."""
        filters = self.filters()
        weeks, by = self.cleaned_data.get("weeks") or 12, self.cleaned_data.get("by") or "team"
        return Choice(filters=filters, weeks=weeks, by=by, query=self.query())


class LevelField(forms.TypedChoiceField):
    """Low, medium, high, or not said."""

    def __init__(self, **kwargs: Any) -> None:
        choices = [("", "Not said"), *Level.choices]
        super().__init__(choices=choices, coerce=int, empty_value=None, required=False, **kwargs)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return str(initial or "") != str(data or "")


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

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(list(initial or ()) != self.to_python(data))


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
    horizon = forms.ChoiceField(choices=Horizon, initial=Horizon.IMMEDIATE)
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
    names = [*(field.name for field in fields(ActionFacts)), "revision"]
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


class StatusForm(forms.Form):
    """A click on a status button. What is settled is asked about first, by forms of their own."""

    status = forms.ChoiceField(choices=[(status, status.label) for status in UNFINISHED])
    revision = forms.IntegerField()


class RefuseForm(CleanTextMixin, forms.Form):
    """Why an action will not be done, who carries the risk of that, and when they look again."""

    reason = forms.CharField(
        max_length=500,
        label="Why not",
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="The next reader will ask. “The service is switched off in March” is a good reason.",
        error_messages={"required": "Say why: the next reader will ask."},
    )
    accepted_by = forms.ModelChoiceField(
        User.objects.none(),
        label="Who accepts the risk",
        empty_label="Choose a person",
        help_text="The person who would answer for it if it happened again.",
        error_messages={"required": "Name the person who accepts the risk."},
    )
    look_again_on = forms.DateField(
        label="Look again on",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="When they see whether the reason still holds. They are reminded.",
        error_messages={"required": "Say when to look again."},
    )
    revision = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, action: ActionItem, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        people = self.fields["accepted_by"]
        assert isinstance(people, forms.ModelChoiceField)  # noqa: S101  (narrows the type)
        people.queryset = possible_owners(action.postmortem)

    def clean_look_again_on(self) -> date:
        day: date = self.cleaned_data["look_again_on"]
        if not self.today < day <= self.today + LONGEST_REFUSAL:
            raise ValidationError("Choose a day within the next two years.")
        return day

    @property
    def refusal(self) -> Refusal:
        data = self.cleaned_data
        return Refusal(data["reason"], data["accepted_by"], data["look_again_on"])


class BulkForm(CleanTextMixin, forms.Form):
    """What changes for all the chosen actions. Nothing chosen means: as it is."""

    owner = PersonChoiceField(
        User.objects.none(),
        required=False,
        empty_label="Owner as it is",
        error_messages={"invalid_choice": "Choose one of the people offered."},
    )
    due_on = forms.DateField(
        required=False, label="Due", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    priority = forms.ChoiceField(
        required=False, choices=[("", "Priority as it is"), *((p.value, p.value) for p in Priority)]
    )
    status = forms.ChoiceField(
        required=False,
        choices=[("", "Status as it is"), *((s, s.label) for s in (*UNFINISHED, Status.DONE))],
    )
    words = forms.CharField(
        required=False, max_length=300, label="What shows it", help_text="Needed when the status becomes “Done”."
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = self.fields["owner"]
        assert isinstance(people, forms.ModelChoiceField)  # noqa: S101  (narrows the type)
        people.queryset = people_of_same_teams(user)

    clean_due_on = ActionForm.clean_due_on

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("status") == Status.DONE and not data.get("words"):
            self.add_error("words", "Say what shows that they are done.")
        if not self.errors and not any(data[name] for name in ("owner", "due_on", "priority", "status")):
            raise ValidationError("Choose what to change.")
        return data

    @property
    def facts(self) -> BulkFacts:
        data = self.cleaned_data
        evidence = LinkFacts(kind=WorkLinkKind.OTHER, words=data["words"]) if data["words"] else None
        return BulkFacts(
            owner=data["owner"],
            due_on=data["due_on"],
            priority=data["priority"] or None,
            status=data["status"] or None,
            evidence=evidence,
        )


class LinkForm(CleanTextMixin, forms.Form):
    """Where the work can be seen."""

    kind = forms.ChoiceField(choices=WorkLinkKind, initial=WorkLinkKind.PULL_REQUEST, label="What shows it")
    url = forms.URLField(
        required=False,
        max_length=1000,
        assume_scheme="https",
        label="Address",
        widget=forms.URLInput(attrs={"placeholder": "https://…", "autocomplete": "off"}),
        validators=[URLValidator(schemes=["http", "https"], message="An address begins with https:// or http://.")],
    )
    words = forms.CharField(
        required=False, max_length=300, label="In words", help_text="Needed where there is no address to give."
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors and not data.get("url") and not data.get("words"):
            self.refuse_silence()
        return data

    def refuse_silence(self) -> None:
        self.add_error("url", "Give the address of what shows it, or say it in words.")

    @property
    def facts(self) -> LinkFacts | None:
        data = self.cleaned_data
        said = data["url"] or data["words"]
        return LinkFacts(kind=data["kind"], url=data["url"], words=data["words"]) if said else None


class CompleteForm(LinkForm):
    """What shows that an action is done: asked for, unless a link says it already."""

    revision = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, has_links: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.has_links = has_links

    def refuse_silence(self) -> None:
        if not self.has_links:
            super().refuse_silence()


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


class ViewForm(CleanTextMixin, forms.Form):
    """A name for the filters that are set."""

    of = forms.ChoiceField(choices=ViewOf)
    name = forms.CharField(max_length=60)
    query = forms.CharField(required=False, max_length=1000)
