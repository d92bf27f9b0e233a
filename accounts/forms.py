"""Forms of people, teams, search and the audit log."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, validate_email
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts import search
from accounts.enums import TeamRole
from accounts.models import Membership, Team, User
from accounts.search import Wanted

ZONES = [(name, name.replace("_", " ")) for name in sorted(available_timezones()) if "/" in name or name == "UTC"]


def active_people() -> QuerySet[User]:
    return User.objects.filter(is_active=True)


class OwnIdsMixin:
    """Gives the fields of each form ids of their own: several forms of a kind may be open on one page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", f"id-{secrets.token_hex(4)}-%s")
        super().__init__(*args, **kwargs)


class CleanTextMixin(OwnIdsMixin):
    """Removes control characters from every text, and line ends from those of one line. Passwords stay as they are.

    What is required and says nothing afterwards is refused like what was left empty.
    """

    cleaned_data: dict[str, Any]
    fields: dict[str, forms.Field]

    def clean(self) -> dict[str, Any] | None:
        data: dict[str, Any] | None = super().clean()  # type: ignore[misc]
        for name, value in list(self.cleaned_data.items()):
            widget = self.fields[name].widget
            if isinstance(value, str) and not isinstance(widget, forms.PasswordInput):
                text = without_control_characters(value)
                self.cleaned_data[name] = text if isinstance(widget, forms.Textarea) else " ".join(text.split())
                if self.fields[name].required and not self.cleaned_data[name].strip():
                    self.add_error(name, self.fields[name].error_messages["required"])  # type: ignore[attr-defined]
        return data


def without_control_characters(text: str) -> str:
    """`text` with line ends as \\n and without control characters other than tab and line end."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in text if c in "\n\t" or (ord(c) >= 32 and ord(c) != 127))


def search_input(example: str = "") -> forms.TextInput:
    return forms.TextInput(attrs={"type": "search", **({"placeholder": example} if example else {})})


class NamedChoiceIterator(forms.models.ModelChoiceIterator):  # type: ignore[type-arg]
    """What is offered, by its key and its name alone: nothing else of the rows is read."""

    field: NamedChoiceField

    def __iter__(self) -> Iterator[tuple[Any, str]]:
        if self.field.empty_label is not None:
            yield "", str(self.field.empty_label)
        yield from self.queryset.values_list(self.field.to_field_name or "pk", self.field.named_by)


class NamedChoiceField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """One of many things that are shown by their name alone."""

    iterator = NamedChoiceIterator
    named_by = "name"


class PersonChoiceField(NamedChoiceField):
    """One of many people."""

    named_by = "display_name"


def team_filter() -> NamedChoiceField:
    return NamedChoiceField(Team.objects.all(), required=False, empty_label="Any team", to_field_name="slug")


def day_field(label: str) -> forms.DateField:
    """A day in a century that databases and calendars agree on."""
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    known = [MinValueValidator(date(1970, 1, 1)), MaxValueValidator(date(2199, 12, 31))]
    return forms.DateField(required=False, label=label, widget=widget, validators=known)


class SearchForm(forms.Form):
    """What to look for, as it stands in the URL; a filter that makes no sense is passed over."""

    q = forms.CharField(
        required=False,
        max_length=search.LONGEST_TEXT,
        label="Words",
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off", "spellcheck": "false"}),
    )
    kind = forms.ChoiceField(required=False)
    team = team_filter()
    since = day_field("From")
    until = day_field("To")

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        kinds = [(source.kind, source.label) for source in search.sources()]
        self.fields["kind"].choices = [("", "Everything"), *kinds]  # type: ignore[attr-defined]
        self.fields.update(search.filters())
        self.order_fields(["q", "kind", *search.filters(), "team", "since", "until"])

    def wanted(self) -> Wanted:
        self.is_valid()
        known = {name: value for name, value in self.cleaned_data.items() if value}
        text, kind = known.pop("q", ""), known.pop("kind", "")
        if since := known.get("since"):
            known["since"] = midnight(since)
        if until := known.get("until"):
            known["until"] = midnight(until) + timedelta(days=1)
        return Wanted(text=text, kind=kind, facts=known)


def midnight(day: date) -> datetime:
    """When `day` begins for the person who asks."""
    return datetime.combine(day, time(), tzinfo=timezone.get_current_timezone())


# -- Teams and people --------------------------------------------------------------------------------------------------

MOST_INVITED = 50


class TeamForm(CleanTextMixin, forms.Form):
    """A team's name and what it looks after."""

    name = forms.CharField(max_length=80)
    description = forms.CharField(max_length=300, required=False, help_text="What it looks after, in one sentence.")


class MemberForm(OwnIdsMixin, forms.Form):
    """Somebody to put on a team."""

    person = forms.ModelChoiceField(User.objects.none(), empty_label="Choose a person")
    role = forms.ChoiceField(choices=TeamRole, initial=TeamRole.MEMBER)

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        on_it = Membership.objects.filter(team=team).values("user")
        self.fields["person"].queryset = active_people().exclude(pk__in=on_it)  # type: ignore[attr-defined]


class RoleForm(OwnIdsMixin, forms.Form):
    """What somebody is on a team."""

    role = forms.ChoiceField(choices=TeamRole)


class InvitationForm(OwnIdsMixin, forms.Form):
    """Addresses to invite, one a line or parted by commas."""

    emails = forms.CharField(
        label="Email addresses",
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One a line. Each gets a link that is good for seven days.",
    )
    role = forms.ChoiceField(choices=TeamRole, initial=TeamRole.MEMBER)

    def clean_emails(self) -> list[str]:
        words: list[str] = self.cleaned_data["emails"].replace(",", " ").replace(";", " ").split()
        if len(words) > MOST_INVITED:
            raise ValidationError(f"Invite at most {MOST_INVITED} people at once.")
        wrong = [word for word in words if not _is_address(word)]
        if wrong:
            raise ValidationError(f"Not an e-mail address: {', '.join(wrong[:5])}.")
        return words


class OrganisationInvitationForm(InvitationForm):
    """The same, by an administrator, who may choose the team."""

    team = forms.ModelChoiceField(Team.objects.all(), required=False, empty_label="No team yet")


def _is_address(word: str) -> bool:
    try:
        validate_email(word)
    except ValidationError:
        return False
    return len(word) <= 254


class PeopleFilterForm(forms.Form):
    """Whom an administrator looks for, as it stands in the URL."""

    q = forms.CharField(
        required=False, max_length=200, label="Name or address", widget=forms.TextInput(attrs={"type": "search"})
    )
    team = team_filter()
    show = forms.ChoiceField(
        required=False,
        choices=[("", "Everyone active"), ("administrators", "Administrators"), ("inactive", "No longer active")],
    )


class AuditFilterForm(forms.Form):
    """What to look for in the audit log, as it stands in the URL."""

    person = forms.ModelChoiceField(User.objects.all(), required=False, empty_label="Anyone")
    what = forms.CharField(
        required=False, max_length=60, widget=forms.TextInput(attrs={"placeholder": "published", "type": "search"})
    )
    object = forms.CharField(
        required=False,
        max_length=40,
        label="Of",
        widget=forms.TextInput(attrs={"placeholder": "PM-3", "type": "search"}),
    )
    since = day_field("From")
    until = day_field("To")


class SettingsForm(CleanTextMixin, forms.Form):
    """What people say of themselves."""

    display_name = forms.CharField(max_length=100, label="Name", help_text="As colleagues know you.")
    timezone = forms.ChoiceField(choices=ZONES, label="Time zone", help_text="Times and due dates are shown in it.")


class JoinForm(SettingsForm):
    """Who the invited person is, and the password they will sign in with."""

    password = forms.CharField(widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), strip=False)

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email
        self.fields["display_name"].widget.attrs["autocomplete"] = "name"
        self.fields["password"].help_text = "Twelve characters or more; a sentence is best."

    def clean(self) -> dict[str, Any] | None:
        data = super().clean()
        if password := self.cleaned_data.get("password"):
            person = User(email=self.email, display_name=self.cleaned_data.get("display_name", ""))
            try:
                validate_password(password, person)
            except ValidationError as error:
                self.add_error("password", error)
        return data


class SignupForm(forms.Form):
    """What a person who signs up says of themselves, besides what allauth asks (ACCOUNT_SIGNUP_FORM_CLASS)."""

    display_name = forms.CharField(max_length=100, label="Name", widget=forms.TextInput(attrs={"autocomplete": "name"}))
    timezone = forms.ChoiceField(choices=ZONES, label="Time zone", initial="UTC")

    def clean(self) -> dict[str, Any] | None:
        data = super().clean()
        domain = self.cleaned_data.get("email", "").rpartition("@")[2].lower()
        if domain and domain not in {known.lower() for known in settings.SIGNUP_DOMAINS}:
            self.add_error("email", "This mail domain may not sign up. Ask a colleague for an invitation.")
        return data

    def signup(self, request: HttpRequest, user: User) -> None:
        """Called by allauth once the person is made; the adapter has written these already."""
