"""Lessons by actions: both gaps in view, and a click closes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, User
from actions.matrices import lesson_matrix
from actions.models import ActionItem
from postmortems.models import Lesson, Postmortem
from postmortems.services.lesson import add_lesson
from tests.factories.postmortems import IncidentFactory, PostmortemFactory

As = Callable[[User], Client]
pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def postmortem(alice: User) -> Postmortem:
    return PostmortemFactory.create(owner=alice, incident=IncidentFactory.create(created_by=alice, commander=alice))


def learn(postmortem: Postmortem, text: str) -> Lesson:
    return add_lesson(postmortem=postmortem, text=text, by=postmortem.owner, now=timezone.now())


def plan(postmortem: Postmortem, title: str, *lessons: Lesson) -> ActionItem:
    action = ActionItem.objects.create(
        postmortem=postmortem, team=postmortem.team, title=title, created_by=postmortem.owner
    )
    action.lessons.set(lessons)
    return action


def test_both_gaps_are_named(as_user: As, alice: User, postmortem: Postmortem) -> None:
    first, _ = learn(postmortem, "Queues need an alert on age."), learn(postmortem, "Locks must end.")
    plan(postmortem, "Alert on age", first)
    idle = plan(postmortem, "Tidy up")
    page = as_user(alice).get(f"/postmortems/{postmortem.pk}/lesson-matrix/", headers=HTMX).content.decode()
    assert "No action serves L2." in page
    assert f"{idle.reference} serves no lesson" in page


def test_a_click_closes_a_gap_and_another_opens_it(as_user: As, alice: User, postmortem: Postmortem) -> None:
    lesson, action = learn(postmortem, "Locks must end."), plan(postmortem, "Give it a lease")
    client, url = as_user(alice), f"/actions/{action.pk}/lesson/{lesson.number}/"
    for _ in range(2):
        page = client.post(url, {"serves": "on"}, headers=HTMX).content.decode()
    assert "Every lesson has an action, and every action a lesson." in page
    assert list(action.lessons.all()) == [lesson]
    client.post(url, {"serves-not": "on"}, headers=HTMX)
    assert not action.lessons.exists()
    assert AuditEntry.objects.filter(verb="action.edited").count() == 2


def test_a_lesson_that_is_not_there_cannot_be_served(as_user: As, alice: User, postmortem: Postmortem) -> None:
    action = plan(postmortem, "Give it a lease")
    assert as_user(alice).post(f"/actions/{action.pk}/lesson/7/", {"serves": "on"}).status_code == 404


def test_what_will_not_be_done_serves_nothing(postmortem: Postmortem) -> None:
    lesson = learn(postmortem, "Locks must end.")
    action = plan(postmortem, "Give it a lease", lesson)
    ActionItem.objects.filter(pk=action.pk).update(status="will_not_do", reason="Replaced", finished_at=timezone.now())
    assert lesson_matrix(postmortem).unserved == [lesson]


def test_a_large_table_takes_no_more_queries(
    as_user: As, alice: User, postmortem: Postmortem, django_assert_max_num_queries: Any
) -> None:
    client = as_user(alice)
    lessons = [learn(postmortem, f"Lesson {number}") for number in range(8)]
    for number in range(8):
        plan(postmortem, f"Action {number}", lessons[number])
    with django_assert_max_num_queries(14):
        client.get(f"/postmortems/{postmortem.pk}/lesson-matrix/", headers=HTMX)
