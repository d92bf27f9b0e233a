"""Lines captured in a meeting become the right thing, and transcripts become lines."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from actions.models import ActionItem
from incidents.models import TimelineEvent
from postmortems.meetings.lines import parse_line
from postmortems.meetings.transcripts import NotATranscript, Spoken, read_transcript
from postmortems.models import Branch, Capture, Factor, Lesson, Meeting, Postmortem, Section, TranscriptLine, Why
from postmortems.services.text import write_texts

As = Callable[[User], Client]
pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def branch(postmortem: Postmortem) -> Branch:
    return Branch.objects.create(postmortem=postmortem, position=1, kind="cause", question="Why did it happen?")


@pytest.fixture
def meeting(as_user: As, alice: User, postmortem: Postmortem, branch: Branch) -> Meeting:
    values = {"form": "huddle", "starts_at": "2030-06-18T10:00", "facilitator": alice.pk}
    as_user(alice).post(f"/postmortems/{postmortem.pk}/meeting/plan/", values)
    meeting = Meeting.objects.get()
    as_user(alice).post(f"/meetings/{meeting.pk}/start/")
    return meeting


def capture(client: Client, meeting: Meeting, line: str) -> Any:
    return client.post(f"/meetings/{meeting.pk}/captures/add/", {"line": line}, headers=HTMX)


def correct(client: Client, row: Capture, line: str) -> Any:
    values = {"line": line, "revision": row.revision}
    return client.post(f"/captures/{row.pk}/edit/", values, headers=HTMX)


@pytest.mark.parametrize(
    ("line", "kind", "at", "text"),
    [
        ("action: raise the limit", "action", "", "raise the limit"),
        ("A: raise the limit", "action", "", "raise the limit"),
        ("why 1.2: nobody knew", "why", "1.2", "nobody knew"),
        ("y 2: nobody knew", "why", "2", "nobody knew"),
        ("event 14:32: rollback", "event", "14:32", "rollback"),
        ("t 14:32 : rollback", "event", "14:32", "rollback"),
        ("decision:keep it", "decision", "", "keep it"),
        ("parking: who owns it?", "parking", "", "who owns it?"),
        ("factor monitoring: no alarm", "factor", "monitoring", "no alarm"),
        ("f Mon: no alarm", "factor", "Mon", "no alarm"),
        ("factor: no alarm", "factor", "", "no alarm"),
        ("factor people: tired", "factor", "", "people: tired"),
        ("action monitoring: tired", "note", "", "action monitoring: tired"),
        ("Bob said: wait", "note", "", "Bob said: wait"),
        ("q://not.a.question", "note", "", "q://not.a.question"),
        ("https://example.com", "note", "", "https://example.com"),
        ("just words", "note", "", "just words"),
    ],
)
def test_a_line_is_what_stands_before_its_colon(line: str, kind: str, at: str, text: str) -> None:
    found = parse_line(line)
    assert (found.kind, found.at, found.text) == (kind, at, text)


@given(st.text(max_size=200))
def test_no_line_loses_a_word(line: str) -> None:
    found = parse_line(line)
    assert found.text in line


def test_each_kind_becomes_its_own_thing(as_user: As, alice: User, meeting: Meeting, postmortem: Postmortem) -> None:
    client = as_user(alice)
    for line in ("a: Raise the limit", "l: Limits are tested", "f: The alert averages", "y: The pool ran dry",
                 "t 10:15: The rollback began", "d: Keep it", "n: Quiet"):  # fmt: skip
        assert capture(client, meeting, line).status_code == 200
    assert ActionItem.objects.get().title == "Raise the limit"
    assert Lesson.objects.get().text == "Limits are tested"
    assert Factor.objects.get().text == "The alert averages"
    assert Why.objects.get().answer == "The pool ran dry"
    event = TimelineEvent.objects.get()
    assert (event.text, event.at.strftime("%H:%M")) == ("The rollback began", "10:15")
    assert list(Capture.objects.values_list("kind", flat=True)) == [
        "action", "lesson", "factor", "why", "event", "decision", "note",
    ]  # fmt: skip


def test_whys_hang_where_their_number_says(as_user: As, alice: User, meeting: Meeting, branch: Branch) -> None:
    client = as_user(alice)
    for line in ("y 1: The pool ran dry", "y 1.1: Its limit fell", "y 1.1: Nobody saw it"):
        capture(client, meeting, line)
    top = Why.objects.get(answer="The pool ran dry")
    assert {why.answer for why in Why.objects.filter(parent=top)} == {"Its limit fell", "Nobody saw it"}
    refused = capture(client, meeting, "y 4.7: Because")
    assert (refused.status_code, "There is no branch 4" in refused.content.decode()) == (422, True)
    refused = capture(client, meeting, "y 1.9: Because")
    assert "There is no why 1.9" in refused.content.decode()
    assert Why.objects.count() == 3


def test_what_cannot_be_captured_is_said_and_not_kept(as_user: As, alice: User, meeting: Meeting) -> None:
    client = as_user(alice)
    for line, words in (
        ("event: no time", "Say when"),
        ("action:", "Write something"),
        ("a: " + "x" * 400, "has at most"),
    ):
        answer = capture(client, meeting, line)
        assert (answer.status_code, words in answer.content.decode()) == (422, True), line
    assert not Capture.objects.exists()


def test_a_double_click_keeps_one(as_user: As, alice: User, meeting: Meeting) -> None:
    for _ in range(2):
        capture(as_user(alice), meeting, "a: Raise the limit")
    assert (Capture.objects.count(), ActionItem.objects.count()) == (1, 1)


def test_a_line_is_corrected_in_its_place_and_so_is_what_it_became(as_user: As, alice: User, meeting: Meeting) -> None:
    client = as_user(alice)
    capture(client, meeting, "l: Limits are testd")
    row = Capture.objects.get()
    correct(client, row, "lesson: Limits are tested")
    lesson = Lesson.objects.get()
    assert (lesson.pk, lesson.text, lesson.number) == (row.made, "Limits are tested", 1)


def test_a_line_of_the_wrong_kind_becomes_the_right_one(as_user: As, alice: User, meeting: Meeting) -> None:
    client = as_user(alice)
    capture(client, meeting, "p: Test the limit in staging")
    row = Capture.objects.get()
    correct(client, row, "action: Test the limit in staging")
    action = ActionItem.objects.get()
    row.refresh_from_db()
    assert (row.kind, row.made) == ("action", action.pk)
    correct(client, row, "lesson: Limits are tested in staging")
    assert (ActionItem.objects.count(), Lesson.objects.count()) == (0, 1)


def test_a_factor_goes_on_the_layer_its_line_names(as_user: As, alice: User, meeting: Meeting) -> None:
    client = as_user(alice)
    for line in ("f monitoring: no alarm", "f mon: no graph", "f: nobody asked"):
        assert capture(client, meeting, line).status_code == 200
    assert set(Factor.objects.values_list("text", "layer")) == {
        ("no alarm", "monitoring"),
        ("no graph", "monitoring"),
        ("nobody asked", "process"),
    }


def test_a_layer_that_may_be_two_is_asked_about_and_nothing_is_kept(as_user: As, alice: User, meeting: Meeting) -> None:
    answer = capture(as_user(alice), meeting, "f re: nobody looked")
    assert answer.status_code == 422
    assert "review or response? Write one more letter." in answer.content.decode()
    assert not Factor.objects.exists()


def test_a_factor_without_a_layer_is_offered_the_others_by_one_click(
    as_user: As, alice: User, meeting: Meeting
) -> None:
    client = as_user(alice)
    capture(client, meeting, "f: no alarm <b>")
    now = client.get(f"/meetings/{meeting.pk}/now/", headers=HTMX).content.decode()
    assert "on process," in now
    assert "Put F1 on process" not in now
    [line] = re.findall(r'name="line" value="(factor monitoring: [^"]*)"', now)
    row = Capture.objects.get()
    assert correct(client, row, html.unescape(line)).status_code == 200
    factor = Factor.objects.get()
    assert (factor.pk, factor.number, factor.layer, factor.text) == (row.made, 1, "monitoring", "no alarm <b>")
    now = client.get(f"/meetings/{meeting.pk}/now/", headers=HTMX).content.decode()
    assert ("on monitoring," in now, "capture-layers" in now) == (True, False)
    row.refresh_from_db()
    correct(client, row, "factor: no alarm at all")
    factor.refresh_from_db()
    assert (factor.layer, factor.text) == ("monitoring", "no alarm at all")


def test_of_two_corrections_at_once_none_is_lost(as_user: As, alice: User, bob: User, meeting: Meeting) -> None:
    capture(as_user(alice), meeting, "d: Keep it")
    seen = Capture.objects.get()
    correct(as_user(alice), seen, "d: Keep it until Friday")
    answer = correct(as_user(bob), seen, "d: Keep it until Monday")
    page = answer.content.decode()
    assert (answer.status_code, "until Friday" in page, "until Monday" in page) == (409, True, True)


def test_a_stream_shows_what_the_row_says_now(as_user: As, alice: User, meeting: Meeting) -> None:
    capture(as_user(alice), meeting, "l: Limits are tested")
    Lesson.objects.update(text="Every limit is tested")
    page = as_user(alice).get(f"/meetings/{meeting.pk}/now/", headers=HTMX).content.decode()
    assert "Every limit is tested" in page
    Lesson.objects.all().delete()
    assert "deleted since" in as_user(alice).get(f"/meetings/{meeting.pk}/now/", headers=HTMX).content.decode()


def test_blame_is_asked_about_only_where_it_was_typed(as_user: As, alice: User, bob: User, meeting: Meeting) -> None:
    mine = capture(as_user(alice), meeting, "n: Bob was careless").content.decode()
    theirs = as_user(bob).get(f"/meetings/{meeting.pk}/now/", headers=HTMX).content.decode()
    assert ("Only you see this" in mine, "Only you see this" in theirs) == (True, False)


def test_the_close_names_exactly_what_is_loose(as_user: As, alice: User, meeting: Meeting) -> None:
    client = as_user(alice)
    capture(client, meeting, "a: Raise the limit")
    capture(client, meeting, "a: Watch the queue")
    capture(client, meeting, "p: Who owns the gateway?")
    owned = ActionItem.objects.get(title="Watch the queue")
    ActionItem.objects.filter(pk=owned.pk).update(owner=alice, due_on=timezone.now().date())
    page = client.get(f"/meetings/{meeting.pk}/closing/", headers=HTMX).content.decode()
    assert ("Raise the limit" in page, "lacks an owner and a date" in page, "Watch the queue" in page) == (
        True, True, False,
    )  # fmt: skip
    parked = Capture.objects.get(kind="parking")
    client.post(f"/captures/{parked.pk}/settle/", {"is_settled": "on"})
    assert "gateway" not in client.get(f"/meetings/{meeting.pk}/closing/", headers=HTMX).content.decode()


def test_after_the_meeting_lines_stay_as_they_are(as_user: As, alice: User, meeting: Meeting) -> None:
    client = as_user(alice)
    capture(client, meeting, "l: Limits are tested")
    client.post(f"/meetings/{meeting.pk}/end/")
    row = Capture.objects.get()
    answer = client.post(f"/captures/{row.pk}/remove/", headers=HTMX)
    assert (answer.status_code, Lesson.objects.count()) == (409, 1)
    assert capture(client, meeting, "l: Another").status_code == 409


@pytest.fixture
def over(as_user: As, alice: User, bob: User, meeting: Meeting) -> Meeting:
    """Ended, with a decision, a question and a lesson; Alice ran it, Bob took its notes."""
    Meeting.objects.update(note_taker=bob)
    client = as_user(alice)
    for line in ("d: Keep it til Friday", "q: Who owns it?", "l: Limits are testd"):
        capture(client, meeting, line)
    client.post(f"/meetings/{meeting.pk}/end/")
    meeting.refresh_from_db()
    return meeting


def fix(client: Client, row: Capture, line: str) -> Any:
    row.refresh_from_db()
    return client.post(f"/captures/{row.pk}/edit/", {"line": line, "revision": row.revision})


def notes_of(meeting: Meeting) -> str:
    assert meeting.notes is not None
    meeting.notes.refresh_from_db()
    return meeting.notes.body


def test_after_the_meeting_its_note_taker_corrects_lines_and_the_notes_follow(
    as_user: As, bob: User, over: Meeting
) -> None:
    client = as_user(bob)
    decision, question, lesson = Capture.objects.order_by("pk")
    minutes = f"/meetings/{over.pk}/minutes/"
    assert f"/captures/{decision.pk}/edit/" in client.get(minutes).content.decode()
    assert "til Friday" in client.get(f"/captures/{decision.pk}/edit/").content.decode()
    assert fix(client, decision, "decision: Keep it until Friday")["Location"] == minutes
    fix(client, lesson, "lesson: Limits are tested")
    fix(client, question, "action: Find out who owns it")
    body = notes_of(over)
    assert "- Keep it until Friday" in body
    assert not any(gone in body for gone in ("it til Friday", "Who owns it?"))
    assert Lesson.objects.get().text == "Limits are tested"
    assert ActionItem.objects.get().title == "Find out who owns it"


def test_what_people_wrote_into_the_notes_since_stays(as_user: As, alice: User, over: Meeting) -> None:
    notes = over.notes
    assert notes is not None
    write_texts(notes.postmortem, {notes: "Our own words."}, by=alice, now=timezone.now())
    decision = Capture.objects.earliest("pk")
    assert fix(as_user(alice), decision, "d: Keep it until Friday").status_code == 302
    assert notes_of(over).strip() == "Our own words."
    assert Capture.objects.get(pk=decision.pk).text == "Keep it until Friday"


def test_nobody_else_corrects_them_and_nobody_once_the_minutes_are_sent(
    as_user: As, alice: User, manager: User, over: Meeting
) -> None:
    decision = Capture.objects.earliest("pk")
    minutes = f"/meetings/{over.pk}/minutes/"
    assert "Correct" not in as_user(manager).get(minutes).content.decode()
    answer = fix(as_user(manager), decision, "d: Throw it away")
    assert (answer.status_code, "took its notes" in answer.content.decode()) == (422, True)
    as_user(alice).post(f"{minutes}send/")
    answer = fix(as_user(alice), decision, "d: Throw it away")
    assert (answer.status_code, "minutes were sent" in answer.content.decode()) == (422, True)
    assert "Correct" not in as_user(alice).get(minutes).content.decode()
    decision.refresh_from_db()
    assert decision.text == "Keep it til Friday"


def test_a_reader_follows_and_does_not_capture(as_user: As, mallory: User, meeting: Meeting) -> None:
    client = as_user(mallory)
    assert client.get(f"/meetings/{meeting.pk}/").status_code == 200
    assert capture(client, meeting, "a: Mine").status_code == 403


def test_lines_of_every_kind_are_read_with_a_query_each(
    as_user: As, alice: User, meeting: Meeting, django_assert_num_queries: Any
) -> None:
    client = as_user(alice)
    for line in ("a: One", "l: One", "f: One", "d: One"):
        capture(client, meeting, line)
    with CaptureQueriesContext(connection) as asked:
        client.get(f"/meetings/{meeting.pk}/now/", headers=HTMX)
    few = len(asked)
    for line in ("a: Two", "l: Two", "f: Two", "d: Two", "a: Three", "l: Three"):
        capture(client, meeting, line)
    with django_assert_num_queries(few):
        client.get(f"/meetings/{meeting.pk}/now/", headers=HTMX)


# -- Transcripts -------------------------------------------------------------------------------------------------------

VTT = """WEBVTT

00:00:03.000 --> 00:00:06.000
<v Priya Raman>We saw the error rate rise.

00:00:06.500 --> 00:00:09.000
<v Priya Raman>It took a minute to find the dashboard.

00:01:10.000 --> 00:01:12.000
<v Mei Lin>I looked at the queue.
"""
SRT = """1
00:00:03,000 --> 00:00:06,000
Priya Raman: We saw the error rate rise.

2
00:01:10,000 --> 00:01:12,000
Mei Lin: I looked at the queue.
"""
PLAIN = """[00:00:03] Priya Raman: We saw the error rate rise.
[00:01:10] Mei Lin: I looked at the queue.
"""
MEETING_PROGRAM = """Priya Raman  0:03
We saw the error rate rise.
Mei Lin  1:10
I looked at the queue.
"""


@pytest.mark.parametrize("text", [SRT, PLAIN, MEETING_PROGRAM, "\ufeff" + PLAIN.replace("\n", "\r\n")])
def test_who_said_what_and_when_is_read(text: str) -> None:
    lines = [(line.at, line.speaker, line.text) for line in read_transcript(text)]
    assert lines == [
        (timedelta(seconds=3), "Priya Raman", "We saw the error rate rise."),
        (timedelta(seconds=70), "Mei Lin", "I looked at the queue."),
    ]


def test_pieces_of_what_one_person_says_are_joined() -> None:
    first, second = read_transcript(VTT)
    assert first.text == "We saw the error rate rise. It took a minute to find the dashboard."
    assert (second.speaker, second.at) == ("Mei Lin", timedelta(seconds=70))


def test_a_very_long_line_loses_no_word() -> None:
    text = "Priya: " + "word " * 3_000
    lines = read_transcript(text)
    assert sum(line.text.count("word") for line in lines) == 3_000
    assert {line.speaker for line in lines} == {"Priya"}


@given(st.text(max_size=400))
def test_any_text_is_a_transcript_or_is_refused_in_words(text: str) -> None:
    try:
        lines = read_transcript(text)
    except NotATranscript as error:
        lines = [Spoken(None, "", str(error))]
    assert lines
    assert all(line.text for line in lines)


def imported(client: Client, meeting: Meeting, text: str) -> Any:
    file = SimpleUploadedFile("meeting.vtt", text.encode())
    return client.post(f"/meetings/{meeting.pk}/transcript/", {"file": file})


def test_a_line_of_the_recording_becomes_what_a_person_makes_of_it(as_user: As, alice: User, meeting: Meeting) -> None:
    client = as_user(alice)
    client.post(f"/meetings/{meeting.pk}/end/")
    assert imported(client, meeting, VTT).status_code == 302
    first, second = TranscriptLine.objects.all()
    client.post(f"/transcript-lines/{first.pk}/", {"line": "action: Put the dashboard into the alert"}, headers=HTMX)
    client.post(f"/transcript-lines/{second.pk}/", {"line": "note: I looked at the queue."}, headers=HTMX)
    assert ActionItem.objects.get().title == "Put the dashboard into the alert"
    notes = Section.objects.get(title="Debrief notes").body
    assert "- **0:01:10 Mei Lin:** I looked at the queue." in notes
    again = imported(client, meeting, VTT)
    assert (again.status_code, TranscriptLine.objects.count()) == (409, 2)


def test_what_is_no_transcript_is_refused_in_words(as_user: As, alice: User, meeting: Meeting) -> None:
    for content in (b"", b"\xff\xfe\x00", b"   \n"):
        file = SimpleUploadedFile("meeting.vtt", content)
        answer = as_user(alice).post(f"/meetings/{meeting.pk}/transcript/", {"file": file})
        assert answer.status_code == 422
    assert not TranscriptLine.objects.exists()
