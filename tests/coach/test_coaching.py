"""The coach on the pages: as somebody types, in the readiness panel, on forms; and what people let stand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, User
from actions.models import ActionItem
from incidents.models import Incident
from postmortems.enums import SectionKind, State
from postmortems.models import CoachSettings, Dismissal, Postmortem, Section
from postmortems.services.factor import FactorFacts, add_factor
from postmortems.services.glossary import explain_term
from postmortems.services.lesson import add_lesson
from tests.factories.postmortems import EventFactory, IncidentFactory, PostmortemFactory, SectionFactory

As = Callable[[User], Client]
pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def postmortem(alice: User, bob: User) -> Postmortem:
    incident = IncidentFactory.create(created_by=alice, commander=bob, title="Customers could not pay for 23 minutes")
    return PostmortemFactory.create(owner=alice, incident=incident, title=incident.title)


@pytest.fixture
def section(postmortem: Postmortem) -> Section:
    body = "Some customers could not pay."
    return SectionFactory.create(postmortem=postmortem, title="Summary", body=body, is_summary=True)


def panel(client: Client, postmortem: Postmortem) -> str:
    return client.get(f"/postmortems/{postmortem.pk}/readiness/", headers=HTMX).content.decode()


def typed(client: Client, section: Section, body: str) -> list[dict[str, Any]]:
    findings: list[dict[str, Any]] = client.post(f"/sections/{section.pk}/coach/", {"body": body}).json()["findings"]
    return findings


def test_a_text_is_looked_at_as_it_is_typed_and_places_are_those_of_a_browser(
    as_user: As, alice: User, section: Section
) -> None:
    [finding] = typed(as_user(alice), section, "👩🏽‍🚒 The team dropped the ball.")
    units = "👩🏽‍🚒 The team dropped the ball.".encode("utf-16-le")
    assert units[finding["start"] * 2 : finding["end"] * 2].decode("utf-16-le") == "dropped the ball"
    assert finding["rule"] == "blame-judgement"
    section.refresh_from_db()
    assert section.body == "Some customers could not pay."


def test_spaces_and_line_ends_move_no_place(as_user: As, alice: User, section: Section) -> None:
    body = "  \n\nIt was careless of Sam.  "
    [finding] = typed(as_user(alice), section, body)
    assert body[finding["start"] : finding["end"]] == "careless"


def test_the_panel_says_what_blocks_publication_and_what_would_be_better(
    as_user: As, alice: User, postmortem: Postmortem, section: Section
) -> None:
    SectionFactory.create(postmortem=postmortem, kind=SectionKind.TIMELINE, title="Timeline")
    page = panel(as_user(alice), postmortem)
    assert "The timeline is empty." in page
    assert "No action item follows from it." in page
    assert "“Some customers”" in page
    EventFactory.create(incident=postmortem.incident, text="The release went out", kind="trigger")
    assert "Nothing says when and how it was noticed." in panel(as_user(alice), postmortem)
    Incident.objects.update(detected_at=postmortem.incident.impact_started_at + timedelta(minutes=3))  # type: ignore[operator]
    assert "Nothing says when and how it was noticed." not in panel(as_user(alice), postmortem)


def test_what_blocks_publication_is_said_when_it_is_published(
    as_user: As, alice: User, postmortem: Postmortem, section: Section
) -> None:
    Postmortem.objects.update(state=State.IN_REVIEW)
    move = {"seen": State.IN_REVIEW, "to": State.PUBLISHED, "note": ""}
    answer = as_user(alice).post(f"/postmortems/{postmortem.pk}/state/", move, headers=HTMX)
    assert (answer.status_code, "No action item follows from it." in answer.content.decode()) == (422, True)
    move["note"] = "Nothing is to be done: the supplier was replaced last month."
    as_user(alice).post(f"/postmortems/{postmortem.pk}/state/", move)
    postmortem.refresh_from_db()
    assert postmortem.state == State.PUBLISHED


def test_every_row_is_read(as_user: As, alice: User, bob: User, postmortem: Postmortem) -> None:
    now = timezone.now()
    for kind in (SectionKind.FACTORS, SectionKind.LESSONS, SectionKind.ACTIONS, SectionKind.IMPACT):
        SectionFactory.create(postmortem=postmortem, kind=kind, title=kind.label)
    Incident.objects.update(impact="Many requests failed.")
    facts = FactorFacts("The operator ignored the warning", "response")
    add_factor(postmortem=postmortem, facts=facts, by=alice, now=now)
    add_lesson(postmortem=postmortem, text="Add an alert.", by=alice, now=now)
    ActionItem.objects.create(postmortem=postmortem, team=postmortem.team, title="Improve monitoring", created_by=alice)
    page = panel(as_user(alice), postmortem)
    for words in (
        "“Many requests”", "“The operator ignored”", "This says what we will do", "Nobody could tell when this is done",
        "1 action item has no owner.",
    ):  # fmt: skip
        assert words.replace("The operator", "operator") in page or words in page, words


def test_a_term_that_is_explained_is_no_finding(
    as_user: As, alice: User, postmortem: Postmortem, section: Section
) -> None:
    assert [each["rule"] for each in typed(as_user(alice), section, "The IAB said no.")] == ["unexplained-acronym"]
    explain_term(postmortem=postmortem, term="IAB", meaning="Access broker", by=alice, now=timezone.now())
    assert typed(as_user(alice), section, "The IAB said no.") == []


def test_what_is_let_stand_is_remembered_with_its_reason_and_can_be_raised_again(
    as_user: As, alice: User, bob: User, postmortem: Postmortem, section: Section
) -> None:
    client = as_user(alice)
    let = {
        "rule": "vague-amount",
        "place": str(section.pk),
        "quote": "Some customers",
        "reason": "The number is secret",
    }
    client.post(f"/postmortems/{postmortem.pk}/findings/dismiss/", let)
    assert typed(client, section, "Some customers could not pay. Many requests failed.")[0]["quote"] == "Many requests"
    page = panel(as_user(bob), postmortem)
    assert "The number is secret" in page
    assert "1 let stand" in page
    client.post(f"/dismissals/{Dismissal.objects.get().pk}/raise/")
    assert len(typed(client, section, "Some customers could not pay.")) == 1
    verbs = set(AuditEntry.objects.values_list("verb", flat=True))
    assert {"coach.dismissed", "coach.raised-again"} <= verbs


def test_without_a_reason_nothing_is_let_stand(
    as_user: As, alice: User, postmortem: Postmortem, section: Section
) -> None:
    let = {"rule": "vague-amount", "place": str(section.pk), "quote": "Some customers", "reason": " "}
    answer = as_user(alice).post(f"/postmortems/{postmortem.pk}/findings/dismiss/", let, headers=HTMX)
    assert (answer.status_code, Dismissal.objects.count()) == (422, 0)
    assert (
        as_user(alice).post(f"/postmortems/{postmortem.pk}/findings/dismiss/", {**let, "rule": "x"}).status_code == 422
    )


def test_names_in_timelines_count_where_roles_are_agreed_on(
    as_user: As, alice: User, bob: User, administrator: User, postmortem: Postmortem
) -> None:
    SectionFactory.create(postmortem=postmortem, kind=SectionKind.TIMELINE, title="Timeline")
    EventFactory.create(incident=postmortem.incident, text="Bob rolled back", kind="recovery")
    assert "is a name" not in panel(as_user(alice), postmortem)
    as_user(administrator).post("/administration/coach/", {"people_in_timelines": "roles"})
    assert CoachSettings.objects.get().people_in_timelines == "roles"
    assert "“Bob” is a name" in panel(as_user(alice), postmortem)


def test_a_form_hears_of_its_words_before_it_is_sent(as_user: As, alice: User, postmortem: Postmortem) -> None:
    client = as_user(alice)
    notes = client.post(f"/postmortems/{postmortem.pk}/lessons/notes/", {"text": "Add an alert."}).content.decode()
    assert "not what we learned" in notes
    notes = client.post(f"/postmortems/{postmortem.pk}/actions/notes/", {"title": "Investigate it"}).content.decode()
    assert "looking never ends" in notes
    assert not ActionItem.objects.exists()


def test_the_rules_are_a_page_for_everybody(client: Client) -> None:
    page = client.get("/coach/").content.decode()
    for words in ("Writing a post-mortem that teaches", "What somebody failed to do", "How Complex Systems Fail"):
        assert words in page


def test_the_panel_asks_the_same_queries_for_few_and_for_many(
    as_user: As, alice: User, postmortem: Postmortem, section: Section, django_assert_max_num_queries: Any
) -> None:
    client = as_user(alice)
    for kind in (SectionKind.LESSONS, SectionKind.FACTORS, SectionKind.WHYS, SectionKind.ACTIONS):
        SectionFactory.create(postmortem=postmortem, kind=kind, title=kind.label)
    for number in range(12):
        add_lesson(postmortem=postmortem, text=f"Add thing {number}", by=alice, now=timezone.now())
        ActionItem.objects.create(
            postmortem=postmortem, team=postmortem.team, title=f"Improve {number}", created_by=alice
        )
    with django_assert_max_num_queries(40):
        panel(client, postmortem)
