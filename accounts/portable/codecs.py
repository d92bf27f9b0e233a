"""How the values of one field stand in a line: written for readers without Debrief, read back without trust."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.dateparse import parse_duration
from django.utils.duration import duration_iso_string

Value = Any
"""What `json` makes of a value."""


class Unfit(Exception):
    """A value cannot stand in this field; the message says why."""


@dataclass(frozen=True)
class Codec:
    """How values of one sort are written and read. `read` raises `Unfit`; `words` describes it in docs/export.md."""

    write: Callable[[Any], Value]
    read: Callable[[Value], Any]
    words: str


# -- Sorts of values ---------------------------------------------------------------------------------------------------


def _read_text(value: Value) -> str:
    if not isinstance(value, str):
        raise Unfit("this has to be text")
    check_text(value)
    return value


def check_text(value: str) -> None:
    """Raises `Unfit` for what Postgres cannot hold."""
    if "\0" in value:
        raise Unfit("text cannot hold the character U+0000")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Unfit("text cannot hold half a surrogate pair") from error


def _read_whole(value: Value) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unfit("this has to be a whole number")
    return value


def _read_flag(value: Value) -> bool:
    if not isinstance(value, bool):
        raise Unfit("this has to be true or false")
    return value


def write_moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _read_moment(value: Value) -> datetime:
    try:
        moment = datetime.fromisoformat(_read_text(value))
        if moment.tzinfo is None:
            raise Unfit("this has to be a moment with its offset, as 2026-04-01T14:32:00Z")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unfit("this has to be a moment, as 2026-04-01T14:32:00Z") from error


def _read_day(value: Value) -> date:
    try:
        return date.fromisoformat(_read_text(value))
    except ValueError as error:
        raise Unfit("this has to be a day, as 2026-04-01") from error


def _read_duration(value: Value) -> timedelta:
    try:
        duration = parse_duration(_read_text(value))
    except (ValueError, OverflowError):
        duration = None
    if duration is None:
        raise Unfit("this has to be a duration, as P0DT00H05M00S")
    return duration


def _read_uuid(value: Value) -> UUID:
    try:
        return UUID(_read_text(value))
    except ValueError as error:
        raise Unfit("this has to be a UUID") from error


def _read_bytes(value: Value) -> bytes:
    try:
        return base64.b64decode(_read_text(value).encode(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unfit("this has to be base64") from error


def read_json(value: Value) -> Value:
    """Any JSON that Postgres can hold."""
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, list):
        for each in value:
            read_json(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            check_text(name)
            read_json(each)
    return value


def _same(value: Any) -> Value:
    return value


TEXT = Codec(_same, _read_text, "text")
NUMBER = Codec(_same, _read_whole, "number")
FLAG = Codec(_same, _read_flag, "true or false")
MOMENT = Codec(write_moment, _read_moment, "moment")
DAY = Codec(date.isoformat, _read_day, "day")
DURATION = Codec(duration_iso_string, _read_duration, "duration")
IDENTIFIER = Codec(str, _read_uuid, "UUID")
BYTES = Codec(lambda value: base64.b64encode(bytes(value)).decode(), _read_bytes, "base64")
JSON = Codec(_same, read_json, "JSON")
FILE = Codec(str, _read_text, "name in the folder `files/`")


def list_of(inner: Codec) -> Codec:
    """A list of values of one sort."""

    def read(value: Value) -> list[Any]:
        if not isinstance(value, list):
            raise Unfit("this has to be a list")
        return [inner.read(each) for each in value]

    return Codec(lambda value: [inner.write(each) for each in value], read, f"list of {inner.words}")


def _object(read: Callable[[Value], Any]) -> Callable[[Value], Any]:
    def checked(value: Value) -> Any:
        if not isinstance(value, dict):
            raise Unfit("this has to be an object")
        return read(value)

    return checked


OBJECT = Codec(_same, _object(read_json), "JSON object")

_BY_FIELD: Mapping[type[models.Field[Any, Any]], Codec] = {
    models.FileField: FILE,
    models.BooleanField: FLAG,
    models.CharField: TEXT,
    models.TextField: TEXT,
    models.GenericIPAddressField: TEXT,
    models.IntegerField: NUMBER,
    models.DateTimeField: MOMENT,
    models.DateField: DAY,
    models.DurationField: DURATION,
    models.UUIDField: IDENTIFIER,
    models.BinaryField: BYTES,
}
"""By the field's class or the nearest it descends from; a moment is a day to Django, so the order counts."""


# -- Fields ------------------------------------------------------------------------------------------------------------


@cache
def codec_of(field: models.Field[Any, Any]) -> Codec:
    """How values of `field` are written; of a reference, those of what it points to. TypeError for an unknown sort."""
    if isinstance(field, models.ForeignKey):
        return codec_of(field.target_field)
    if isinstance(field, ArrayField):
        return list_of(codec_of(field.base_field))
    if isinstance(field, models.JSONField):
        return OBJECT if field.default is dict else JSON
    if field.choices and isinstance(field, models.IntegerField):
        return _words_of(field)
    for sort in type(field).__mro__:
        if sort in _BY_FIELD:
            return _BY_FIELD[sort]
    raise TypeError(f"{field} is of a sort that no archive knows")


def _words_of(field: models.Field[Any, Any]) -> Codec:
    """Numbers that stand for words, as the words."""
    words = {value: str(label).lower().replace(" ", "_") for value, label in field.flatchoices}
    numbers = {word: value for value, word in words.items()}

    def read(value: Value) -> int:
        number = numbers.get(value) if isinstance(value, str) else None
        if number is None:
            raise Unfit(f"this has to be one of {', '.join(numbers)}")
        return int(number)

    return Codec(lambda value: words[value], read, " or ".join(f"`{word}`" for word in numbers))


def read_value(field: models.Field[Any, Any], codec: Codec, value: Value) -> Any:
    """The value of `field` that stands in a line. Raises `Unfit`."""
    if value is None:
        if not field.null:
            raise Unfit("this cannot be missing")
        return None
    read = codec.read(value)
    if isinstance(read, str | int) and not isinstance(field, models.ForeignKey):
        _check(field, read)
    return read


@lru_cache(maxsize=10_000)
def _check(field: models.Field[Any, Any], value: str | int) -> None:
    """Raises `Unfit` unless the field's own rules allow it. Addresses are checked for what can be followed alone."""
    if isinstance(field, models.URLField):
        if value and not str(value).startswith(("https://", "http://")):
            raise Unfit("this has to be a web address")
        if len(str(value)) > (field.max_length or 0):
            raise Unfit(f"this is longer than {field.max_length} characters")
        return
    known = {each for each, _ in field.flatchoices}
    if known and value not in known and not (value == "" and field.blank):
        raise Unfit(f"“{str(value)[:40]}” is none of {', '.join(map(str, sorted(known)))}")
    try:
        field.run_validators(value)
    except ValidationError as invalid:
        raise Unfit(" ".join(invalid.messages)) from invalid
