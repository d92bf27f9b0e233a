"""Hostile words in every text of every table, and every page shown to a browser without its security policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import models
from playwright.sync_api import BrowserContext, Page

from accounts.enums import Visibility
from accounts.models import AuditEntry
from incidents.models import Incident, TimelineEvent
from postmortems.models import Section
from tests.browser.pages import pages_of
from tests.browser.test_markdown_xss import COUNT_HITS, TOUCH_EVERYTHING
from tests.browser.xss_vectors import BROKEN_OUT, HIT, vectors
from tests.world import NOON, World, build_world

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]

NOT_WORDS = {
    "content_type",
    "import_key",
    "object_id",
    "object_type",
    "password",
    "request_id",
    "sha256",
    "timezone",
    "token_digest",
    "verb",
}
"""Columns that only we write, or that a validator keeps to a fixed form."""
PLAIN = (models.CharField, models.TextField)
KEPT_TO_A_FORM = (models.SlugField, models.EmailField, models.URLField)
"""An address is one of the web by a constraint of the table; `test_settling` tries others."""


def texts_of(model: type[models.Model]) -> list[Any]:
    """The columns of `model` in which people or other systems put words."""
    return [
        column
        for column in model._meta.concrete_fields
        if isinstance(column.base_field if isinstance(column, ArrayField) else column, PLAIN)
        and not isinstance(column, KEPT_TO_A_FORM)
        and not column.choices
        and column.name not in NOT_WORDS
    ]


def poison(short: Iterator[str], long: str) -> int:
    """Put hostile words into every such column of every row; how many were written."""
    written = 0
    ours = {"accounts", "incidents", "postmortems", "actions"}
    for model in apps.get_models():
        if model._meta.app_label not in ours or model is AuditEntry:
            continue
        for row in model._default_manager.all():
            words = {column.name: _words(column, short, long) for column in texts_of(model)}
            if isinstance(row, Section) and not row.is_prose:
                del words["body"]
            if words:
                written += len(words)
                model._default_manager.filter(pk=row.pk).update(**words)
    return written


def _words(column: Any, short: Iterator[str], long: str) -> str | list[str]:
    if isinstance(column, ArrayField):
        return [next(short)[:50].replace("\x00", "")]
    if column.max_length is None or column.max_length > 1000:
        return long[: column.max_length or len(long)]
    return next(short)[: column.max_length].replace("\x00", "")


@pytest.fixture
def world(db: None) -> World:
    world = build_world()
    owner = world.people["owner"]
    owner.is_administrator = True
    owner.save(update_fields=["is_administrator"])
    return world


@pytest.fixture
def page(world: World, context_of: Callable[..., BrowserContext]) -> Page:
    context = context_of(world.people["owner"], bypass_csp=True)
    context.add_init_script(COUNT_HITS)
    return context.new_page()


def hits_on(page: Page, address: str) -> int:
    answer = page.goto(address)
    assert answer is not None
    assert answer.status < 500, f"{address} answers {answer.status}"
    page.evaluate(TOUCH_EVERYTHING)
    return int(page.evaluate("window.hits"))


@pytest.mark.parametrize(
    "start", [0, pytest.param(5, marks=pytest.mark.soak), pytest.param(10, marks=pytest.mark.soak)]
)
def test_no_page_runs_a_script_from_any_text(start: int, world: World, page: Page) -> None:
    short = cycle([text.format(hit=HIT) for text in BROKEN_OUT[start:] + BROKEN_OUT[:start]])
    assert poison(short, "\n\n".join(vectors()).replace("\x00", "")) > 50
    AuditEntry.objects.create(
        actor=world.people["owner"],
        verb="incident.changed",
        object_type="incident",
        object_id="1",
        object_label=next(short),
    )
    found = {name: hits for name, address in pages_of(world).items() if (hits := hits_on(page, address))}
    assert found == {}


def test_no_event_of_a_timeline_runs_a_script(world: World, page: Page) -> None:
    incident = world.objects[Incident, Visibility.ORGANISATION]
    texts = [text.replace("\x00", "") for text in vectors()]
    events = [
        TimelineEvent(
            incident_id=incident.pk, at=NOON, text=text[:4000], actor_role=text[:80], created_by=world.people["owner"]
        )
        for text in texts
    ]
    TimelineEvent.objects.bulk_create(events)
    assert hits_on(page, f"/incidents/{incident.pk}/") == 0
    assert page.locator(".timeline-event").count() > len(texts)
