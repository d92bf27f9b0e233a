"""The word lists, read once, and the patterns made of them.

A phrase matches whole words, one space or line end between them, and either apostrophe; nothing in a pattern repeats
without a bound, so every pattern takes time in proportion to the text.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any


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


def _one(phrase: str) -> str:
    return r"[ \n]".join(re.escape(word).replace("'", "['’]") for word in phrase.split())


@cache
def person() -> str:
    """The source of a pattern for somebody who does something: a role, a pronoun, a given name, with where they are."""
    lists = words()["people"]
    who = any_of([*lists["roles"], *lists["pronouns"], *lists["names"]])
    return rf"(?<![\w-]){who}(?:[ ](?:on|at|in|from|of)[ ](?:the[ ])?[\w-]{{2,20}}(?:[ ]{any_of(['team', 'shift', 'side'])})?)?"
