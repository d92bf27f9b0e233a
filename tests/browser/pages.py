"""Every page of ours: what a person can open in the browser, discovered from the URLs."""

from __future__ import annotations

from django.test import Client

from accounts.enums import Visibility
from tests.routes import routes
from tests.world import World, address_of

EXPORTS = {
    "postmortems:export-history",
    "postmortems:export-html",
    "postmortems:export-markdown",
    "postmortems:export-pdf",
}
"""Files to keep rather than pages; they have tests of their own."""


def pages_of(world: World, role: str = "owner") -> dict[str, str]:
    """The addresses that answer `role` with a page, by the name of the route; POST-only ones and files are left out."""
    client = world.client(role)
    ours = [route for route in routes() if route.is_ours and route.access and route.name not in EXPORTS]
    addresses = {route.name: address_of(route, world, Visibility.ORGANISATION) for route in ours}
    return {name: address for name, address in addresses.items() if _is_page(client, address)}


def _is_page(client: Client, address: str) -> bool:
    answer = client.get(address)
    answer.close()
    return answer.status_code in {200, 404} and answer["Content-Type"].startswith("text/html")
