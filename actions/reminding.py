"""When somebody is to be reminded of an action: days alone, nothing is read or saved here.

Seven days and one day before, on the day, then weekly while late (PRODUCT.md, T2). What falls on a day without
reminders comes on the last one before it as long as it is not late, and on the next one afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from actions.enums import NoticeKind

DAY, WEEK = timedelta(days=1), timedelta(days=7)
BEFORE = (WEEK, DAY)
ESCALATED_AFTER = WEEK
LOOK_AHEAD = WEEK + timedelta(days=3)
"""No reminder comes earlier: a week before, moved over a weekend."""
SATURDAY = 5

IsOn = Callable[[date], bool]


@dataclass(frozen=True)
class Stage:
    """One reminder of an action's life: the day it is meant for, and the day it goes out."""

    kind: NoticeKind
    for_on: date
    out_on: date


def is_working_day(day: date) -> bool:
    return day.weekday() < SATURDAY


def every_day(day: date) -> bool:
    return True


def stage_on(day: date, *, due_on: date, since: date, is_on: IsOn, before_due: bool = True) -> Stage | None:
    """The latest reminder that is due on `day` or was before it; None when there is none yet.

    `since` is the day from which this due date has been this person's: what went by before is no news to them.
    """
    passed = [stage for stage in _stages(day, due_on, is_on, before_due=before_due) if since <= stage.out_on <= day]
    return passed[-1] if passed else None


def _stages(day: date, due_on: date, is_on: IsOn, *, before_due: bool) -> Iterator[Stage]:
    """All of them up to about `day`, in order."""
    for ahead in BEFORE if before_due else ():
        yield Stage(NoticeKind.BEFORE, due_on - ahead, _last_on(due_on - ahead, is_on))
    yield Stage(NoticeKind.ON_DAY, due_on, _last_on(due_on, is_on))
    late = due_on + WEEK
    while late <= day:
        yield Stage(NoticeKind.LATE, late, _next_on(late, is_on))
        late += WEEK


def _last_on(day: date, is_on: IsOn) -> date:
    while not is_on(day):
        day -= DAY
    return day


def _next_on(day: date, is_on: IsOn) -> date:
    while not is_on(day):
        day += DAY
    return day
