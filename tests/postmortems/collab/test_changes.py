"""What changed beside the text, as a page is told that asks again and again."""

from __future__ import annotations

import pytest

from postmortems.collab.changes import EVERYTHING, MOST_KEPT, Changes


def test_a_page_is_told_what_changed_in_its_post_mortem_since_it_asked() -> None:
    changes = Changes()
    changes.note(1, "before")
    mark = changes.mark
    for postmortem_id, said in [(1, "whys"), (2, "factors"), (1, "timeline")]:
        changes.note(postmortem_id, said)
    assert changes.since(mark, 1) == ["whys", "timeline"]
    assert changes.since(changes.mark, 1) == []


def test_whoever_asks_too_late_looks_at_everything_again() -> None:
    changes = Changes()
    mark = changes.mark
    for _ in range(MOST_KEPT):
        changes.note(2, "whys")
    assert changes.since(mark, 1) == []
    changes.note(2, "whys")
    assert changes.since(mark, 1) == [EVERYTHING]


@pytest.mark.parametrize("mark", ["0123456789abcdef-0", "0", "-", "x" * 1_000, "0123456789abcdef-٣"])
def test_a_mark_of_another_process_or_of_none_means_everything(mark: str) -> None:
    assert Changes().since(mark, 1) == [EVERYTHING]
