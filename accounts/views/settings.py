"""One's own settings."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import Request, signed_in
from accounts.forms import SettingsForm
from accounts.services.person import change_settings, end_sessions


@require_http_methods(["GET", "POST"])
@signed_in
def settings(request: Request) -> HttpResponseBase:
    """Name and time zone, and where password and addresses are changed."""
    user = request.user
    form = SettingsForm(request.POST or None, initial={"display_name": user.display_name, "timezone": user.timezone})
    if form.is_valid():
        change_settings(person=user, by=user, now=timezone.now(), **form.cleaned_data)
        messages.success(request, "Saved.")
        return redirect("accounts:settings")
    context = {"form": form, "teams": list(user.memberships.select_related("team"))}
    return render(request, "accounts/settings.html", context, status=422 if form.errors else 200)


@require_POST
@signed_in
def sessions_end(request: Request) -> HttpResponseBase:
    """Sign out everywhere, here too."""
    end_sessions(person=request.user, by=request.user)
    logout(request)
    messages.success(request, "You are signed out everywhere.")
    return redirect("account_login")
