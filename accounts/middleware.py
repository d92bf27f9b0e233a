"""What every request gets: an id, headers, the person's time zone."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from requests import RequestException

from accounts import kept
from accounts.access import person
from config.logs import client_address, request_id

logger = logging.getLogger("debrief.request")
GetResponse = Callable[[HttpRequest], HttpResponseBase]


class RequestContextMiddleware:
    """Gives each request an id, found in its logs, its error pages and its audit rows; logs one line a request."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        id_token = request_id.set(str(uuid.uuid4()))
        address_token = client_address.set(address_of(request))
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = request_id.get()
            response.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            logger.info(
                "%s %s %s",
                request.method,
                request.path,
                response.status_code,
                extra={"status": response.status_code, "ms": milliseconds},
            )
            return response
        finally:
            request_id.reset(id_token)
            client_address.reset(address_token)


def address_of(request: HttpRequest) -> str | None:
    """The caller's IP address: as the outermost trusted proxy saw it, else the peer's own."""
    if count := settings.ALLAUTH_TRUSTED_PROXY_COUNT:
        hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
        if len(hops) >= count:
            return hops[-count]
    return request.META.get("REMOTE_ADDR") or None


class TimeZoneMiddleware:
    """Shows times in the zone of the person who looks."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        user = person(request.user)
        if user is None:
            return self.get_response(request)
        with timezone.override(user.zone):
            return self.get_response(request)


class NoStoreMiddleware:
    """Keeps what a signed-in person saw out of every cache, shared or their browser's."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.user.is_authenticated and not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store, private"
        return response


class LastUserMiddleware:
    """Remembers in a signed cookie who is signed in: text they post after their session ended is kept for them alone.

    Signing out removes it; a session that runs out does not.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        before = person(request.user)
        response = self.get_response(request)
        after = person(request.user)
        if before is not None and response.status_code < 400:
            kept.forget_if_sent(request)
        if after is not None and kept.last_user(request) != after.pk:
            response.set_cookie(
                kept.LAST_USER_COOKIE,
                kept.sign_user(after.pk),
                max_age=settings.SESSION_COOKIE_AGE * 4,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        elif before is not None and after is None:
            response.delete_cookie(kept.LAST_USER_COOKIE, samesite="Lax")
        return response


class SingleSignOnMiddleware:
    """When the identity provider does not answer, says so on the sign-in page, where a password still works."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        match = request.resolver_match
        if not isinstance(exception, RequestException) or not match or "openid_connect" not in (match.url_name or ""):
            return None
        logger.error("Single sign-on cannot be reached: %s", exception)
        messages.error(request, "Single sign-on cannot be reached. Try again in a minute, or sign in with a password.")
        return redirect("account_login")
