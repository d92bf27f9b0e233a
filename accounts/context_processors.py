"""What the frame around every page needs."""

from django.http import HttpRequest

from accounts import kept

THEMES = {"light", "dark"}


def shell(request: HttpRequest) -> dict[str, object]:
    """The chosen theme ("" follows the system) and text kept from an ended session, if any."""
    theme = request.COOKIES.get("theme", "")
    return {"theme": theme if theme in THEMES else "", "kept_post": kept.offered_post(request)}
