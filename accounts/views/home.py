"""The home page: what waits for me, and what happened lately."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts import home as page
from accounts.access import Request, signed_in


@require_GET
@signed_in
def home(request: Request) -> HttpResponse:
    """Everything that waits for the person, most urgent first, beside what others published and recorded."""
    now = timezone.now()
    waiting = [(part, part.rows(request.user, now=now)) for part in page.parts(waits=True)]
    lately = [(part, part.rows(request.user, now=now)) for part in page.parts(waits=False)]
    context = {
        "waiting": [(part, rows) for part, rows in waiting if rows or part.empty],
        "lately": [(part, rows) for part, rows in lately if rows or part.empty],
        "is_new_here": not any(rows for _, rows in [*waiting, *lately]),
        "teams": list(request.user.teams.all()),
    }
    return render(request, "accounts/home.html", context)
