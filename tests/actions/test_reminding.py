"""On which days a reminder comes: a week and a day before, on the day, then weekly; moved over weekends."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.enums import NoticeKind
from actions.reminding import Stage, every_day, is_working_day, stage_on

LONG_AGO = date(2026, 1, 1)
TUESDAY = date(2026, 6, 16)
SATURDAY = date(2026, 6, 20)


def came(due_on: date, *, days: int = 40, since: date = LONG_AGO) -> list[tuple[int, str]]:
    """Everything that would go out around `due_on`, as (days after it, kind), when every working day is looked at."""
    found: dict[Stage, int] = {}
    for offset in range(-20, days):
        day = due_on + timedelta(days=offset)
        stage = stage_on(day, due_on=due_on, since=since, is_on=is_working_day) if is_working_day(day) else None
        if stage and stage not in found:
            found[stage] = offset
    return [(offset, stage.kind.value) for stage, offset in found.items()]


def test_reminders_of_an_ordinary_week() -> None:
    assert came(TUESDAY, days=22) == [
        (-7, "before"),
        (-1, "before"),
        (0, "on_day"),
        (7, "late"),
        (14, "late"),
        (21, "late"),
    ]


def test_what_is_due_on_a_saturday_is_said_on_friday_and_late_from_monday_a_week_on() -> None:
    assert came(SATURDAY, days=17) == [(-8, "before"), (-1, "on_day"), (9, "late"), (16, "late")]


def test_nothing_comes_of_days_before_it_was_ones_own() -> None:
    assert came(TUESDAY, days=8, since=TUESDAY - timedelta(days=3)) == [(-1, "before"), (0, "on_day"), (7, "late")]


def test_whoever_wants_no_word_before_hears_on_the_day() -> None:
    for ahead in (7, 1):
        day = TUESDAY - timedelta(days=ahead)
        assert stage_on(day, due_on=TUESDAY, since=LONG_AGO, is_on=every_day, before_due=False) is None


@pytest.mark.parametrize("is_on", [every_day, is_working_day])
@given(due=st.dates(date(2026, 2, 1), date(2027, 12, 31)), start=st.integers(-30, 60))
def test_a_day_that_was_missed_is_made_up_for_by_the_latest_only(is_on: object, due: date, start: int) -> None:
    day = due + timedelta(days=start)
    stage = stage_on(day, due_on=due, since=LONG_AGO, is_on=is_on)  # type: ignore[arg-type]
    if stage is None:
        assert day < due - timedelta(days=6)
        return
    assert stage.out_on <= day
    assert is_on(stage.out_on)  # type: ignore[operator]
    if stage.kind == NoticeKind.LATE:
        assert (stage.for_on - due).days % 7 == 0
        assert day - stage.for_on < timedelta(days=10)
