"""Understanding pasted timelines: every way of writing a time that we know, and no line lost."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.timeline_text import LONGEST_EVENT, ParsedTimeline, parse_timeline

BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2026, 4, 1)


def parse(text: str, zone: str = "UTC", on: date = DAY) -> ParsedTimeline:
    return parse_timeline(text, zone=ZoneInfo(zone), start_on=on)


def told(text: str, zone: str = "UTC") -> list[str]:
    """The events as "day hour:minute text", in UTC."""
    return [f"{entry.at:%d %H:%M} {entry.text}" for entry in parse(text, zone).entries]


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("14:32 - alert fires", "01 14:32 alert fires"),
        ("14:32: alert fires", "01 14:32 alert fires"),
        ("* 14:32 UTC alert", "01 14:32 alert"),
        ("- [14:32] alert", "01 14:32 alert"),
        ("1) 14:32 alert", "01 14:32 alert"),
        ("**14:32** – alert", "01 14:32 alert"),
        ("2:05 pm alert", "01 14:05 alert"),
        ("2:05PM alert", "01 14:05 alert"),
        ("12:00 am alert", "01 00:00 alert"),
        ("12:30 pm alert", "01 12:30 alert"),
        ("14.32 alert", "01 14:32 alert"),
        ("1432 - alert", "01 14:32 alert"),
        ("14h32 alert", "01 14:32 alert"),
        ("14:32:10 alert", "01 14:32 alert"),
        ("2026-04-03 14:32 alert", "03 14:32 alert"),
        ("2026-04-03T14:32:10Z alert", "03 14:32 alert"),
        ("03/04/2026 14:32 alert", "03 14:32 alert"),
        ("April 3, 2026 14:32 alert", "03 14:32 alert"),
        ("3 Apr 14:32 alert", "03 14:32 alert"),
        ("14:32 CET alert", "01 13:32 alert"),
        ("14:32 PST alert", "01 22:32 alert"),
        ("14:32 +02:00 alert", "01 12:32 alert"),
        ("14:32 Europe/Berlin alert", "01 12:32 alert"),
        ("24:00 - over", "02 00:00 over"),
        ("[10:02 AM] bob: deploy", "01 10:02 bob: deploy"),
        ("All fine again 2026-04-03 12:07", "03 12:07 All fine again"),
    ],
)
def test_a_time_is_understood_however_it_is_written(line: str, event: str) -> None:
    assert told(line) == [event]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("no time here", "no time on this line"),
        ("14:32", "without any text"),
        ("25:10 alert", "not a time of day"),
        ("14:72 alert", "not a time of day"),
        ("30 Feb 10:00 alert", "there is no “30 Feb”"),
        ("1432 requests failed", "may be a time or a number"),
        ("14:32 " + "x" * (LONGEST_EVENT + 1), "longer than 4,000 characters"),
    ],
)
def test_a_line_that_is_not_understood_is_returned_with_the_reason(line: str, reason: str) -> None:
    parsed = parse(line)
    assert not parsed.entries
    assert [rejected.text for rejected in parsed.rejected] == [line]
    assert reason in parsed.rejected[0].reason


def test_a_range_has_an_end_also_on_the_next_day() -> None:
    entries = parse("14:32-14:40 alert\n23:50 – 00:10: failover").entries
    assert [entry.ends_at for entry in entries] == [
        datetime(2026, 4, 1, 14, 40, tzinfo=UTC),
        datetime(2026, 4, 2, 0, 10, tzinfo=UTC),
    ]


def test_past_midnight_is_the_next_day_and_said() -> None:
    assert told("23:50 a\n00:10 b\n00:20 c") == ["01 23:50 a", "02 00:10 b", "02 00:20 c"]
    assert "next day" in parse("23:50 a\n00:10 b").entries[1].notes[0]


def test_newest_first_is_one_day_read_backwards() -> None:
    assert told("10:00 c\n09:30 b\n09:00 a") == ["01 10:00 c", "01 09:30 b", "01 09:00 a"]


def test_a_date_on_a_line_of_its_own_holds_for_what_follows() -> None:
    assert told("2 April\n09:00 x\n\n3 April\n08:00 y") == ["02 09:00 x", "03 08:00 y"]


def test_a_zone_stated_above_holds_for_what_follows() -> None:
    assert told("Timeline\nAll times in PST\n14:32 alert") == ["01 22:32 alert"]
    assert told("| Time (UTC) | Event |\n|---|---|\n| 14:32 | alert |", "Europe/Berlin") == ["01 14:32 alert"]


def test_what_stands_below_an_event_belongs_to_it() -> None:
    assert told("14:32 alert\n  and a second line\n14:40 over") == [
        "01 14:32 alert\nand a second line",
        "01 14:40 over",
    ]


def test_an_approximate_time_stays_approximate() -> None:
    parsed = parse("~14:32 alert\naround 14:40 over\n14:50 really over")
    assert [entry.precision for entry in parsed.entries] == ["approximate", "approximate", "exact"]


def test_the_hour_that_does_not_exist_and_the_one_that_comes_twice_are_noted() -> None:
    gap = parse("2026-03-29 02:30 alert", "Europe/Berlin").entries[0]
    assert gap.at == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert "does not exist" in gap.notes[0]
    twice = parse("2026-10-25 02:30 alert", "Europe/Berlin").entries[0]
    assert twice.at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert "twice" in twice.notes[0]


def test_an_abbreviation_against_the_season_is_taken_at_its_word_and_noted() -> None:
    entry = parse("14:32 CET alert").entries[0]
    assert entry.at.hour == 13
    assert "UTC+02:00" in entry.notes[0]


LINES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", "14:32 alert", "  more", "- 9:05 pm x", "2 April", "| a | b |", "|---|---|", "```", "10:00-??: x"]
    ),
    st.builds("{}:{} {}".format, st.integers(0, 30), st.integers(0, 70), st.text(max_size=10)),
    st.builds("{}-{}-{} 10:00 x".format, st.integers(0, 3000), st.integers(0, 13), st.integers(0, 32)),
)


@given(st.lists(LINES, max_size=30), st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]))
def test_every_line_ends_up_in_exactly_one_place_and_nothing_is_raised(lines: list[str], zone: str) -> None:
    text = "\n".join(lines)
    parsed = parse(text, zone)
    placed = [number for entry in parsed.entries for number in entry.lines]
    placed += [heading.line for heading in parsed.headings] + [rejected.line for rejected in parsed.rejected]
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    written = [number for number, line in enumerate(unified.split("\n"), 1) if line.strip()]
    assert sorted(placed) == sorted(set(placed))
    assert set(written) <= set(placed)


def test_a_megabyte_is_answered_line_by_line() -> None:
    parsed = parse("14:32 alert fires and somebody looks\n" * 27_000)
    assert len(parsed.entries) + len(parsed.rejected) == 27_000
