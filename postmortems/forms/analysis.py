"""Typed input about the analysis: whys, factors, gates, the response, terms, graphs."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from accounts.forms import CleanTextMixin
from postmortems.enums import DefenceLayer, FactorCategory, GateKind
from postmortems.models import Gate, Postmortem, Why
from postmortems.series import MOST_BYTES, NotSeries, Series, read_series
from postmortems.services.factor import FactorFacts
from postmortems.services.metric import MetricFacts


def _lines(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class WhyForm(CleanTextMixin, forms.Form):
    """One why: what is asked, and what is known."""

    question = forms.CharField(max_length=500, required=False, label="Why…?")
    answer = forms.CharField(max_length=2000, required=False, label="Because", widget=_lines(2))
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any] | None:
        data = super().clean()
        said = self.cleaned_data
        if not said.get("question") and not said.get("answer", "").strip() and not self.errors:
            raise ValidationError("Ask something, or say what is known.")
        said["answer"] = said.get("answer", "").strip()
        return data


class BranchForm(CleanTextMixin, forms.Form):
    """What a branch asks."""

    question = forms.CharField(max_length=500, label="Question")
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)


class PlaceForm(forms.Form):
    """Where a new why goes: below or beside one of its branch, or at the end of the top."""

    below = forms.ModelChoiceField(Why.objects.none(), required=False)
    beside = forms.ModelChoiceField(Why.objects.none(), required=False)

    def __init__(self, data: Any, *, branch: Any) -> None:
        super().__init__(data)
        for name in ("below", "beside"):
            self.fields[name].queryset = branch.whys.all()  # type: ignore[attr-defined]


class FactorForm(CleanTextMixin, forms.Form):
    """One hole in a layer, or one that held."""

    text = forms.CharField(
        max_length=2000,
        label="What was missing or in the way",
        widget=_lines(2),
        help_text="The condition, not the person: “The release went to every server at once”.",
    )
    layer = forms.ChoiceField(choices=DefenceLayer, label="Layer of defence")
    category = forms.ChoiceField(choices=[("", "Not said"), *FactorCategory.choices], required=False, label="Kind")
    has_held = forms.BooleanField(required=False, label="This layer held: it kept things from being worse")
    gate = forms.ModelChoiceField(
        Gate.objects.none(), required=False, label="In the fault tree, below", empty_label="The top"
    )
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, postmortem: Postmortem, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        gates = postmortem.gates.all()
        self.fields["gate"].queryset = gates  # type: ignore[attr-defined]
        if not gates:
            del self.fields["gate"]

    @property
    def facts(self) -> FactorFacts:
        said = self.cleaned_data
        return FactorFacts(
            said["text"].strip(), said["layer"], said["category"], said["has_held"], said.get("gate") or None
        )


class GateForm(CleanTextMixin, forms.Form):
    """One step of the fault tree."""

    label = forms.CharField(max_length=200, label="What happened at this step")
    kind = forms.ChoiceField(choices=GateKind, label="It took")
    parent = forms.ModelChoiceField(Gate.objects.none(), required=False, label="Below", empty_label="The top")

    def __init__(self, *args: Any, postmortem: Postmortem, gate: Gate | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = postmortem.gates.exclude(pk=gate.pk) if gate else postmortem.gates.all()
        self.fields["parent"].queryset = others  # type: ignore[attr-defined]
        if not others:
            del self.fields["parent"]


class ResponseForm(CleanTextMixin, forms.Form):
    """What is said of one part of the response; nothing takes it out."""

    text = forms.CharField(max_length=10_000, required=False, widget=_lines(4))
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)


class TermForm(CleanTextMixin, forms.Form):
    """A term and what is meant by it."""

    term = forms.CharField(max_length=200, label="Term")
    meaning = forms.CharField(
        max_length=2000, label="Meaning", help_text="In a sentence, for a reader from another team."
    )
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)


class MetricForm(CleanTextMixin, forms.Form):
    """A graph: numbers that are pasted or uploaded, or a picture, and always what it shows."""

    title = forms.CharField(max_length=120, label="What is measured", help_text="“Failed checkouts”.")
    unit = forms.CharField(max_length=30, required=False, label="Unit", help_text="“per minute”, “ms”, “%”.")
    shows = forms.CharField(
        max_length=400,
        label="What it shows",
        widget=_lines(2),
        help_text="The sentence a reader takes away: “Errors rose within a minute of the release”.",
    )
    numbers = forms.CharField(
        required=False,
        strip=False,
        label="Numbers",
        widget=forms.Textarea(
            attrs={"rows": 5, "placeholder": "time,failed\n2026-04-01 14:02,12\n2026-04-01 14:03,340"}
        ),
        help_text="A time and a number a line, several columns for several lines. Times without an offset are on the "
        "incident’s clock.",
    )
    file = forms.FileField(
        required=False, label="Or a file", help_text="CSV, or a picture of the graph (PNG, JPEG, WebP)."
    )
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, postmortem: Postmortem, has_data: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone = postmortem.incident.zone
        self.has_data = has_data
        if has_data:
            self.fields["numbers"].help_text = "Leave empty to keep the data it has."

    def clean(self) -> dict[str, Any] | None:
        data = super().clean()
        said = self.cleaned_data
        upload: UploadedFile[bytes] | None = said.get("file")
        said["picture"] = upload if upload and not _is_text(upload) else None
        numbers = said.get("numbers", "")
        if upload and not said["picture"]:
            numbers = self._decoded(upload)
        said["series"] = self._series(numbers) if numbers.strip() else []
        if not said["series"] and not said["picture"] and not self.has_data and not self.errors:
            self.add_error("numbers", "Paste numbers, or choose a file.")
        if said["series"] and not said.get("unit"):
            self.add_error("unit", "Say the unit: a number without one can mean anything.")
        return data

    def _decoded(self, upload: UploadedFile[bytes]) -> str:
        if (upload.size or 0) > MOST_BYTES:
            self.add_error("file", f"This file has more than {MOST_BYTES // 1_000_000} MB.")
            return ""
        try:
            text: str = upload.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            self.add_error("file", "This file is not text in UTF-8.")
            return ""
        return text

    def _series(self, numbers: str) -> list[Series]:
        try:
            return read_series(numbers, zone=self.zone)
        except NotSeries as error:
            for fault in error.faults:
                self.add_error("file" if self.cleaned_data.get("file") else "numbers", fault)
            return []

    @property
    def facts(self) -> MetricFacts:
        said = self.cleaned_data
        return MetricFacts(said["title"], said["unit"], said["shows"].strip(), said["series"], said["picture"])


def _is_text(upload: UploadedFile[bytes]) -> bool:
    return (upload.name or "").casefold().endswith((".csv", ".tsv", ".txt"))
