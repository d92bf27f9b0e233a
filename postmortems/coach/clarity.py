"""What makes a text hard to read for somebody from outside: long sentences, unexplained letters, pictures without "
"words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from postmortems.coach.finding import Finding, Rule, Severity, found, lacking
from postmortems.coach.text import HIDDEN, Text
from postmortems.coach.words import words

ACRONYM = Rule(
    id="unexplained-acronym",
    family="Clarity",
    title="Letters that are not explained",
    severity=Severity.COULD,
    what="Readers from another team may not know these letters.",
    why="A post-mortem is read by people who were not there, often years later. Each abbreviation that has to be "
    "looked up "
    "loses some of them.",
    ask="Write it out once, “Identity Access Broker (IAB)”, or add it to the glossary.",
    bad=("The IAB rejected all tokens.",),
    good=("The Identity Access Broker (IAB) rejected all tokens.",),
)
SENTENCE = Rule(
    id="long-sentence",
    family="Clarity",
    title="A sentence that goes on",
    severity=Severity.COULD,
    what="This sentence is longer than most people can hold.",
    why="Who reads at night, in a second language, or on a phone loses the beginning of a sentence of forty words "
    "before its "
    "end.",
    ask="Where could it be two?",
    bad=("(a sentence of 55 words)",),
    good=("(two sentences of 20 words)",),
)
LENGTH = Rule(
    id="long-document",
    family="Clarity",
    title="A long document",
    severity=Severity.COULD,
    what="This is longer than four pages.",
    why="Two to four pages are read to the end. What is longer is kept for the record, and the lessons go unread.",
    ask="What could go into an attachment, or be told in half?",
    bad=("(3,400 words)",),
    good=("(1,200 words, and the logs as an attachment)",),
)
PICTURE = Rule(
    id="picture-without-words",
    family="Graphs",
    title="A picture that explains nothing",
    severity=Severity.SHOULD,
    what="Nothing says what this picture shows.",
    why="A graph without a sentence lets every reader see something else, and who cannot see it gets nothing at all.",
    ask="What is the reader meant to see, in which unit and which time zone?",
    bad=("![](/files/graph.png)",),
    good=("![Errors a minute rose from 3 to 900 at 14:02 UTC](/files/graph.png)",),
)
RULES = (ACRONYM, SENTENCE, LENGTH, PICTURE)

LETTERS = re.compile(r"(?<![\w$#/&@.\-])[A-Z][A-Z0-9]{2,5}s?(?![\w/@]|-[A-Z0-9]|\.\w)")
SHOUT = 0.6
WORD = re.compile(r"[^\W\d_][\w'’-]{0,40}")
IMAGE = re.compile(r"!\[(?P<words>[^\]\n]{0,300})\]\(")
NOTHING = re.compile(
    r"(?:image|img|screenshot|screen shot|graph|picture|pasted|photo|untitled)?[\s\d_.:-]{0,40}(?:png|jpe?g|webp|"
    r"gif)?\Z",
    re.IGNORECASE,
)


@cache
def _known() -> frozenset[str]:
    return frozenset(words()["clarity"]["known"])


def check_acronyms(text: Text, explained: Mapping[str, object] | frozenset[str] = frozenset()) -> Iterator[Finding]:
    """Each unknown acronym where it stands first, unless it is explained in the text or in `explained`."""
    seen = {word.upper() for word in explained}
    for match in LETTERS.finditer(text.plain):
        letters = match[0].removesuffix("s")
        if (
            letters in seen
            or letters in _known()
            or match[0].upper() in _known()
            or letters.rstrip("0123456789") in _known()
        ):
            continue
        if _is_shouted(text, match) or letters.upper() in {"INC", "PM", "ACT"}:
            continue
        seen.add(letters)
        if not _is_explained(text.plain, letters):
            yield found(ACRONYM, text.source, *match.span())


def _is_shouted(text: Text, match: re.Match[str]) -> bool:
    """Within a line of capitals nothing is an acronym."""
    start = text.plain.rfind("\n", 0, match.start()) + 1
    end = text.plain.find("\n", match.end())
    near = text.plain[max(start, match.start() - 60) : min(end if end >= 0 else len(text.plain), match.end() + 60)]
    letters = [each for each in near if each.isalpha()]
    return sum(each.isupper() for each in letters) > SHOUT * len(letters) > 4


def _is_explained(plain: str, letters: str) -> bool:
    """“Identity Access Broker (IAB)”, “IAB (Identity Access Broker)”, “IAB, the …”, “IAB: …”, “IAB stands for”."""
    forms = (
        f"({letters})",
        f"({letters}s)",
        f"{letters} (",
        f"{letters}, the ",
        f"{letters}, our ",
        f"{letters}, a ",
        f"**{letters}**:",
        f"| {letters} |",
        f"{letters} stands for",
        f"{letters} is the ",
        f"{letters} is our ",
        f"{letters} is a ",
        f"{letters}: ",
        f"{letters} means ",
    )
    return any(form in plain for form in forms)


def check_sentences(text: Text) -> Iterator[Finding]:
    """Sentences of more words than most people hold; tables, lists of names and code are none."""
    longest = int(words()["clarity"]["longest_words"])
    for start, end in text.sentences:
        if end - start < longest * 3:
            continue
        sentence = text.plain[start:end]
        if "|" in sentence or sentence.count("\n- ") or sentence.count(HIDDEN) > (end - start) / 2:
            continue
        if len(WORD.findall(sentence)) > longest:
            lead = len(sentence) - len(sentence.lstrip())
            yield found(
                SENTENCE,
                text.source,
                start + lead,
                start + len(sentence.rstrip()),
                what=f"This sentence has {len(WORD.findall(sentence))} words.",
            )


def check_pictures(text: Text) -> Iterator[Finding]:
    """Pictures without words of their own."""
    for match in IMAGE.finditer(text.source):
        is_code = text.plain[match.start()] == HIDDEN
        if not is_code and NOTHING.match(match["words"].strip()):
            yield found(PICTURE, text.source, match.start(), match.end() - 1)


def check_length(count: int) -> Iterator[Finding]:
    """`count`: words of all sections."""
    if count > int(words()["clarity"]["longest_document"]):
        yield lacking(LENGTH, what=f"{count:,} words: longer than four pages.", place="document")


def count_words(source: str) -> int:
    return sum(1 for _ in WORD.finditer(source))


def check(text: Text) -> Iterator[Finding]:
    """All that one text can show by itself, but for acronyms."""
    yield from check_sentences(text)
    yield from check_pictures(text)
