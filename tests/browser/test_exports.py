"""The export's page in a real browser: it goes on by itself until the archive can be fetched."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import BrowserContext, expect

from accounts.models import Export, User
from accounts.services.export import make_export
from tests.browser.test_accessibility import inspect

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]


def test_an_archive_is_asked_for_watched_and_fetched(
    administrator: User, context_of: Callable[..., BrowserContext], tmp_path: Path
) -> None:
    context = context_of(administrator, bypass_csp=True)  # which would keep axe out
    page, errors, found = context.new_page(), list[str](), dict[str, list[str]]()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto("/administration/")
    page.get_by_role("link", name="Export").click()
    inspect(page, "empty", found)
    page.get_by_role("button", name="Make an archive").click()
    expect(page.get_by_text("a worker begins soon")).to_be_visible()
    export = Export.objects.get()
    cache.set(f"export:{export.pk}", (1_234, 4_936))
    expect(page.get_by_text("1,234 of 4,936 lines are written.")).to_be_visible()
    assert page.get_by_role("progressbar").get_attribute("value") == "25"
    inspect(page, "under way", found)
    make_export(export.pk, now=timezone.now())
    link = page.get_by_role("link", name="Archive of")
    expect(link).to_be_visible()
    Export.objects.create(
        asked_by=administrator, asked_at=timezone.now() - timedelta(hours=2), failed_at=timezone.now()
    )
    page.reload()
    expect(page.get_by_text("could not be made")).to_be_visible()
    inspect(page, "ready and failed", found)
    with page.expect_download() as fetched:
        link.click()
    fetched.value.save_as(tmp_path / "fetched.zip")
    assert (tmp_path / "fetched.zip").stat().st_size == Export.objects.get(pk=export.pk).size
    page.get_by_role("button", name="Delete the archive of").first.click()
    page.get_by_role("dialog", name="Delete this archive now?").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The archive is deleted.")).to_be_visible()
    assert (errors, found) == ([], {})
