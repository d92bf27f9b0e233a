"""The audit log: every change, and every look at something restricted."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts import queries
from accounts.access import Request, administrators
from accounts.forms import AuditFilterForm, midnight
from accounts.queries import AuditFilters


@require_GET
@administrators
def audit(request: Request) -> HttpResponse:
    """The log, newest first. It names restricted documents by their reference only."""
    form = AuditFilterForm(request.GET)
    form.is_valid()
    chosen = {name: value for name, value in form.cleaned_data.items() if value}
    if since := chosen.get("since"):
        chosen["since"] = midnight(since)
    if until := chosen.get("until"):
        chosen["until"] = midnight(until) + timedelta(days=1)
    page = queries.audit_for_list(AuditFilters(**chosen), cursor=request.GET.get("page", ""))
    return render(request, "accounts/audit.html", {"form": form, "page": page})
