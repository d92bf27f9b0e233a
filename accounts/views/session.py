"""Is somebody signed in; the text that was kept when they no longer were."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts import kept
from accounts.access import Request, person, public, signed_in


@never_cache
@require_GET
@public
def session(request: HttpRequest) -> JsonResponse:
    """Who is signed in, and the token their page needs since signing in again changed it; 401 for nobody."""
    user = person(request.user)
    if user is None:
        return JsonResponse({"user": None}, status=401)
    return JsonResponse({"user": user.pk, "csrf_token": get_token(request)})


@require_POST
@signed_in
def kept_dismiss(request: Request) -> HttpResponseBase:
    """The kept text is not wanted any more."""
    kept.forget(request)
    back = request.headers.get("Referer", "")
    is_ours = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
    return redirect(back if is_ours else "/")
