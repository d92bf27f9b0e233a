"""Review meetings: planned in everybody's hours, invited by calendar, led by one at a time, minuted."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from icalendar import Calendar

from accounts.enums import Visibility
from accounts.models import AuditEntry, Team, User
from incidents.models import TimelineEvent
from postmortems import tasks
from postmortems.enums import MeetingForm, MeetingState
from postmortems.meetings.agenda import proposed_form
from postmortems.meetings.slots import proposed_slots, slot_at
from postmortems.models import Meeting, Participant, Postmortem, Section
from tests.factories.postmortems import EventFactory, PostmortemFactory

As = Callable[[User], Client]
pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def plan(client: Client, postmortem: Postmortem, facilitator: User, **more: Any) -> Any:
    values = {
        "form": "meeting", "starts_at": "2030-06-18T10:00", "minutes": "60", "facilitator": facilitator.pk, **more,
    }  # fmt: skip
    return client.post(f"/postmortems/{postmortem.pk}/meeting/plan/", values)


@pytest.fixture
def planned(as_user: As, alice: User, bob: User, postmortem: Postmortem) -> Meeting:
    answer = plan(as_user(alice), postmortem, bob, responders=[alice.pk], invite="on", place="Room 4")
    assert answer.status_code == 302
    return Meeting.objects.get()


@pytest.fixture
def running(as_user: As, alice: User, planned: Meeting) -> Meeting:
    as_user(alice).post(f"/meetings/{planned.pk}/start/")
    planned.refresh_from_db()
    return planned


def room(client: Client, meeting: Meeting, name: str, **values: Any) -> Any:
    return client.post(f"/meetings/{meeting.pk}/{name}/", values, headers=HTMX)


@pytest.fixture
def tell(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[EmailMultiAlternatives]]:
    """Lets the sweep run; the letters it sent."""

    def sweep() -> list[EmailMultiAlternatives]:
        before = len(mail.outbox)
        tasks.tell_attendees()
        return mail.outbox[before:]  # type: ignore[return-value]

    monkeypatch.setattr(tasks.tell_attendee, "delay", tasks.tell_attendee)
    return sweep


Tell = Callable[[], list[EmailMultiAlternatives]]


def calendar_in(letter: EmailMultiAlternatives) -> Calendar:
    [content] = [body for body, kind in letter.alternatives if str(kind).startswith("text/calendar")]
    return Calendar.from_ical(str(content))


def event_in(letter: EmailMultiAlternatives) -> Any:
    [event] = calendar_in(letter).walk("VEVENT")
    return event


# -- When --------------------------------------------------------------------------------------------------------------

WEDNESDAY = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)


def test_slots_fit_everybody_where_they_can() -> None:
    zones = [ZoneInfo("Europe/London"), ZoneInfo("America/New_York")]
    found = proposed_slots(WEDNESDAY, zones, minutes=60, now=WEDNESDAY)
    assert [slot.misfits for slot in found] == [0, 0]
    assert all(timedelta(days=1) <= slot.starts_at - WEDNESDAY <= timedelta(days=5) for slot in found)
    assert found[0].starts_at == datetime(2026, 4, 3, 13, 0, tzinfo=UTC)


def test_slots_where_nobody_shares_hours_spare_the_most() -> None:
    zones = [ZoneInfo("Europe/London"), ZoneInfo("Europe/Paris"), ZoneInfo("Pacific/Auckland")]
    best = proposed_slots(WEDNESDAY, zones, minutes=60, now=WEDNESDAY)[0]
    assert best.misfits == 1


def test_slots_are_not_on_weekends_nor_in_the_past() -> None:
    friday = datetime(2026, 4, 3, 16, 0, tzinfo=UTC)
    found = proposed_slots(WEDNESDAY, [ZoneInfo("UTC")], minutes=60, now=friday)
    assert all(slot.starts_at > friday and slot.local[0].at.weekday() < 5 for slot in found)


def test_a_slot_that_ends_after_hours_does_not_fit() -> None:
    at = datetime(2026, 4, 2, 16, 30, tzinfo=UTC)
    assert [slot_at(at, minutes, [ZoneInfo("UTC")]).misfits for minutes in (30, 31)] == [0, 1]


def test_small_ones_are_reviewed_in_writing() -> None:
    assert proposed_form("lightweight", is_customer_facing=False) == MeetingForm.WRITING
    assert proposed_form("lightweight", is_customer_facing=True) == MeetingForm.HUDDLE
    assert proposed_form("standard", is_customer_facing=False) == MeetingForm.MEETING


# -- The plan ----------------------------------------------------------------------------------------------------------


def test_a_plan_proposes_the_responders_and_shows_their_clocks(
    as_user: As, alice: User, bob: User, postmortem: Postmortem
) -> None:
    bob.timezone = "America/New_York"
    bob.save(update_fields=["timezone"])
    postmortem.incident.responders.add(bob)
    page = as_user(alice).get(f"/postmortems/{postmortem.pk}/meeting/").content.decode()
    assert "America/New_York" in page
    assert re.search(rf'name="responders" value="{bob.pk}"[^>]*checked', page)


def test_a_slot_is_taken_without_losing_what_was_typed(
    as_user: As, alice: User, bob: User, postmortem: Postmortem
) -> None:
    answer = plan(as_user(alice), postmortem, bob, place="Room 4", slot="2030-06-20T15:00")
    page = answer.content.decode()
    assert ('value="2030-06-20T15:00"' in page, "Room 4" in page) == (True, True)
    assert not Meeting.objects.exists()


def test_there_is_one_review_ahead(as_user: As, alice: User, bob: User, planned: Meeting) -> None:
    plan(as_user(alice), planned.postmortem, bob, place="Elsewhere")
    assert Meeting.objects.get().place == "Room 4"


def test_who_runs_it_may_write(as_user: As, alice: User, mallory: User, postmortem: Postmortem) -> None:
    plan(as_user(alice), postmortem, mallory)
    assert Participant.objects.get(postmortem=postmortem, user=mallory).role == "facilitator"


def test_nobody_is_asked_who_may_not_see_it(as_user: As, alice: User, mallory: User, postmortem: Postmortem) -> None:
    Postmortem.objects.update(visibility=Visibility.TEAM)
    answer = plan(as_user(alice), postmortem, alice, stakeholders=[mallory.pk])
    assert (answer.status_code, "Mallory Moss may not see" in answer.content.decode()) == (422, True)
    assert not Meeting.objects.exists()


def test_the_commander_as_facilitator_and_a_crowd_are_questioned(
    as_user: As, alice: User, postmortem: Postmortem, team: Team
) -> None:
    crowd = [User.objects.create_user(f"p{n}@example.com", display_name=f"Person {n}") for n in range(9)]
    plan(as_user(alice), postmortem, alice, responders=[person.pk for person in crowd])
    page = as_user(alice).get(f"/postmortems/{postmortem.pk}/meeting/").content.decode()
    assert "was the incident commander" in page
    assert "10 people are invited" in page


def test_the_checklist_ticks_itself(as_user: As, alice: User, planned: Meeting) -> None:
    incident = planned.postmortem.incident
    before = as_user(alice).get(f"/postmortems/{planned.postmortem_id}/meeting/").content.decode()
    for kind in ("trigger", "detection", "recovery"):
        EventFactory.create(incident=incident, kind=kind)
    after = as_user(alice).get(f"/postmortems/{planned.postmortem_id}/meeting/").content.decode()
    assert after.count("is-done") == before.count("is-done") + 1


# -- Invitations -------------------------------------------------------------------------------------------------------


def test_everybody_is_invited_once_with_a_calendar_that_calendars_read(
    planned: Meeting, tell: Tell, alice: User, bob: User
) -> None:
    first, second = tell(), tell()
    assert (sorted(letter.to[0] for letter in first), second) == ([alice.email, bob.email], [])
    calendar, event = calendar_in(first[0]), event_in(first[0])
    assert (calendar["METHOD"], event["SEQUENCE"], event["STATUS"]) == ("REQUEST", 0, "CONFIRMED")
    assert event["DTSTART"].dt == planned.starts_at
    assert str(event["ORGANIZER"]) == f"mailto:{bob.email}"
    assert {str(each) for each in event["ATTENDEE"]} == {f"mailto:{alice.email}", f"mailto:{bob.email}"}
    assert first[0].attachments[0][0] == "invite.ics"


def change(client: Client, meeting: Meeting, facilitator: User, **more: Any) -> Any:
    meeting.refresh_from_db()
    values = {
        "form": "meeting", "starts_at": "2030-06-19T10:00", "minutes": "60", "facilitator": facilitator.pk,
        "revision": meeting.revision, **more,
    }  # fmt: skip
    return client.post(f"/meetings/{meeting.pk}/edit/", values)


def test_a_change_raises_the_sequence_of_the_same_event(
    as_user: As, alice: User, bob: User, planned: Meeting, tell: Tell
) -> None:
    before = event_in(tell()[0])
    change(as_user(alice), planned, bob, responders=[alice.pk])
    after = event_in(tell()[0])
    assert (after["UID"], after["SEQUENCE"]) == (before["UID"], before["SEQUENCE"] + 1)
    assert after["DTSTART"].dt == before["DTSTART"].dt + timedelta(days=1)


def test_who_is_taken_off_the_list_hears_that_it_is_off_for_them(
    as_user: As, alice: User, bob: User, planned: Meeting, tell: Tell
) -> None:
    tell()
    change(as_user(alice), planned, bob)
    letters = {letter.to[0]: calendar_in(letter)["METHOD"] for letter in tell()}
    assert letters == {alice.email: "CANCEL", bob.email: "REQUEST"}
    assert tell() == []


def test_calling_it_off_cancels_the_same_event(as_user: As, alice: User, planned: Meeting, tell: Tell) -> None:
    invited = event_in(tell()[0])
    as_user(alice).post(f"/meetings/{planned.pk}/cancel/")
    letters = tell()
    assert [calendar_in(letter)["METHOD"] for letter in letters] == ["CANCEL", "CANCEL"]
    off = event_in(letters[0])
    assert (off["UID"], off["STATUS"]) == (invited["UID"], "CANCELLED")
    assert off["SEQUENCE"] > invited["SEQUENCE"]
    assert tell() == []


def test_an_invitation_to_something_restricted_says_only_that_it_is_there(
    planned: Meeting, tell: Tell, bob: User
) -> None:
    Postmortem.objects.update(visibility=Visibility.RESTRICTED)
    Participant.objects.create(postmortem=planned.postmortem, user=bob, role="facilitator")
    letters = tell()
    assert len(letters) == 2
    assert not any("Checkout failed" in str(letter.message()) for letter in letters)


def test_who_lost_the_right_to_see_it_gets_no_letter(planned: Meeting, tell: Tell, bob: User, alice: User) -> None:
    Postmortem.objects.update(visibility=Visibility.RESTRICTED)
    assert [letter.to for letter in tell()] == [[alice.email]]


def test_a_letter_that_was_not_sent_is_tried_again(
    planned: Meeting, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", _refuse)
        assert tell() == []
    assert tell() == []
    planned.attendees.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert len(tell()) == 2


def _refuse(*_: Any) -> int:
    raise OSError


def test_two_changes_at_once_lose_none(as_user: As, alice: User, bob: User, planned: Meeting) -> None:
    seen = planned.revision
    change(as_user(alice), planned, bob, place="Room 5")
    answer = as_user(bob).post(
        f"/meetings/{planned.pk}/edit/",
        {
            "form": "meeting",
            "starts_at": "2030-06-19T10:00",
            "facilitator": bob.pk,
            "place": "Room 6",
            "revision": seen,
        },
    )
    assert (answer.status_code, "Room 6" in answer.content.decode()) == (409, True)
    planned.refresh_from_db()
    assert planned.place == "Room 5"


def test_the_calendar_file_is_for_those_who_see_it(as_user: As, alice: User, planned: Meeting) -> None:
    answer = as_user(alice).get(f"/meetings/{planned.pk}/invitation.ics")
    assert answer["Content-Type"].startswith("text/calendar")
    assert Calendar.from_ical(answer.content)["METHOD"] == "REQUEST"


# -- The room ----------------------------------------------------------------------------------------------------------


def test_it_begins_at_the_first_step_with_its_clock_running(running: Meeting, alice: User) -> None:
    assert (running.state, running.steered_by, running.current and running.current.step) == ("running", alice, "tone")
    assert running.clock_since is not None
    assert running.postmortem.revisions.filter(name="Before the review meeting").exists()
    assert running.notes is not None


def test_a_step_is_gone_to_once_however_often_it_is_pressed(as_user: As, alice: User, running: Meeting) -> None:
    second = running.agenda.all()[1]
    for _ in range(2):
        assert room(as_user(alice), running, "step", item=second.pk).status_code == 200
    running.refresh_from_db()
    assert running.current == second


def test_only_one_leads_at_a_time(as_user: As, alice: User, bob: User, running: Meeting) -> None:
    steps = list(running.agenda.all())
    refused = room(as_user(bob), running, "step", item=steps[2].pk)
    assert (refused.status_code, "Alice Archer leads now" in refused.content.decode()) == (409, True)
    room(as_user(bob), running, "lead")
    room(as_user(bob), running, "step", item=steps[2].pk)
    assert room(as_user(alice), running, "step", item=steps[0].pk).status_code == 409
    running.refresh_from_db()
    assert (running.steered_by, running.current) == (bob, steps[2])


def test_the_clock_counts_only_while_it_runs(as_user: As, alice: User, running: Meeting) -> None:
    Meeting.objects.update(clock_since=timezone.now() - timedelta(minutes=3))
    room(as_user(alice), running, "clock")
    first = running.agenda.first()
    assert first is not None
    spent = first.spent
    assert timedelta(minutes=3) <= spent < timedelta(minutes=3, seconds=20)
    page = as_user(alice).get(f"/meetings/{running.pk}/now/", headers=HTMX).content.decode()
    assert "data-running" not in page
    room(as_user(alice), running, "extend")
    first.refresh_from_db()
    assert (first.minutes, first.spent) == (4, spent)
    room(as_user(alice), running, "clock", is_running="on")
    assert "data-running" in as_user(alice).get(f"/meetings/{running.pk}/now/", headers=HTMX).content.decode()


def test_everybody_sees_the_event_that_is_talked_about(as_user: As, alice: User, bob: User, running: Meeting) -> None:
    event = EventFactory.create(incident=running.postmortem.incident)
    elsewhere = EventFactory.create()
    room(as_user(alice), running, "point", event=event.pk)
    assert room(as_user(alice), running, "point", event=elsewhere.pk).status_code == 422
    page = as_user(bob).get(f"/meetings/{running.pk}/now/", headers=HTMX).content.decode()
    assert f'data-event="{event.pk}"' in page
    TimelineEvent.objects.filter(pk=event.pk).delete()
    assert "data-event" not in as_user(bob).get(f"/meetings/{running.pk}/now/", headers=HTMX).content.decode()


def test_who_was_invited_notes_themselves_and_writers_note_others(
    as_user: As, alice: User, bob: User, mallory: User, running: Meeting
) -> None:
    room(as_user(bob), running, "came")
    room(as_user(alice), running, "came", person=mallory.pk, came="on")
    assert room(as_user(mallory), running, "came").status_code in {302, 403}
    came = running.attendees.exclude(came_at=None).values_list("user__display_name", flat=True)
    assert sorted(came) == ["Bob Baker", "Mallory Moss"]


def test_the_end_writes_what_was_decided_into_the_notes_and_sends_minutes_once(
    as_user: As, alice: User, running: Meeting, tell: Tell
) -> None:
    client = as_user(alice)
    for line in ("decision: Keep the old limit", "p: Who owns the gateway?", "lesson: Test the way back"):
        room(client, running, "captures/add", line=line)
    room(client, running, "end")
    notes = Section.objects.get(title="Debrief notes").body
    assert ("Keep the old limit" in notes, "Who owns the gateway?" in notes, "Test the way back" in notes) == (
        True, True, False,
    )  # fmt: skip
    for _ in range(2):
        client.post(f"/meetings/{running.pk}/minutes/send/")
    letters = tell()
    assert len(letters) == 2
    assert "Test the way back" in str(letters[0].body)
    assert tell() == []
    assert AuditEntry.objects.filter(verb="meeting.ended").count() == 1


def test_minutes_of_something_restricted_say_nothing(as_user: As, alice: User, running: Meeting, tell: Tell) -> None:
    Postmortem.objects.update(visibility=Visibility.RESTRICTED)
    client = as_user(alice)
    room(client, running, "captures/add", line="decision: Rotate the leaked key")
    room(client, running, "end")
    client.post(f"/meetings/{running.pk}/minutes/send/")
    [letter] = [letter for letter in tell() if letter.subject.startswith("Minutes")]
    text = str(letter.message())
    assert not any(word in text for word in ("leaked key", "Checkout"))


def test_a_review_in_writing_has_no_meeting_mode(as_user: As, alice: User, bob: User, postmortem: Postmortem) -> None:
    plan(as_user(alice), postmortem, bob, form="writing")
    meeting = Meeting.objects.get()
    as_user(alice).post(f"/meetings/{meeting.pk}/start/")
    meeting.refresh_from_db()
    assert meeting.state == MeetingState.PLANNED


def test_lists_ask_as_much_for_three_as_for_one(
    as_user: As, alice: User, bob: User, planned: Meeting, django_assert_num_queries: Any
) -> None:
    client = as_user(alice)
    with CaptureQueriesContext(connection) as asked:
        client.get("/meetings/")
    one = len(asked)
    for _ in range(2):
        plan(client, PostmortemFactory.create(owner=alice, incident__created_by=alice), bob)
    assert Meeting.objects.count() == 3
    with django_assert_num_queries(one):
        client.get("/meetings/")
