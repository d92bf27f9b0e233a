"""Transcripts of recordings: WebVTT, SRT and plain text, read into lines with speakers and times."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from textwrap import wrap

import webvtt
from webvtt.errors import MalformedCaptionError, MalformedFileError

MOST_LINES = 5_000
LONGEST_LINE = 4_000
JOINED_UP_TO = 600
"""Recorders cut sentences into pieces of seconds: what one person says in a row is joined, up to so many characters."""

STAMP = r"(?:(\d{1,2}):)?(\d{1,2}):(\d{2})(?:[.,]\d{1,3})?"
HEADED = re.compile(rf"^\s*[\[(]?{STAMP}[\])]?\s*[-–—]?\s*([^:\n]{{1,80}}?)\s*:\s+(\S.*)$")
"""`[00:12:03] Priya: We saw…`"""
NAME_THEN_STAMP = re.compile(rf"^\s*([^\d\n:]{{1,80}}?)\s+[\[(]?{STAMP}[\])]?\s*:?\s*(.*)$")
"""`Priya Rao  12:03`, with the words on the following lines, as meeting programs write it."""
NAMED = re.compile(r"^\s*([A-ZÀ-Þ][^:\n]{0,60}?):\s+(\S.*)$")
"""`Priya: We saw…`"""


class NotATranscript(Exception):
    """Nothing in the file can be read as words that somebody said; the message says why."""


@dataclass(frozen=True)
class Spoken:
    """What one person said in a row. `at`: since the recording began, where the file says so."""

    at: timedelta | None
    speaker: str
    text: str


def read_transcript(text: str) -> list[Spoken]:
    """What was said, in order. Raises `NotATranscript`."""
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    found = _read_captions(text) if _looks_like_captions(text) else _read_plain(text)
    lines = _joined(each for each in found if each.text)
    if not lines:
        raise NotATranscript("There are no words in it.")
    if len(lines) > MOST_LINES:
        raise NotATranscript(f"It has {len(lines):,} lines; at most {MOST_LINES:,} can be read.")
    return lines


def _looks_like_captions(text: str) -> bool:
    return text.lstrip().startswith("WEBVTT") or bool(re.search(r"^\s*[\d:.,]+\s+-->\s+[\d:.,]+", text[:4000], re.M))


def _read_captions(text: str) -> Iterable[Spoken]:
    is_vtt = text.lstrip().startswith("WEBVTT")
    try:
        captions = webvtt.from_string(text.lstrip()) if is_vtt else webvtt.from_buffer(io.StringIO(text), format="srt")
    except (MalformedFileError, MalformedCaptionError, ValueError, IndexError) as error:
        raise NotATranscript("It looks like captions, and cannot be read as such.") from error
    for caption in captions.captions:
        start = caption.start_time
        at = timedelta(hours=start.hours, minutes=start.minutes, seconds=start.seconds)
        said = " ".join(caption.text.split())
        named = None if caption.voice else NAMED.match(said)
        speaker, said = (named[1], named[2]) if named else (caption.voice or "", said)
        yield from _spoken(at, speaker, said)


def _read_plain(text: str) -> Iterable[Spoken]:
    speaker, at = "", None
    for line in text.split("\n"):
        if headed := HEADED.match(line):
            hours, minutes, seconds, speaker, said = headed.groups()
            at = _duration(hours, minutes, seconds)
        elif later := NAME_THEN_STAMP.match(line):
            speaker, hours, minutes, seconds, said = later.groups()
            at = _duration(hours, minutes, seconds)
        elif named := NAMED.match(line):
            speaker, said = named.groups()
            at = None
        else:
            said = line
        yield from _spoken(at, speaker, said)


def _spoken(at: timedelta | None, speaker: str, said: str) -> Iterable[Spoken]:
    """The words as one line, or as several where they are very long."""
    for piece in wrap(" ".join(said.split()), LONGEST_LINE):
        yield Spoken(at, speaker.strip()[:100], piece)


def _duration(hours: str | None, minutes: str, seconds: str) -> timedelta:
    return timedelta(hours=int(hours or 0), minutes=int(minutes), seconds=int(seconds))


def _joined(spoken: Iterable[Spoken]) -> list[Spoken]:
    lines: list[Spoken] = []
    for each in spoken:
        last = lines[-1] if lines else None
        if last and last.speaker == each.speaker and len(last.text) + len(each.text) < JOINED_UP_TO:
            lines[-1] = replace(last, text=f"{last.text} {each.text}")
        else:
            lines.append(each)
    return lines
