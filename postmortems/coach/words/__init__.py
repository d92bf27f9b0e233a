"""The word lists, read once, and the patterns made of them.

A phrase matches whole words, one or two spaces or line ends between them, and either apostrophe; nothing in a pattern
repeats without a bound, so every pattern takes time in proportion to the text.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from postmortems.coach.text import Text


@cache
def words(language: str = "en") -> dict[str, Any]:
    """The lists of a language."""
    return tomllib.loads((Path(__file__).parent / f"{language}.toml").read_text(encoding="utf-8"))


def any_of(phrases: Iterable[str]) -> str:
    """The source of a pattern that matches any of the phrases, the longest first."""
    ordered = sorted(set(phrases), key=lambda phrase: (-len(phrase), phrase))
    return "(?:" + "|".join(_one(phrase) for phrase in ordered) + ")"


def whole(phrases: Iterable[str]) -> re.Pattern[str]:
    """A pattern that matches any of the phrases as whole words, in any case."""
    return re.compile(rf"(?<![\w-]){any_of(phrases)}(?![\w-])", re.IGNORECASE)


class Phrases:
    """Phrases looked up word by word: it takes no longer for a thousand of them than for one."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self.by_first: dict[str, list[tuple[str, ...]]] = {}
        for phrase in sorted(set(phrases), key=lambda each: -len(each)):
            parts = tuple(phrase.lower().split())
            self.by_first.setdefault(parts[0], []).append(parts)

    def find(self, text: Text) -> Iterator[tuple[int, int]]:
        """Where any of them stands, in order; of those that begin at one place, the longest."""
        firsts = self.by_first.keys() & text.index.keys()
        for at in sorted(place for first in firsts for place in text.index[first]):
            start, _, first = text.tokens[at]
            for parts in self.by_first[first]:
                if (end := _end_of(text, at, parts)) is not None:
                    yield start, end
                    break


def _end_of(text: Text, at: int, parts: tuple[str, ...]) -> int | None:
    """Where the phrase ends that begins at token `at`; None where it does not stand there."""
    tokens = text.tokens[at : at + len(parts)]
    if tuple(word for _, _, word in tokens) != parts:
        return None
    gaps = (text.plain[before[1] : after[0]] for before, after in pairwise(tokens))
    is_close = all(len(gap) <= 2 and not gap.strip(" \n") for gap in gaps)
    return tokens[-1][1] if is_close else None


def _one(phrase: str) -> str:
    return r"[ \n]{1,2}".join(re.escape(word).replace("'", "['’]") for word in phrase.split())


@cache
def person() -> str:
    """The source of a pattern for somebody who does something: a role, a pronoun, a given name, with where they are."""
    lists = words()["people"]
    who = any_of([*lists["roles"], *lists["pronouns"], *lists["names"]])
    where = r"(?:[ ](?:on|at|in|from|of)[ ](?:the[ ])?[\w-]{2,20}(?:[ ](?:team|shift|side))?)?"
    return rf"(?<![\w-]){who}{where}"
