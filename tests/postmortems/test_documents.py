"""What readers get: the page, the files to keep, facts that stay true."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEntry, Team, User
from incidents.models import Incident
from postmortems.models import Lesson, Postmortem, Section
from tests.factories.actions import make_action
from tests.factories.postmortems import (
    STARTED,
    EventFactory,
    IncidentFactory,
    PostmortemFactory,
    SectionFactory,
    ServiceFactory,
)
from tests.postmortems.test_attachments import image, send

pytestmark = pytest.mark.django_db
As = Callable[[User], Client]


def read(client: Client, postmortem: Postmortem) -> str:
    answer = client.get(f"/postmortems/{postmortem.pk}/read/")
    assert answer.status_code == 200
    return answer.content.decode()


def export(client: Client, postmortem: Postmortem, ending: str) -> str:
    answer = client.get(f"/postmortems/{postmortem.pk}/export.{ending}")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="PM-{postmortem.pk}-')
    return answer.content.decode()


# -- Facts in the text -------------------------------------------------------------------------------------------------


def test_a_fact_in_the_text_says_what_is_true_now(
    as_user: As, alice: User, postmortem: Postmortem, section: Section, incident: Incident
) -> None:
    text = "It took {{time-to-detect}}; {{severity}}; led by {{person:commander}}; see {{lesson:1}}, "
    text += "{{event:%d}}, {{action:%d}}."
    event = EventFactory.create(incident=incident)
    action = make_action(postmortem, title="Add an alert")
    Section.objects.filter(pk=section.pk).update(body=text % (event.pk, action.pk))
    Lesson.objects.create(postmortem=postmortem, number=1, text="Watch ages", created_by=alice)
    Incident.objects.update(detected_at=STARTED + timedelta(minutes=4))
    client = as_user(alice)
    page = re.sub(r"<[^>]+>", "", read(client, postmortem))
    told = f"led by Alice Archer; see lesson 1, 09:47 UTC on 1 April 2026, {action.reference} Add an alert."
    assert f"It took 4 min; SEV2; {told}" in page
    Incident.objects.update(detected_at=STARTED + timedelta(minutes=9), severity="SEV1")
    page = re.sub(r"<[^>]+>", "", read(client, postmortem))
    assert "It took 9 min; SEV1;" in page


def test_a_name_that_means_nothing_is_shown_as_such(
    as_user: As, alice: User, postmortem: Postmortem, section: Section
) -> None:
    foreign = EventFactory.create(text="Secret of another incident")
    body = "{{nonsense}} {{event:999999}} {{event:FOREIGN}} {{lesson:x}} {{<b>}} `{{severity}}`"
    body = body.replace("FOREIGN", str(foreign.pk))
    Section.objects.filter(pk=section.pk).update(body=body)
    page = read(as_user(alice), postmortem)
    assert "Secret of another" not in page
    assert "{{nonsense}}" in page or "nonsense" in page
    assert "<code>{{severity}}</code>" in page


# -- The reader's page -------------------------------------------------------------------------------------------------


def newer_url(page: str) -> str:
    """Where this page asks whether it says something else by now."""
    return html.unescape(re.findall(r'hx-get="(/postmortems/\d+/newer/[^"]+)"', page)[0])


def test_whoever_reads_an_older_text_is_told_of_the_newer(
    as_user: As, alice: User, mallory: User, postmortem: Postmortem
) -> None:
    section = SectionFactory.create(postmortem=postmortem, title="Written", body="Words.")
    client = as_user(mallory)
    page = read(client, postmortem)
    url = newer_url(page)
    assert client.get(url).status_code == 204
    comment = {"quote": "Words", "quote_before": "", "quote_after": ".", "body": "Which?"}
    as_user(alice).post(f"/sections/{section.pk}/threads/add/", comment)
    assert client.get(url).status_code == 204
    assert client.get(f"/postmortems/{postmortem.pk}/newer/?seen=%00").status_code == 200
    Section.objects.filter(pk=section.pk).update(body="Other words.")
    assert f'href="/postmortems/{postmortem.pk}/read/"' in client.get(url).content.decode()
    Postmortem.objects.filter(pk=postmortem.pk).update(visibility="restricted")
    assert client.get(url).status_code == 404


def test_a_page_that_only_grew_older_says_nothing_new(
    as_user: As, alice: User, postmortem: Postmortem, monkeypatch: pytest.MonkeyPatch
) -> None:
    SectionFactory.create(postmortem=postmortem, title="Actions", kind="actions")
    action = make_action(postmortem, owner=alice, due_on=timezone.now().date() + timedelta(days=1))
    client = as_user(alice)
    page = read(client, postmortem)
    url = newer_url(page)
    later = timezone.now() + timedelta(days=4)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert read(client, postmortem).partition("<article")[2] != page.partition("<article")[2]
    assert client.get(url).status_code == 204
    action.title = "Another title"
    action.save()
    assert client.get(url).status_code == 200


def test_empty_sections_are_not_shown_to_readers(as_user: As, alice: User, postmortem: Postmortem) -> None:
    SectionFactory.create(postmortem=postmortem, title="Written", body="Words.")
    SectionFactory.create(postmortem=postmortem, title="Forgotten", body=" \n")
    page = read(as_user(alice), postmortem).partition("<article")[2]
    assert "Written" in page
    assert "Forgotten" not in page


def test_headings_in_two_sections_have_different_anchors(as_user: As, alice: User, postmortem: Postmortem) -> None:
    for title in ("One", "Two"):
        SectionFactory.create(postmortem=postmortem, title=title, body="### Details\n\nWords.[^1]\n\n[^1]: A note.")
    page = read(as_user(alice), postmortem)
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_a_page_costs_the_same_number_of_queries_however_long_the_document(
    as_user: As, alice: User, postmortem: Postmortem, incident: Incident
) -> None:
    client = as_user(alice)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            read(client, postmortem)
        return len(captured)

    def grow(number: int) -> None:
        for n in range(number):
            SectionFactory.create(postmortem=postmortem, body="{{severity}} {{event:1}} {{lesson:1}} {{service:x}}")
            EventFactory.create(incident=incident)
            incident.services.add(ServiceFactory.create())
            Lesson.objects.create(
                postmortem=postmortem, number=postmortem.lessons.count() + 1, text=f"L{n}", created_by=alice
            )

    SectionFactory.create(postmortem=postmortem, kind="timeline")
    SectionFactory.create(postmortem=postmortem, kind="lessons")
    grow(1)
    few = queries()
    grow(60)
    assert queries() == few


# -- Files to keep -----------------------------------------------------------------------------------------------------


def test_the_markdown_file_holds_everything_with_the_facts_of_now(
    as_user: As, alice: User, postmortem: Postmortem, section: Section, incident: Incident
) -> None:
    Section.objects.filter(pk=section.pk).update(body="Severity {{severity}}.\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    SectionFactory.create(postmortem=postmortem, kind="timeline", title="Timeline")
    EventFactory.create(incident=incident, text="Pager *rang*")
    text = export(as_user(alice), postmortem, "md")
    assert text.startswith("# ")
    for part in ("Checkout failed", "## Root cause analysis", "Severity SEV2.", "| 1 | 2 |", "Pager *rang*"):
        assert part in text, part
    assert AuditEntry.objects.filter(verb="postmortem.exported", details__format="md").exists()


class References(HTMLParser):
    """What a page would load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.tags.add(tag)
        self.found += [value for name, value in attributes if name in {"src", "srcset"} and value]
        self.found += [value for name, value in attributes if tag == "link" and name == "href" and value]


def test_the_html_file_needs_nothing_else_and_runs_nothing(
    as_user: As, alice: User, postmortem: Postmortem, section: Section
) -> None:
    client = as_user(alice)
    markdown = send(client, postmortem, "graph.png", image()).json()["markdown"]
    Section.objects.filter(pk=section.pk).update(
        body=f"{markdown}\n\n<script>alert(1)</script>\n\n```python\nx = 1\n```"
    )
    page = export(client, postmortem, "html")
    loaded = References(page)
    assert [reference[:22] for reference in loaded.found] == ["data:image/png;base64,"]
    assert "script" not in loaded.tags
    assert "<style" in page
    assert "url(http" not in page


def test_files_of_another_document_are_not_taken_into_an_export(
    as_user: As, alice: User, mallory: User, postmortem: Postmortem, section: Section
) -> None:
    secret = PostmortemFactory.create(owner=mallory, visibility="restricted")
    markdown = send(as_user(mallory), secret, "secret.png", image()).json()["markdown"]
    Section.objects.filter(pk=section.pk).update(body=markdown)
    assert "base64" not in export(as_user(alice), postmortem, "html")


# -- The list ----------------------------------------------------------------------------------------------------------


def test_the_list_is_filtered_and_costs_the_same_however_long(as_user: As, alice: User, team: Team) -> None:
    client = as_user(alice)

    def listed(query: str = "") -> list[str]:
        page = client.get(f"/postmortems/{query}").content.decode()
        return re.findall(r"PM-(\d+)</span>", page)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            listed()
        return len(captured)

    mine = PostmortemFactory.create(owner=alice, team=team, incident=IncidentFactory.create(severity="SEV1"))
    one = queries()
    for _ in range(30):
        PostmortemFactory.create(state="in_review")
    assert queries() == one
    assert listed("?mine=on") == [str(mine.pk)]
    assert listed(f"?team={team.slug}") == [str(mine.pk)]
    assert listed("?severity=SEV1") == [str(mine.pk)]
    assert listed("?state=draft") == [str(mine.pk)]
    assert len(listed("?state=in_review")) == 30
    assert len(listed("?state=nonsense&team=%00&page=x")) == 31
