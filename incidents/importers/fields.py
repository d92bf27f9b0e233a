"""Reads the fields of JSON objects and gathers what is wrong with them, so that one look names every fault.

A reader that meets a fault notes it and answers with an empty value of the right type; whoever reads on never sees it,
because the file is refused as a whole at the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from difflib import get_close_matches
from typing import TypeVar
from zoneinfo import ZoneInfo

from incidents.importers.faults import Faults
from incidents.importers.json_nodes import Node
from incidents.importers.moments import Moment, UnreadableMoment, read_day, read_loose_moment, read_moment

T = TypeVar("T")

Check = Callable[[str], str]
"""Says in words what is wrong with a text; "" when nothing is."""

MOST_HINTS = 20

NOWHEN = Moment(datetime.min.replace(tzinfo=ZoneInfo("UTC")), "exact", "")
"""Stands for a moment that could not be read."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0d-\x1f\x7f-\x9f]")
_CONTROL_OR_BREAK = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


class Fields:
    """The fields of one JSON object. Each read makes a name known; `close()` faults the names nobody asked for."""

    def __init__(self, node: Node, path: str, faults: Faults) -> None:
        self.path, self.line, self._faults = path, node.line, faults
        self._nodes: dict[str, Node] = node.value if isinstance(node.value, dict) else {}
        self._asked: set[str] = set()
        self._is_object = isinstance(node.value, dict)
        if not self._is_object:
            faults.add(path, node.line, f"an object {{…}} is expected here, not {_kind(node)}")
        for name, line in node.duplicates:
            faults.add(self.path_of(name), line, "this field is given twice in the same object")

    def path_of(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def line_of(self, name: str) -> int:
        node = self._nodes.get(name)
        return node.line if node else self.line

    def fault(self, name: str, message: str) -> None:
        """Note that field `name` is wrong."""
        self._faults.add(self.path_of(name), self.line_of(name), message)

    def close(self) -> None:
        """Note every field that nobody asked for; the first few with the name they are closest to."""
        unknown = [name for name in self._nodes if name not in self._asked]
        for index, name in enumerate(unknown):
            hint = self._hint(name) if index < MOST_HINTS else ""
            self._faults.add(self.path, self._nodes[name].line, f"unknown field “{_shown(name)}”{hint}")

    def _hint(self, name: str) -> str:
        close = get_close_matches(name[:60], self._asked - self._nodes.keys(), n=1)
        return f"; did you mean “{close[0]}”?" if close else ""

    def text(
        self, name: str, *, most: int, required: bool = False, lines: bool = False, check: Check | None = None
    ) -> str:
        """Text of at most `most` characters, several lines only where `lines`; "" when left out."""
        node = self._node(name, required=required)
        return self._text(node, self.path_of(name), most=most, lines=lines, check=check) if node else ""

    def texts(
        self, name: str, *, most: int, longest: int, required: bool = False, check: Check | None = None
    ) -> tuple[str, ...]:
        """A list of at most `most` texts of at most `longest` characters each."""
        return tuple(
            self._text(node, path, most=longest, lines=False, check=check)
            for node, path in self._items(name, most=most, required=required)
        )

    def mapping(self, name: str, *, most: int, longest: int) -> Mapping[str, str]:
        """An object of names and texts, as a glossary; {} when left out."""
        node = self._node(name, required=False)
        if node is None:
            return {}
        inner = Fields(node, self.path_of(name), self._faults)
        if len(inner._nodes) > most:
            self.fault(name, f"at most {most} entries")
        return {
            key: inner.text(key, most=longest, required=True)
            for key in list(inner._nodes)[:most]
            if inner._key_fits(key)
        }

    def choice(self, name: str, choices: Mapping[str, T], default: T, *, required: bool = False) -> T:
        """What `choices` has for the text of this field; `default` when left out."""
        node = self._node(name, required=required)
        if node is None:
            return default
        if isinstance(node.value, str) and node.value in choices:
            return choices[node.value]
        known = ", ".join(choices)
        given = f"“{_shown(node.value)}”" if isinstance(node.value, str) else _kind(node)
        self.fault(name, f"{given} is not one of {known}")
        return default

    def flag(self, name: str) -> bool | None:
        """true or false; None when left out."""
        node = self._node(name, required=False)
        if node is None:
            return None
        if isinstance(node.value, bool):
            return node.value
        self.fault(name, f"true or false is expected here, not {_kind(node)}")
        return None

    def number(self, name: str, *, least: int, most: int) -> int | None:
        """A whole number from `least` to `most`; None when left out."""
        node = self._node(name, required=False)
        if node is None:
            return None
        if not isinstance(node.value, int) or isinstance(node.value, bool):
            self.fault(name, f"a whole number is expected here, not {_kind(node)}")
        elif most < least:
            self.fault(name, "there is nothing this number could point to")
        elif not least <= node.value <= most:
            self.fault(name, f"{node.value} lies outside {least} to {most}")
        else:
            return node.value
        return None

    def moment(self, name: str, *, required: bool = False) -> datetime | None:
        """A date, time and offset; None when left out."""
        return self._read(name, read_moment, required=required)

    def loose_moment(self, name: str, zone: ZoneInfo, *, required: bool = False) -> Moment | None:
        """A moment that may be known as a day or a month only; None when left out."""
        return self._read(name, lambda text: read_loose_moment(text, zone=zone), required=required)

    def day(self, name: str) -> date | None:
        """A day; None when left out."""
        return self._read(name, read_day, required=False)

    def object(self, name: str, *, required: bool = False) -> Fields | None:
        """The object in this field, to be read and closed by the caller."""
        node = self._node(name, required=required)
        return Fields(node, self.path_of(name), self._faults) if node else None

    def objects(self, name: str, *, most: int, required: bool = False) -> Iterator[Fields]:
        """The objects in this list, each to be read and closed by the caller."""
        for node, path in self._items(name, most=most, required=required):
            yield Fields(node, path, self._faults)

    def _node(self, name: str, *, required: bool) -> Node | None:
        self._asked.add(name)
        node = self._nodes.get(name)
        if node is None and required and self._is_object:
            self._faults.add(self.path_of(name), self.line, "this required field is missing")
        return node

    def _items(self, name: str, *, most: int, required: bool) -> Sequence[tuple[Node, str]]:
        node = self._node(name, required=required)
        if node is None:
            return ()
        if not isinstance(node.value, list):
            self.fault(name, f"a list […] is expected here, not {_kind(node)}")
            return ()
        if len(node.value) > most:
            self.fault(name, f"at most {most} entries, and there are {len(node.value)}")
        return [(item, f"{self.path_of(name)}[{index}]") for index, item in enumerate(node.value[:most])]

    def _text(self, node: Node, path: str, *, most: int, lines: bool, check: Check | None) -> str:
        if not isinstance(node.value, str):
            self._faults.add(path, node.line, f"text is expected here, not {_kind(node)}")
            return ""
        text = node.value.replace("\r\n", "\n").strip() if lines else node.value.strip()
        message = _text_fault(text, most=most, lines=lines) or (check(text) if check else "")
        if message:
            self._faults.add(path, node.line, message)
        return "" if message else text

    def _key_fits(self, key: str) -> bool:
        message = _text_fault(key, most=120, lines=False)
        if message:
            self._faults.add(self.path, self._nodes[key].line, f"the name “{_shown(key)}”: {message}")
        return not message

    def _read(self, name: str, read: Callable[[str], T], *, required: bool) -> T | None:
        node = self._node(name, required=required)
        if node is None:
            return None
        if not isinstance(node.value, str):
            self.fault(name, f"a date is expected here as text, not {_kind(node)}")
            return None
        try:
            return read(node.value)
        except UnreadableMoment as error:
            self.fault(name, f"“{_shown(node.value)}”: {error}")
            return None


def _text_fault(text: str, *, most: int, lines: bool) -> str:
    if not text:
        return "this text is empty"
    if len(text) > most:
        return f"at most {most} characters, and there are {len(text)}"
    found = (_CONTROL if lines else _CONTROL_OR_BREAK).search(text)
    if found:
        return f"the control character U+{ord(found[0]):04X} cannot stand in this text"
    return "half of a surrogate pair cannot stand in text" if _SURROGATE.search(text) else ""


def _kind(node: Node) -> str:
    if node.value is None:
        return "null (leave the field out when it is not known)"
    if isinstance(node.value, bool):
        return "true or false"
    names = {dict: "an object", list: "a list", str: "text", int: "a number", float: "a number"}
    return names[type(node.value)]


def _shown(text: str) -> str:
    """`text` short and harmless enough for a message."""
    short = text if len(text) <= 40 else f"{text[:39]}…"
    return "".join(c if c.isprintable() else "\ufffd" for c in short)
