"""What in a text for the public points inside: people, addresses, host names, tickets, facts of what is restricted."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import pairwise
from urllib.parse import urlsplit

from django.conf import settings

from accounts.models import User
from postmortems.models import Postmortem

LINK = re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://[^\s<>()\[\]\"'`]{1,500}", re.IGNORECASE)
MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
HOST = re.compile(
    r"\b(?:[a-z0-9][a-z0-9-]{0,62}\.){1,8}(?:local|internal|intranet|intra|corp|lan|svc|home|private|test|localdomain)\b",
    re.IGNORECASE,
)
ADDRESS = re.compile(
    r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])|(?<![\w:])(?:[0-9a-f]{1,4}:){2,7}[0-9a-f]{1,4}(?![\w:])", re.I
)
TICKET = re.compile(r"\b[A-Z][A-Z0-9]{1,9}-\d{1,7}\b")
NO_TICKETS = re.compile(r"(?:UTF|SHA|ISO|RFC|HTTP|TLS|SSL|MD|AES|UTC|GMT|COVID|SEV|IPV|CVE|ECMA|IEC|RSA)-\d+")
FILE = re.compile(r"\(/files/[^)\s]{1,300}\)|\]\(attachment:[^)\s]{1,300}\)")
REFERENCE = re.compile(r"\{\{[^{}\n]{1,120}\}\}|\[\[[^\[\]\n]{1,120}\]\]")
SHORTEST_NAME = 3
WORD = re.compile(r"\w+")
LARGEST_GAP = 3


@dataclass(frozen=True)
class Leak:
    """Some words, and why they should not be public."""

    quote: str
    what: str


_hosts: list[Callable[[], Iterable[str]]] = []


def register_hosts(hosts: Callable[[], Iterable[str]]) -> None:
    """Know further hosts that are inside: the tracker's, say. Called once at start."""
    _hosts.append(hosts)


def leaks_in(text: str, postmortem: Postmortem) -> list[Leak]:
    """Everything in `text` that points inside and was not allowed, in the order of the text, each quote once."""
    allowed = {words.quote.casefold() for words in postmortem.allowed_words.all()}
    found: dict[str, tuple[int, Leak]] = {}
    for at, leak in _all(text, postmortem):
        key = leak.quote.casefold()
        if key not in allowed and (key not in found or at < found[key][0]):
            found[key] = (at, leak)
    return [leak for _, leak in sorted(found.values(), key=lambda pair: pair[0])]


def _all(text: str, postmortem: Postmortem) -> Iterable[tuple[int, Leak]]:
    yield from _links(text)
    yield from _matches(text, MAIL, "an address of mail")
    yield from _matches(text, HOST, "a host name of inside")
    yield from (
        (at, leak) for at, leak in _matches(text, ADDRESS, "an address of a machine") if _is_address(leak.quote)
    )
    yield from (
        (at, leak) for at, leak in _matches(text, TICKET, "the key of a ticket") if not NO_TICKETS.fullmatch(leak.quote)
    )
    yield from _matches(text, FILE, "a file that only people inside can open")
    yield from _matches(text, REFERENCE, "a reference into the document")
    yield from _words(text, _names(postmortem), "the name of a person")
    if postmortem.is_restricted:
        yield from _words(text, _restricted_facts(postmortem), "a fact of a restricted post-mortem")


def _matches(text: str, pattern: re.Pattern[str], what: str) -> Iterable[tuple[int, Leak]]:
    return ((match.start(), Leak(match[0], what)) for match in pattern.finditer(text))


def _links(text: str) -> Iterable[tuple[int, Leak]]:
    inside = {host.lower() for hosts in _hosts for host in hosts()} | {urlsplit(settings.BASE_URL).hostname or ""}
    for match in LINK.finditer(text):
        link = match[0].rstrip(".,;:!?")
        try:
            parts = urlsplit(link)
            host = (parts.hostname or "").lower()
        except ValueError:
            yield match.start(), Leak(link, "a link that nobody can follow")
            continue
        is_inside = host in inside or "." not in host or HOST.fullmatch(host) or _is_address(host)
        if is_inside or parts.scheme.lower() not in {"http", "https"}:
            yield match.start(), Leak(link, "a link that leads inside")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _names(postmortem: Postmortem) -> list[str]:
    """Everybody's whole name; of those who had a part, each word of it too."""
    incident = postmortem.incident
    parts = [
        postmortem.owner,
        *postmortem.people.all(),
        *incident.responders.all(),
        *filter(None, [incident.commander]),
    ]
    words = [word for person in parts for word in person.display_name.split() if len(word) >= SHORTEST_NAME]
    return [*User.objects.values_list("display_name", flat=True), *words]


def _restricted_facts(postmortem: Postmortem) -> list[str]:
    incident = postmortem.incident
    figures = incident.figures.values_list("label", "value")
    return [incident.title, postmortem.title, *(text for pair in figures for text in pair if len(text) > SHORTEST_NAME)]


def _words(text: str, wanted: Iterable[str], what: str) -> Iterable[tuple[int, Leak]]:
    """Places where any of `wanted` stands, word by word, whatever stands between the words of it."""
    begins: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
    for name in wanted:
        words = tuple(WORD.findall(name.casefold()))
        if words:
            begins[words[0]].add(words)
    found = [(match.start(), match.end(), match[0].casefold()) for match in WORD.finditer(text)]
    at = 0
    while at < len(found):
        start, _, first = found[at]
        fitting = [words for words in begins.get(first, ()) if _stands(words, text, found[at : at + len(words)])]
        longest = max(map(len, fitting), default=0)
        if longest:
            yield start, Leak(text[start : found[at + longest - 1][1]], what)
        at += longest or 1


def _stands(words: tuple[str, ...], text: str, here: list[tuple[int, int, str]]) -> bool:
    return tuple(word for _, _, word in here) == words and _is_one_phrase(text, here)


def _is_one_phrase(text: str, here: list[tuple[int, int, str]]) -> bool:
    """Whether no more than a little stands between the words: not the end of a paragraph, say."""
    gaps = (text[before[1] : after[0]] for before, after in pairwise(here))
    return all(len(gap) <= LARGEST_GAP and "\n\n" not in gap for gap in gaps)
