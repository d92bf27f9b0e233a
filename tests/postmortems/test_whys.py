"""The Five Whys through their pages: numbers, places, several people, deleting and bringing back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from postmortems.enums import SectionKind, State
from postmortems.models import Branch, Postmortem, Section, Thread, Why
from postmortems.search import PostmortemSource
from postmortems.services import why as services
from postmortems.services.why import TooMany
from postmortems.whys import trees, trees_of
from tests.factories.postmortems import SectionFactory

As = Callable[[User], Client]
pytestmark = pytest.mark.django_db


@pytest.fixture
def branch(postmortem: Postmortem) -> Branch:
    SectionFactory.create(postmortem=postmortem, kind=SectionKind.WHYS, title="Five Whys")
    return Branch.objects.create(postmortem=postmortem, position=2, kind="detection", question="Why so late?")


def put(branch: Branch, answer: str, below: Why | None = None) -> Why:
    by = branch.postmortem.owner
    return services.add_why(branch=branch, below=below, question="", answer=answer, by=by, now=timezone.now())


def order(branch: Branch) -> list[str]:
    """Numbers and answers as they are read."""
    [tree] = [tree for tree in trees_of(branch.postmortem) if tree.branch == branch]
    return [f"{'  ' * node.depth}{node.number} {node.why.answer}" for node in tree.nodes]


def test_whys_are_numbered_as_they_are_read(branch: Branch) -> None:
    top = put(branch, "No alert")
    below = put(branch, "Nobody asked for one", below=top)
    put(branch, "A second line")
    put(branch, "It was not in the template", below=below)
    assert order(branch) == [
        "2.1 No alert",
        "  2.2 Nobody asked for one",
        "    2.3 It was not in the template",
        "2.4 A second line",
    ]


def test_a_why_is_added_below_and_beside(as_user: As, alice: User, branch: Branch) -> None:
    top = put(branch, "No alert")
    put(branch, "Last")
    add = f"/branches/{branch.pk}/whys/add/"
    as_user(alice).post(f"{add}?below={top.pk}", {"question": "Why no alert?", "answer": "Nobody asked"})
    as_user(alice).post(f"{add}?beside={top.pk}", {"answer": "Beside"})
    assert order(branch) == ["2.1 No alert", "  2.2 Nobody asked", "2.3 Beside", "2.4 Last"]


def test_the_same_why_twice_is_kept_once(as_user: As, alice: User, branch: Branch) -> None:
    for _ in range(2):
        as_user(alice).post(f"/branches/{branch.pk}/whys/add/", {"answer": "No alert"})
    assert order(branch) == ["2.1 No alert"]


def test_a_why_that_says_nothing_is_refused_and_its_form_stays(as_user: As, alice: User, branch: Branch) -> None:
    answer = as_user(alice).post(f"/branches/{branch.pk}/whys/add/", {"answer": "  "}, headers={"HX-Request": "true"})
    assert (answer.status_code, "Ask something" in answer.content.decode()) == (422, True)
    assert not Why.objects.exists()


@pytest.mark.parametrize(
    ("which", "direction", "wanted"),
    [
        ("b", "up", ["2.1 b", "2.2 a", "  2.3 c"]),
        ("a", "down", ["2.1 b", "2.2 a", "  2.3 c"]),
        ("b", "in", ["2.1 a", "  2.2 c", "  2.3 b"]),
        ("c", "out", ["2.1 a", "2.2 c", "2.3 b"]),
        ("a", "up", ["2.1 a", "  2.2 c", "2.3 b"]),
        ("a", "out", ["2.1 a", "  2.2 c", "2.3 b"]),
        ("c", "sideways", ["2.1 a", "  2.2 c", "2.3 b"]),
    ],
)
def test_a_why_moves_with_all_below_it(
    as_user: As, alice: User, branch: Branch, which: str, direction: str, wanted: list[str]
) -> None:
    whys = {"a": put(branch, "a"), "b": put(branch, "b")}
    whys["c"] = put(branch, "c", below=whys["a"])
    as_user(alice).post(f"/whys/{whys[which].pk}/move/", {"direction": direction})
    assert order(branch) == wanted


def test_what_was_deleted_comes_back_as_it_was(as_user: As, alice: User, branch: Branch) -> None:
    top = put(branch, "a")
    below = put(branch, "b", below=top)
    put(branch, "c", below=below)
    put(branch, "d")
    answer = as_user(alice).post(f"/whys/{top.pk}/delete/", headers={"HX-Request": "true"}).content.decode()
    assert "3 whys deleted" in answer
    assert order(branch) == ["2.1 d"]
    for path in (f"/branches/{branch.pk}/", f"/postmortems/{branch.postmortem_id}/whys/"):
        assert "3 whys deleted: “a”" in as_user(alice).get(path).content.decode()
    as_user(alice).post(f"/whys/{top.pk}/restore/")
    assert order(branch) == ["2.1 a", "  2.2 b", "    2.3 c", "2.4 d"]


def test_undoing_is_offered_for_a_minute_and_to_those_who_can(
    as_user: As, alice: User, mallory: User, branch: Branch
) -> None:
    why = put(branch, "a")
    as_user(alice).post(f"/whys/{why.pk}/delete/")
    url = f"/branches/{branch.pk}/"
    assert "Undo" in as_user(alice).get(url).content.decode()
    assert "Undo" not in as_user(mallory).get(url).content.decode()
    Why.objects.filter(pk=why.pk).update(removed_at=timezone.now() - timedelta(minutes=1))
    assert "Undo" not in as_user(alice).get(url).content.decode()


def test_what_was_deleted_before_stays_deleted_when_the_rest_comes_back(branch: Branch, alice: User) -> None:
    top = put(branch, "a")
    below = put(branch, "b", below=top)
    now = timezone.now()
    services.delete_why(why=below, by=alice, now=now)
    services.delete_why(why=top, by=alice, now=now)
    with pytest.raises(services.WhyGone):
        services.restore_why(why=below, by=alice, now=now)
    services.restore_why(why=top, by=alice, now=now)
    assert order(branch) == ["2.1 a"]


def test_somebody_else_s_words_are_shown_and_mine_kept(as_user: As, alice: User, bob: User, branch: Branch) -> None:
    why = put(branch, "No alert")
    as_user(bob).post(f"/whys/{why.pk}/edit/", {"answer": "Theirs", "revision": 1})
    answer = as_user(alice).post(
        f"/whys/{why.pk}/edit/", {"answer": "Mine", "revision": 1}, headers={"HX-Request": "true"}
    )
    page = answer.content.decode()
    assert (answer.status_code, "Theirs" in page, "Mine" in page) == (409, True, True)
    assert order(branch) == ["2.1 Theirs"]


def test_what_is_added_below_a_deleted_why_is_not_lost(as_user: As, alice: User, branch: Branch) -> None:
    why = put(branch, "No alert")
    services.delete_why(why=why, by=alice, now=timezone.now())
    url = f"/branches/{branch.pk}/whys/add/?below={why.pk}"
    answer = as_user(alice).post(url, {"answer": "Mine"}, headers={"HX-Request": "true"})
    assert (answer.status_code, "Mine" in answer.content.decode()) == (409, True)


def test_an_answer_that_ends_at_human_error_is_asked_further(as_user: As, alice: User, branch: Branch) -> None:
    why = put(branch, "Human error during the release.")
    ask = f"?below={why.pk}&amp;question="
    assert ask in as_user(alice).get(f"/branches/{branch.pk}/").content.decode()
    put(branch, "The tool asked nothing before it deleted", below=why)
    assert ask not in as_user(alice).get(f"/branches/{branch.pk}/").content.decode()


def test_a_comment_hangs_on_a_why(as_user: As, alice: User, branch: Branch) -> None:
    why = put(branch, "No alert")
    section = Section.objects.get(kind=SectionKind.WHYS)
    values = {"quote": "Why 2.1 No alert", "body": "Is that all?", "anchor": f'{{"row": "why-{why.pk}"}}'}
    as_user(alice).post(f"/sections/{section.pk}/threads/add/", values)
    assert Thread.objects.get().anchor == {"row": f"why-{why.pk}"}
    assert (
        as_user(alice).post(f"/sections/{section.pk}/threads/add/", {**values, "anchor": '{"row": "x"}'}).status_code
        == 422
    )


def test_nobody_changes_what_is_published(as_user: As, alice: User, branch: Branch) -> None:
    why = put(branch, "No alert")
    Postmortem.objects.update(state=State.PUBLISHED, published_at=timezone.now())
    client = as_user(alice)
    htmx = {"HX-Request": "true"}
    answers = [
        client.post(f"/branches/{branch.pk}/whys/add/", {"answer": "New"}, headers=htmx),
        client.post(f"/whys/{why.pk}/edit/", {"answer": "New", "revision": 1}, headers=htmx),
        client.post(f"/whys/{why.pk}/move/", {"direction": "up"}, headers=htmx),
        client.post(f"/whys/{why.pk}/delete/", headers=htmx),
    ]
    assert [answer.status_code for answer in answers] == [409] * 4
    assert order(branch) == ["2.1 No alert"]


def test_a_branch_goes_only_while_it_is_empty_and_the_others_move_up(
    as_user: As, alice: User, postmortem: Postmortem, branch: Branch
) -> None:
    as_user(alice).post(f"/postmortems/{postmortem.pk}/branches/add/", {"question": "Why did nobody tell support?"})
    last = Branch.objects.get(question="Why did nobody tell support?")
    put(last, "No channel")
    kept = as_user(alice).post(f"/branches/{last.pk}/delete/")
    as_user(alice).post(f"/branches/{branch.pk}/delete/")
    last.refresh_from_db()
    assert (kept.status_code, last.position, order(last)) == (409, 2, ["2.1 No channel"])


def test_a_new_postmortem_asks_the_three_questions(as_user: As, alice: User, incident: Any) -> None:
    as_user(alice).post(f"/incidents/{incident.pk}/postmortem/")
    postmortem = Postmortem.objects.get(incident=incident)
    assert [branch.kind for branch in postmortem.branches.all()] == ["cause", "detection", "recovery"]
    assert "Why did it happen?" not in as_user(alice).get(f"/postmortems/{postmortem.pk}/read/").content.decode()


def test_whys_are_read_exported_and_found(as_user: As, alice: User, branch: Branch) -> None:
    put(branch, "Nobody had asked for a **thermocline** alert")
    pk = branch.postmortem_id
    read = as_user(alice).get(f"/postmortems/{pk}/read/").content.decode()
    assert "<strong>thermocline</strong>" in read
    assert '<svg class="drawing drawing-tree"' in read
    exported = as_user(alice).get(f"/postmortems/{pk}/export.md").content.decode()
    assert "- **2.1 Why?** Nobody had asked for a **thermocline** alert" in exported
    assert "thermocline" in as_user(alice).get("/search/?q=thermocline").content.decode()
    services.delete_why(why=Why.objects.get(), by=alice, now=timezone.now())
    assert not PostmortemSource().visible(alice).filter(search="thermocline").exists()


def test_there_is_an_end_to_how_deep_and_how_many(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    why = put(branch, "0")
    for depth in range(1, services.DEEPEST):
        why = put(branch, str(depth), below=why)
    with pytest.raises(TooMany, match="12 whys deep"):
        put(branch, "too deep", below=why)
    monkeypatch.setattr(services, "MOST_WHYS", services.DEEPEST)
    with pytest.raises(TooMany, match="Nobody can follow more"):
        put(branch, "too many")


def test_a_tree_of_whys_is_read_with_the_same_queries_whatever_its_size(
    as_user: As, alice: User, branch: Branch, django_assert_max_num_queries: Any
) -> None:
    client = as_user(alice)
    put(branch, "one")
    client.get(f"/branches/{branch.pk}/")
    for number in range(20):
        put(branch, str(number))
    with django_assert_max_num_queries(16):
        client.get(f"/branches/{branch.pk}/")


def test_numbers_can_be_asked_for(branch: Branch) -> None:
    top = put(branch, "a")
    below = put(branch, "b", below=top)
    [tree] = trees_of(branch.postmortem)
    assert {node.why.pk: node.number for node in tree.nodes} == {top.pk: "2.1", below.pk: "2.2"}


@given(st.lists(st.integers(min_value=-1, max_value=20), max_size=20))
def test_every_why_that_hangs_on_another_has_one_number(parents: list[int]) -> None:
    branch = Branch(pk=1, position=3)
    whys = [Why(pk=at + 1, branch=branch, position=at, answer=str(at)) for at in range(len(parents))]
    for at, parent in enumerate(parents):
        whys[at].parent = whys[parent] if 0 <= parent < at else None
    [tree] = trees([branch], whys)
    assert [node.number for node in tree.nodes] == [f"3.{at}" for at in range(1, len(whys) + 1)]
    place = {node.why.pk: at for at, node in enumerate(tree.nodes)}
    assert all(place[why.parent.pk] < place[why.pk] for why in whys if why.parent)
