"""ASGI entry: sockets in production, pages too under the one-machine `make run`."""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

pages = get_asgi_application()

from postmortems.collab.socket import close_hub, live_socket  # noqa: E402  (models are there only from here on)


async def application(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[Any]],
    send: Callable[[Any], Awaitable[None]],
) -> None:
    """Sockets to the live text, everything else to Django."""
    if scope["type"] == "websocket":
        await live_socket(scope, receive, send)
    elif scope["type"] == "lifespan":
        await live_and_end(receive, send)
    else:
        await pages(dict(scope), receive, send)


async def live_and_end(receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """When the server stops, what is still on its way is saved first."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await close_hub()
    await send({"type": "lifespan.shutdown.complete"})
