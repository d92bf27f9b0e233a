"""Archives of the organisation's data, for administrators: ask for one, see how far it is, download it."""

from __future__ import annotations

from django.contrib import messages
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts import queries, rules
from accounts.access import Request, administrators, opens
from accounts.models import Export
from accounts.services import export as services
from accounts.services.export import AlreadyUnderWay


@require_GET
@administrators
def exports(request: Request) -> HttpResponse:
    """What an archive holds, and this person's own."""
    context = {
        "exports": [(export, services.progress_of(export)) for export in queries.exports_of(request.user)],
        "arrival": queries.arrival(),
    }
    return render(request, "accounts/exports.html", context)


@require_POST
@administrators
def export_ask(request: Request) -> HttpResponseBase:
    """Have one made."""
    try:
        services.ask_for_export(by=request.user, now=timezone.now())
    except AlreadyUnderWay:
        messages.error(request, "One is being made already: see below.")
    return redirect("accounts:exports")


@require_GET
@opens(Export, rules.can_fetch_export)
def export(request: Request, export: Export) -> HttpResponse:
    """How far it is."""
    return render(request, "accounts/_export.html", {"export": export, "progress": services.progress_of(export)})


@require_GET
@opens(Export, rules.can_fetch_export)
def export_download(request: Request, export: Export) -> HttpResponseBase:
    """The archive itself."""
    if not export.file or export.kept_until is None or export.kept_until <= timezone.now():
        raise Http404
    try:
        stored = default_storage.open(export.file, "rb")
    except FileNotFoundError as missing:
        raise Http404 from missing
    services.record_download(export=export, by=request.user)
    name = f"debrief-{export.asked_at:%Y-%m-%d}.zip"
    return FileResponse(stored, as_attachment=True, filename=name, content_type="application/zip")


@require_POST
@opens(Export, rules.can_fetch_export)
def export_delete(request: Request, export: Export) -> HttpResponseBase:
    """Take it away."""
    services.delete_export(export=export, by=request.user)
    messages.success(request, "The archive is deleted.")
    return redirect("accounts:exports")
