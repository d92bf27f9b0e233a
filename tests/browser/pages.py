"""Every page of ours: what a person can open in the browser, discovered from the URLs."""

from __future__ import annotations

from accounts.enums import Visibility
from tests.routes import routes
from tests.world import World, address_of

EXPORTS = {"postmortems:export-html", "postmortems:export-markdown"}
"""Files to keep rather than pages; they have tests of their own."""


def pages_of(world: World, role: str = "owner") -> dict[str, str]:
    """The addresses that answer `role` with a page, by the name of the route; POST-only ones and files are left out."""
    client = world.client(role)
    ours = [route for route in routes() if route.is_ours and route.access and route.name not in EXPORTS]
    addresses = {route.name: address_of(route, world, Visibility.ORGANISATION) for route in ours}
    answers = {name: client.get(address) for name, address in addresses.items()}
    return {
        name: addresses[name]
        for name, answer in answers.items()
        if answer.status_code in {200, 404} and answer["Content-Type"].startswith("text/html")
    }
