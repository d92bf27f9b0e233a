"""Every URL, fed with odd values in every field we know: a clear answer, never a crash."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from urllib.parse import urlencode

import pytest
from django import forms
from django.db import transaction
from django.test import Client

from accounts.enums import Visibility
from accounts.models import User
from tests.routes import Route, routes
from tests.world import World, address_of

OURS = [route for route in routes() if route.is_ours and route.access]
FORMS = ["accounts.forms", "incidents.forms", "postmortems.forms", "actions.forms", "actions.jira.forms"]
LOOSE = {"line", "direction", "archived", "is_milestone", "preview", "add", "page", "size", "status", "value", "next"}
"""Names that views read without a form."""
ODD = {
    "nothing": "",
    "nul": "a\x00b",
    "control": "\x07\x1b\r\n\t",
    "right-to-left": "\u202eabc\u202c مرحبا",
    "emoji": "👩🏽‍🚒" * 20,
    "huge number": "9" * 30,
    "negative": "-1",
    "not a number": "NaN",
    "first day": "0001-01-01",
    "last day": "9999-12-31T23:59:59.999999",
    "no such time": "2026-02-30T25:61",
    "markup": "<script>alert(1)</script>{{ 7 * 7 }}{% debug %}",
    "sql": "'; DROP TABLE incidents_incident; --",
    "path": "../../../etc/passwd",
    "long": "x" * 5_000,
    "list": "1,2,3",
    "json": '{"a": [1]}',
}


def form_modules() -> list[ModuleType]:
    """Every module of forms, those within packages too."""
    found = []
    for module in map(importlib.import_module, FORMS):
        inner = pkgutil.iter_modules(getattr(module, "__path__", []), f"{module.__name__}.")
        found += [module, *(importlib.import_module(each.name) for each in inner)]
    return found


def test_forms_are_found_within_packages() -> None:
    assert {"due_on", "anchor", "shows", "reason", "has_held", "project_key"} <= field_names()


@cache
def field_names() -> set[str]:
    """Every field of every form of ours."""
    found = set(LOOSE)
    for module in form_modules():
        for form in vars(module).values():
            if isinstance(form, type) and issubclass(form, forms.BaseForm) and hasattr(form, "base_fields"):
                found |= set(form.base_fields)
    return found


@pytest.fixture
def owner(world: World) -> Client:
    """Someone to whom no page is closed: the owner, who administers too."""
    User.objects.filter(pk=world.people["owner"].pk).update(is_administrator=True)
    return world.client("owner")


@cache
def filled_in(value: str) -> str:
    """A form with `value` in every field, as a browser encodes it."""
    return urlencode(dict.fromkeys(field_names(), value))


@dataclass(frozen=True)
class Answer:
    """What a request got."""

    status: int
    has_read: bool
    """Whether the view looked at any field: one that did not cannot trip over what stands in it."""


def answer(client: Client, method: str, url: str, form: str = "", headers: dict[str, str] | None = None) -> Answer:
    """Ask; what the request changed is undone."""
    with transaction.atomic():
        if method == "GET":
            response = client.get(url, QUERY_STRING=form, headers=headers)
        else:
            response = client.post(url, form, content_type="application/x-www-form-urlencoded", headers=headers)
        response.getvalue()
        transaction.set_rollback(True)
    looked_at = vars(response.wsgi_request).keys() & {"GET", "_post", "_body"}
    return Answer(response.status_code, has_read=bool(looked_at))


def test_it_is_noticed_whether_a_view_looks_at_the_fields(owner: Client) -> None:
    asked = [("GET", "/actions/"), ("POST", "/incidents/new/"), ("GET", "/teams/"), ("POST", "/teams/")]
    assert [answer(owner, method, url, filled_in("1")).has_read for method, url in asked] == [True, True, False, False]


@pytest.mark.parametrize("route", OURS, ids=lambda route: route.name)
def test_odd_values_get_a_clear_answer(route: Route, world: World, owner: Client) -> None:
    url = address_of(route, world, Visibility.ORGANISATION)
    unread: set[tuple[str, bool]] = set()
    for nth, (kind, value) in enumerate(ODD.items()):
        for asked, method in enumerate(("GET", "POST")):
            by_htmx = bool((nth + asked) % 2)
            if (method, by_htmx) in unread:
                continue
            headers = {"HX-Request": "true"} if by_htmx else {}
            got = answer(owner, method, url, filled_in(value), headers)
            assert got.status < 500, f"{method} {url} with {kind}: {got.status}"
            if not got.has_read:
                unread.add((method, by_htmx))


@pytest.mark.parametrize("route", [route for route in OURS if route.parameters], ids=lambda route: route.name)
def test_addresses_of_nothing_are_not_found(route: Route, world: World, owner: Client) -> None:
    """Numbers no row can have, and ids of the right shape that nobody has."""
    url = address_of(route, world, Visibility.ORGANISATION)
    parts = [part for part in url.split("/") if part]
    for odd in ("0", "999999999999", "9" * 30, "00000000-0000-4000-8000-000000000000", "%00", "ä%FF", "x" * 300):
        for at, part in enumerate(parts):
            if part.isdigit() or len(part) > 20:
                changed = "/".join([*parts[:at], odd, *parts[at + 1 :]])
                ending = "/" if url.endswith("/") else ""
                for method in ("GET", "POST"):
                    status = answer(owner, method, f"/{changed}{ending}").status
                    assert status in {302, 400, 403, 404, 405}, f"{method} /{changed}: {status}"
