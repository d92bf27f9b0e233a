"""Pushing to Confluence: one page each whatever is lost on the way, failures in words, and nothing restricted, ever."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image
from pytest_django import Settings

from accounts.models import AuditEntry, Team, User
from postmortems.models import ConfluenceConnection, ConfluencePage, ConfluencePlace, Postmortem
from postmortems.services.attachment import add_attachment
from postmortems.services.confluence import due_pages, push_page
from postmortems.wiki import confluence as client_module
from postmortems.wiki.confluence import PROPERTY
from tests.factories.postmortems import SectionFactory
from tests.fakes.confluence import FakeConfluence, StoredPage

As = Callable[[User], Client]
pytestmark = pytest.mark.django_db
NOON = datetime(2030, 6, 12, 12, 0, tzinfo=UTC)


@pytest.fixture(params=["cloud", "dc"])
def confluence(request: pytest.FixtureRequest, settings: Settings) -> Iterator[FakeConfluence]:
    fake = FakeConfluence(request.param)
    settings.JIRA_PRIVATE_HOSTS = ["127.0.0.1"]
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    yield fake
    fake.close()


@pytest.fixture
def published(postmortem: Postmortem) -> Postmortem:
    SectionFactory.create(postmortem=postmortem, title="Summary", body="Nobody could pay.", is_summary=True)
    Postmortem.objects.update(state="published", published_at=NOON)
    postmortem.refresh_from_db()
    return postmortem


def connect(client: Client, confluence: FakeConfluence, **other: Any) -> Any:
    said = {"kind": confluence.kind, "url": confluence.url, "username": confluence.user, "secret": confluence.token}
    return client.post("/administration/confluence/", {**said, **other})


@pytest.fixture
def ready(as_user: As, administrator: User, manager: User, team: Team, confluence: FakeConfluence) -> FakeConfluence:
    """Connected, and the team has its place."""
    assert connect(as_user(administrator), confluence).status_code == 302
    answer = as_user(manager).post(f"/teams/{team.slug}/confluence/", {"space": "OPS", "parent": "100"})
    assert answer.status_code == 302
    return confluence


@pytest.fixture
def ask(as_user: As, alice: User, published: Postmortem) -> Callable[[], None]:
    def ask() -> None:
        assert as_user(alice).post(f"/postmortems/{published.pk}/confluence/").status_code == 302
        ConfluencePage.objects.filter(due_at__isnull=False).update(due_at=NOON)

    return ask


def work(after: timedelta = timedelta()) -> list[bool]:
    """What a worker does so long after noon: everything that is due then."""
    return [push_page(pk, now=NOON + after) for pk in due_pages(now=NOON + after)]


def one(confluence: FakeConfluence) -> StoredPage:
    [page] = confluence.made
    return page


def notes(postmortem: Postmortem) -> list[str]:
    return [note.words for note in postmortem.confluence_notes.order_by("pk")]


def test_it_is_made_once_and_then_updated(
    ready: FakeConfluence, ask: Callable[[], None], published: Postmortem, as_user: As, alice: User
) -> None:
    ask()
    assert work() == [True]
    page = one(ready)
    assert (page.space, page.parent, page.version) == ("OPS", "100", 1)
    assert page.title == f"PM-{published.pk} Checkout failed"
    assert "Nobody could pay." in page.body
    row = ConfluencePage.objects.get()
    assert page.properties == {PROPERTY: str(row.marker)}
    assert page.id in as_user(alice).get(f"/postmortems/{published.pk}/confluence/").content.decode()
    Postmortem.objects.update(title="Checkout failed twice")
    ask()
    assert work() == [True]
    assert (one(ready).title, one(ready).version) == (f"PM-{published.pk} Checkout failed twice", 2)
    assert notes(published) == ["Made the page.", "Updated the page."]
    assert work() == []


def test_what_was_edited_there_is_said(ready: FakeConfluence, ask: Callable[[], None], published: Postmortem) -> None:
    ask()
    work()
    one(ready).version, one(ready).body = 5, "Somebody's words"
    ask()
    work()
    assert one(ready).version == 6
    assert notes(published)[-1].endswith("It had been edited in Confluence: its history there keeps that.")


CREATE = r"/pages$|/content$"
PROPERTIES = r"/propert"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", CREATE), ("POST", PROPERTIES), ("GET", r"/attachment"), ("GET", CREATE), ("GET", PROPERTIES)],
)
def test_a_lost_answer_makes_no_second_page(
    method: str, path: str, ready: FakeConfluence, ask: Callable[[], None], published: Postmortem
) -> None:
    ready.fail(method, path, "lose")
    ask()
    assert work() == [False]
    assert "cannot be reached" in notes(published)[0]
    assert work(timedelta(seconds=30)) == []
    assert work(timedelta(minutes=2)) == [True]
    page = one(ready)
    assert page.properties == {PROPERTY: str(ConfluencePage.objects.get().marker)}
    assert ConfluencePage.objects.get().page_id == page.id


def test_a_title_changed_after_a_lost_answer_makes_no_second_page(
    ready: FakeConfluence, ask: Callable[[], None], published: Postmortem
) -> None:
    ready.fail("POST", CREATE, "lose")
    ask()
    work()
    Postmortem.objects.update(title="Another title")
    assert work(timedelta(minutes=2)) == [True]
    assert one(ready).title == f"PM-{published.pk} Another title"


def test_a_worker_that_died_after_making_the_page_leaves_it_to_be_found(
    ready: FakeConfluence, ask: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    ask()
    with monkeypatch.context() as dying:
        dying.setattr(client_module.ConfluenceCloud, "_read", die)
        dying.setattr(client_module.ConfluenceDataCenter, "_read", die)
        with pytest.raises(Killed):
            work()
    assert len(ready.made) == 1
    assert work(timedelta(minutes=1)) == []
    assert work(timedelta(minutes=7)) == [True]
    assert len(ready.made) == 1


def test_a_page_of_this_title_that_is_not_ours_is_left_alone(
    ready: FakeConfluence, ask: Callable[[], None], published: Postmortem
) -> None:
    theirs = StoredPage("900", "OPS", "", f"PM-{published.pk} Checkout failed", "Their words")
    ready.pages["900"] = theirs
    ask()
    assert work() == [False]
    assert "Debrief did not make it" in notes(published)[0]
    assert (len(ready.made), theirs.body, theirs.version) == (1, "Their words", 1)
    assert work(timedelta(days=1)) == []


def test_who_was_first_is_looked_at_again(ready: FakeConfluence, ask: Callable[[], None]) -> None:
    ask()
    work()
    ready.fail("PUT", "", status=409)
    ask()
    assert work() == [True]
    assert one(ready).version == 2


def test_it_waits_as_long_as_confluence_asks(
    ready: FakeConfluence, ask: Callable[[], None], published: Postmortem
) -> None:
    ready.fail("POST", CREATE, status=429, headers={"Retry-After": "600"})
    ask()
    assert work() == [False]
    assert work(timedelta(minutes=9)) == []
    assert work(timedelta(minutes=11)) == [True]
    assert "slower" in notes(published)[0]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "an administrator gives a new token"),
        (403, "give it the right to add pages and files"),
        (400, "Refused for the test."),
        (413, "make the pictures smaller"),
        (302, "another address"),
    ],
)
def test_what_only_a_person_can_mend_is_said_and_not_repeated(
    status: int,
    words: str,
    ready: FakeConfluence,
    ask: Callable[[], None],
    published: Postmortem,
    as_user: As,
    alice: User,
) -> None:
    ready.fail("POST", CREATE, status=status)
    ask()
    assert work() == [False]
    assert words in as_user(alice).get(f"/postmortems/{published.pk}/confluence/").content.decode()
    assert work(timedelta(days=2)) == []
    ask()
    assert work() == [True]


def test_a_slow_confluence_is_given_up_on_and_asked_again(
    ready: FakeConfluence, ask: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "READ_SECONDS", 0.3)
    ready.fail("POST", CREATE, "slow", seconds=1.0)
    ask()
    assert work() == [False]
    monkeypatch.setattr(client_module, "READ_SECONDS", 30.0)
    assert work(timedelta(minutes=2)) == [True]
    assert len(ready.made) == 1


def test_a_page_that_appears_while_it_is_made_is_known_again(ready: FakeConfluence, ask: Callable[[], None]) -> None:
    """What an earlier try asked for is done late, or a proxy asks twice: the title is taken, by us."""
    ready.fail("POST", CREATE, "repeat")
    ask()
    assert work() == [True]
    assert one(ready).properties == {PROPERTY: str(ConfluencePage.objects.get().marker)}


def test_a_page_that_is_gone_is_said_and_made_anew_only_when_asked(
    ready: FakeConfluence, ask: Callable[[], None], published: Postmortem
) -> None:
    ask()
    work()
    ready.pages.pop(one(ready).id)
    ask()
    assert work() == [False]
    assert "Push again to make a new one" in notes(published)[-1]
    assert (work(timedelta(days=1)), ready.made) == ([], [])
    ask()
    assert work() == [True]
    assert len(ready.made) == 1


def test_two_workers_push_once(ready: FakeConfluence, ask: Callable[[], None], published: Postmortem) -> None:
    ask()
    ConfluencePage.objects.update(leased_until=NOON + timedelta(minutes=1))
    assert push_page(published.pk, now=NOON) is False
    assert ready.made == []
    assert work(timedelta(minutes=2)) == [True]


def picture(colour: str = "red") -> SimpleUploadedFile:
    data = io.BytesIO()
    Image.new("RGB", (2, 2), colour).save(data, "PNG")
    return SimpleUploadedFile("graph.png", data.getvalue(), "image/png")


def test_pictures_go_along_once(
    ready: FakeConfluence, ask: Callable[[], None], published: Postmortem, alice: User
) -> None:
    Postmortem.objects.update(state="draft")
    published.refresh_from_db()
    shown = add_attachment(postmortem=published, upload=picture(), alternative_text="A graph", by=alice, now=NOON)
    unused = add_attachment(postmortem=published, upload=picture("blue"), alternative_text="", by=alice, now=NOON)
    Postmortem.objects.update(state="published")
    section = published.sections.get()
    type(section).objects.update(body=f"![A graph](/files/{shown.pk}/graph.png)")
    ask()
    assert work() == [True]
    page = one(ready)
    assert list(page.files) == [f"{shown.pk}.png"]
    assert page.files[f"{shown.pk}.png"].startswith(b"\x89PNG")
    assert f'<ac:image ac:alt="A graph"><ri:attachment ri:filename="{shown.pk}.png"/></ac:image>' in page.body
    assert str(unused.pk) not in page.body
    ready.fail("POST", "/attachment", "lose")
    ask()
    assert work() == [True]
    assert len(ready.faults) == 1


# -- What may go -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("closed", ["postmortem", "incident", "unpublished"])
def test_what_may_not_go_does_not_go_even_when_it_was_asked_before(
    closed: str, ready: FakeConfluence, ask: Callable[[], None], published: Postmortem, as_user: As, alice: User
) -> None:
    def close() -> None:
        if closed == "postmortem":
            Postmortem.objects.update(visibility="restricted")
        elif closed == "incident":
            type(published.incident).objects.update(visibility="restricted")
        else:
            Postmortem.objects.update(state="reopened")

    ask()
    close()
    assert work() == [False]
    assert ready.made == []
    ConfluencePage.objects.all().delete()
    as_user(alice).post(f"/postmortems/{published.pk}/confluence/")
    assert not ConfluencePage.objects.exists()
    page = as_user(alice).get(f"/postmortems/{published.pk}/read/").content.decode()
    assert "Push to Confluence" not in page


@pytest.mark.parametrize(("who", "status"), [("bob", 403), ("mallory", 403), ("manager", 302), ("administrator", 302)])
def test_those_in_charge_push(
    who: str, status: int, ready: FakeConfluence, published: Postmortem, as_user: As, organisation: Any
) -> None:
    answer = as_user(getattr(organisation, who)).post(f"/postmortems/{published.pk}/confluence/")
    assert answer.status_code == status
    assert ConfluencePage.objects.exists() == (status == 302)


def test_without_a_place_it_says_who_chooses_one(
    confluence: FakeConfluence, published: Postmortem, as_user: As, alice: User
) -> None:
    page = as_user(alice).get(f"/postmortems/{published.pk}/confluence/").content.decode()
    assert "a manager chooses a space" in page
    assert "Push to Confluence</button>" not in page


# -- Setting up --------------------------------------------------------------------------------------------------------


def test_a_place_is_looked_for_before_it_is_kept(ready: FakeConfluence, as_user: As, manager: User, team: Team) -> None:
    client = as_user(manager)
    for place, words in (({"space": "NOPE"}, "may not see it"), ({"space": "OPS", "parent": "999"}, "nothing there")):
        answer = client.post(f"/teams/{team.slug}/confluence/", place)
        assert answer.status_code == 422
        assert words in answer.content.decode()
    ready.token = "another"
    answer = client.post(f"/teams/{team.slug}/confluence/", {"space": "OPS"})
    assert "gives a new token" in answer.content.decode()
    assert ConfluencePlace.objects.get().parent == "100"


def test_a_secret_is_sealed_and_goes_to_no_other_address(
    ready: FakeConfluence, as_user: As, administrator: User
) -> None:
    client = as_user(administrator)
    row = ConfluenceConnection.objects.get()
    assert ready.token not in row.secret
    assert ready.token not in client.get("/administration/confluence/").content.decode()
    assert connect(client, ready, secret="").status_code == 302
    answer = connect(client, ready, secret="", url="https://elsewhere.example")
    assert (answer.status_code, ConfluenceConnection.objects.get().url) == (422, ready.url)
    assert not AuditEntry.objects.filter(details__icontains=ready.token).exists()


@pytest.mark.parametrize(
    "url", ["http://wiki.example", "https://u:p@wiki.example", "http://169.254.169.254", "https://"]
)
def test_other_addresses_are_refused(url: str, confluence: FakeConfluence, as_user: As, administrator: User) -> None:
    assert connect(as_user(administrator), confluence, url=url).status_code == 422
    assert not ConfluenceConnection.objects.exists()


def test_a_private_address_is_not_gone_to(
    ready: FakeConfluence, ask: Callable[[], None], published: Postmortem, settings: Settings
) -> None:
    ConfluenceConnection.objects.update(url=ready.url.replace("http:", "https:"))
    settings.JIRA_PRIVATE_HOSTS = []
    ready.asked.clear()
    ask()
    assert work() == [False]
    assert "inside a private network" in notes(published)[0]
    assert ready.asked == []


def test_disconnecting_forgets_the_secret(ready: FakeConfluence, as_user: As, administrator: User) -> None:
    as_user(administrator).post("/administration/confluence/remove/")
    assert not ConfluenceConnection.objects.exists()
