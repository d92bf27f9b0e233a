"""Every URL pattern of the project, discovered from the resolver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from accounts.access import Access, declared_access


@dataclass(frozen=True)
class Route:
    """One URL pattern, with what its view declares about who may call it."""

    name: str
    pattern: str
    parameters: tuple[str, ...]
    view: Callable[..., Any]

    @property
    def access(self) -> Access | None:
        return declared_access(self.view)

    @property
    def is_ours(self) -> bool:
        """Whether the view is the product's own; those of allauth all stand below accounts/ (config/urls.py)."""
        return not self.pattern.startswith("accounts/")


def routes() -> list[Route]:
    """All routes, in the order of the resolver."""
    return list(_walk(get_resolver().url_patterns, "", ""))


def _walk(patterns: list[Any], prefix: str, namespace: str) -> Iterator[Route]:
    for entry in patterns:
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from _walk(entry.url_patterns, prefix + str(entry.pattern), inner)
        elif isinstance(entry, URLPattern):
            yield Route(
                name=f"{namespace}{entry.name}",
                pattern=prefix + str(entry.pattern),
                parameters=tuple(entry.pattern.regex.groupindex),
                view=entry.callback,
            )
