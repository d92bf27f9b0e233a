"""How the coach reads a text: code, quotations and links are not the author's own words and are passed over.

What is passed over is replaced by a sign of the same length, so that every place stays where it is. Every pattern here
has a bounded length: a hostile text takes as long as any other of its size.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

HIDDEN = "\ufffc"
"""Stands for what is passed over; no letter, no digit, no space."""
TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
"""Lower case for what the word lists hold, letter by letter: no place moves."""
FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})")
PASSED_OVER = re.compile(
    r"``[^\n]{1,300}?``|`[^`\n]{1,300}`"
    r"|\{\{[^{}\n]{1,100}\}\}"
    r"|(?<=\])\([^()\s]{1,500}\)"
    r"|https?://[^\s)>\]]{1,500}"
    r"|“[^”\n]{1,200}”"
    r'|"[^"\n]{1,200}"'
)
FARTHEST = 300
"""Characters to either side that are looked at for what a place means, however long its sentence is."""
SENTENCE_END = re.compile(
    r"(?<![.!?…])[.!?…]{1,8}(?=[\s)\]”\"*_])|\n[ \t]{0,20}\n|\n(?=[ \t]{0,8}(?:[-*+#|>]|\d{1,3}[.)])[ \t])"
)
ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|no|mr|mrs|ms|dr|st|a\.m|p\.m))\.?\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Text:
    """A text with what is passed over hidden."""

    source: str
    plain: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "plain", _hide(self.source))

    @cached_property
    def tokens(self) -> list[tuple[int, int, str]]:
        """Every word with its place, in lower case and with straight apostrophes."""
        return [(*match.span(), match[0].replace("’", "'")) for match in TOKEN.finditer(self.plain.translate(LOWER))]

    @cached_property
    def index(self) -> dict[str, list[int]]:
        """By word, which tokens it is."""
        found: dict[str, list[int]] = {}
        for at, (_, _, word) in enumerate(self.tokens):
            found.setdefault(word, []).append(at)
        return found

    def sentences_with(self, wanted: frozenset[str]) -> list[tuple[int, int]]:
        """The sentences in which any of these words stands."""
        places = (self.tokens[at][0] for word in wanted & self.index.keys() for at in self.index[word])
        return sorted({self._sentence(place) for place in places})

    @cached_property
    def _ends(self) -> list[int]:
        return [
            match.end()
            for match in SENTENCE_END.finditer(self.plain)
            if not (match[0] == "." and ABBREVIATION.search(self.plain[max(0, match.start() - 8) : match.start()]))
        ]

    def sentence(self, at: int) -> tuple[int, int]:
        """Where the sentence around a place begins and ends, as far as it has to be looked at."""
        start, end = self._sentence(at)
        return max(start, at - FARTHEST), min(end, at + FARTHEST)

    def _sentence(self, at: int) -> tuple[int, int]:
        index = bisect_right(self._ends, at)
        start = self._ends[index - 1] if index else 0
        end = self._ends[index] if index < len(self._ends) else len(self.plain)
        return start, end

    @cached_property
    def sentences(self) -> list[tuple[int, int]]:
        edges = [0, *self._ends, len(self.plain)]
        return [(start, end) for start, end in pairwise(edges) if self.plain[start:end].strip()]


def _hide(source: str) -> str:
    return PASSED_OVER.sub(lambda match: HIDDEN * len(match[0]), _hide_lines(source))


def _hide_lines(source: str) -> str:
    """Fenced code and block quotes."""
    if "```" not in source and "~~~" not in source and ">" not in source:
        return source
    kept, fence = [], ""
    for line in source.split("\n"):
        mark = FENCE.match(line)
        is_hidden = bool(fence) or bool(mark) or line.lstrip(" ").startswith(">")
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence):
            fence = ""
        kept.append(HIDDEN * len(line) if is_hidden else line)
    return "\n".join(kept)


class Taken:
    """Stretches of a text that something was said about already."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def take(self, start: int, end: int) -> bool:
        """Take a stretch; False where a part of it is taken."""
        at = bisect_right(self._starts, start)
        if (at and self._ends[at - 1] > start) or (at < len(self._starts) and self._starts[at] < end):
            return False
        self._starts.insert(at, start)
        self._ends.insert(at, end)
        return True
