"""The response beside what was measured, and the words that are explained."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from incidents.models import Incident
from postmortems.enums import SectionKind, State
from postmortems.models import Postmortem, ResponseNote, Section, Term
from tests.factories.postmortems import SectionFactory

As = Callable[[User], Client]
pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def document(postmortem: Postmortem) -> Postmortem:
    SectionFactory.create(postmortem=postmortem, kind=SectionKind.RESPONSE, title="Response analysis")
    SectionFactory.create(postmortem=postmortem, kind=SectionKind.GLOSSARY, title="Glossary")
    return postmortem


def test_the_measured_duration_stands_beside_the_question(
    as_user: As, alice: User, document: Postmortem, incident: Incident
) -> None:
    Incident.objects.filter(pk=incident.pk).update(detected_at=incident.impact_started_at)
    page = as_user(alice).get(f"/postmortems/{document.pk}/response/").content.decode()
    assert "Time to detect" in page
    assert page.count("What would have cut this in half?") == 3


def test_an_answer_is_written_read_and_taken_out(as_user: As, alice: User, document: Postmortem) -> None:
    client, url = as_user(alice), f"/postmortems/{document.pk}/response/detection/edit/"
    client.post(url, {"text": "An alert on **age**", "revision": 0})
    assert "<strong>age</strong>" in client.get(f"/postmortems/{document.pk}/read/").content.decode()
    assert "An alert on **age**" in client.get(f"/postmortems/{document.pk}/export.md").content.decode()
    client.post(url, {"text": "", "revision": 1})
    assert not ResponseNote.objects.exists()


def test_an_answer_somebody_else_gave_first_is_not_overwritten(
    as_user: As, alice: User, bob: User, document: Postmortem
) -> None:
    url = f"/postmortems/{document.pk}/response/radius/edit/"
    as_user(bob).post(url, {"text": "Theirs", "revision": 0})
    answer = as_user(alice).post(url, {"text": "Mine", "revision": 0}, headers=HTMX)
    page = answer.content.decode()
    assert (answer.status_code, "Theirs" in page, "Mine" in page) == (409, True, True)
    assert ResponseNote.objects.get().text == "Theirs"


def test_a_part_that_nobody_asks_about_is_not_there(as_user: As, alice: User, document: Postmortem) -> None:
    assert as_user(alice).get(f"/postmortems/{document.pk}/response/weather/edit/").status_code == 404


def test_a_supplier_s_failure_asks_what_we_chose(as_user: As, alice: User, document: Postmortem) -> None:
    client, url = as_user(alice), f"/postmortems/{document.pk}/response/"
    assert "our choice" not in client.get(url).content.decode()
    Incident.objects.update(third_party="Example Cloud")
    page = client.get(url).content.decode()
    assert page.count("The dependency was our choice") == 1
    assert "before the supplier said so" in page


def test_a_term_is_explained_where_it_is_used_first_and_listed(as_user: As, alice: User, document: Postmortem) -> None:
    body = "## WAF\n\nThe WAF blocked `WAF`. Then the [WAF](https://example.com) and the waf again; WAFfle is none."
    Section.objects.create(postmortem=document, position=1, title="Text", body=body)
    add = f"/postmortems/{document.pk}/glossary/add/"
    as_user(alice).post(add, {"term": "WAF", "meaning": 'Web "application" <firewall>'})
    page = as_user(alice).get(f"/postmortems/{document.pk}/read/").content.decode()
    term = Term.objects.get()
    assert page.count(f'href="#term-{term.pk}"') == 1
    assert 'title="Web &quot;application&quot; &lt;firewall&gt;"' in page
    assert f'<dt id="term-{term.pk}">WAF</dt>' in page


@pytest.mark.parametrize(("term", "written"), [("mini", "MİNİ"), ("disk", "DıSK"), ("Straße", "STRASSE"), ("ok", "OK")])
def test_letters_that_have_two_cases_break_no_page(
    as_user: As, alice: User, document: Postmortem, term: str, written: str
) -> None:
    Section.objects.create(postmortem=document, position=1, title="Text", body=f"It is {written} here.")
    as_user(alice).post(f"/postmortems/{document.pk}/glossary/add/", {"term": term, "meaning": "Something"})
    assert written in as_user(alice).get(f"/postmortems/{document.pk}/read/").content.decode()


def test_a_term_is_explained_once(as_user: As, alice: User, document: Postmortem) -> None:
    client, add = as_user(alice), f"/postmortems/{document.pk}/glossary/add/"
    client.post(add, {"term": "WAF", "meaning": "One"})
    again = client.post(add, {"term": "waf", "meaning": "Two"}, headers=HTMX)
    assert (again.status_code, "explained already" in again.content.decode()) == (422, True)
    term = Term.objects.get()
    client.post(f"/terms/{term.pk}/edit/", {"term": "WAF", "meaning": "Better", "revision": 1})
    stale = client.post(f"/terms/{term.pk}/edit/", {"term": "WAF", "meaning": "Mine", "revision": 1}, headers=HTMX)
    assert (stale.status_code, Term.objects.get().meaning) == (409, "Better")
    client.post(f"/terms/{term.pk}/delete/")
    assert not Term.objects.exists()


def test_nothing_changes_in_what_is_published(as_user: As, alice: User, document: Postmortem) -> None:
    Postmortem.objects.update(state=State.PUBLISHED, published_at=timezone.now())
    client = as_user(alice)
    answers = [
        client.post(f"/postmortems/{document.pk}/response/radius/edit/", {"text": "x", "revision": 0}, headers=HTMX),
        client.post(f"/postmortems/{document.pk}/glossary/add/", {"term": "x", "meaning": "y"}, headers=HTMX),
    ]
    assert [answer.status_code for answer in answers] == [409, 409]
    assert (ResponseNote.objects.count(), Term.objects.count()) == (0, 0)
