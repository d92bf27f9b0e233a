"""Every page of ours: what a person can open in the browser, discovered from the URLs."""

from __future__ import annotations

from tests.routes import Route, routes

NOT_PAGES = {
    "accounts:healthz",
    "accounts:readyz",
    "accounts:session",
    "postmortems:attachment",
    "postmortems:export-html",
    "postmortems:export-markdown",
}
"""Answers that are not pages: JSON, files, exports (which have tests of their own)."""
KINDS = {"opens", "signed_in", "administrators", "public"}


def is_page(route: Route) -> bool:
    return route.is_ours and route.access is not None and route.access.kind in KINDS and route.name not in NOT_PAGES


PAGES = [route for route in routes() if is_page(route)]
