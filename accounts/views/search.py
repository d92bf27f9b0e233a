"""The search page, its results as one types, and the quick search."""

from __future__ import annotations

from itertools import groupby

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts import search as engine
from accounts.access import Request, signed_in
from accounts.forms import SearchForm
from accounts.search import Hit, Wanted

SHOWN = 30
MOST_SHOWN = 240
QUICK = 8


@require_GET
@signed_in
def search(request: Request) -> HttpResponse:
    """Everything the person may see that has the words and fits the filters, the best first."""
    form = SearchForm(request.GET)
    wanted = form.wanted()
    size = _size(request.GET.get("size", ""))
    hits = [] if wanted.is_empty else engine.search(request.user, wanted, size=size + 1)
    context = {
        "form": form,
        "wanted": wanted,
        "hits": hits[:size],
        "next_size": min(size * 2, MOST_SHOWN) if len(hits) > size and size < MOST_SHOWN else 0,
        "is_cut": len(hits) > size and size >= MOST_SHOWN,
    }
    return render(request, "accounts/_results.html" if request.htmx else "accounts/search.html", context)


def _size(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else SHOWN
    return min(max(number, SHOWN), MOST_SHOWN)


@require_GET
@signed_in
def quick_search(request: Request) -> HttpResponseBase:
    """The few best results, by kind, for the palette; opened as a page, the whole search."""
    if not request.htmx:
        return redirect(reverse("accounts:search", query=request.GET))
    text = request.GET.get("q", "")[: engine.LONGEST_TEXT].replace("\x00", "")
    hits = engine.search(request.user, Wanted(text=text), size=QUICK) if text.strip() else []
    order = {source.kind: (number, source) for number, source in enumerate(engine.sources())}
    hits.sort(key=lambda hit: order[hit.kind][0])
    groups = [(order[kind][1], list(found)) for kind, found in groupby(hits, key=_kind)]
    return render(request, "accounts/_quick_results.html", {"text": text, "groups": groups})


def _kind(hit: Hit) -> str:
    return hit.kind
