"""What one hears of: comments, and what is published."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.access import Request, signed_in
from postmortems.forms.following import FollowingForm
from postmortems.models import Following
from postmortems.services.following import Wish, follow


@require_http_methods(["GET", "POST"])
@signed_in
def following(request: Request) -> HttpResponseBase:
    """One's own wishes."""
    row = Following.objects.filter(person=request.user).first()
    initial = _wishes(row) if row else {}
    form = FollowingForm(initial=initial)
    if request.method == "POST":
        form = FollowingForm(request.POST)
        if form.is_valid():
            follow(person=request.user, wish=Wish(**form.cleaned_data))
            messages.success(request, "Kept.")
            return redirect("postmortems:following")
    return render(request, "postmortems/following.html", {"form": form}, status=422 if form.errors else 200)


def _wishes(row: Following) -> dict[str, Any]:
    chosen = {"teams": row.teams.all(), "services": row.services.all(), "tags": list(row.tags.all())}
    return {"comments": row.comments, "weekly": row.weekly, "everything": row.everything, **chosen}
