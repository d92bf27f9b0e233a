"""Typed input about Jira; nothing here saves."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from accounts import secrets
from accounts.forms import CleanTextMixin
from accounts.models import Team, User
from actions.enums import JiraAuth, JiraKind, Priority, Status
from actions.jira.address import NotAllowed, check_address
from actions.jira.trial import Report, value_for
from actions.models import JiraConnection, JiraGrant, JiraMapping
from actions.models.jira import LEAST_AT_ONCE, MOST_AT_ONCE
from actions.services.connection import ConnectionFacts, MappingFacts
from actions.services.grant import GrantFacts

REFUSED = re.compile(r"won.?t|cancel|declin|reject|obsolete|duplicate|abandon", re.IGNORECASE)
"""Names of statuses that end the work without its being done."""
KEY = re.compile(r"^[A-Z][A-Z0-9_]{1,49}$")
ISSUE_KEY = re.compile(r"^[A-Z][A-Z0-9_]{1,49}-\d{1,12}$")
LABEL = re.compile(r"^\S{1,50}$")
SAME = "•" * 12


class SiteForm(CleanTextMixin, forms.Form):
    """A Jira, however Debrief signs in to it. Secrets go in and never come out."""

    name = forms.CharField(max_length=100, help_text="What your organisation calls it.", initial="Jira")
    site_url = forms.URLField(
        max_length=500,
        assume_scheme="https",
        label="Address",
        help_text="As in the browser: https://your-site.atlassian.net",
    )
    is_dedicated = forms.BooleanField(
        required=False,
        label="Nobody works in Jira with this account",
        help_text="Then whatever it did was Debrief’s doing.",
    )
    at_once = forms.IntegerField(
        min_value=LEAST_AT_ONCE,
        max_value=MOST_AT_ONCE,
        initial=4,
        label="Requests at once",
        help_text="One is kept for what people just did. If Jira asks us to be slower, there are fewer for a while.",
    )
    hook_secret = forms.CharField(
        max_length=200,
        min_length=16,
        required=False,
        label="Secret of the webhook",
        help_text="The one you type in Jira under System → WebHooks. At least 16 characters.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, connection: JiraConnection | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connection = connection
        self._say_is_kept("hook_secret", connection)

    def _say_is_kept(self, name: str, row: Any) -> None:
        if row is not None and getattr(row, name):
            self.fields[name].widget.attrs["placeholder"] = f"{SAME} kept; type to replace it"

    def clean_site_url(self) -> str:
        return self._address("site_url")

    def _address(self, name: str) -> str:
        address = str(self.cleaned_data[name]).rstrip("/")
        try:
            check_address(address)
        except NotAllowed as error:
            raise ValidationError(str(error)) from error
        if urlsplit(address).query or urlsplit(address).fragment:
            raise ValidationError("The address must end before any ? or #.")
        return address

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        others = JiraConnection.objects.filter(name=name)
        if self.connection is not None:
            others = others.exclude(pk=self.connection.pk)
        if others.exists():
            raise ValidationError("There is a connection of this name.")
        return name

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not secrets.are_keys_set():
            raise ValidationError(str(secrets.NoKeys()))
        return data


class ConnectionForm(SiteForm):
    """A Jira that Debrief signs in to with a token."""

    field_order = [
        "name", "kind", "site_url", "username", "secret", "api_url", "is_dedicated", "token_expires_on", "hook_secret",
        "at_once",
    ]  # fmt: skip
    kind = forms.ChoiceField(choices=JiraKind, initial=JiraKind.CLOUD)
    username = forms.EmailField(
        required=False,
        label="E-mail of the account",
        help_text="Cloud with an API token. For a bearer token, leave it empty.",
    )
    secret = forms.CharField(
        max_length=4000,
        required=False,
        label="API token, or personal access token",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    api_url = forms.URLField(
        required=False,
        max_length=500,
        assume_scheme="https",
        label="Address for requests",
        help_text="Only for scoped tokens on Cloud: https://api.atlassian.com/ex/jira/…",
    )
    token_expires_on = forms.DateField(
        required=False,
        label="Token expires on",
        help_text="Administrators are mailed 30, 7 and 1 days before.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def __init__(self, *args: Any, connection: JiraConnection | None = None, **kwargs: Any) -> None:
        super().__init__(*args, connection=connection, **kwargs)
        self._say_is_kept("secret", connection)

    def clean_api_url(self) -> str:
        return self._address("api_url") if self.cleaned_data.get("api_url") else ""

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        is_known = self.connection is not None and bool(self.connection.secret)
        leads_elsewhere = self.connection is not None and self.connection.api_url != self._api_url(data)
        if not data.get("secret") and (not is_known or leads_elsewhere):
            words = "Type the token again: it is for another address." if is_known else "A token is needed."
            self.add_error("secret", words)
        if data.get("kind") == JiraKind.DATA_CENTER and data.get("username"):
            self.add_error("username", "Data Center takes a personal access token alone.")
        return data

    @staticmethod
    def _api_url(data: dict[str, Any]) -> str:
        return str(data.get("api_url") or data.get("site_url") or "")

    @property
    def facts(self) -> ConnectionFacts:
        data = self.cleaned_data
        return ConnectionFacts(
            name=data["name"],
            kind=data["kind"],
            site_url=data["site_url"],
            api_url=self._api_url(data),
            auth=JiraAuth.API_TOKEN if data["username"] else JiraAuth.BEARER,
            username=data["username"],
            secret=data["secret"],
            hook_secret=data["hook_secret"],
            is_dedicated=data["is_dedicated"],
            token_expires_on=data["token_expires_on"],
            at_once=data["at_once"],
        )


class GrantForm(SiteForm):
    """A Jira Cloud that Debrief may use because somebody agreed to it at Atlassian (OAuth 2.0)."""

    field_order = [
        "name",
        "site_url",
        "client_id",
        "client_secret",
        "refresh_token",
        "is_dedicated",
        "hook_secret",
        "at_once",
    ]
    client_id = forms.CharField(
        max_length=200, label="Client ID", help_text="Of the app, under Settings at developer.atlassian.com."
    )
    client_secret = forms.CharField(
        max_length=4000,
        required=False,
        label="Client secret",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    refresh_token = forms.CharField(
        max_length=8000,
        required=False,
        label="Refresh token",
        help_text="Only where you cannot press “Connect with Atlassian”. It is used at once, and renewed from then on.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, connection: JiraConnection | None = None, **kwargs: Any) -> None:
        super().__init__(*args, connection=connection, **kwargs)
        self.grant = JiraGrant.objects.filter(connection=connection).first() if connection else None
        self._say_is_kept("client_secret", self.grant)

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        is_same_app = self.grant is not None and self.grant.client_id == data.get("client_id")
        if not data.get("client_secret") and not is_same_app:
            of_another = "Type the secret again: it is that of another app."
            self.add_error("client_secret", of_another if self.grant else "The client secret is needed.")
        return data

    @property
    def facts(self) -> GrantFacts:
        names = ("name", "site_url", "client_id", "client_secret", "hook_secret", "is_dedicated", "at_once")
        return GrantFacts(**{name: self.cleaned_data[name] for name in names})


class MappingForm(CleanTextMixin, forms.Form):
    """Where a team's actions go. What can be chosen comes from Jira, by `report`."""

    team = forms.ModelChoiceField(Team.objects.all())
    project_key = forms.CharField(
        max_length=50, label="Project key", help_text="The letters before the dash: OPS in OPS-12."
    )
    issue_type = forms.ChoiceField(required=False, label="Type of issue")
    labels = forms.CharField(
        required=False, max_length=300, initial="postmortem", help_text="Every issue gets these; separated by spaces."
    )
    is_automatic = forms.BooleanField(
        required=False,
        initial=True,
        label="Send new actions by themselves",
        help_text="Otherwise somebody sends each by hand.",
    )
    sends_restricted = forms.BooleanField(
        required=False,
        label="Send actions of restricted post-mortems too",
        help_text="Whoever may see the project in Jira then reads them there.",
    )

    def __init__(
        self,
        *args: Any,
        user: User,
        report: Report | None = None,
        mapping: JiraMapping | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.report, self.mapping = report, mapping
        taken = JiraMapping.objects.values("team_id")
        teams = Team.objects.filter(pk=mapping.team_id) if mapping else Team.objects.exclude(pk__in=taken)
        if not user.is_administrator and mapping is None:
            teams = teams.filter(memberships__user=user, memberships__role="manager")
        self.fields["team"] = forms.ModelChoiceField(teams, disabled=mapping is not None)
        if report is not None:
            self._offer(report)

    def _offer(self, report: Report) -> None:
        kinds = [("", "Choose one"), *report.kinds]
        self.fields["issue_type"] = forms.ChoiceField(choices=kinds, label="Type of issue")
        there, here = report.proposed_priorities()
        kept = self.mapping
        for ours in Priority.values:
            first = (kept.priorities if kept else {}).get(ours) or there.get(ours)
            self.fields[f"priority_{ours}"] = forms.ChoiceField(
                choices=report.priorities,
                required=bool(report.priorities),
                label=f"{ours} is written as",
                initial=first,
            )
        for key, name in report.priorities:
            first = (kept.priorities_in if kept else {}).get(key) or here.get(key)
            self.fields[f"means_{key}"] = forms.ChoiceField(
                choices=[(each, each) for each in Priority.values], label=f"{name} is read as", initial=first
            )
        proposed = kept.statuses if kept else _proposed_statuses(report)
        for ours, label in Status.choices:
            self.fields[f"status_{ours}"] = forms.MultipleChoiceField(
                choices=[(key, name) for key, name, _ in report.statuses],
                required=False,
                label=f"“{label}” is",
                initial=proposed.get(ours, []),
                widget=forms.CheckboxSelectMultiple,
            )
        for each in report.required:
            first = (kept.defaults if kept else {}).get(each.id, "")
            self.fields[f"default_{each.id}"] = forms.CharField(
                max_length=1000, required=False, label=each.name, initial=_as_text(first), help_text=_hint(each.choices)
            )
        self.fields["closing"] = forms.CharField(
            required=False,
            max_length=500,
            label="When an issue is closed",
            help_text="Fields that Jira asks for then, one a line, as in: resolution = Done",
            widget=forms.Textarea(attrs={"rows": 2}),
            initial="\n".join(f"{name} = {_as_text(value)}" for name, value in (kept.closing if kept else {}).items()),
        )

    def clean_project_key(self) -> str:
        key = str(self.cleaned_data["project_key"]).strip().upper()
        if not KEY.match(key):
            raise ValidationError("A project key is a letter and then letters, digits or underscores.")
        return key

    def clean_labels(self) -> list[str]:
        labels = str(self.cleaned_data["labels"]).replace(",", " ").split()
        if any(not LABEL.match(label) for label in labels) or len(labels) > 5:
            raise ValidationError("At most five labels of at most 50 characters.")
        return labels

    def clean_closing(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for line in str(self.cleaned_data["closing"]).splitlines():
            name, sign, value = (part.strip() for part in line.partition("="))
            if line.strip() and (not sign or not name or not value):
                raise ValidationError("Write each as: field = value")
            if name:
                values[name] = {"name": value}
        return values

    @staticmethod
    def typed(data: QueryDict) -> dict[str, Any]:
        """What was typed so far, to begin the form with when it is only tested."""
        names = {name: data.getlist(name) if name.startswith("status_") else data[name] for name in data}
        ticked = {name: name in data for name in ("is_automatic", "sends_restricted")}
        return {**names, **ticked}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        self.defaults: dict[str, Any] = {}
        for each in self.report.required if self.report else ():
            text = str(data.get(f"default_{each.id}") or "")
            try:
                if text:
                    self.defaults[each.id] = value_for(each, text)
            except ValueError as error:
                self.add_error(f"default_{each.id}", str(error))
        chosen = [key for ours in Status.values for key in data.get(f"status_{ours}") or ()]
        if len(chosen) != len(set(chosen)):
            raise ValidationError("A status of Jira can mean only one of ours; one was chosen twice.")
        return data

    def facts(self, report: Report) -> MappingFacts:
        data = self.cleaned_data
        return MappingFacts(
            project_key=data["project_key"],
            issue_type_id=data["issue_type"],
            issue_type_name=dict(report.kinds)[data["issue_type"]],
            priorities={ours: data[f"priority_{ours}"] for ours in Priority.values if data[f"priority_{ours}"]},
            priorities_in={key: data[f"means_{key}"] for key, _ in report.priorities},
            statuses={ours: each for ours in Status.values if (each := data[f"status_{ours}"])},
            known=report.known,
            highest_number=report.newest_number,
            defaults=self.defaults,
            closing=data["closing"],
            labels=data["labels"],
            is_automatic=data["is_automatic"],
            sends_restricted=data["sends_restricted"],
        )

    def among(self, prefix: str) -> list[forms.BoundField]:
        """The fields whose names begin with `prefix`."""
        return [self[name] for name in self.fields if name.startswith(prefix)]

    def basics(self) -> list[forms.BoundField]:
        return [
            self[name] for name in ("team", "project_key", "issue_type", "labels", "is_automatic", "sends_restricted")
        ]

    def written(self) -> list[forms.BoundField]:
        return self.among("priority_")

    def read(self) -> list[forms.BoundField]:
        return self.among("means_")

    def statuses(self) -> list[forms.BoundField]:
        return self.among("status_")

    def required(self) -> list[forms.BoundField]:
        return self.among("default_")


def _proposed_statuses(report: Report) -> dict[str, list[str]]:
    """Those that end the work are told apart by their names; the others go by Jira's own category."""
    ended = [(key, name) for key, name, category in report.statuses if category == "done"]
    refused = [key for key, name in ended if REFUSED.search(name)]
    if not refused:
        return {}
    return {Status.WILL_NOT_DO: refused, Status.DONE: [key for key, _ in ended if key not in refused]}


def _as_text(value: Any) -> str:
    if isinstance(value, dict) and set(value) <= {"value", "name"}:
        return str(next(iter(value.values()), ""))
    return str(value)


def _hint(choices: tuple[str, ...]) -> str:
    names = "One of: " + ", ".join(choices[:12]) + ". " if choices else ""
    return f"{names}{{title}}, {{reference}} and {{postmortem}} are filled in."


class AccountForm(CleanTextMixin, forms.Form):
    """Which account of Jira is whom."""

    person = forms.ModelChoiceField(User.objects.filter(is_active=True).order_by("display_name"))
    account_id = forms.CharField(
        max_length=255,
        label="Account in Jira",
        help_text="Cloud: the account id from the profile’s address. Data Center: the user name.",
    )

    def clean_account_id(self) -> str:
        account = str(self.cleaned_data["account_id"]).strip()
        if not re.fullmatch(r"[\w:.@+-]{1,255}", account):
            raise ValidationError("An account has no spaces and none of these signs.")
        return account


class LinkForm(CleanTextMixin, forms.Form):
    """An issue that is there already, by its key or its address."""

    issue = forms.CharField(max_length=500, label="Issue", help_text="Its key, or its address.")
    side = forms.ChoiceField(
        choices=[("theirs", "What Jira says stands"), ("ours", "What Debrief says stands")],
        initial="theirs",
        label="Where they differ",
        widget=forms.RadioSelect,
    )

    def clean_issue(self) -> str:
        key = str(self.cleaned_data["issue"]).strip().rstrip("/").rpartition("/")[2].partition("?")[0].upper()
        if not ISSUE_KEY.match(key):
            raise ValidationError("The key of an issue is like OPS-12.")
        return key
