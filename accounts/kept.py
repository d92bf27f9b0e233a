"""Text posted after the session had ended: kept with the new, anonymous session and offered again after sign-in.

The signed cookie `debrief-last-user`, set at sign-in and removed at sign-out, names the person whose text it is, so
that on a shared machine nobody else is shown it.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.core import signing
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

LAST_USER_COOKIE = "debrief-last-user"
SESSION_KEY = "kept_post"
MOST_CHARACTERS = 1_100_000
"""A whole section (1 MB of text) fits; anything larger is not kept."""


@dataclass(frozen=True)
class KeptPost:
    """A form that was posted without a session: where to, and its fields."""

    path: str
    fields: list[tuple[str, str]]

    @property
    def texts(self) -> list[str]:
        """The parts a person wrote, for showing."""
        return [value for name, value in self.fields if value.strip() and name not in {"revision"}]


def sign_user(user_id: int) -> str:
    return signing.dumps(user_id, salt=LAST_USER_COOKIE)


def last_user(request: HttpRequest) -> int | None:
    """Who was signed in with this browser last and did not sign out."""
    try:
        return int(signing.loads(request.COOKIES.get(LAST_USER_COOKIE, ""), salt=LAST_USER_COOKIE))
    except signing.BadSignature:
        return None


def keep_post(request: HttpRequest) -> str:
    """Keep the posted fields if we know whose they are, and say to which page to return after sign-in."""
    user_id = last_user(request)
    fields = [(name, value) for name, values in request.POST.lists() for value in values if is_kept(name)]
    if user_id is not None and fields and sum(len(value) for _, value in fields) <= MOST_CHARACTERS:
        request.session[SESSION_KEY] = {"user": user_id, "path": request.get_full_path(), "fields": fields}
    return _page_of_form(request)


def is_kept(name: str) -> bool:
    return name != "csrfmiddlewaretoken" and "password" not in name


def _page_of_form(request: HttpRequest) -> str:
    referer = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(referer, allowed_hosts={request.get_host()}):
        parts = urlsplit(referer)
        return parts.path + (f"?{parts.query}" if parts.query else "")
    return "/"


def offered_post(request: HttpRequest) -> KeptPost | None:
    """What was kept for the person now signed in, or None."""
    kept = request.session.get(SESSION_KEY)
    if not kept or not request.user.is_authenticated or kept["user"] != request.user.pk:
        return None
    return KeptPost(path=kept["path"], fields=[(name, value) for name, value in kept["fields"]])


def forget_if_sent(request: HttpRequest) -> None:
    """Drop what was kept if this accepted request is the same form, sent again."""
    kept = request.session.get(SESSION_KEY)
    if kept and request.method == "POST" and request.get_full_path() == kept["path"]:
        forget(request)


def forget(request: HttpRequest) -> None:
    """Drop what was kept: it was sent again, or is not wanted."""
    request.session.pop(SESSION_KEY, None)
