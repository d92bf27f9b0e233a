"""Contributing factors, their order, their drawings and their fault tree."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from postmortems.drawings.factors import draw_fault_tree, draw_fishbone, draw_layers
from postmortems.drawings.shapes import lines_of
from postmortems.enums import DefenceLayer, SectionKind, State
from postmortems.models import Factor, Gate, Postmortem
from postmortems.services import factor as services
from postmortems.services.factor import FactorFacts, GateTooDeep
from tests.factories.postmortems import SectionFactory

As = Callable[[User], Client]
pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def document(postmortem: Postmortem) -> Postmortem:
    SectionFactory.create(postmortem=postmortem, kind=SectionKind.FACTORS, title="Contributing factors")
    return postmortem


def put(postmortem: Postmortem, text: str, layer: str = "design", *, held: bool = False) -> Factor:
    facts = FactorFacts(text, layer, has_held=held)
    return services.add_factor(postmortem=postmortem, facts=facts, by=postmortem.owner, now=timezone.now())


def told(postmortem: Postmortem) -> list[str]:
    return [f"F{factor.number} {factor.text}" for factor in postmortem.factors.all()]


def test_factors_stand_in_the_order_in_which_an_incident_passes_the_layers(document: Postmortem) -> None:
    put(document, "No alert", "alerting")
    put(document, "No lease", "design")
    put(document, "No second design", "design")
    put(document, "All at once", "rollout")
    assert told(document) == ["F2 No lease", "F3 No second design", "F4 All at once", "F1 No alert"]


def test_the_order_can_be_changed_and_a_number_is_never_given_again(
    as_user: As, alice: User, document: Postmortem
) -> None:
    first, second = put(document, "a"), put(document, "b")
    as_user(alice).post(f"/factors/{second.pk}/move/", {"direction": "up"})
    assert told(document) == ["F2 b", "F1 a"]
    as_user(alice).post(f"/factors/{second.pk}/delete/")
    put(document, "c")
    assert told(document) == ["F1 a", "F3 c"]
    as_user(alice).post(f"/factors/{first.pk}/move/", {"direction": "up"})
    assert told(document) == ["F1 a", "F3 c"]


def test_a_factor_is_added_and_edited_by_its_forms(as_user: As, alice: User, document: Postmortem) -> None:
    client = as_user(alice)
    client.post(f"/postmortems/{document.pk}/factors/add/", {"text": "No lease", "layer": "design"})
    factor = Factor.objects.get()
    client.post(
        f"/factors/{factor.pk}/edit/",
        {"text": "A lock without a lease", "layer": "review", "category": "code", "has_held": "on", "revision": 1},
    )
    factor.refresh_from_db()
    assert (factor.text, factor.layer, factor.category, factor.has_held) == (
        "A lock without a lease", "review", "code", True,
    )  # fmt: skip


def test_nonsense_is_refused_with_the_form(as_user: As, alice: User, document: Postmortem) -> None:
    url = f"/postmortems/{document.pk}/factors/add/"
    answer = as_user(alice).post(url, {"text": "Kept words", "layer": "moon"}, headers=HTMX)
    assert (answer.status_code, "Kept words" in answer.content.decode()) == (422, True)


def test_somebody_else_s_change_is_shown_and_mine_kept(as_user: As, alice: User, document: Postmortem) -> None:
    factor = put(document, "a")
    facts = FactorFacts("Theirs", "design")
    services.update_factor(factor=factor, revision=1, facts=facts, by=alice, now=timezone.now())
    values = {"text": "Mine", "layer": "design", "revision": 1}
    answer = as_user(alice).post(f"/factors/{factor.pk}/edit/", values, headers=HTMX)
    page = answer.content.decode()
    assert (answer.status_code, "Theirs" in page, "Mine" in page) == (409, True, True)


def test_a_factor_deleted_meanwhile_leaves_its_words(as_user: As, alice: User, document: Postmortem) -> None:
    factor = put(document, "a")
    page = as_user(alice).get(f"/factors/{factor.pk}/edit/")
    assert page.status_code == 200
    Factor.objects.all().delete()
    assert as_user(alice).post(f"/factors/{factor.pk}/edit/", {"text": "x"}).status_code == 404


def test_nobody_changes_what_is_published(as_user: As, alice: User, document: Postmortem) -> None:
    factor = put(document, "a")
    Postmortem.objects.update(state=State.PUBLISHED, published_at=timezone.now())
    url = f"/postmortems/{document.pk}/factors/add/"
    answer = as_user(alice).post(url, {"text": "Mine", "layer": "design"}, headers=HTMX)
    assert (answer.status_code, "published in the meantime" in answer.content.decode()) == (409, True)
    as_user(alice).post(f"/factors/{factor.pk}/delete/", headers=HTMX)
    assert told(document) == ["F1 a"]


# -- The fault tree ----------------------------------------------------------------------------------------------------


def test_a_step_hangs_below_another_and_never_below_itself(as_user: As, alice: User, document: Postmortem) -> None:
    put(document, "a")
    client, add = as_user(alice), f"/postmortems/{document.pk}/gates/add/"
    client.post(add, {"label": "Both copies failed", "kind": "and"})
    top = Gate.objects.get()
    client.post(add, {"label": "The first copy failed", "kind": "or", "parent": top.pk})
    below = Gate.objects.get(parent=top)
    answer = client.post(f"/gates/{top.pk}/edit/", {"label": "x", "kind": "and", "parent": below.pk}, headers=HTMX)
    top.refresh_from_db()
    assert (answer.status_code, top.parent) == (422, None)


def test_a_step_taken_out_leaves_what_hung_below_it(as_user: As, alice: User, document: Postmortem) -> None:
    top = Gate.objects.create(postmortem=document, label="Top")
    middle = Gate.objects.create(postmortem=document, label="Middle", parent=top)
    factor = put(document, "a")
    Factor.objects.filter(pk=factor.pk).update(gate=middle)
    as_user(alice).post(f"/gates/{middle.pk}/delete/")
    factor.refresh_from_db()
    assert factor.gate == top


def test_gates_of_another_postmortem_are_no_choice(as_user: As, alice: User, bob: User, document: Postmortem) -> None:
    from tests.factories.postmortems import PostmortemFactory

    other = Gate.objects.create(postmortem=PostmortemFactory.create(owner=bob), label="Theirs")
    Gate.objects.create(postmortem=document, label="Ours")
    values = {"text": "a", "layer": "design", "gate": other.pk}
    assert as_user(alice).post(f"/postmortems/{document.pk}/factors/add/", values).status_code == 422
    assert not Factor.objects.exists()


def test_a_fault_tree_too_deep_is_refused(document: Postmortem, alice: User) -> None:
    gate = None
    for level in range(services.DEEPEST_GATE):
        gate = services.add_gate(
            postmortem=document, label=str(level), kind="and", parent=gate, by=alice, now=timezone.now()
        )
    with pytest.raises(GateTooDeep):
        services.add_gate(postmortem=document, label="x", kind="and", parent=gate, by=alice, now=timezone.now())


# -- Drawings ----------------------------------------------------------------------------------------------------------


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314  (our own drawing)


def test_holes_line_up_and_layers_that_held_stand_apart(document: Postmortem) -> None:
    put(document, "No lease", "design")
    put(document, "All at once", "rollout")
    put(document, "It fired", "alerting", held=True)
    svg = draw_layers(list(document.factors.all()), impact="Search stood still")
    titles = [title.text for title in parsed(svg).iter("title")]
    assert titles == ["Layers of defence", "Design: No lease", "Rollout: All at once", "Alerting: It fired"]
    assert "<desc>Passed: Design: F1; Rollout: F2. Held: Alerting: F3.</desc>" in svg


def test_a_hostile_factor_stays_words_in_every_drawing(document: Postmortem) -> None:
    put(document, "</title><script>alert(1)</script>")
    put(document, "<img src=x onerror=alert(1)>", "review")
    rows = list(document.factors.all())
    for svg in (
        draw_layers(rows, impact="<b>"), draw_fishbone(rows, impact="<b>"), draw_fault_tree(rows, [], impact="<b>"),
    ):  # fmt: skip
        assert not {element.tag for element in parsed(svg).iter()} & {"script", "img", "b"}


@pytest.mark.parametrize("count", [1, 2, 3, 9, 40])
def test_drawings_keep_everything_within_their_frame(document: Postmortem, count: int) -> None:
    layers = [layer.value for layer in DefenceLayer]
    for at in range(count):
        put(document, f"Factor {at} with some words to break into lines", layers[at % 9], held=at % 5 == 4)
    rows = list(document.factors.all())
    for svg in (draw_layers(rows, impact="Impact"), draw_fishbone(rows, impact="Impact")):
        root = parsed(svg)
        wide, high = float(root.get("width") or 0), float(root.get("height") or 0)
        for text in root.iter("text"):
            assert 0 <= float(text.get("x") or -1) <= wide, text.text
            assert 0 <= float(text.get("y") or -1) <= high, text.text


def test_without_steps_the_tree_says_every_layer_was_passed(document: Postmortem) -> None:
    put(document, "a", "design")
    put(document, "b", "design")
    put(document, "c", "rollout")
    svg = draw_fault_tree(list(document.factors.all()), [], impact="Down")
    assert "Down ← (Design did not stop it ← (F1 a OR F2 b) AND F3 c)" in svg


def test_steps_of_its_own_shape_the_tree(document: Postmortem) -> None:
    gate = Gate.objects.create(postmortem=document, label="Both copies were gone", kind="and")
    for text in ("a", "b"):
        Factor.objects.filter(pk=put(document, text).pk).update(gate=gate)
    put(document, "c")
    svg = draw_fault_tree(list(document.factors.all()), [gate], impact="Down")
    assert "Down ← (Both copies were gone ← (F1 a AND F2 b) AND F3 c)" in svg


def test_a_reader_sees_the_drawing_the_list_and_the_export(as_user: As, alice: User, document: Postmortem) -> None:
    put(document, "No lease", "design")
    page = as_user(alice).get(f"/postmortems/{document.pk}/read/").content.decode()
    assert page.count('<svg class="drawing') == 3
    assert "F1" in page
    assert "- **F1 Design:** No lease" in as_user(alice).get(f"/postmortems/{document.pk}/export.md").content.decode()
    assert '<svg class="drawing' in as_user(alice).get(f"/postmortems/{document.pk}/export.html").content.decode()


def test_long_words_are_broken_and_cut() -> None:
    assert lines_of("a" * 70, width=29, most=2) == ["a" * 29, "a" * 28 + "…"]
    assert lines_of("", width=29, most=2) == [""]
