"""Invitations: followed by whoever got one, sent again or withdrawn by whoever may."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import Request, opens, person, public
from accounts.forms import JoinForm
from accounts.models import Invitation, User
from accounts.rules import can_manage_invitation
from accounts.services import invitation as services
from accounts.services.invitation import NotOpen, SentToAnother
from accounts.services.person import AddressTaken


@never_cache
@require_http_methods(["GET", "POST"])
@public
def invitation(request: HttpRequest, token: str) -> HttpResponseBase:
    """The page behind the mailed link: join as a new person, or with the account one has."""
    found = Invitation.objects.select_related("team", "invited_by").filter(token_digest=services.digest(token)).first()
    if found is None or not services.is_open(found, now=timezone.now()):
        return _closed(request, found)
    if user := person(request.user):
        return _join(request, found, user)
    if User.objects.filter(email__iexact=found.email).exists():
        return render(request, "accounts/invitation_sign_in.html", {"invitation": found})
    return _register(request, found)


def _closed(request: HttpRequest, found: Invitation | None) -> HttpResponse:
    is_used = found is not None and found.accepted_at is not None
    context = {"invitation": found, "is_used": is_used}
    return render(request, "accounts/invitation_closed.html", context, status=410 if found else 404)


def _join(request: HttpRequest, found: Invitation, user: User) -> HttpResponseBase:
    """Somebody who has an account: one button; or the wrong one, which is said."""
    if not services.is_address_of(user, found.email):
        return render(request, "accounts/invitation_other.html", {"invitation": found}, status=403)
    if request.method == "GET":
        return render(request, "accounts/invitation_join.html", {"invitation": found})
    try:
        services.join_by_invitation(invitation=found, by=user, now=timezone.now())
    except (NotOpen, SentToAnother):
        return _closed(request, found)
    messages.success(request, f"You are on the {found.team} team." if found.team else "Welcome.")
    return redirect(found.team or "accounts:home")


def _register(request: HttpRequest, found: Invitation) -> HttpResponseBase:
    form = JoinForm(request.POST or None, email=found.email, initial={"timezone": "UTC"})
    if not form.is_valid():
        context = {"invitation": found, "form": form}
        return render(request, "accounts/invitation.html", context, status=422 if form.is_bound else 200)
    try:
        user = services.accept_invitation(invitation=found, now=timezone.now(), **form.cleaned_data)
    except (NotOpen, AddressTaken):
        found.refresh_from_db()
        return _closed(request, found)
    get_adapter(request).login(request, user)
    messages.success(request, f"Welcome, {user.display_name}.")
    return redirect("accounts:home")


@require_POST
@opens(Invitation, can_manage_invitation)
def invitation_resend(request: Request, invitation: Invitation) -> HttpResponseBase:
    """Mail a new link; the old one ends."""
    try:
        is_sent = services.resend_invitation(invitation=invitation, by=request.user, now=timezone.now())
    except NotOpen:
        messages.info(request, f"{invitation.email} has joined in the meantime, or the invitation was withdrawn.")
    else:
        if is_sent:
            messages.success(request, f"Sent again to {invitation.email}.")
        else:
            messages.error(request, f"The mail to {invitation.email} could not be sent. Try again later.")
    return _back(invitation)


@require_POST
@opens(Invitation, can_manage_invitation)
def invitation_withdraw(request: Request, invitation: Invitation) -> HttpResponseBase:
    """The link leads nowhere from now on."""
    try:
        services.withdraw_invitation(invitation=invitation, by=request.user, now=timezone.now())
    except NotOpen:
        messages.info(request, f"{invitation.email} has joined in the meantime.")
    else:
        messages.success(request, f"The invitation of {invitation.email} was withdrawn.")
    return _back(invitation)


def _back(invitation: Invitation) -> HttpResponse:
    return redirect(invitation.team or "accounts:people")
