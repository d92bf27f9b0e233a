"""The word lists, read once. A phrase matches whole words, any spaces between them, and either apostrophe."""

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


def pattern_of(phrases: Iterable[str]) -> str:
    """A pattern that matches any of the phrases, the longest first; without repetition inside, so it is linear."""
    ordered = sorted(set(phrases), key=lambda phrase: (-len(phrase), phrase))
    return "|".join(_one(phrase) for phrase in ordered)


def _one(phrase: str) -> str:
    return r"[ \n]".join(re.escape(word).replace("'", "['’]") for word in phrase.split())
