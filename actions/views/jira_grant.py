"""Connecting a Jira Cloud by consent at Atlassian (OAuth 2.0): which app asks, and the way there and back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import secrets
from accounts.access import Request, administrators, open_object, opens
from actions import rules
from actions.jira.atlassian import Question, renewed_tokens, tokens_for_code
from actions.jira.forms import GrantForm
from actions.jira.grant import app_of, find_site
from actions.models import JiraConnection, JiraGrant
from actions.services import grant as grants
from actions.services.grant import Tokens
from actions.tracker import TrackerError

ASKED = "atlassian"
"""Where a session keeps what was asked at Atlassian."""
LONGEST_ANSWER = 600
"""Seconds somebody may take to agree."""


@require_http_methods(["GET", "POST"])
@administrators
def jira_grant_add(request: Request) -> HttpResponseBase:
    """Connect a Jira Cloud that an app may use once somebody agreed to it."""
    return _grant_form(request, None)


@require_http_methods(["GET", "POST"])
@opens(JiraConnection, rules.can_connect)
def jira_grant_edit(request: Request, connection: JiraConnection) -> HttpResponseBase:
    """Change which app asks for which site, or have a connection by token use one from now on."""
    return _grant_form(request, connection)


def _grant_form(request: Request, connection: JiraConnection | None) -> HttpResponseBase:
    form = GrantForm(request.POST or None, connection=connection, initial=_granted(connection))
    if form.is_bound and form.is_valid():
        now = timezone.now()
        saved = grants.save_grant(connection, facts=form.facts, by=request.user, now=now)
        if form.cleaned_data["refresh_token"]:
            _take(request, saved, lambda: renewed_tokens(app_of(saved), form.cleaned_data["refresh_token"]))
        return redirect(saved)
    context = {"form": form, "connection": connection, "are_keys_set": secrets.are_keys_set(), "back": _back_url()}
    return render(request, "actions/jira/grant_form.html", context, status=422 if form.errors else 200)


def _granted(connection: JiraConnection | None) -> dict[str, Any]:
    """What the form begins with; never a secret."""
    if connection is None:
        return {}
    said = {name: getattr(connection, name) for name in ("name", "site_url", "is_dedicated", "at_once")}
    grant = JiraGrant.objects.filter(connection=connection).first()
    return {**said, "client_id": grant.client_id if grant else ""}


def _back_url() -> str:
    """Where Atlassian sends people back to: the app there must name the very same address."""
    return f"{settings.BASE_URL}{reverse('actions:jira-grant-answer')}"


@require_POST
@opens(JiraConnection, rules.can_connect)
def jira_grant_begin(request: Request, connection: JiraConnection) -> HttpResponseBase:
    """Ask at Atlassian. What the answer must know stays in the session, and is good for one answer."""
    grant = JiraGrant.objects.filter(connection=connection).first()
    if grant is None:
        return redirect("actions:jira-grant-edit", connection.pk)
    question = Question.new()
    request.session[ASKED] = {**asdict(question), "connection": connection.pk, "at": time.time()}
    return redirect(question.address(grant.client_id, back=_back_url()))


@require_GET
@administrators
def jira_grant_answer(request: Request) -> HttpResponseBase:
    """Back from Atlassian: with a code, where somebody agreed."""
    asked = request.session.pop(ASKED, None)
    given, code = request.GET.get("state", ""), request.GET.get("code", "")
    is_ours = asked is not None and constant_time_compare(given, asked["state"])
    if asked is None or not is_ours or time.time() - asked["at"] > LONGEST_ANSWER:
        words = "That answer belongs to no question that was asked in this browser just now. Press the button again."
        messages.error(request, words)
        return redirect("actions:jira-sync")
    connection = open_object(request.user, JiraConnection, pk=asked["connection"])
    if not code:
        messages.error(request, "Nobody agreed at Atlassian, so nothing was changed.")
        return redirect(connection)
    _take(
        request,
        connection,
        lambda: tokens_for_code(app_of(connection), code, verifier=asked["verifier"], back=_back_url()),
    )
    return redirect(connection)


def _take(request: Request, connection: JiraConnection, tokens: Callable[[], Tokens]) -> None:
    """Keep what Atlassian gives before anything is done with it, and see where it leads."""
    now = timezone.now()
    try:
        grants.keep_first_tokens(connection=connection, tokens=tokens(), by=request.user, now=now)
    except TrackerError as error:
        messages.error(request, str(error))
        return
    try:
        site = find_site(connection, now=now)
    except TrackerError as error:
        grants.refuse_grant(connection=connection, words=str(error), by=request.user, now=now)
        messages.error(request, str(error))
    else:
        grants.finish_grant(connection=connection, site=site, by=request.user, now=now)
        messages.success(request, f"Connected to {connection.name}.")
