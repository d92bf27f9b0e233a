"""Connecting a Jira Cloud by agreeing at Atlassian, in a real browser: there and back under our own policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from accounts.models import User
from actions.models import JiraConnection
from tests.browser.conftest import Served
from tests.fakes.atlassian import CLIENT, SECRET, Atlassian
from tests.fakes.jira import Jira, JiraServer

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def test_an_administrator_agrees_at_atlassian_and_comes_back(
    context_of: Callable[..., BrowserContext], served: Served, administrator: User, settings: Any
) -> None:
    with JiraServer(Jira(is_cloud=True)) as cloud, Atlassian(back=f"{served.url}/actions/jira/atlassian/") as atlassian:
        cloud.gateway = atlassian
        settings.BASE_URL = served.url
        settings.ATLASSIAN_AUTH_URL, settings.ATLASSIAN_API_URL = atlassian.url, cloud.url
        page = context_of(administrator).new_page()
        troubles: list[str] = []
        page.on("console", lambda each: troubles.append(each.text) if each.type == "error" else None)
        page.on("pageerror", lambda each: troubles.append(str(each)))
        page.goto("/actions/jira/connections/add/")
        page.get_by_role("link", name="connected with OAuth 2.0").click()
        page.get_by_label("Name").fill("Ours")
        page.get_by_label("Address").fill(atlassian.site)
        page.get_by_label("Client ID").fill(CLIENT)
        page.get_by_label("Client secret").fill(SECRET)
        page.get_by_role("button", name="Save").click()
        page.get_by_role("button", name="Connect with Atlassian").click()
        expect(page.get_by_text("Connected to Ours.")).to_be_visible()
        expect(page.get_by_text("Debrief renews it by itself")).to_be_visible()
        assert troubles == []
        assert JiraConnection.objects.get().paused_reason == ""
