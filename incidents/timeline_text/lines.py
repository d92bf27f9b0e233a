"""Sorts the lines of a pasted timeline: events, running text of events, headings, and what is not understood."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date

from incidents.timeline_text.clock import scan_day
from incidents.timeline_text.head import Head, Reading, When, scan_head
from incidents.timeline_text.parsed import HeadingLine, Misread, RejectedLine
from incidents.timeline_text.zones import WrittenZone, day_in_words, named_zone, scan_zone

LONGEST_LINE = 10_000
"""Characters; a longer line is not read."""
MOST_LINES = 10_000
"""Lines that are not blank; the rest is not read."""
LONGEST_TEXT = 4_000
"""Characters of one event, which is what an event can hold."""

TAIL = 60
"""How far from the end of a line a time is looked for."""


@dataclass
class Event:
    """An event being gathered: its time, its text line by line, and where it stood."""

    when: When
    numbers: list[int]
    raw: list[str]
    text: list[str]
    indent: int
    zone: WrittenZone | None
    shape: str
    notes: list[str] = field(default_factory=list)

    @property
    def length(self) -> int:
        return sum(len(line) + 1 for line in self.text)


@dataclass(frozen=True)
class DayLine:
    """A heading that names the day of the lines below."""

    day: date


@dataclass
class Sorted:
    """Every line that is not blank, in exactly one of the three."""

    items: list[Event | DayLine] = field(default_factory=list)
    headings: list[HeadingLine] = field(default_factory=list)
    rejected: list[RejectedLine] = field(default_factory=list)


@dataclass(frozen=True)
class _Line:
    """One line: as pasted, without control characters, and without bullets and the like (`body`)."""

    number: int
    raw: str
    clean: str
    body: str
    indent: int
    is_bullet: bool
    is_title: bool


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff]")
_QUOTE = re.compile(r"(?:>[ \t]?)+")
_BULLET = re.compile(r"(?:[-*+•‣◦▪·–—]|[0-9]{1,3}[.)])[ \t\u00a0]+(?:\[[ xX]\][ \t]+)?")
_HASHES = re.compile(r"#{1,6}[ \t]+")
_RULE = re.compile(r"[-=_*#~+|\s]{2,}|```\w*|~~~\w*|\[?/?(?:quote|code)\]?")
_FENCE = re.compile(r"[ \t]*(?:[-*>][ \t]+)?(?:```|~~~)")
_CELL_RULE = re.compile(r"\s*:?-{1,}:?\s*")
_CELL_END = re.compile(r"(?<!\\)\|")
_HEADER_WORDS = frozenset(
    [
        "time",
        "times",
        "date",
        "day",
        "timestamp",
        "when",
        "event",
        "events",
        "description",
        "what",
        "who",
        "actor",
        "note",
        "notes",
        "action",
        "actions",
        "comment",
        "comments",
        "details",
        "detail",
        "zone",
        "timezone",
        "utc",
        "and",
        "in",
        "of",
        "the",
        "duration",
        "owner",
        "status",
        "source",
        "start",
        "end",
        "from",
        "to",
        "kind",
        "type",
        "milestone",
        "by",
        "person",
        "impact",
    ]
)
_WORDS = re.compile(r"[A-Za-z]+")
_ZONE_WORD = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z_]+(?:/[A-Za-z_]+)?|\b[A-Z]{2,5}\b|\bUTC\b")
_ZONE_STATEMENT = re.compile(
    r"\W*(?:note:?\s+)?(?:all\s+|the\s+)?(?:dates?\s+and\s+)?(?:times?(?:stamps?)?|time\s?zones?|hours|clocks?)\b"
    r"(?:\s+(?:below|above|here|zone|used|given|shown|listed|stated|noted|displayed|reported|referenced|is|are|was|were|in))*"
    r"[:\s(]+",
    re.IGNORECASE,
)
_BOLD_TITLE = re.compile(r"(\*\*|__)[^*_]{1,80}\1:?|\*[^*]{1,80}\*:?")
_TITLE_WORDS = frozenset(
    {"timeline", "key events", "events", "chronology", "context", "time event", "incident timeline"}
)
_DATE_LABELS = frozenset({"date", "day", "incident date", "date of incident", "on"})
_CHAT_NAME = re.compile(r"[^\s|:.,][^|:.,\[\]]{0,38}")
_TAIL_START = re.compile(r"(?:(?<=\s)|(?<=[\[(@])|^)(?=[0-9~≈(\[@]|[A-Z][a-z]{2})")
_TAIL_LINK = re.compile(r"(?:(?:\bat|\bon|@|:|[-–—,])\s*|[\[(]\s*|[*_`]+)+$", re.IGNORECASE)
_TAIL_END = re.compile(r"[\s.!;)\]*_`]*")


def sort_lines(text: str, reading: Reading) -> Sorted:
    """Sort all lines of `text`; see Sorted for the promise. Linear in the length of `text`."""
    return _Sorter(text, reading).sort()


class _Sorter:
    def __init__(self, text: str, reading: Reading) -> None:
        self.lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self.reading = reading
        self.sorted = Sorted()
        self.open: Event | None = None
        self.zone: WrittenZone | None = None
        self.gap = 0
        self.in_table = False
        self.fence_ends = _fences(self.lines)
        self.fence_until = -1

    def sort(self) -> Sorted:
        read = 0
        for index, raw in enumerate(self.lines):
            if not raw.strip():
                self.gap += 1
                self.in_table = False
                continue
            read += 1
            if read > MOST_LINES:
                self._reject(index + 1, raw, f"only the first {MOST_LINES:,} lines are read")
            elif len(raw) > LONGEST_LINE:
                self._reject(index + 1, raw, f"longer than {LONGEST_LINE:,} characters")
            else:
                self._sort_line(index, raw)
            self.gap = 0
        return self.sorted

    def _sort_line(self, index: int, raw: str) -> None:
        line = _bare(index + 1, raw)
        if not line.clean.strip():
            self._reject(line.number, raw, "holds only control characters")
        elif index <= self.fence_until:
            self._continue_or_reject(line)
        elif self._opens_fence(index):
            self.fence_until = self.fence_ends[index]
            self._continue_or_reject(line)
        elif self._is_table_row(line):
            self._sort_row(index, line)
        elif _RULE.fullmatch(line.clean.strip()):
            self._heading(line, "a rule")
        else:
            self._sort_plain(index, line)

    def _opens_fence(self, index: int) -> bool:
        return self.open is not None and self.open.shape != "row" and index in self.fence_ends

    # Plain lines

    def _sort_plain(self, index: int, line: _Line) -> None:
        doubt: Misread | None = None
        try:
            head = scan_head(line.body, self.reading)
        except Misread as error:
            head, doubt = None, error
        if head and self._sort_headed(line, head):
            return
        if doubt and doubt.is_certain:
            self._reject(line.number, line.raw, doubt.reason)
        elif not self._sort_untimed(index, line):
            self._reject(line.number, line.raw, doubt.reason if doubt else "no time on this line")

    def _sort_headed(self, line: _Line, head: Head) -> bool:
        when = head.when
        if when.start or when.is_open:
            self._event(line, when, head.rest, "line")
            return True
        if when.day is None:
            return False
        if not head.rest:
            self._day_heading(line, when.day.day, when.notes)
            return True
        if line.is_title or not (when.day.is_firm or head.is_apart):
            return False
        self._event(line, when, head.rest, "line")
        return True

    def _sort_untimed(self, index: int, line: _Line) -> bool:
        if line.is_title:
            self._title(line)
            return True
        return (
            self._take_zone_statement(line)
            or self._take_tail(line)
            or self._take_continuation(line)
            or self._take_heading(index, line)
        )

    def _title(self, line: _Line) -> None:
        day = _day_inside(line.body, self.reading)
        zone = _zone_inside(line.body) if re.search(r"time", line.body, re.IGNORECASE) else None
        if zone:
            self.zone = zone
        if day:
            self._day_heading(line, day, ())
        else:
            self._heading(line, f"times below are in {zone.written}" if zone else "a title")

    def _take_zone_statement(self, line: _Line) -> bool:
        statement = _ZONE_STATEMENT.match(line.body) if len(line.body) <= 100 else None
        if not statement:
            return False
        zone = _zone_inside(line.body[statement.end() :])
        if zone is None:
            if not re.match(r"\W*all\s+times", line.body, re.IGNORECASE):
                return False
            self._reject(
                line.number, line.raw, "a time zone that is not known here: write it as UTC, CET or Europe/Berlin"
            )
            return True
        self.zone = zone
        self._heading(line, f"times below are in {zone.written}")
        return True

    def _take_tail(self, line: _Line) -> bool:
        """An event whose time stands at the end: "Resolved 2026-04-01 12:07", "All back at 17:38", "Alice  2:32 PM"."""
        if not self._may_have_tail(line):
            return False
        found = _tail(line.body, self.reading)
        if not found:
            return False
        label, when, is_chat = found
        is_paragraph = self.open is None or self.gap > 0 or line.is_bullet or self.open.shape in {"tail", "chat"}
        if not (is_chat or is_paragraph):
            return False
        if when.start is None and label.casefold() in _DATE_LABELS and when.day:
            self._day_heading(line, when.day.day, when.notes)
            return True
        self._event(line, when, f"{label}:" if is_chat else label, "chat" if is_chat else "tail")
        return True

    def _may_have_tail(self, line: _Line) -> bool:
        return self.open is None or self.open.shape == "chat" or line.indent <= self.open.indent

    def _take_continuation(self, line: _Line) -> bool:
        event = self.open
        if event is None or event.shape == "row":
            return False
        is_sub_list = line.is_bullet and event.shape == "line" and line.indent == event.indent
        belongs = (
            line.indent > event.indent
            or (self.gap == 0 and not line.is_bullet)
            or (is_sub_list and not _is_bulleted(event.raw[0]))
            or (event.shape == "chat" and self.gap == 0)
        )
        if belongs:
            self._continue_or_reject(line)
        return belongs

    def _take_heading(self, index: int, line: _Line) -> bool:
        words = " ".join(_WORDS.findall(line.body)).casefold()
        if _BOLD_TITLE.fullmatch(line.body) or words in _TITLE_WORDS:
            self._heading(line, "a title")
            return True
        if _is_header(re.split(r"[,;\t]", line.body)):
            self.zone = _zone_inside(line.body) or self.zone
            self._heading(line, "the head of a table")
            return True
        return False

    # Tables

    def _is_table_row(self, line: _Line) -> bool:
        text = line.clean.strip()
        return text.startswith("|") or (self.in_table and "|" in text)

    def _sort_row(self, index: int, line: _Line) -> None:
        self.in_table = True
        cells = [cell.strip().replace("\\|", "|") for cell in _CELL_END.split(line.clean.strip().strip("|"))]
        if all(_CELL_RULE.fullmatch(cell) or not cell for cell in cells):
            self._heading(line, "the line under the head of a table")
            return
        try:
            found = _timed_row(cells, self.reading)
        except Misread as error:
            self._reject(line.number, line.raw, error.reason)
            return
        if found:
            self._event(line, found[0], found[1], "row")
        elif self._is_head_row(index, cells):
            self.zone = _zone_inside(" ".join(cell for cell in cells if "ime" in cell)) or self.zone
            self._heading(line, "the head of a table")
        else:
            self._reject(line.number, line.raw, "no cell of this row is a time")

    def _is_head_row(self, index: int, cells: list[str]) -> bool:
        below = self.lines[index + 1].strip() if index + 1 < len(self.lines) else ""
        is_above_rule = below.startswith("|") and all(
            _CELL_RULE.fullmatch(cell) for cell in below.strip("|").split("|")
        )
        return is_above_rule or _is_header(cells)

    # Where lines end up

    def _event(self, line: _Line, when: When, text: str, shape: str) -> None:
        notes = ["control characters were removed"] if line.clean != line.raw else []
        if len(text) > LONGEST_TEXT:
            self._reject(line.number, line.raw, f"the text is longer than {LONGEST_TEXT:,} characters")
            return
        lines = [text] if text else []
        self.open = Event(when, [line.number], [line.raw], lines, line.indent, self.zone, shape, notes)
        self.sorted.items.append(self.open)

    def _continue_or_reject(self, line: _Line) -> None:
        event = self.open
        if event is None:
            self._reject(line.number, line.raw, "no event before this line")
            return
        added = ["" for _ in range(min(self.gap, 1)) if event.text]
        added.append(
            line.clean.rstrip()[min(line.indent, event.indent) :] if self.fence_until >= 0 else line.clean.strip()
        )
        if event.length + sum(len(text) + 1 for text in added) > LONGEST_TEXT:
            reason = (
                f"the text of the event on line {event.numbers[0]} would be longer than {LONGEST_TEXT:,} characters"
            )
            self.sorted.rejected.append(RejectedLine(line.number, line.raw, reason))
            return
        event.text += added
        event.numbers.append(line.number)
        event.raw.append(line.raw)
        if line.clean != line.raw and not event.notes:
            event.notes.append("control characters were removed")

    def _day_heading(self, line: _Line, day: date, notes: tuple[str, ...]) -> None:
        self._heading(line, "; ".join((f"the lines below are of {day_in_words(day)}", *notes)))
        self.sorted.items.append(DayLine(day))

    def _heading(self, line: _Line, meaning: str) -> None:
        self.open = None
        self.sorted.headings.append(HeadingLine(line.number, line.raw, meaning))

    def _reject(self, number: int, raw: str, reason: str) -> None:
        self.open = None
        self.sorted.rejected.append(RejectedLine(number, raw, reason))


def _bare(number: int, raw: str) -> _Line:
    clean = _CONTROL.sub("", raw)
    indent = len(clean.expandtabs(4)) - len(clean.expandtabs(4).lstrip(" \u00a0"))
    body = clean.strip()
    quote = _QUOTE.match(body)
    body = body[quote.end() :] if quote else body
    hashes = _HASHES.match(body)
    body = body[hashes.end() :] if hashes else body
    bullet = _BULLET.match(body)
    body = body[bullet.end() :] if bullet else body
    return _Line(number, raw, clean, body.strip(), indent, is_bullet=bool(bullet), is_title=bool(hashes))


def _is_bulleted(raw: str) -> bool:
    return bool(_BULLET.match(raw.strip()))


def _fences(lines: list[str]) -> dict[int, int]:
    """The index of each line that opens a code fence, and of the one that closes it. One left open is none."""
    marks = [index for index, line in enumerate(lines) if len(line) <= LONGEST_LINE and _FENCE.match(line)]
    marks = [index for index in marks if lines[index].count("```") % 2 or "~~~" in lines[index]]
    return dict(zip(marks[::2], marks[1::2], strict=False))


def _is_header(cells: list[str]) -> bool:
    """Names of columns such as "Time (UTC)" and "What happened", and nothing else."""
    words = [word for cell in cells for word in _WORDS.findall(cell)]
    known = sum(word.casefold() in _HEADER_WORDS or named_zone(word) is not None for word in words)
    return len(cells) > 1 and 1 < len(words) <= 12 and known == len(words)


def _timed_row(cells: list[str], reading: Reading) -> tuple[When, str] | None:
    """The time of a row, which fills one cell or two beside each other (date, time), and the text of the others."""
    for index, cell in enumerate(cells):
        head = _whole_head(cell, reading)
        if head is None:
            continue
        following = cells[index + 1 :]
        when, used = head, 0
        if head.start is None and not head.is_open and following:
            clock = _whole_head(f"{cell} {following[0]}", reading) if following[0] else None
            when, used = (clock, 1) if clock else (head, 0)
        rest = [other for other in (*cells[:index], *following[used:]) if other]
        return when, " · ".join(rest)
    return None


def _whole_head(cell: str, reading: Reading) -> When | None:
    """The time that fills `cell` from end to end."""
    head = scan_head(cell, reading) if cell and len(cell) <= 80 else None
    return head.when if head and not head.rest else None


def _day_inside(text: str, reading: Reading) -> date | None:
    """The first date written with its year in a title."""
    for start in re.finditer(r"(?<![^\s(\[*])(?=[0-9A-Z])", text[:200]):
        try:
            found = scan_day(text, start.start(), near=reading.near, day_first=reading.day_first)
        except Misread:
            continue
        if found and found[0].is_firm:
            return found[0].day
    return None


def _zone_inside(text: str) -> WrittenZone | None:
    """The first zone named in a heading."""
    for found in _ZONE_WORD.finditer(text[:200]):
        zone = named_zone(found[0])
        if zone:
            offset = scan_zone(text, found.start(), minus_is_offset=True) if found[0] in {"UTC", "GMT"} else None
            return offset[0] if offset else zone
    return None


def _tail(body: str, reading: Reading) -> tuple[str, When, bool] | None:
    """What stands before a time at the end of `body`, that time, and whether it looks like a name in a chat."""
    begin = max(0, len(body) - TAIL)
    for start in _TAIL_START.finditer(body, begin):
        at = start.start()
        if at == 0:
            continue
        try:
            head = scan_head(body[at:], reading)
        except Misread:
            continue
        if head is None or not _TAIL_END.fullmatch(head.rest):
            continue
        return _accepted_tail(body[:at], head.when)
    return None


def _accepted_tail(before: str, when: When) -> tuple[str, When, bool] | None:
    link = _TAIL_LINK.search(before[-12:])
    mark = link[0].strip() if link else ""
    label = before[: len(before) - len(link[0] if link else "")].strip(" \t\u00a0*_`:–—-")
    if not label:
        return None
    if when.day and (when.start or when.is_open):
        return label, when, False
    if when.day:
        return (label, when, False) if ":" in mark else None
    is_name = bool(_CHAT_NAME.fullmatch(label)) and len(label.split()) <= 4
    has_room = before.endswith(("  ", "\t", "["))
    if is_name and when.start and (has_room or when.start.has_meridiem) and not when.zone:
        return label, when, True
    return (label, when, False) if mark.casefold().startswith(("at", "@")) or mark.endswith("[") else None
