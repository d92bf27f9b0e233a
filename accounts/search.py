"""Searching everything a person may see: each app brings a source for its objects, and filters for its facts.

A source looks only at `visible_to(user)`, so that neither a result nor a highlight nor a number betrays what is hidden.
To stay quick among 100,000 documents it ranks the newest matches rather than all, and highlights only what is shown.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from django import forms
from django.contrib.postgres.search import CombinedSearchQuery, SearchHeadline, SearchQuery, SearchRank
from django.db import models
from django.db.models import F, Max, QuerySet
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from accounts.models import User

M = TypeVar("M", bound=models.Model)
CONFIG = "english"
LONGEST_TEXT = 200
RANKED = 300
"""So many of the newest matches of each kind are put in order; beyond, people narrow their search."""
NEWEST_SHARE = 20
"""Among one in so many, the newest, a common word is found `RANKED` times; any other stands in 6,000 rows or so."""
_MARK = ("\ue000", "\ue001")
_MARKED = re.compile("\ue000(.*?)\ue001", re.DOTALL)
_MARKDOWN = re.compile(r"\]\([^)\s]*\)|\{\{|\}\}|[*`#|>\[]+|_{2,}|-{3,}")
_REFERENCE = re.compile(r"\s*(?P<letters>[a-z]{2,4})[\s-]?(?P<number>[0-9]{1,9})\s*\Z", re.IGNORECASE)
_LAST_WORD = re.compile(r"([^\W_]+)\Z")


@dataclass(frozen=True)
class Wanted:
    """What somebody looks for. `facts` are the chosen filters by name, as `filters` below cleaned them."""

    text: str = ""
    kind: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not self.text.strip() and not self.kind and not self.facts

    @property
    def query(self) -> SearchQuery | CombinedSearchQuery:
        """Every word, the last one as the beginning of a word: people are still typing it."""
        whole = SearchQuery(self.text, search_type="websearch", config=CONFIG)
        last = _LAST_WORD.search(self.text)
        if not last or '"' in self.text:
            return whole
        begun: SearchQuery | CombinedSearchQuery
        begun = SearchQuery(f"{last[1]}:*", search_type="raw", config=CONFIG)
        before = self.text[: last.start()]
        if before.strip():
            begun = SearchQuery(before, search_type="websearch", config=CONFIG) & begun
        return whole | begun


@dataclass(frozen=True)
class Hit:
    """One result: where it leads, and why it was found, as safe HTML with the words marked."""

    kind: str
    reference: str
    url: str
    title: SafeString
    excerpt: SafeString
    rank: float
    at: datetime | None
    facts: list[str]
    obj: models.Model


class Source(ABC):
    """Searches the objects of one kind."""

    kind: ClassVar[str]
    label: ClassVar[str]
    """The plural, as a heading."""
    icon: ClassVar[str]
    letters: ClassVar[str]
    """What its references begin with: INC in INC-12."""
    facts: ClassVar[Mapping[str, str]]
    """The filters it knows, and the lookup of each; asked for another, it finds nothing."""
    title: ClassVar[str] = "title"

    @abstractmethod
    def visible(self, user: User) -> QuerySet[Any]:
        """All rows `user` may see."""

    @abstractmethod
    def joined(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """`rows` with what `described` reads, and with the words to highlight as `words`."""

    @abstractmethod
    def described(self, row: Any) -> tuple[datetime | None, list[str]]:
        """When it was, and a few facts to tell it from others."""

    def search(self, user: User, wanted: Wanted, *, size: int) -> list[Hit]:
        """The best `size` results among the newest matches, the best first."""
        if wanted.facts.keys() - self.facts.keys():
            return []
        rows = self.visible(user).filter(**{self.facts[name]: value for name, value in wanted.facts.items()})
        if not wanted.text.strip():
            newest = list(rows.order_by("-pk").values_list("pk", flat=True).distinct()[:size])
            return [
                self._hit(row, 0.0) for row in self.joined(self.visible(user).filter(pk__in=newest)).order_by("-pk")
            ]
        ranks = self._ranks(rows, wanted, size)
        found = self.joined(self.visible(user).filter(pk__in=ranks)).annotate(
            marked_title=_marked(F(self.title), wanted, highlight_all=True),
            marked_words=_marked(F("words"), wanted, max_words=34, min_words=16, max_fragments=1),
        )
        return sorted((self._hit(row, ranks[row.pk]) for row in found), key=lambda hit: (-hit.rank, -hit.obj.pk))

    def named(self, user: User, text: str) -> list[Hit]:
        """The one object that `text` names: "INC-12", "pm 3"."""
        match = _REFERENCE.match(text)
        if not match or match["letters"].upper() != self.letters:
            return []
        return [self._hit(row, 10.0) for row in self.joined(self.visible(user).filter(pk=int(match["number"])))]

    def _ranks(self, rows: QuerySet[Any], wanted: Wanted, size: int) -> dict[int, float]:
        manager = rows.model._default_manager
        ranked = manager.filter(pk__in=self._newest(rows.filter(search=wanted.query))).annotate(
            rank=SearchRank(F("search"), wanted.query, cover_density=True)
        )
        return dict(ranked.order_by("-rank", "-pk").values_list("pk", "rank")[:size])

    def _newest(self, matches: QuerySet[Any]) -> list[int]:
        """The newest `RANKED` of `matches`.

        Postgres cannot know how rare the beginning of a word is: it takes one row in forty to have it, and would walk
        through all of them for what none has. So only the newest are walked through; all are sought by the index.
        """
        last = matches.model._default_manager.aggregate(last=Max("pk"))["last"] or 0
        near = matches.filter(pk__gt=last - last // NEWEST_SHARE).order_by("-pk").values_list("pk", flat=True)
        found = list(near.distinct()[:RANKED])
        if len(found) < RANKED:
            by_index = matches.annotate(age=-F("pk")).order_by("age").values_list("pk", "age")
            found = [pk for pk, _ in by_index.distinct()[:RANKED]]
        return found

    def _hit(self, row: Any, rank: float) -> Hit:
        at, facts = self.described(row)
        return Hit(
            kind=self.kind,
            reference=row.reference,
            url=row.get_absolute_url(),
            title=marked_html(getattr(row, "marked_title", None) or getattr(row, self.title)),
            excerpt=marked_html(_MARKDOWN.sub(" ", getattr(row, "marked_words", None) or row.words or "")[:400]),
            rank=rank,
            at=at,
            facts=facts,
            obj=row,
        )


def _marked(words: Any, wanted: Wanted, **options: Any) -> SearchHeadline:
    start, stop = _MARK
    return SearchHeadline(words, wanted.query, config=CONFIG, start_sel=start, stop_sel=stop, **options)


def marked_html(text: str) -> SafeString:
    """`text` as HTML, with <mark> where the database marked a word; marks that people wrote are dropped."""
    html = _MARKED.sub(r"<mark>\1</mark>", escape(text))
    return mark_safe(html.replace(_MARK[0], "").replace(_MARK[1], ""))  # noqa: S308 - escaped above


# -- The registry ------------------------------------------------------------------------------------------------------

_sources: dict[str, Source] = {}
_filters: dict[str, Callable[[], forms.Field]] = {}


def register(source: Source) -> None:
    """Let `source` answer searches; called once at start."""
    _sources[source.kind] = source


def register_filter(name: str, make: Callable[[], forms.Field]) -> None:
    """Offer a filter on the search page; sources name it in `facts`. Called once at start."""
    _filters[name] = make


def sources() -> list[Source]:
    return list(_sources.values())


def filters() -> dict[str, forms.Field]:
    """The filters as form fields, in the order in which the apps registered them."""
    return {name: make() for name, make in _filters.items()}


def search(user: User, wanted: Wanted, *, size: int) -> list[Hit]:
    """The best `size` results of all kinds, the best first: what is named by its reference comes before all."""
    hits: dict[str, Hit] = {}
    for source in sources():
        if wanted.kind in {"", source.kind}:
            named = source.named(user, wanted.text) if not wanted.facts else []
            hits.update({hit.reference: hit for hit in [*source.search(user, wanted, size=size), *named]})
    return sorted(hits.values(), key=lambda hit: -hit.rank)[:size]
