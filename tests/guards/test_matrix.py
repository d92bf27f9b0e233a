"""Role by object over every URL: discovered from the resolver, over data that could leak.

What each role may see is written down here by hand, so that a mistake in the rules cannot agree with itself.
"""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.enums import Visibility
from tests.routes import Route, routes
from tests.world import CANARY, World, address_of, stranger

PEOPLE = ["mallory", "member", "manager", "administrator", "owner"]
SEES = {
    Visibility.ORGANISATION: {"mallory", "member", "manager", "administrator", "owner"},
    Visibility.TEAM: {"member", "manager", "administrator", "owner"},
    Visibility.RESTRICTED: {"owner"},
}
OPENED = [route for route in routes() if route.access and route.access.kind == "opens"]
HIDDEN = [route for route in OPENED if route.access and hasattr(route.access.model, "guarded_by")]
"""Those whose object has a visibility; teams are no secret, and invitations have a test of their own."""
FOR_ALL = [route for route in routes() if route.access and route.access.kind == "signed_in" and not route.parameters]
FOR_ADMINISTRATORS = [route for route in routes() if route.access and route.access.kind == "administrators"]


def called(client: Client, method: str, url: str) -> tuple[int, str]:
    response = client.get(url) if method == "GET" else client.post(url, {})
    return response.status_code, response.getvalue().decode(errors="replace")


def answered_methods(url: str) -> list[str]:
    """The methods that a URL answers at all; the others are refused alike to everyone, before anything is looked up."""
    answers = {"GET": stranger().get(url), "POST": stranger().post(url, {})}
    methods = [method for method, answer in answers.items() if answer.status_code != 405]
    assert methods, f"{url} answers neither GET nor POST"
    return methods


@pytest.mark.parametrize("route", HIDDEN, ids=lambda route: route.name)
def test_object_is_opened_by_exactly_those_who_may_see_it(route: Route, world: World) -> None:
    for visibility in Visibility:
        _opens_to_exactly_those_who_may_see_it(route, visibility, world)


def _opens_to_exactly_those_who_may_see_it(route: Route, visibility: str, world: World) -> None:
    url = address_of(route, world, visibility)
    for method in answered_methods(url):
        for role in PEOPLE:
            status, body = called(world.client(role), method, url)
            if role in SEES[Visibility(visibility)]:
                assert status != 404 or _is_gone(world, route, visibility), f"{method} {url} hidden from {role}"
            else:
                assert status == 404, f"{method} {url} answers {status} to {role}"
                assert CANARY[Visibility(visibility)] not in body
        if _is_gone(world, route, visibility):
            return


def _is_gone(world: World, route: Route, visibility: str) -> bool:
    """Whether an allowed POST has just deleted the object: nobody can open it after that, rightly."""
    assert route.access is not None
    assert route.access.model is not None
    return not route.access.model._default_manager.filter(pk=world.objects[route.access.model, visibility].pk).exists()


@pytest.mark.parametrize("route", OPENED, ids=lambda route: route.name)
def test_anonymous_caller_is_sent_to_sign_in(route: Route, world: World) -> None:
    url = address_of(route, world, Visibility.ORGANISATION)
    for method in answered_methods(url):
        response = stranger().get(url) if method == "GET" else stranger().post(url, {})
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("route", OPENED, ids=lambda route: route.name)
def test_outsider_changes_nothing_they_can_only_read(route: Route, untouched: dict[str, str], world: World) -> None:
    """Mallory sees what is open to the organisation; her POST is refused wherever she may only read."""
    url = address_of(route, world, Visibility.ORGANISATION)
    called(world.client("mallory"), "POST", url)
    assert world.fingerprint() == untouched


@pytest.mark.parametrize("route", FOR_ALL, ids=lambda route: route.name)
def test_page_for_everyone_shows_only_what_the_role_may_see(route: Route, world: World) -> None:
    for role in ("mallory", "member", "administrator"):
        status, body = called(world.client(role), "GET", f"/{route.pattern}?q=")
        assert status < 500
        for visibility, canary in CANARY.items():
            assert canary not in body or role in SEES[visibility], f"{role} reads {canary}"


@pytest.mark.parametrize("route", FOR_ADMINISTRATORS, ids=lambda route: route.name)
def test_administration_does_not_exist_for_others(route: Route, world: World) -> None:
    url = address_of(route, world, Visibility.ORGANISATION)
    for role in ("mallory", "member", "manager", "owner"):
        for method in answered_methods(url):
            status, _ = called(world.client(role), method, url)
            assert status == 404, f"{method} {url} answers {status} to {role}"


@pytest.mark.parametrize("route", FOR_ADMINISTRATORS, ids=lambda route: route.name)
def test_administration_hides_restricted_documents_from_administrators(route: Route, world: World) -> None:
    _, body = called(world.client("administrator"), "GET", address_of(route, world, Visibility.ORGANISATION))
    assert CANARY[Visibility.RESTRICTED] not in body


def test_get_changes_nothing(world: World) -> None:
    """No page changes a row by being looked at; only the audit log grows, by looks at what is restricted."""
    before = world.fingerprint()
    for route in [*OPENED, *FOR_ALL, *FOR_ADMINISTRATORS]:
        for visibility in Visibility:
            called(world.client("owner"), "GET", address_of(route, world, visibility))
    assert world.fingerprint() == before
