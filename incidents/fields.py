"""A form field for a moment, typed on the clock of an incident's zone.

Twice a year a clock time does not exist, or happens twice. The first is refused in words; for the second the person is
asked which one is meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_datetime

FIRST_YEAR, LAST_YEAR = 1990, 2100
"""Years outside are typing errors: nothing that people still write post-mortems about happened there."""

Typed = tuple[str, str]


class ZonedDateTimeInput(forms.Widget):
    """A native date and time input; where the time typed happens twice, a choice of which one follows it."""

    template_name = "incidents/widgets/zoned_datetime.html"
    zone: ZoneInfo = ZoneInfo("UTC")

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Typed:
        return (str(data.get(name, "")).strip(), str(data.get(f"{name}_fold", "")))

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return name not in data

    def posted(self, name: str, value: Typed) -> dict[str, list[str]]:
        typed, fold = value
        return {name: [typed], f"{name}_fold": [fold]}

    def in_words(self, value: Typed) -> str:
        typed, fold = value
        naive = _naive(typed)
        which = dict(self.folds(naive)).get(fold) if naive else None
        return ", ".join(filter(None, [typed.replace("T", " "), which]))

    def get_context(self, name: str, value: Typed, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)
        typed, fold = value
        naive = _naive(typed)
        context["widget"].update(
            value=typed,
            fold=fold,
            zone=self.zone.key,
            folds=self.folds(naive) if naive else [],
            has_seconds=len(typed) > 16,
        )
        return context

    def decompress(self, moment: datetime | None) -> Typed:
        """What to show for a stored moment: its clock time here and, where that happens twice, which one it is."""
        if moment is None:
            return ("", "")
        local = moment.astimezone(self.zone)
        naive = local.replace(tzinfo=None, microsecond=0)
        text = naive.isoformat(timespec="seconds" if naive.second else "minutes")
        return (text, str(local.fold) if _is_ambiguous(naive, self.zone) else "")

    def folds(self, naive: datetime) -> list[tuple[str, str]]:
        """The two moments of a clock time that happens twice, as choices; none for any other."""
        if not _is_ambiguous(naive, self.zone):
            return []
        names = [naive.replace(tzinfo=self.zone, fold=fold).strftime("%Z, UTC%z") for fold in (0, 1)]
        return [("0", f"the first ({names[0]})"), ("1", f"the second, after the clocks went back ({names[1]})")]


class HiddenTyped(forms.HiddenInput):
    """What was typed at first, and which of two was chosen, in one value."""

    def format_value(self, value: Typed) -> str:
        return " ".join(value).strip()

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Typed:
        typed, _, fold = str(data.get(name, "")).partition(" ")
        return (typed, fold)


class ZonedDateTimeField(forms.Field):
    """A moment; cleans to an aware datetime in UTC, or None when left empty."""

    widget: ZonedDateTimeInput
    hidden_widget = HiddenTyped
    zone: ZoneInfo

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=ZonedDateTimeInput, **kwargs)
        self.set_zone(ZoneInfo("UTC"))

    def set_zone(self, zone: ZoneInfo) -> None:
        """Read and show clock times in `zone`."""
        self.zone = zone
        self.widget.zone = zone

    def prepare_value(self, value: Any) -> Typed:
        return value if isinstance(value, tuple) else self.widget.decompress(value)

    def to_python(self, value: Any) -> datetime | None:
        typed, fold = value if isinstance(value, tuple) else ("", "")
        if not typed:
            return None
        naive = _naive(typed)
        if naive is None:
            raise ValidationError("Enter a date and a time, as 2026-04-01 14:32.")
        if not FIRST_YEAR <= naive.year <= LAST_YEAR:
            raise ValidationError(f"The year must lie between {FIRST_YEAR} and {LAST_YEAR}.")
        return self._moment(naive, fold)

    def _moment(self, naive: datetime, fold: str) -> datetime:
        shown = f"{naive:%H:%M on} {naive.day} {naive:%B %Y}"
        if _is_missing(naive, self.zone):
            raise ValidationError(
                f"{shown} does not exist in {self.zone.key}: the clocks went forward past it.", code="missing"
            )
        if _is_ambiguous(naive, self.zone) and fold not in {"0", "1"}:
            raise ValidationError(f"{shown} happened twice in {self.zone.key}. Choose which one.", code="ambiguous")
        return naive.replace(tzinfo=self.zone, fold=int(fold or 0)).astimezone(UTC)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.widget.decompress(initial) != data)

    def validate(self, value: Any) -> None:
        if self.required and value is None:
            raise ValidationError(self.error_messages["required"], code="required")


def _naive(typed: str) -> datetime | None:
    try:
        moment = parse_datetime(typed)
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is None else None


def _is_ambiguous(naive: datetime, zone: ZoneInfo) -> bool:
    first, second = naive.replace(tzinfo=zone, fold=0), naive.replace(tzinfo=zone, fold=1)
    return first.utcoffset() != second.utcoffset() and not _is_missing(naive, zone)


def _is_missing(naive: datetime, zone: ZoneInfo) -> bool:
    there_and_back = naive.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
    return there_and_back.replace(tzinfo=None) != naive
