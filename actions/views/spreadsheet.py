"""Actions out to a spreadsheet, and back in."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from accounts.access import Request, signed_in
from accounts.exceptions import EditedMeanwhile
from accounts.forms import without_control_characters
from actions import queries
from actions.forms.filters import ActionFilterForm
from actions.services.action import AlreadyGone
from actions.services.spreadsheet import PlanFailed, Planned, carry_out, plan_rows
from actions.spreadsheet import COLUMNS, LARGEST, READ_ONLY, NotASpreadsheet, as_csv, read_csv
from actions.views.context import csv_file
from postmortems.models import Postmortem

WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How the files of Excel and LibreOffice begin: zip archives and, of old, compound files."""
SEEN = re.compile(r"\b([0-9]{1,18}):([0-9]{1,9})\b", re.ASCII)


@require_GET
@signed_in
def actions_export(request: Request) -> HttpResponse:
    """The list as it is filtered, as CSV: the first ten thousand."""
    filters = ActionFilterForm(request.GET, user=request.user).filters()
    found = queries.actions_for_export(request.user, filters, now=timezone.now())
    return csv_file(as_csv(found), "actions")


class SpreadsheetForm(forms.Form):
    """A file, or its text as the preview sends it back."""

    document = forms.FileField(
        required=False,
        label="File",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}),
        help_text="CSV with a header line. Rows with a reference change that action, the others are added.",
    )
    text = forms.CharField(required=False, max_length=LARGEST, strip=False, widget=forms.HiddenInput)
    postmortem = forms.IntegerField(required=False, min_value=1, max_value=2**62, widget=forms.HiddenInput)
    seen = forms.CharField(required=False, max_length=LARGEST, widget=forms.HiddenInput)
    """Of which revision the actions were in the preview: "12:1 14:3"."""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        file = data.get("document")
        if file and file.size > LARGEST:
            self.add_error("document", "The file is too large: two megabytes at most.")
        elif file:
            self._take(file.read(), data)
        if not self.errors and not data.get("text"):
            self.add_error("document", "Choose a file.")
        return data

    def _take(self, content: bytes, data: dict[str, Any]) -> None:
        if content.startswith(WORKBOOKS):
            self.add_error("document", "This is a workbook. Save it as CSV in your spreadsheet, and choose that file.")
        else:
            data["text"] = _decoded(content)


def _decoded(data: bytes) -> str:
    """Spreadsheets of today write UTF-8; older ones Windows' letters."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


@require_http_methods(["GET", "POST"])
@signed_in
def actions_import(request: Request) -> HttpResponseBase:
    """Ask for a file; show what it would do; do it when that is confirmed."""
    form = SpreadsheetForm(request.POST or None, request.FILES or None, initial={"postmortem": _asked_for(request)})
    if not form.is_bound or not form.is_valid():
        return _page(request, form, status=422 if form.is_bound else 200)
    text = without_control_characters(form.cleaned_data["text"])
    try:
        rows = read_csv(text)
    except NotASpreadsheet as error:
        form.add_error("document", str(error))
        return _page(request, form, status=422)
    wanted = form.cleaned_data["postmortem"]
    postmortem = Postmortem.objects.visible_to(request.user).filter(pk=wanted).first() if wanted else None
    planned = plan_rows(rows, postmortem=postmortem, by=request.user)
    if "confirmed" in request.POST:
        return _carry_out(request, form, planned)
    return _preview(request, form, planned, text=text)


def _asked_for(request: Request) -> str:
    number = request.GET.get("postmortem", "")
    return number if number.isascii() and number.isdigit() and len(number) < 18 else ""


def _carry_out(request: Request, form: SpreadsheetForm, planned: list[Planned]) -> HttpResponse:
    seen = _seen(form.cleaned_data["seen"])
    try:
        added, changed = carry_out(planned, seen=seen, by=request.user, now=timezone.now())
    except (PlanFailed, EditedMeanwhile, AlreadyGone):
        problem = "Something changed meanwhile, so nothing was done. This is what it would do now."
        return _preview(request, form, planned, text=form.cleaned_data["text"], problem=problem, status=409)
    return _page(request, SpreadsheetForm(), done={"added": added, "changed": changed})


def _seen(text: str) -> dict[int, int]:
    """Revisions by action, as `_preview` wrote them; what is not written so is passed over."""
    return {int(pk): int(revision) for pk, revision in SEEN.findall(text)}


def _preview(
    request: Request, form: SpreadsheetForm, planned: list[Planned], *, text: str, status: int = 200, **more: Any
) -> HttpResponse:
    wrong = [plan for plan in planned if plan.problems]
    work = [plan for plan in planned if plan.is_work]
    seen = " ".join(f"{plan.action.pk}:{plan.action.revision}" for plan in planned if plan.action)
    context = {"planned": planned, "wrong": wrong, "work": work, "text": text, "seen": seen, **more}
    return _page(request, form, status=status or 200, **context)


def _page(request: Request, form: SpreadsheetForm, *, status: int = 200, **more: Any) -> HttpResponse:
    context = {"form": form, "columns": [name for name in COLUMNS if name not in READ_ONLY], **more}
    return render(request, "actions/import.html", context, status=status)
