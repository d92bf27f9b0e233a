"""Moments typed on the clock of a zone, gaps and overlaps included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from incidents.fields import ZonedDateTimeField

LONDON = ZoneInfo("Europe/London")
ZONES = [
    ZoneInfo(name)
    for name in (
        "Africa/Casablanca", "America/Los_Angeles", "America/New_York", "America/Sao_Paulo", "America/St_Johns",
        "Asia/Kathmandu", "Asia/Kolkata", "Asia/Tehran", "Asia/Tokyo", "Australia/Lord_Howe", "Australia/Sydney",
        "Europe/London", "Europe/Paris", "Pacific/Apia", "UTC",
    )
]  # fmt: skip


def field(zone: ZoneInfo = LONDON) -> ZonedDateTimeField:
    made = ZonedDateTimeField(required=False)
    made.set_zone(zone)
    return made


def test_clock_time_is_read_in_the_zone() -> None:
    assert field().clean(("2026-07-01T14:32", "")) == datetime(2026, 7, 1, 13, 32, tzinfo=UTC)


def test_time_that_does_not_exist_is_refused_in_words() -> None:
    with pytest.raises(ValidationError) as refused:
        field().clean(("2026-03-29T01:30", ""))
    assert refused.value.messages == [
        "01:30 on 29 March 2026 does not exist in Europe/London: the clocks went forward past it."
    ]


def test_time_that_happens_twice_is_asked_about() -> None:
    with pytest.raises(ValidationError) as refused:
        field().clean(("2026-10-25T01:30", ""))
    assert refused.value.messages == ["01:30 on 25 October 2026 happened twice in Europe/London. Choose which one."]


@pytest.mark.parametrize(("fold", "hour"), [("0", 0), ("1", 1)])
def test_chosen_one_of_two_is_kept(fold: str, hour: int) -> None:
    assert field().clean(("2026-10-25T01:30", fold)) == datetime(2026, 10, 25, hour, 30, tzinfo=UTC)


@pytest.mark.parametrize("typed", ["yesterday", "2026-13-01T10:00", "2026-04-01T25:00", "\x00", "9" * 1000])
def test_what_is_no_time_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        field().clean((typed, ""))


@pytest.mark.parametrize("year", ["1989", "2101", "0001"])
def test_other_centuries_are_refused(year: str) -> None:
    with pytest.raises(ValidationError) as refused:
        field().clean((f"{year}-04-01T10:00", ""))
    assert refused.value.messages == ["The year must lie between 1990 and 2100."]


def test_choice_of_the_two_is_drawn_only_where_there_are_two() -> None:
    class TimeForm(forms.Form):
        at = field()

    assert "at_fold" in str(TimeForm({"at": "2026-10-25T01:30"})["at"])
    assert "at_fold" not in str(TimeForm({"at": "2026-10-25T03:30"})["at"])


MOMENTS = st.datetimes(datetime(1990, 1, 2), datetime(2036, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0)
)


@given(moment=MOMENTS, zone=st.sampled_from(ZONES))
def test_shown_and_read_back_is_the_same_moment(moment: datetime, zone: ZoneInfo) -> None:
    made = field(zone)
    assert made.clean(made.widget.decompress(moment)) == moment


@given(moment=MOMENTS, minutes=st.integers(0, 100_000), zone=st.sampled_from(ZONES))
def test_durations_do_not_depend_on_the_zone(moment: datetime, minutes: int, zone: ZoneInfo) -> None:
    made, later = field(zone), moment + timedelta(minutes=minutes)
    start, end = (made.clean(made.widget.decompress(shown)) for shown in (moment, later))
    assert end - start == timedelta(minutes=minutes)
