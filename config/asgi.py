"""ASGI entry: sockets in production, pages too under the one-machine `make run`."""

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

pages = get_asgi_application()

from postmortems.collab.socket import application as sockets  # noqa: E402  (Django must be set up before)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Live text goes to its sockets, by WebSocket or plain HTTP; everything else are pages."""
    is_page = scope["type"] == "http" and not scope["path"].startswith("/ws/")
    await (pages if is_page else sockets)(scope, receive, send)
