"""The lessons of everybody: what is published and seen, and what a restricted post-mortem shares of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.enums import Visibility
from accounts.models import AuditEntry, User
from postmortems.models import Postmortem
from tests.factories.postmortems import NOW, LessonFactory

As = Callable[[User], Client]
pytestmark = pytest.mark.django_db


@pytest.fixture
def learned(postmortem: Postmortem) -> Postmortem:
    Postmortem.objects.update(state="published", published_at=NOW)
    LessonFactory.create(postmortem=postmortem, text="Limits are tested")
    postmortem.refresh_from_db()
    return postmortem


def page(client: Client) -> str:
    return client.get("/lessons/").content.decode()


def share(client: Client, postmortem: Postmortem, **values: str) -> Any:
    return client.post(f"/postmortems/{postmortem.pk}/lessons/share/", values)


def test_lessons_of_what_is_published_are_gathered(as_user: As, mallory: User, learned: Postmortem) -> None:
    assert "Limits are tested" in page(as_user(mallory))
    Postmortem.objects.update(state="draft")
    assert "Limits are tested" not in page(as_user(mallory))


def test_a_restricted_one_shares_its_lessons_and_nothing_else(
    as_user: As, alice: User, mallory: User, learned: Postmortem
) -> None:
    Postmortem.objects.update(visibility=Visibility.RESTRICTED)
    assert "Limits are tested" not in page(as_user(mallory))
    share(as_user(alice), learned, is_shared="on")
    seen = page(as_user(mallory))
    assert ("Limits are tested" in seen, "from a restricted post-mortem" in seen) == (True, True)
    assert not any(word in seen for word in (learned.title, f"PM-{learned.pk}", f"/postmortems/{learned.pk}", "Edge"))
    assert AuditEntry.objects.get(verb="lessons.shared").object_label == f"PM-{learned.pk}"
    share(as_user(alice), learned)
    assert "Limits are tested" not in page(as_user(mallory))


def test_only_those_in_charge_share(as_user: As, alice: User, bob: User, learned: Postmortem) -> None:
    Postmortem.objects.update(visibility=Visibility.RESTRICTED)
    learned.participants.create(user=bob, role="contributor")
    assert share(as_user(bob), learned, is_shared="on").status_code == 403
    learned.refresh_from_db()
    assert learned.lessons_shared_at is None


def test_the_list_asks_as_much_for_three_as_for_one(
    as_user: As, alice: User, learned: Postmortem, django_assert_num_queries: Any
) -> None:
    client = as_user(alice)
    with CaptureQueriesContext(connection) as asked:
        page(client)
    one = len(asked)
    for number in (2, 3):
        LessonFactory.create(postmortem=learned, number=number, text=f"Lesson {number}")
    with django_assert_num_queries(one):
        page(client)
