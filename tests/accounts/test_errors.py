"""Error pages: clear, with the request's id, also where nothing of the request is known."""

from __future__ import annotations

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_a_request_for_another_host_gets_an_error_page_not_a_crash() -> None:
    response = Client().get("/incidents/", headers={"host": "evil.example"})
    assert response.status_code == 400
    assert response["X-Request-ID"] in response.content.decode()


def test_a_missing_page_offers_a_way_back() -> None:
    response = Client().get("/no/such/page/")
    assert response.status_code == 404
    assert 'href="/"' in response.content.decode()


@pytest.mark.parametrize("path", ["/%00", "/incidents/99999999999999999999/", "/incidents/?page=%00", "/incidents/٣/"])
def test_odd_addresses_are_answered_clearly(path: str) -> None:
    assert Client().get(path).status_code in {302, 400, 404}
