"""Two people edit the same thing in forms; who saves second loses nothing and undoes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from accounts.models import Team, User
from incidents.models import Incident
from postmortems.models import Postmortem
from postmortems.services.lesson import add_lesson
from tests.factories.actions import make_action
from tests.factories.postmortems import IncidentFactory, PostmortemFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
ContextOf = Callable[..., BrowserContext]


@pytest.fixture
def postmortem(team: Team, alice: User) -> Postmortem:
    return PostmortemFactory.create(incident=IncidentFactory.create(team=team), team=team, owner=alice)


@pytest.fixture
def incident(postmortem: Postmortem) -> Incident:
    """In a zone whose clocks go back in the night of the 25th of October."""
    incident = postmortem.incident
    incident.timezone, incident.impact_started_at = "Europe/Paris", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    incident.mitigated_at = incident.resolved_at = None
    incident.save(update_fields=["timezone", "impact_started_at", "mitigated_at", "resolved_at"])
    return incident


@pytest.fixture
def both(context_of: ContextOf, alice: User, bob: User) -> tuple[Page, Page]:
    """Her window and his."""
    return (context_of(alice).new_page(), context_of(bob).new_page())


def edit(pages: tuple[Page, Page], path: str) -> tuple[Page, Page]:
    for page in pages:
        page.goto(path)
    return pages


def save(page: Page, button: str = "Save") -> None:
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_role("button", name=button, exact=True)).to_have_count(0)


def test_saving_my_time_leaves_their_times_alone(both: tuple[Page, Page], incident: Incident) -> None:
    hers, his = edit(both, f"/incidents/{incident.pk}/times/edit/")
    hers.get_by_label("Impact started", exact=True).fill("2026-10-25T02:40")
    hers.get_by_label("Which of the two").select_option("1")
    hers.get_by_label("Detected", exact=True).fill("2026-10-25T03:01")
    save(hers)
    his.get_by_label("Resolved", exact=True).fill("2026-10-25T04:32")
    save(his)
    expect(his.locator(".conflict dt")).to_have_text(["Impact started", "Detected"])
    expect(his.locator(".conflict dd")).to_have_text(
        ["2026-10-25 02:40, the second, after the clocks went back (CET, UTC+0100)", "2026-10-25 03:01"]
    )
    expect(his.get_by_label("Detected", exact=True)).to_have_value("2026-10-25T03:01")
    save(his, "Save mine")
    incident.refresh_from_db()
    moments = (incident.impact_started_at, incident.detected_at, incident.resolved_at)
    assert moments == tuple(datetime(2026, 10, 25, *at, tzinfo=UTC) for at in ((1, 40), (2, 1), (3, 32)))


def test_who_saves_other_facts_of_an_incident_is_not_asked(both: tuple[Page, Page], incident: Incident) -> None:
    """All panels of an incident count its revisions together."""
    hers, his = both
    edit((hers, hers), f"/incidents/{incident.pk}/facts/edit/")
    edit((his, his), f"/incidents/{incident.pk}/impact/edit/")
    hers.get_by_label("Title").fill("Hers")
    hers.get_by_label("Near miss").check()
    save(hers)
    his.get_by_label("Impact", exact=True).fill("Nobody\ncould pay.")
    save(his)
    expect(his.locator(".conflict")).to_have_count(0)
    incident.refresh_from_db()
    assert (incident.title, incident.is_near_miss, incident.impact) == ("Hers", True, "Nobody\ncould pay.")


def test_what_they_chose_is_said_in_words(both: tuple[Page, Page], incident: Incident, bob: User) -> None:
    hers, his = edit(both, f"/incidents/{incident.pk}/facts/edit/")
    hers.get_by_label("Responders").select_option(str(bob.pk))
    hers.get_by_label("Emergency escalation was needed").check()
    hers.get_by_label("Severity").select_option("SEV3")
    save(hers)
    his.get_by_label("Title").fill("His")
    save(his)
    expect(his.locator(".conflict dt")).to_have_text(["Severity", "Responders", "Emergency escalation was needed"])
    expect(his.locator(".conflict dd")).to_have_text(["SEV3 · degraded for few", bob.display_name, "yes"])
    save(his, "Save mine")
    incident.refresh_from_db()
    assert (incident.title, incident.severity, incident.is_emergency_escalation) == ("His", "SEV3", True)
    assert list(incident.responders.all()) == [bob]


def test_saving_my_words_of_an_event_leaves_their_mark_alone(both: tuple[Page, Page], incident: Incident) -> None:
    event = incident.events.create(at=incident.occurred_at, text="Rolled back", created_by=incident.created_by)
    hers, his = edit(both, f"/timeline/{event.pk}/edit/")
    hers.get_by_label("Milestone").check()
    save(hers)
    his.get_by_label("What happened").fill("Rolled back by hand")
    save(his)
    expect(his.locator(".conflict dd")).to_have_text(["yes"])
    save(his, "Save mine")
    event.refresh_from_db()
    assert (event.text, event.is_milestone) == ("Rolled back by hand", True)


def test_saving_mine_leaves_alone_which_lessons_they_chose(both: tuple[Page, Page], postmortem: Postmortem) -> None:
    for text in ("Locks must end.", "Queues need an alert on age."):
        add_lesson(postmortem=postmortem, text=text, by=postmortem.owner, now=timezone.now())
    action = make_action(postmortem, title="Alert on age")
    hers, his = edit(both, f"/actions/{action.pk}/edit/")
    hers.get_by_label("L2 Queues").check()
    save(hers)
    his.get_by_label("What will be done").fill("His")
    save(his)
    expect(his.locator(".conflict dd")).to_have_text(["L2 Queues need an alert on age."])
    save(his, "Save mine")
    action.refresh_from_db()
    assert (action.title, [lesson.number for lesson in action.lessons.all()]) == ("His", [2])
