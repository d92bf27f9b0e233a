"""The parser on timelines of real post-mortems: four layouts, missing zones, times past midnight."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from incidents.timeline_text import parse_timeline
from tests.reference import REFERENCE

CORPUS = REFERENCE / "corpus"
HEADING = re.compile(r"^\s*(?:(#{1,6})|\*\*|[-*]\s+\*\*)?\s*\**\s*timeline\b.*$", re.IGNORECASE | re.MULTILINE)
NEXT_PART = r"^(?:#{1,6}\s|[-*]\s+\*\*|\*\*)"
CLOCK = re.compile(r"\b\d{1,2}[:.]\d\d\b")
IN_NAME = re.compile(r"(20\d\d)-?(\d\d)-?(\d\d)")

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the collection of real post-mortems is not here")


def timelines() -> Iterator[tuple[str, str]]:
    """Name and text of each timeline in the collection."""
    for path in sorted(CORPUS.rglob("*.md")):
        text = path.read_text()
        if heading := HEADING.search(text):
            end = rf"^#{{1,{len(heading[1])}}}\s" if heading[1] else NEXT_PART
            rest = text[heading.end() :]
            ends = re.search(end, rest, re.MULTILINE)
            yield path.name, rest[: ends.start()] if ends else rest


def test_nearly_every_line_with_a_time_is_understood_and_none_is_lost() -> None:
    with_time, refused, documents = 0, [], 0
    for name, text in timelines():
        day = IN_NAME.search(name)
        on = date(*map(int, day.groups())) if day else date(2020, 1, 1)
        parsed = parse_timeline(text, zone=ZoneInfo("Europe/London"), start_on=on)
        placed = {number for entry in parsed.entries for number in entry.lines}
        placed |= {line.line for line in parsed.headings} | {line.line for line in parsed.rejected}
        assert {number for number, line in enumerate(text.splitlines(), 1) if line.strip()} <= placed, name
        documents += 1
        with_time += sum(bool(CLOCK.search(line)) for line in text.splitlines())
        refused += [f"{name}: {line.text} ({line.reason})" for line in parsed.rejected if CLOCK.search(line.text)]
    assert documents >= 40
    assert with_time >= 380
    assert len(refused) <= 0.02 * with_time, "\n".join(refused)
