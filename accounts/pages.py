"""One fragment, two ways out: alone to htmx, inside a page to a browser without JavaScript."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render

from accounts.access import Request


def render_part(
    request: Request, fragment: str, context: dict[str, Any], *, title: str, back: str, status: int = 200
) -> HttpResponse:
    """Render `fragment`: as it is for htmx, else within a page titled `title` that leads back to `back`."""
    if request.htmx:
        return render(request, fragment, context, status=status)
    page = {**context, "part": fragment, "part_title": title, "part_back": back}
    return render(request, "part.html", page, status=status)


def after_change(request: Request, fragment: str, context: dict[str, Any], *, to: str) -> HttpResponseBase:
    """Answer a successful change: the new fragment for htmx, else a redirect to the page `to`."""
    if request.htmx:
        return render(request, fragment, context)
    return redirect(to)


def offer_undo(request: Request, words: str, *, at: str) -> None:
    """Say what was done, beside a button that posts to the path `at` to take it back. It works without JavaScript."""
    messages.success(request, words, extra_tags=at)
