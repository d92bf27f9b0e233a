"""Error pages: what happened, what is safe, what to do, and the request's id."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.kept import is_kept
from config.logs import request_id


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without a valid token, most often after signing in again elsewhere: its text is shown for copying."""
    texts = (
        [value for name, value in request.POST.items() if is_kept(name) and len(value) > 20]
        if _is_ours(request)
        else []
    )
    return render(request, "errors/csrf.html", {"texts": texts, "request_id": request_id.get()}, status=403)


def _is_ours(request: HttpRequest) -> bool:
    return request.headers.get("Origin", "").partition("://")[2] == request.get_host()


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return _error(request, 500)


def _error(request: HttpRequest, status: int) -> HttpResponse:
    return render(request, f"errors/{status}.html", {"request_id": request_id.get()}, status=status)
