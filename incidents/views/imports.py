"""The page that reads incident files."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.access import Request, signed_in
from accounts.models import Team, User
from incidents.importers.debrief_json import LARGEST_FILE
from incidents.services.imports import FileResult, import_file, oversized

MOST_FILES = 50


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files at once; cleans to a list."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[bytes]]:
        files = [file for file in data or [] if file]
        if not files:
            raise forms.ValidationError("Choose at least one file.", code="required")
        if len(files) > MOST_FILES:
            raise forms.ValidationError(f"At most {MOST_FILES} files at once.")
        return files


class ImportForm(forms.Form):
    """Which files, and who owns the incidents that are new."""

    documents = FilesField(
        label="Files",
        widget=FilesInput(attrs={"accept": ".json,application/json"}),
        help_text="Incidents as JSON, one a file. Each is imported whole or not at all.",
    )
    team = forms.ModelChoiceField(
        Team.objects.none(),
        empty_label=None,
        label="Team",
        help_text="Owns the incidents that are new. Those already here keep their team.",
    )

    def __init__(self, *args: Any, teams: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]


def _teams(user: User) -> Any:
    return Team.objects.all() if user.is_administrator else user.teams.all()


@require_http_methods(["GET", "POST"])
@signed_in
def incident_import(request: Request) -> HttpResponse:
    """Any member of a team may import; a file that names an incident of others is refused."""
    teams = _teams(request.user)
    if request.method != "POST":
        return _page(request, ImportForm(teams=teams), teams.exists())
    if not teams.exists():
        raise PermissionDenied
    form = ImportForm(request.POST, request.FILES, teams=teams)
    if not form.is_valid():
        return _page(request, form, True, status=422)
    results = [_imported(file, form.cleaned_data["team"], request.user) for file in form.cleaned_data["documents"]]
    has_faults = any(result.faults for result in results)
    return _page(request, ImportForm(teams=teams), True, results=results, status=422 if has_faults else 200)


def _imported(file: UploadedFile[bytes], team: Team, by: User) -> FileResult:
    name = file.name or "file"
    if (file.size or 0) > LARGEST_FILE:
        return oversized(name, file.size or 0)
    return import_file(name=name, content=file.read(), team=team, by=by, now=timezone.now())


def _page(request: Request, form: ImportForm, may_import: bool, *, status: int = 200, **more: Any) -> HttpResponse:
    context = {"form": form, "may_import": may_import, **more}
    return render(request, "incidents/import.html", context, status=status)
