"""Every URL declares its rule, and is named as the house style says."""

from __future__ import annotations

import re

import pytest
from django.template.loader import get_template
from django.test import Client

from config.celery import app
from tests.routes import Route, routes

OURS = [route for route in routes() if route.is_ours]


@pytest.mark.parametrize("route", OURS, ids=lambda route: route.name)
def test_route_declares_who_may_call_it(route: Route) -> None:
    assert route.access is not None, f"{route.pattern}: use public, signed_in, administrators or opens"


@pytest.mark.parametrize("route", OURS, ids=lambda route: route.name)
def test_route_name_is_words_joined_by_hyphens(route: Route) -> None:
    assert re.fullmatch(r"[a-z]+:[a-z]+(-[a-z]+)*", route.name)


def test_route_names_are_unique() -> None:
    names = [route.name for route in OURS]
    assert sorted(names) == sorted(set(names))


def test_undeclared_view_would_be_found() -> None:
    def undeclared() -> None: ...

    assert Route(name="x:y", pattern="y/", parameters=(), view=undeclared).access is None


def test_tasks_are_named_once_and_after_their_module() -> None:
    ours = [name for name in app.tasks if not name.startswith("celery.")]
    assert [name for name in ours if name != f"{app.tasks[name].__module__}.{app.tasks[name].__name__}"] == []


@pytest.mark.parametrize("status", [400, 403, 404, 409, 500])
def test_error_page_exists(status: int) -> None:
    assert get_template(f"errors/{status}.html").render({"request_id": "r-1"}).count("r-1") >= 1


@pytest.mark.django_db
def test_error_page_gives_the_request_id_and_a_way_back() -> None:
    response = Client().get("/no-such-page/")
    assert response.status_code == 404
    assert response["X-Request-ID"] in response.content.decode()
    assert 'href="/"' in response.content.decode()
