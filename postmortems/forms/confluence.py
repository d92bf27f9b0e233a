"""Typed input about Confluence."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

from accounts import secrets
from accounts.forms import CleanTextMixin, OwnIdsMixin
from accounts.outside import AddressNotAllowed, check_address
from postmortems.enums import WikiKind


class ConfluenceForm(CleanTextMixin, OwnIdsMixin, forms.Form):
    """A Confluence, and how to sign in to it. The secret goes in and never comes out."""

    kind = forms.ChoiceField(choices=WikiKind, initial=WikiKind.CLOUD)
    url = forms.URLField(
        max_length=500,
        assume_scheme="https",
        label="Address",
        help_text="https://your-site.atlassian.net, without /wiki; your own one up to its context path.",
    )
    username = forms.EmailField(required=False, label="E-mail of the account", help_text="Cloud only.")
    secret = forms.CharField(
        max_length=4000,
        required=False,
        label="API token, or personal access token",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"]).rstrip("/").removesuffix("/wiki")
        try:
            check_address(url)
        except AddressNotAllowed as error:
            raise ValidationError(str(error)) from error
        return url

    def clean(self) -> dict[str, Any] | None:
        data = super().clean()
        if not secrets.are_keys_set():
            self.add_error(None, ValidationError(str(secrets.NoKeys())))
        if self.cleaned_data.get("kind") == WikiKind.CLOUD and not self.cleaned_data.get("username"):
            self.add_error("username", ValidationError("On Cloud, a token belongs to an e-mail address."))
        return data


class PlaceForm(CleanTextMixin, OwnIdsMixin, forms.Form):
    """A space, and the page in it to stand below."""

    space = forms.CharField(
        max_length=255,
        label="Key of the space",
        help_text="As in its address: …/spaces/OPS/…",
        validators=[RegexValidator(r"^~?[A-Za-z0-9_.:@-]+\Z", "A key has letters and digits, no spaces.")],
    )
    parent = forms.CharField(
        max_length=30,
        required=False,
        label="Number of the page to stand below",
        help_text="As in its address: …/pages/123456/… Empty: at the top of the space.",
        validators=[RegexValidator(r"^[0-9]+\Z", "The number is made of digits.")],
    )
