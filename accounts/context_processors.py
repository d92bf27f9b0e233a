"""What the frame around every page needs."""

from django.conf import settings
from django.http import HttpRequest

from accounts import kept

THEMES = {"light", "dark"}


def shell(request: HttpRequest) -> dict[str, object]:
    """The chosen theme ("" follows the system), text kept from an ended session, whether anyone may sign up, the nonce.

    A request may be refused before it has a session; its error page needs the frame nevertheless.
    """
    theme = request.COOKIES.get("theme", "")
    return {
        "theme": theme if theme in THEMES else "",
        "kept_post": kept.offered_post(request) if hasattr(request, "session") else None,
        "is_open_for_signup": bool(settings.SIGNUP_DOMAINS),
        "csp_nonce": getattr(request, "csp_nonce", ""),
    }
