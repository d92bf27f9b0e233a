"""Derived durations, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from incidents.durations import durations, in_words
from incidents.models import Incident


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 4, 1, hour, minute, tzinfo=UTC)


def test_durations_of_an_ordinary_incident() -> None:
    incident = Incident(
        impact_started_at=at(9, 47), detected_at=at(9, 52), mitigated_at=at(10, 36), resolved_at=at(12, 35)
    )
    assert {d.key: d.text for d in durations(incident)} == {
        "duration": "2 h 48 min",
        "time-to-detect": "5 min",
        "time-to-acknowledge": "not known yet",
        "time-to-diagnose": "not known yet",
        "time-to-mitigate": "44 min",
        "time-to-resolve": "2 h 43 min",
    }


def test_detection_before_the_impact_is_said_so() -> None:
    incident = Incident(impact_started_at=at(21), detected_at=at(18))
    assert next(d.text for d in durations(incident) if d.key == "time-to-detect") == "3 h before"


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=45), "45 s"),
        (timedelta(minutes=2, seconds=5), "2 min 05 s"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1, minutes=5), "1 h 05 min"),
        (timedelta(days=13, hours=16, minutes=19), "13 d 16 h"),
        (timedelta(days=2), "2 d"),
    ],
)
def test_length_of_time_in_words(span: timedelta, words: str) -> None:
    assert in_words(span) == words
