"""Templates: built-in ones stay, copies are edited by administrators, documents keep their own sections."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from incidents.models import Incident
from postmortems.models import Postmortem, Template

pytestmark = pytest.mark.django_db
As = Callable[[User], Client]


@pytest.fixture
def ada(as_user: As, administrator: User) -> Client:
    return as_user(administrator)


@pytest.fixture
def builtin() -> Template:
    return Template.objects.get(is_builtin=True, tier="standard")


@pytest.fixture
def copy(ada: Client, builtin: Template) -> Template:
    ada.post(f"/templates/{builtin.pk}/copy/")
    return Template.objects.latest("pk")


def titles(template: Template) -> list[str]:
    return list(template.sections.values_list("title", flat=True))


def test_a_copy_has_the_same_sections_and_a_name_of_its_own(ada: Client, builtin: Template, copy: Template) -> None:
    assert titles(copy) == titles(builtin)
    ada.post(f"/templates/{builtin.pk}/copy/")
    assert len(set(Template.objects.values_list("name", flat=True))) == Template.objects.count()


def test_a_built_in_one_stays_as_it_is(ada: Client, builtin: Template) -> None:
    before, first = titles(builtin), builtin.sections.all()[0]
    for path, typed in (
        (f"/templates/{builtin.pk}/", {"name": "Mine", "tier": "full"}),
        (f"/templates/{builtin.pk}/sections/add/", {"title": "Mine", "kind": "prose"}),
        (f"/templates/sections/{first.pk}/edit/", {"title": "Mine", "kind": "prose"}),
        (f"/templates/sections/{first.pk}/move/", {"direction": "down"}),
        (f"/templates/sections/{first.pk}/remove/", {}),
    ):
        answer = ada.post(path, typed)
        assert answer.status_code == 422, path
        assert "Make a copy" in answer.content.decode()
    assert titles(builtin) == before


def test_sections_of_a_copy_are_added_changed_moved_and_removed(ada: Client, copy: Template) -> None:
    ada.post(
        f"/templates/{copy.pk}/sections/add/", {"title": "Luck", "kind": "prose", "guidance": "Where?", "body": "We"}
    )
    luck = copy.sections.get(title="Luck")
    for _ in range(20):
        ada.post(f"/templates/sections/{luck.pk}/move/", {"direction": "up"})
    assert titles(copy)[0] == "Luck"
    ada.post(f"/templates/sections/{luck.pk}/edit/", {"title": "Good luck", "kind": "prose"})
    assert titles(copy)[0] == "Good luck"
    ada.post(f"/templates/sections/{luck.pk}/remove/")
    assert "Good luck" not in titles(copy)


def test_new_documents_begin_with_the_default_of_their_size(
    ada: Client, as_user: As, alice: User, copy: Template, incident: Incident
) -> None:
    typed = {"title": "Luck", "kind": "prose", "guidance": "Where?", "body": "We were lucky that"}
    ada.post(f"/templates/{copy.pk}/sections/add/", typed)
    ada.post(f"/templates/{copy.pk}/default/")
    as_user(alice).post(f"/incidents/{incident.pk}/postmortem/", {"template": copy.pk})
    section = Postmortem.objects.get().sections.get(title="Luck")
    assert (section.guidance, section.body) == ("Where?", "We were lucky that")
    ada.post(f"/templates/sections/{copy.sections.get(title='Luck').pk}/remove/")
    assert Postmortem.objects.get().sections.filter(title="Luck").exists()


def test_every_size_keeps_a_template_to_start_from(ada: Client, copy: Template) -> None:
    ada.post(f"/templates/{copy.pk}/default/")
    answer = ada.post(f"/templates/{copy.pk}/archive/", {"archived": "yes"})
    assert answer.status_code == 422
    answer = ada.post(f"/templates/{copy.pk}/", {"name": copy.name, "tier": "full"})
    assert answer.status_code == 422
    assert "default of its size" in answer.content.decode()


def test_a_post_mortem_can_be_started_whatever_was_archived(
    ada: Client, as_user: As, alice: User, incident: Incident
) -> None:
    for template in Template.objects.all():
        ada.post(f"/templates/{template.pk}/archive/", {"archived": "yes"})
    Incident.objects.filter(pk=incident.pk).update(severity="SEV4")
    client = as_user(alice)
    assert client.get(f"/incidents/{incident.pk}/postmortem/").status_code == 200
    assert client.post(f"/incidents/{incident.pk}/postmortem/").status_code == 302
    assert Postmortem.objects.exists()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"title": "", "kind": "prose"}, "required"),
        ({"title": "x", "kind": "poem"}, "not one of the available choices"),
        ({"title": "x", "kind": "timeline", "body": "Words"}, "Only prose starts with wording"),
        ({"title": "x", "kind": "timeline", "is_summary": "on"}, "The summary is prose"),
        ({"title": "x", "kind": "prose", "body": "y" * 20_001}, "at most 20000"),
    ],
)
def test_bad_sections_are_refused(typed: dict[str, str], said: str, ada: Client, copy: Template) -> None:
    answer = ada.post(f"/templates/{copy.pk}/sections/add/", typed)
    assert answer.status_code == 422
    assert said in answer.content.decode()
