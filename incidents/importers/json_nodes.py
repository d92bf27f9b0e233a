"""JSON that remembers its lines: the standard library forgets where a value stood, a fault must name it.

Strict as RFC 8259, with the limits a pasted or uploaded file deserves: nesting, length of a number, duplicate names.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field
from json import JSONDecodeError, JSONDecoder

DEEPEST = 20
LONGEST_NUMBER = 30

_STRINGS = JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_CONSTANTS: tuple[tuple[str, bool | None], ...] = (("true", True), ("false", False), ("null", None))


@dataclass(frozen=True)
class Node:
    """A value and the line (from 1) on which it starts; `duplicates` are names an object gave again, with lines."""

    value: dict[str, Node] | list[Node] | str | int | float | bool | None
    line: int
    duplicates: tuple[tuple[str, int], ...] = ()


def parse(text: str) -> Node:
    """The document in `text`. Raises `json.JSONDecodeError`, with line and column, where it is not JSON."""
    return _Parser(text).document()


@dataclass
class _Parser:
    text: str
    at: int = 0
    depth: int = 0
    line_ends: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.line_ends = [found.start() for found in re.finditer("\n", self.text)]

    def document(self) -> Node:
        node = self._value()
        self._skip_space()
        if self.at != len(self.text):
            raise self._error("Nothing may follow the end of the document")
        return node

    def _error(self, message: str, at: int | None = None) -> JSONDecodeError:
        return JSONDecodeError(message, self.text, self.at if at is None else at)

    def _line(self) -> int:
        return bisect_left(self.line_ends, self.at) + 1

    def _skip_space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def _peek(self) -> str:
        self._skip_space()
        return self.text[self.at : self.at + 1]

    def _value(self) -> Node:
        first, line = self._peek(), self._line()
        if first == "{":
            return self._object(line)
        if first == "[":
            return Node(self._array(), line)
        if first == '"':
            return Node(self._string(), line)
        return Node(self._number_or_constant(), line)

    def _string(self) -> str:
        value, self.at = _STRINGS.raw_decode(self.text, self.at)
        return str(value)

    def _number_or_constant(self) -> int | float | bool | None:
        for word, constant in _CONSTANTS:
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return constant
        found = _NUMBER.match(self.text, self.at)
        if not found:
            raise self._error("A value is expected here")
        if len(found[0]) > LONGEST_NUMBER:
            raise self._error(f"A number of more than {LONGEST_NUMBER} characters")
        self.at = found.end()
        return float(found[0]) if found[2] or found[3] else int(found[0])

    def _descend(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._error(f"Nested deeper than {DEEPEST} levels")
        self.at += 1

    def _ascend(self) -> None:
        self.depth -= 1
        self.at += 1

    def _array(self) -> list[Node]:
        items: list[Node] = []
        self._descend()
        if self._peek() != "]":
            items.append(self._value())
            while self._peek() == ",":
                self.at += 1
                items.append(self._value())
        if self._peek() != "]":
            raise self._error("“,” or “]” is expected here")
        self._ascend()
        return items

    def _object(self, line: int) -> Node:
        fields: dict[str, Node] = {}
        duplicates: list[tuple[str, int]] = []
        self._descend()
        if self._peek() != "}":
            self._pair(fields, duplicates)
            while self._peek() == ",":
                self.at += 1
                self._pair(fields, duplicates)
        if self._peek() != "}":
            raise self._error("“,” or “}” is expected here")
        self._ascend()
        return Node(fields, line, tuple(duplicates))

    def _pair(self, fields: dict[str, Node], duplicates: list[tuple[str, int]]) -> None:
        if self._peek() != '"':
            raise self._error("A name in double quotes is expected here")
        line = self._line()
        name = self._string()
        if self._peek() != ":":
            raise self._error("“:” is expected here")
        self.at += 1
        node = self._value()
        if name in fields:
            duplicates.append((name, line))
        else:
            fields[name] = node
