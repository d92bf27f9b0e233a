"""The public version: what points inside is found, two people approve, and the world reads only what they approved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.enums import Visibility
from accounts.models import User
from actions.models import JiraConnection
from incidents.models import ImpactFigure
from postmortems.leaks import leaks_in
from postmortems.models import Postmortem, PublicationSettings, PublicVersion
from tests.factories.postmortems import NOW

As = Callable[[User], Client]
pytestmark = pytest.mark.django_db


@pytest.fixture
def published(postmortem: Postmortem) -> Postmortem:
    Postmortem.objects.update(state="published", published_at=NOW)
    postmortem.refresh_from_db()
    return postmortem


@pytest.fixture
def approvers(mallory: User, administrator: User) -> None:
    row = PublicationSettings.objects.create(only=True)
    row.legal.add(mallory)
    row.leadership.add(administrator, mallory)


def write(client: Client, postmortem: Postmortem, body: str, revision: int = 0, title: str = "Payments failed") -> Any:
    values = {"title": title, "body": body, "revision": revision}
    return client.post(f"/postmortems/{postmortem.pk}/public/", values)


def approve(client: Client, version: PublicVersion, side: str, revision: int | None = None) -> Any:
    values = {"side": side, "revision": revision or version.revision}
    return client.post(f"/public-versions/{version.pk}/approve/", values)


def publish(client: Client, version: PublicVersion) -> Any:
    version.refresh_from_db()
    return client.post(f"/public-versions/{version.pk}/publish/", {"revision": version.revision})


@pytest.fixture
def public(
    as_user: As, alice: User, mallory: User, administrator: User, approvers: None, published: Postmortem
) -> PublicVersion:
    write(as_user(alice), published, "For 23 minutes, payments **failed**.")
    version = PublicVersion.objects.get()
    approve(as_user(mallory), version, "legal")
    approve(as_user(administrator), version, "leadership")
    assert publish(as_user(alice), version).status_code == 302
    version.refresh_from_db()
    return version


# -- What points inside ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "quotes"),
    [
        ("Alice Archer rolled back.", ["Alice Archer"]),
        ("Then alice rolled back", ["alice"]),
        ("db-3.eu.internal was full", ["db-3.eu.internal"]),
        ("Write to oncall@example.com.", ["oncall@example.com"]),
        ("At 10.0.12.7 and 2001:db8::1", ["10.0.12.7"]),
        ("See OPS-1234 and PM-7", ["OPS-1234", "PM-7"]),
        ("https://jira.example.net/browse/X leads inside", ["https://jira.example.net/browse/X"]),
        ("http://wiki/page and ftp://files.example.com/x", ["http://wiki/page", "ftp://files.example.com/x"]),
        ("![x](/files/0b/x.png)", ["(/files/0b/x.png)"]),
        ("UTF-8 over TLS-1, SHA-256, 3.5.1 and 99.9", []),
        ("https://status.example.org/incidents/9 says so", []),
        ("Alice  Archer and Alice\n\nArcher", ["Alice  Archer", "Alice", "Archer"]),
        ("The alicedata pipeline in Archers Lane", []),
    ],
)
def test_what_points_inside_is_found(text: str, quotes: list[str], published: Postmortem, administrator: User) -> None:
    site = "https://jira.example.net"
    JiraConnection.objects.create(
        name="Jira", kind="cloud", site_url=site, api_url=site, auth="bearer", created_by=administrator, created_at=NOW
    )
    assert [leak.quote for leak in leaks_in(text, published)] == quotes


def test_facts_of_what_is_restricted_are_found(published: Postmortem) -> None:
    ImpactFigure.objects.create(incident=published.incident, label="Stolen keys", value="about 4,100")
    text = "Stolen keys: about 4,100."
    assert leaks_in(text, published) == []
    Postmortem.objects.update(visibility=Visibility.RESTRICTED)
    published.refresh_from_db()
    assert [leak.quote for leak in leaks_in(text, published)] == ["Stolen keys", "about 4,100"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(text=st.text(alphabet="Aab1.-:/@ \n", max_size=80))
def test_every_find_is_a_quote(text: str, published: Postmortem) -> None:
    assert all(leak.quote in text for leak in leaks_in(text, published))


def test_hostile_text_is_looked_through_in_time(published: Postmortem) -> None:
    for piece in ("a.", "1.", "A-", "a:", "http://", "{{", "[[", "@", "x@y."):
        assert leaks_in(piece * 50_000, published) is not None


def test_allowing_words_voids_approvals_and_is_kept_with_its_reason(
    as_user: As, alice: User, mallory: User, approvers: None, published: Postmortem
) -> None:
    write(as_user(alice), published, "The library log4j CVE-2021 and OPS-1234")
    version = PublicVersion.objects.get()
    approve(as_user(mallory), version, "legal")
    client = as_user(alice)
    client.post(f"/postmortems/{published.pk}/public/allow/", {"quote": "OPS-1234", "reason": "The name of a product"})
    version.refresh_from_db()
    assert (version.is_legal, leaks_in(version.body, published)) == (False, [])
    assert "The name of a product" in client.get(f"/postmortems/{published.pk}/public/").content.decode()


# -- Approvals ---------------------------------------------------------------------------------------------------------


def test_nothing_is_public_without_both_approvals(
    as_user: As, alice: User, mallory: User, approvers: None, published: Postmortem
) -> None:
    write(as_user(alice), published, "For 23 minutes, payments failed.")
    version = PublicVersion.objects.get()
    approve(as_user(mallory), version, "legal")
    answer = publish(as_user(alice), version)
    assert (answer.status_code, "Leadership has not approved" in answer.content.decode()) == (422, True)
    assert Client().get("/public/").content.decode().count("Payments failed") == 0


def test_one_person_does_not_approve_for_both_sides(
    as_user: As, alice: User, mallory: User, approvers: None, published: Postmortem
) -> None:
    write(as_user(alice), published, "Payments failed.")
    version = PublicVersion.objects.get()
    assert approve(as_user(mallory), version, "legal").status_code == 302
    assert approve(as_user(mallory), version, "leadership").status_code == 403
    assert approve(as_user(alice), version, "leadership").status_code == 403


def test_another_word_voids_the_approvals(
    as_user: As, alice: User, mallory: User, approvers: None, published: Postmortem
) -> None:
    write(as_user(alice), published, "Payments failed.")
    version = PublicVersion.objects.get()
    approve(as_user(mallory), version, "legal")
    write(as_user(alice), published, "All payments failed.", revision=1)
    version.refresh_from_db()
    assert not version.is_legal
    assert approve(as_user(mallory), version, "legal", revision=1).status_code == 409


def test_what_leaks_is_not_published_however_it_was_approved(
    as_user: As, alice: User, mallory: User, administrator: User, approvers: None, published: Postmortem
) -> None:
    write(as_user(alice), published, "Bob Baker saw OPS-12.")
    version = PublicVersion.objects.get()
    approve(as_user(mallory), version, "legal")
    approve(as_user(administrator), version, "leadership")
    answer = publish(as_user(alice), version)
    assert (answer.status_code, "2 places point inside." in answer.content.decode()) == (422, True)


# -- Outside -----------------------------------------------------------------------------------------------------------


def test_anybody_reads_it_without_signing_in(public: PublicVersion) -> None:
    page = Client().get(f"/public/{public.slug}/").content.decode()
    assert "payments <strong>failed</strong>" in page
    assert public.postmortem.title not in page.replace("Payments failed", "")
    assert not any(word in page for word in ("PM-", "INC-", "Alice", "Search"))


def test_the_world_reads_the_approved_text_whatever_is_written_since(
    as_user: As, alice: User, public: PublicVersion
) -> None:
    write(as_user(alice), public.postmortem, "Somebody was fired.", revision=public.revision)
    for address in (f"/public/{public.slug}/", "/public/", "/public/feed.atom"):
        assert "fired" not in Client().get(address).content.decode()


def test_what_is_taken_down_is_gone_everywhere_and_comes_back_at_its_address(
    as_user: As, alice: User, public: PublicVersion
) -> None:
    as_user(alice).post(f"/public-versions/{public.pk}/take-down/")
    assert Client().get(f"/public/{public.slug}/").status_code == 404
    for address in ("/public/", "/public/feed.atom"):
        assert "Payments failed" not in Client().get(address).content.decode()
    publish(as_user(alice), public)
    assert Client().get(f"/public/{public.slug}/").status_code == 200


def test_the_feed_is_atom_with_what_is_public(public: PublicVersion) -> None:
    answer = Client().get("/public/feed.atom")
    atom = "{http://www.w3.org/2005/Atom}"
    feed = ET.fromstring(answer.content)  # noqa: S314  (our own)
    assert answer["Content-Type"].startswith("application/atom+xml")
    [entry] = feed.findall(f"{atom}entry")
    assert entry.findtext(f"{atom}title") == "Payments failed"
    assert str(entry.find(f"{atom}link").get("href")).endswith(f"/public/{public.slug}/")  # type: ignore[union-attr]


def test_markup_in_it_runs_nothing(
    as_user: As, alice: User, mallory: User, administrator: User, public: PublicVersion
) -> None:
    write(as_user(alice), public.postmortem, "<script>alert(1)</script> [x](javascript:alert(1))", revision=1)
    for person, side in ((mallory, "legal"), (administrator, "leadership")):
        public.refresh_from_db()
        approve(as_user(person), public, side)
    publish(as_user(alice), public)
    page = Client().get(f"/public/{public.slug}/").content.decode()
    assert "alert(1)" in page
    assert not any(word in page.lower() for word in ("<script>alert", 'href="javascript:'))


def test_of_two_texts_at_once_none_is_lost(as_user: As, alice: User, bob: User, published: Postmortem) -> None:
    write(as_user(alice), published, "First.")
    write(as_user(alice), published, "Second.", revision=1)
    answer = write(as_user(bob), published, "Mine.", revision=1)
    page = answer.content.decode()
    assert (answer.status_code, "Second." in page, "Mine." in page) == (409, True, True)


def test_only_administrators_choose_who_approves(as_user: As, alice: User, administrator: User, mallory: User) -> None:
    assert as_user(alice).post("/administration/publication/", {"legal": [alice.pk]}).status_code == 404
    as_user(administrator).post("/administration/publication/", {"legal": [mallory.pk]})
    assert list(PublicationSettings.objects.get().legal.all()) == [mallory]
