"""A newcomer's first hour, in real browsers: from an empty Debrief to a published post-mortem that others find."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core import mail
from django.core.management import call_command
from playwright.sync_api import BrowserContext, Page, expect

from accounts.models import User
from actions.services.action import ActionFacts, add_action
from incidents.models import Incident
from postmortems.models import Postmortem
from postmortems.services.lesson import add_lesson
from tests.factories.accounts import PASSWORD
from tests.factories.postmortems import NOW, EventFactory, IncidentFactory, PostmortemFactory, SectionFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
ContextOf = Callable[..., BrowserContext]
PASTED = """Timeline (UTC)
14:02 - connections start to time out
14:06 - the error rate alert fires

gibberish without a time
14:19 - rolled back
14:25 - recovered
"""


def reported(page: Page) -> list[str]:
    """Errors the browser will report in this page."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    return errors


def sign_in(page: Page, email: str) -> None:
    page.goto("/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "login" not in url)


def test_from_an_empty_debrief_to_a_published_post_mortem(
    context_of: ContextOf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    call_command(
        "create_administrator", "ada@example.com", "--name", "Ada Abbott", "--password-stdin", stdout=io.StringIO()
    )
    page = context_of(timezone_id="UTC").new_page()
    errors = reported(page)
    sign_in(page, "ada@example.com")

    # A team, and somebody on it.
    page.goto("/teams/new/")
    page.get_by_label("Name").fill("Checkout")
    page.get_by_role("button", name="Create").click()
    invite = page.locator("form", has=page.get_by_role("button", name="Invite"))
    invite.get_by_label("Email addresses").fill("nia@example.com")
    invite.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("status").get_by_text("Invited: nia@example.com.")).to_be_visible()
    nia = context_of(timezone_id="UTC").new_page()
    errors_of_nia = reported(nia)
    link = re.search(r"https?://[^/\s]+(/invitations/\S+)", str(mail.outbox[0].body))
    assert link
    nia.goto(link[1])
    nia.get_by_label("Name").fill("Nia New")
    nia.get_by_label("Password").fill(PASSWORD)
    nia.get_by_role("button", name="Join").click()
    nia.wait_for_url("**/")

    # An incident and its timeline.
    nia.get_by_role("link", name="New incident").first.click()
    nia.get_by_label("Title").fill("Customers could not pay for 23 minutes")
    nia.get_by_label("Severity").select_option("SEV1")
    nia.get_by_label("Impact started").fill("2026-04-01T14:02")
    nia.get_by_label("Customers were affected").check()
    nia.get_by_role("button", name="Record the incident").click()
    expect(nia.get_by_text("Required", exact=True)).to_be_visible()
    nia.get_by_role("link", name="Paste many").click()
    nia.get_by_label("Lines").fill(PASTED)
    expect(nia.get_by_label("First day")).to_have_value("2026-04-01")
    nia.get_by_role("button", name="Preview").click()
    expect(nia.get_by_text("4 events understood")).to_be_visible()
    expect(nia.get_by_text("gibberish without a time").last).to_be_visible()
    nia.get_by_role("button", name="Add 4 events").click()
    expect(nia.locator(".timeline-event")).to_have_count(4)
    nia.get_by_label("Quick add").fill("14:31 told the customers")
    nia.get_by_label("Quick add").press("Enter")
    expect(nia.locator(".timeline-event")).to_have_count(5)
    nia.locator("#incident-times").get_by_role("link", name="Edit").click()
    nia.get_by_label("Detected").fill("2026-04-01T14:06")
    nia.get_by_label("Resolved").fill("2026-04-01T14:25")
    nia.locator("#incident-times").get_by_role("button", name="Save").click()
    expect(nia.locator("#incident-times")).to_contain_text("23 min")

    # Its post-mortem: the facts are there, the words are Nia's.
    nia.get_by_role("button", name="Start post-mortem").click()
    nia.wait_for_url("**/postmortems/*/write/")
    expect(nia.locator(".section", has_text="Summary").first).to_contain_text("14:02 UTC on 1 April 2026")
    nia.get_by_role("textbox", name="Root cause analysis").click()
    nia.keyboard.type("The pool had **20** connections. It took {{time-to-detect}} to see it.")
    expect(nia.get_by_text("Saved ")).to_be_visible()
    nia.get_by_role("button", name="Preview").click()
    expect(nia.locator("strong", has_text="20")).to_be_visible()
    nia.get_by_role("textbox", name="Lesson").fill("A setting that is not understood should stop the start.")
    nia.get_by_role("button", name="Add lesson").click()
    expect(nia.locator(".lesson")).to_have_count(1)
    nia.get_by_role("link", name="Add action").click()
    nia.get_by_label("What will be done").fill("Refuse unknown pool settings")
    nia.get_by_label("Owner").select_option(label="Nia New")
    nia.get_by_label("Due").fill("2026-12-24")
    nia.get_by_role("button", name="Add action").click()
    expect(nia.locator(".action-item")).to_contain_text("Refuse unknown pool settings")

    # Review and publication.
    nia.get_by_role("link", name="Hand in for review").click()
    nia.get_by_role("button", name="Hand in for review").click()
    expect(nia.get_by_text("In review").first).to_be_visible()
    nia.get_by_role("link", name="Publish…").click()
    nia.get_by_label("Note").fill("Agreed in the team.")
    nia.get_by_role("button", name="Publish", exact=True).click()
    expect(nia.get_by_text("Published").first).to_be_visible()
    expect(nia.locator("article")).to_contain_text("It took 4 min to see it.")

    # Ada finds it, keeps it as a file, and sees who did what.
    page.goto("/")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search or go to").press_sequentially("pool settings")
    page.get_by_role("option", name="Refuse unknown pool settings").click()
    expect(page.locator("h1")).to_contain_text("Refuse unknown pool settings")
    page.get_by_role("link", name="PM-").first.click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export Markdown").click()
    download.value.save_as(tmp_path / "post-mortem.md")
    assert "The pool had **20** connections." in (tmp_path / "post-mortem.md").read_text()
    page.goto("/administration/audit/")
    expect(page.get_by_role("row", name=re.compile("Nia New.*published"))).to_be_visible()
    assert errors == []
    assert errors_of_nia == []


IDS = "[...document.querySelectorAll('[id]')].map(element => element.id)"


def test_forms_open_side_by_side_do_not_mix_up_their_fields(context_of: ContextOf, alice: User) -> None:
    incident = IncidentFactory.create(created_by=alice, commander=alice)
    EventFactory.create(incident=incident, text="Pager rang")
    postmortem = PostmortemFactory.create(owner=alice, incident=incident)
    for title in ("One", "Two"):
        add_lesson(postmortem=postmortem, text=f"Lesson {title}", by=alice, now=NOW)
        add_action(postmortem=postmortem, facts=ActionFacts(title=f"Action {title}"), by=alice, now=NOW)
    SectionFactory.create(postmortem=postmortem, kind="lessons", title="Lessons")
    SectionFactory.create(postmortem=postmortem, kind="actions", title="Action items")
    page = context_of(alice).new_page()
    for path in (f"/incidents/{incident.pk}/", f"/postmortems/{postmortem.pk}/write/"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        opened = 0
        openers = page.locator("main").get_by_role("link", name=re.compile("^(Edit|Write|Add action|Override|Add$)"))
        openers = openers.and_(page.locator("[hx-get]:visible"))
        while openers.count() and opened < 20:
            left = openers.count()
            openers.first.click()
            expect(openers).not_to_have_count(left)
            opened += 1
        assert opened >= 4
        ids = page.evaluate(IDS)
        assert sorted({name for name in ids if ids.count(name) > 1}) == [], path


def test_the_reader_works_without_javascript_and_on_paper(context_of: ContextOf, alice: User) -> None:
    postmortem = PostmortemFactory.create(owner=alice, incident=IncidentFactory.create(created_by=alice))
    SectionFactory.create(postmortem=postmortem, title="Root cause analysis", body="The pool ran dry.")
    page = context_of(alice, java_script_enabled=False).new_page()
    for path, words in (
        (f"/postmortems/{postmortem.pk}/read/", "The pool ran dry."),
        ("/search/?q=pool", "Search"),
        ("/incidents/", Incident.objects.get().title),
        ("/postmortems/", Postmortem.objects.get().title),
    ):
        page.goto(path)
        expect(page.locator("main")).to_contain_text(words)
    page.goto(f"/postmortems/{postmortem.pk}/read/")
    page.emulate_media(media="print")
    expect(page.locator(".rail")).to_be_hidden()
    expect(page.get_by_text("The pool ran dry.")).to_be_visible()
    assert page.pdf().startswith(b"%PDF-")
