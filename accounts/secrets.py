"""Secrets of other systems, encrypted at rest by keys that are neither in the database nor in SECRET_KEY."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

from config.env import FIELD_KEYS_HINT


class NoKeys(Exception):
    """FIELD_KEYS is not set, so nothing secret can be kept."""

    def __init__(self) -> None:
        super().__init__(FIELD_KEYS_HINT)


class Unreadable(Exception):
    """None of the keys in FIELD_KEYS opens it: the one it was written with is gone."""


def are_keys_set() -> bool:
    return bool(settings.FIELD_KEYS)


def _fernet() -> MultiFernet:
    if not settings.FIELD_KEYS:
        raise NoKeys
    return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])


def seal(secret: str) -> str:
    """Encrypt with the first key. Raises `NoKeys`."""
    return _fernet().encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """The secret itself. Raises `NoKeys` or `Unreadable`."""
    try:
        return _fernet().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable("The key that this secret was encrypted with is not in FIELD_KEYS any more.") from error


def reseal(sealed: str) -> str:
    """Encrypt anew with the first key, after a rotation. Raises `NoKeys` or `Unreadable`."""
    try:
        return _fernet().rotate(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable("The key that this secret was encrypted with is not in FIELD_KEYS any more.") from error


class SealedField(models.TextField):  # type: ignore[type-arg]
    """Holds what `seal` returned: it is read by `unseal` where it is used, and by nobody on the way there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)
