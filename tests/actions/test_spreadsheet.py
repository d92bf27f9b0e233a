"""Actions out to a spreadsheet and back: nothing changes unless it was seen first, all of it or none."""

from __future__ import annotations

import csv
import io
import re
from contextlib import suppress
from datetime import date
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from actions.models import ActionItem
from actions.services.action import retitle_action
from actions.spreadsheet import COLUMNS, NotASpreadsheet, read_csv
from postmortems.models import Postmortem
from tests.actions.conftest import signed_in
from tests.factories.actions import NOON, make_action


def sent(client: Client, text: str, *, confirmed: bool = False, encoding: str = "utf-8", **more: object) -> str:
    """What the page says of the file; confirmed: what it says when what was shown is done."""
    document = SimpleUploadedFile("a.csv", text.encode(encoding), content_type="text/csv")
    page = client.post("/actions/import/", {**more, "document": document}).content.decode()
    return confirm(client, text, page, **more) if confirmed else page


def confirm(client: Client, text: str, preview: str, **more: object) -> str:
    """As a browser sends the form of the preview: lines end in CR LF, and it is encoded as the form says."""
    seen = re.search(r'name="seen" value="([^"]*)"', preview)
    data = {**more, "confirmed": "1", "text": text.replace("\n", "\r\n"), "seen": seen[1] if seen else ""}
    if 'enctype="multipart/form-data"' in preview:
        return client.post("/actions/import/", data).content.decode()
    body = urlencode(data)
    return client.post("/actions/import/", body, content_type="application/x-www-form-urlencoded").content.decode()


def exported(client: Client, query: str = "status=all") -> str:
    return client.get(f"/actions/export.csv?{query}").content.decode("utf-8-sig")


def test_export_holds_the_list_as_it_is_filtered(postmortem: Postmortem, alice: User, bob: User) -> None:
    make_action(postmortem, title="Mine, “quoted”", owner=bob, due_on=date(2026, 5, 31), labels=["dns", "edge"])
    make_action(postmortem, title="Hers", owner=alice)
    rows = list(csv.DictReader(io.StringIO(exported(signed_in(bob), "owner=me"))))
    assert [(row["title"], row["owner"], row["due"], row["labels"]) for row in rows] == [
        ("Mine, “quoted”", "bob@example.com", "2026-05-31", "dns edge")
    ]


def test_export_shows_only_what_the_person_may_see(action: ActionItem, mallory: User) -> None:
    Postmortem.objects.update(visibility="team")
    assert exported(signed_in(mallory)).splitlines() == [",".join(COLUMNS)]


@pytest.mark.parametrize("title", ["=1+1", "+cmd", "-2", "@SUM(A1)", "'=1+1", "''-2"])
def test_formulas_are_disarmed_and_come_back(title: str, postmortem: Postmortem, bob: User) -> None:
    action = make_action(postmortem, title=title)
    text = exported(signed_in(bob))
    assert f",'{title}," in text
    page = sent(signed_in(bob), text)
    assert "Nothing would change" in page
    assert ActionItem.objects.get(pk=action.pk).title == title


def test_letters_are_known_to_excel_by_a_byte_order_mark(action: ActionItem, bob: User) -> None:
    assert signed_in(bob).get("/actions/export.csv").content.startswith(b"\xef\xbb\xbfreference,")


def test_lines_within_a_cell_stay_as_they_are(postmortem: Postmortem, bob: User) -> None:
    action, client = make_action(postmortem, title="Old", deliverable="One\ntwo"), signed_in(bob)
    text = f'reference,title,deliverable\n{action.reference},New,"One\ntwo"\n'
    assert "Changes title<" in re.sub(r"\s*<", "<", sent(client, text))
    assert "1 changed" in sent(client, text, confirmed=True)
    assert ActionItem.objects.values_list("title", "deliverable").get() == ("New", "One\ntwo")
    assert "Nothing would change" in sent(client, text.replace("\n", "\r\n"))


def test_a_large_file_in_letters_of_two_bytes_can_be_confirmed(postmortem: Postmortem, bob: User) -> None:
    rows = "".join(f"Номер {n},{postmortem.reference},{'я' * 60_000}\n" for n in range(14))
    assert "14 actions added" in sent(signed_in(bob), f"title,post-mortem,reason\n{rows}", confirmed=True)


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"])
def test_a_workbook_is_told_from_a_csv(start: bytes, bob: User) -> None:
    document = SimpleUploadedFile("actions.xlsx", start + bytes(range(256)))
    assert "Save it as CSV" in signed_in(bob).post("/actions/import/", {"document": document}).content.decode()


def test_preview_changes_nothing_and_confirmation_does(postmortem: Postmortem, alice: User, bob: User) -> None:
    action = make_action(postmortem, title="Old", owner=alice)
    text = (
        "reference,title,owner,due,priority,impact,labels,post-mortem\n"
        f"{action.reference},New,bob@example.com,2026-06-30,p1,high,dns edge,\n"
        f",Added,,,,,,{postmortem.reference}\n"
    )
    page = sent(signed_in(bob), text)
    assert "Changes title, owner, due, priority, impact, labels" in page
    assert "Added to" in page
    assert ActionItem.objects.get().title == "Old"
    assert "1 action added, 1 changed." in sent(signed_in(bob), text, confirmed=True)
    action.refresh_from_db()
    assert (action.title, action.owner, action.due_on, action.priority, action.impact, action.labels) == (
        "New",
        bob,
        date(2026, 6, 30),
        "P1",
        3,
        ["dns", "edge"],
    )
    assert postmortem.action_items.filter(title="Added", created_by=bob).count() == 1


def test_what_changed_since_the_preview_is_not_written_over(postmortem: Postmortem, alice: User, bob: User) -> None:
    action = make_action(postmortem, title="Old")
    text = f"reference,title\n{action.reference},From the file\n"
    preview = sent(signed_in(bob), text)
    retitle_action(action=action, title="Hers", revision=1, by=alice, now=NOON)
    page = confirm(signed_in(bob), text, preview)
    assert "Something changed meanwhile, so nothing was done." in page
    action.refresh_from_db()
    assert action.title == "Hers"
    assert "0 actions added, 1 changed." in confirm(signed_in(bob), text, page)


def test_what_is_there_already_is_said_and_not_counted(postmortem: Postmortem, bob: User) -> None:
    text = "title,priority\nAlert on age,P1\nAlert on age,P1\n"
    preview = sent(signed_in(bob), text, postmortem=postmortem.pk)
    assert "Is there already (line 2): not added again" in preview
    assert "1 action added, 0 changed." in confirm(signed_in(bob), text, preview, postmortem=postmortem.pk)
    [action] = postmortem.action_items.all()
    assert f"Is there already ({action.reference})" in sent(signed_in(bob), text, postmortem=postmortem.pk)
    assert "0 actions added" in confirm(signed_in(bob), text, preview, postmortem=postmortem.pk)
    assert postmortem.action_items.count() == 1


def test_columns_that_are_absent_stay_as_they_are(postmortem: Postmortem, alice: User, bob: User) -> None:
    action = make_action(postmortem, title="Old", owner=alice, due_on=date(2026, 5, 1))
    sent(signed_in(bob), f"reference,priority\n{action.reference},P1\n", confirmed=True)
    action.refresh_from_db()
    assert (action.title, action.owner, action.due_on, action.priority) == ("Old", alice, date(2026, 5, 1), "P1")


def test_one_wrong_row_stops_all(postmortem: Postmortem, bob: User) -> None:
    text = f"title,due,post-mortem\nGood,2026-05-01,{postmortem.reference}\nBad,tomorrow,{postmortem.reference}\n"
    page = sent(signed_in(bob), text, confirmed=True)
    assert "“tomorrow” is no date like 2026-05-31" in page
    assert not ActionItem.objects.exists()


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (",T,nobody@example.com,", "nobody here is nobody@example.com"),
        (",T,,PM-999999", "there is no PM-999999"),
        ("ACT-999999,T,,", "there is no ACT-999999"),
        (",T,,", "it names no post-mortem"),
        ("ACT-x,T,,", "“ACT-x” is no reference like ACT-12"),
    ],
)
def test_what_is_wrong_is_said_in_words(row: str, problem: str, postmortem: Postmortem, bob: User) -> None:
    assert problem in sent(signed_in(bob), f"reference,title,owner,post-mortem\n{row}\n")


def test_rows_may_take_their_post_mortem_from_the_page(postmortem: Postmortem, bob: User) -> None:
    sent(signed_in(bob), "title\nAdded\n", confirmed=True, postmortem=postmortem.pk)
    assert postmortem.action_items.get().title == "Added"


def test_outsider_changes_nothing(postmortem: Postmortem, action: ActionItem, mallory: User) -> None:
    text = f"reference,title,post-mortem\n{action.reference},Hers now,\n,Added,{postmortem.reference}\n"
    assert "is not yours to edit" in sent(signed_in(mallory), text, confirmed=True)
    Postmortem.objects.update(visibility="team")
    assert f"there is no {action.reference}" in sent(signed_in(mallory), text, confirmed=True)
    assert [a.title for a in ActionItem.objects.all()] == [action.title]


def test_owner_must_be_someone_who_may_see_it(postmortem: Postmortem, bob: User, mallory: User) -> None:
    Postmortem.objects.update(visibility="team")
    text = f"title,owner,post-mortem\nT,mallory@example.com,{postmortem.reference}\n"
    assert "Mallory may not see that post-mortem" in sent(signed_in(bob), text, confirmed=True)
    assert not ActionItem.objects.exists()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "The submitted file is empty."),
        ("owner,due\n", "“title” is missing"),
        ("title,colour\nx,y\n", "There is no column “colour”."),
        ("title,title\nx,y\n", "A column stands there twice."),
        ('title\n"open', "Line 2 cannot be read: its quotation marks do not pair up."),
        ('title\n"so" so\n', "Line 2 cannot be read: its quotation marks do not pair up."),
        ("title\n" + "x" * 140_000, "Line 2 cannot be read: one of its cells is longer than 131,072 characters."),
    ],
)
def test_file_that_is_none_is_refused_in_words(text: str, problem: str, bob: User) -> None:
    assert problem in sent(signed_in(bob), text)


def test_semicolons_and_windows_letters_are_understood(postmortem: Postmortem, bob: User) -> None:
    text = f"title;post-mortem\nGrüße prüfen;{postmortem.reference}\n"
    assert "Grüße prüfen" in sent(signed_in(bob), text, encoding="cp1252")


@given(st.text(max_size=300))
def test_any_text_is_rows_or_refused(text: str) -> None:
    with suppress(NotASpreadsheet):
        assert all(row.line >= 1 for row in read_csv(text))
