"""Jira: connections and mappings for those who run it, and what every action's owner can do when something is amiss."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRefresh

from accounts import secrets
from accounts.access import Request, administrators, opens, public, signed_in
from accounts.pages import render_part
from actions import rules
from actions.enums import JiraAuth, JiraKind
from actions.jira import bulk, inbound, queries
from actions.jira.client import JiraClient
from actions.jira.connect import client_of
from actions.jira.forms import AccountForm, ConnectionForm, LinkForm, MappingForm
from actions.jira.secret import opened
from actions.jira.trial import Effect, Report, effect_of, examine
from actions.models import ActionItem, ItemSync, JiraConnection, JiraGrant, JiraMapping, SyncRun
from actions.services import connection as connections
from actions.services import trouble
from actions.services.connection import ConnectionFacts
from actions.services.tracking import may_leave
from actions.tracker import Issue, TrackerError
from actions.views.context import action_context

CHOICES = {
    "retry": trouble.retry_sync,
    "push": trouble.push_ours,
    "take": trouble.take_theirs,
    "recreate": trouble.recreate,
}


# -- The page of the synchronisation -----------------------------------------------------------------------------------


@signed_in
def jira_sync(request: Request) -> HttpResponse:
    """How every connection is, what is in trouble and what was written where."""
    return render(request, "actions/jira/sync.html", _sync_page(request))


def _sync_page(request: Request) -> dict[str, Any]:
    return {
        "connections": queries.jira_health(now=timezone.now()),
        "troubles": queries.syncs_in_trouble(request.user),
        "log": queries.sync_log(request.user),
        "conflicts": queries.open_conflicts(request.user),
    }


@opens(SyncRun, rules.can_see_run)
def jira_run(request: Request, run: SyncRun) -> HttpResponse:
    """How far a large run is; the page asks again by itself, and is loaded anew at the end: every number moved."""
    if request.htmx and run.ended_at:
        return HttpResponseClientRefresh()
    context = {
        "progress": queries.run_progress(run, now=timezone.now()),
        "can_stop": rules.can_stop_run(request.user, run),
    }
    back = run.mapping.connection.get_absolute_url()
    return render_part(request, "actions/jira/_run.html", context, title="Sending to Jira", back=back)


@require_POST
@opens(JiraMapping, rules.can_map)
def jira_run_start(request: Request, mapping: JiraMapping) -> HttpResponseBase:
    """Have issues made for the team's backlog."""
    try:
        run = bulk.start_run(mapping=mapping, by=request.user, now=timezone.now())
        messages.success(request, f"{run.total} actions are on their way. You can leave this page.")
    except bulk.RunsAlready:
        messages.info(request, "This is under way already.")
    return redirect(mapping.connection)


@require_POST
@opens(SyncRun, rules.can_stop_run)
def jira_run_stop(request: Request, run: SyncRun) -> HttpResponseBase:
    """Stop it; what is in Jira stays there."""
    left = bulk.stop_run(run=run, by=request.user, now=timezone.now())
    messages.success(request, f"Stopped. {left} actions were not begun and stay as they were.")
    return redirect(run.mapping.connection)


# -- Connections -------------------------------------------------------------------------------------------------------


@opens(JiraConnection, rules.can_see_connection)
def jira_connection(request: Request, connection: JiraConnection) -> HttpResponseBase:
    """One Jira: how it is, which teams go there, who is whom, and how its webhook is set up."""
    context = {
        "connection": connection,
        "health": queries.jira_health(now=timezone.now(), only=connection)[0],
        "mappings": queries.mappings_of(connection, request.user, now=timezone.now()),
        "people": connection.people.select_related("person"),
        "account_form": AccountForm(),
        "hook_url": request.build_absolute_uri(f"/hooks/jira/{connection.hook_key}"),
        "can_run": rules.can_connect(request.user, connection),
        "grant": JiraGrant.objects.filter(connection=connection).first(),
        "can_add": rules.can_add_mapping(request.user, connection),
        "now": timezone.now(),
    }

    @csp_update({"form-action": [settings.ATLASSIAN_AUTH_URL]})  # one of its forms is answered by sending people there
    def page(request: HttpRequest) -> HttpResponse:
        return render(request, "actions/jira/connection.html", context)

    return page(request)


@require_http_methods(["GET", "POST"])
@administrators
def jira_connection_add(request: Request) -> HttpResponseBase:
    """Connect a Jira: it is tried out before it is kept."""
    return _connection_form(request, None)


@require_http_methods(["GET", "POST"])
@opens(JiraConnection, rules.can_connect)
def jira_connection_edit(request: Request, connection: JiraConnection) -> HttpResponseBase:
    """Change how Debrief signs in, or give it a new token."""
    return _connection_form(request, connection)


def _connection_form(request: Request, connection: JiraConnection | None) -> HttpResponseBase:
    form = ConnectionForm(request.POST or None, connection=connection, initial=_said(connection))
    if form.is_bound and form.is_valid():
        try:
            account = _try_out(form.facts, connection)
        except TrackerError as error:
            form.add_error(None, str(error))
        else:
            saved = connections.save_connection(
                connection, facts=form.facts, account_id=account, by=request.user, now=timezone.now()
            )
            messages.success(request, f"Connected to {saved.name}.")
            return redirect(saved)
    context = {"form": form, "connection": connection, "are_keys_set": secrets.are_keys_set()}
    return render(request, "actions/jira/connection_form.html", context, status=422 if form.errors else 200)


def _said(connection: JiraConnection | None) -> dict[str, Any]:
    """What the form begins with; never a secret."""
    if connection is None:
        return {}
    names = ("name", "kind", "site_url", "username", "is_dedicated", "token_expires_on", "at_once")
    api_url = connection.api_url if connection.api_url != connection.site_url else ""
    return {**{name: getattr(connection, name) for name in names}, "api_url": api_url}


def _try_out(facts: ConnectionFacts, connection: JiraConnection | None) -> str:
    """Sign in, and see that it is the Jira it is said to be; the account's id. Raises `TrackerError`."""
    secret = facts.secret or opened(connection.secret if connection else "")
    client = JiraClient(
        facts.api_url,
        is_cloud=facts.kind == JiraKind.CLOUD,
        username=facts.username if facts.auth == JiraAuth.API_TOKEN else "",
        secret=secret,
    )
    try:
        kind = str(client.server().get("deploymentType", ""))
        if kind and (kind == "Cloud") != (facts.kind == JiraKind.CLOUD):
            raise TrackerError(f"This is not {JiraKind(facts.kind).label}: it says it is “{kind}”.")
        return client.account_of(client.myself())
    finally:
        client.close()


@require_POST
@opens(JiraConnection, rules.can_connect)
def jira_connection_pause(request: Request, connection: JiraConnection) -> HttpResponseBase:
    """Ask nothing of it for now, or go on."""
    if connection.paused_reason:
        connections.resume_connection(connection=connection, by=request.user, now=timezone.now())
        messages.success(request, "Going on: what waits is looked at now.")
    else:
        connections.pause_connection(connection=connection, by=request.user, now=timezone.now())
        messages.success(request, "Paused. What changes here waits, and nothing is lost.")
    return redirect(connection)


@require_http_methods(["GET", "POST"])
@opens(JiraConnection, rules.can_connect)
def jira_connection_remove(request: Request, connection: JiraConnection) -> HttpResponseBase:
    """Forget a Jira and its secrets."""
    if request.method == "POST":
        connections.remove_connection(connection=connection, by=request.user)
        messages.success(request, f"{connection.name} is not connected any more. Revoke its token in Jira too.")
        return redirect("actions:jira-sync")
    return render(
        request, "actions/jira/connection_remove.html", {"connection": connection, "count": connection.items.count()}
    )


# -- Mappings and people -----------------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@opens(JiraConnection, rules.can_add_mapping)
def jira_mapping_add(request: Request, connection: JiraConnection) -> HttpResponseBase:
    """Say where a team's actions go: tested before it is saved."""
    return _mapping_form(request, connection, None)


@require_http_methods(["GET", "POST"])
@opens(JiraMapping, rules.can_map)
def jira_mapping_edit(request: Request, mapping: JiraMapping) -> HttpResponseBase:
    """Change where a team's actions go; what is there already is looked at again."""
    return _mapping_form(request, mapping.connection, mapping)


def _mapping_form(request: Request, connection: JiraConnection, mapping: JiraMapping | None) -> HttpResponseBase:
    """Every answer of the form is tested against Jira, whichever button was pressed."""
    is_saving = "save" in request.POST
    begun = {**_mapped(mapping), **(MappingForm.typed(request.POST) if request.POST else {})}
    project = str(begun.get("project_key", "")).strip().upper()[:50]
    kind = str(begun.get("issue_type", ""))[:50]
    given = {name.removeprefix("default_"): value for name, value in begun.items() if name.startswith("default_")}
    report = _examined(request, connection, project, kind, given or (mapping.defaults if mapping else {}))
    form = MappingForm(
        request.POST if is_saving else None, user=request.user, mapping=mapping, report=report, initial=begun
    )
    is_tested = report is not None and bool(report.statuses)
    if is_saving and report is not None and is_tested and form.is_valid() and not report.problems:
        team = mapping.team if mapping else form.cleaned_data["team"]
        connections.save_mapping(
            mapping, connection=connection, team=team, facts=form.facts(report), by=request.user, now=timezone.now()
        )
        messages.success(request, f"{team.name}’s actions go to {project}.")
        return redirect(connection)
    context = {"form": form, "connection": connection, "mapping": mapping, "report": report, "is_tested": is_tested}
    context["effect"] = _effect(request, mapping, report) if is_tested else None
    return render(request, "actions/jira/mapping_form.html", context, status=422 if is_saving else 200)


def _effect(request: Request, mapping: JiraMapping | None, report: Report | None) -> Effect | None:
    """What the mapping as it was typed would change of what is in Jira; None while it could not be saved."""
    if mapping is None or report is None or not request.POST:
        return None
    typed = MappingForm(request.POST, user=request.user, mapping=mapping, report=report, initial=_mapped(mapping))
    return effect_of(mapping, typed.facts(report)) if typed.is_valid() else None


def _examined(
    request: Request, connection: JiraConnection, project: str, kind: str, given: dict[str, Any]
) -> Report | None:
    """What Jira says of the project; None if none is named or Jira cannot be asked, which the page then says."""
    if not project:
        return None
    try:
        with client_of(connection, now=timezone.now()) as client:
            return examine(client, project=project, kind=kind, given=given)
    except TrackerError as error:
        messages.error(request, str(error))
        return None


def _mapped(mapping: JiraMapping | None) -> dict[str, Any]:
    if mapping is None:
        return {}
    names = ("team", "project_key", "is_automatic", "sends_restricted")
    said = {name: getattr(mapping, name) for name in names}
    return {**said, "issue_type": mapping.issue_type_id, "labels": " ".join(mapping.labels)}


@require_POST
@opens(JiraMapping, rules.can_map)
def jira_mapping_remove(request: Request, mapping: JiraMapping) -> HttpResponseBase:
    """Send no more of a team's actions."""
    connections.remove_mapping(mapping=mapping, by=request.user)
    messages.success(request, f"{mapping.team.name}’s actions stay here. The issues in Jira stay as they are.")
    return redirect(mapping.connection)


@require_POST
@opens(JiraConnection, rules.can_connect)
def jira_account(request: Request, connection: JiraConnection) -> HttpResponseBase:
    """Say which account is whose, or that it is nobody's."""
    form = AccountForm(request.POST)
    if form.is_valid():
        person, account = form.cleaned_data["person"], form.cleaned_data["account_id"]
        now = timezone.now()
        connections.name_account(connection=connection, person=person, account_id=account, by=request.user, now=now)
        messages.success(request, f"{person.display_name} is {account} in Jira.")
    else:
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
    return redirect(connection)


# -- One action --------------------------------------------------------------------------------------------------------


@require_POST
@opens(ItemSync, rules.can_mend)
def jira_item(request: Request, sync: ItemSync, choice: str) -> HttpResponseBase:
    """Try again, let one side stand, part them, or make the issue anew."""
    action = sync.action
    assert action is not None  # noqa: S101  (rows without one are seen by nobody)
    if choice == "unlink":
        trouble.unlink(sync=sync, by=request.user)
    elif choice in CHOICES:
        CHOICES[choice](sync=sync, by=request.user, now=timezone.now())
    else:
        raise Http404
    return _back(request, action)


@require_http_methods(["GET", "POST"])
@opens(ActionItem, rules.can_edit)
def jira_link(request: Request, action: ActionItem) -> HttpResponseBase:
    """Send an action to Jira, or link it to an issue that is there."""
    mapping = JiraMapping.objects.filter(team_id=action.team_id).select_related("connection").first()
    if mapping is None or ItemSync.objects.filter(action=action).exists():
        messages.info(request, "It is in Jira already." if mapping else "The team’s actions have no place in Jira yet.")
        return redirect(action)
    if not may_leave(action, mapping):
        words = "Its post-mortem is restricted, and such actions of this team are not sent to Jira."
        messages.error(request, words)
        return redirect(action)
    if request.method == "POST" and "send" in request.POST:
        trouble.send(action=action, mapping=mapping, by=request.user, now=timezone.now())
        return redirect(action)
    form = LinkForm(request.POST or None)
    if form.is_bound and form.is_valid():
        problem = _link(request, action, mapping, form)
        if not problem:
            return redirect(action)
        form.add_error("issue", problem)
    context = {"form": form, "action": action, "mapping": mapping}
    return render(request, "actions/jira/link.html", context, status=422 if form.errors else 200)


def _link(request: Request, action: ActionItem, mapping: JiraMapping, form: LinkForm) -> str:
    """Link it; otherwise why not."""
    try:
        issue = _found(mapping, form.cleaned_data["issue"])
        is_ours = form.cleaned_data["side"] == "ours"
        trouble.link_issue(
            action=action, mapping=mapping, issue=issue, is_ours=is_ours, by=request.user, now=timezone.now()
        )
    except TrackerError as error:
        return str(error)
    except trouble.TakenAlready as error:
        other = error.other.action
        is_seen = other is not None and rules.can_see(request.user, other)
        return f"{other.reference} is linked to it." if other and is_seen else "Another action is linked to it."
    return ""


def _found(mapping: JiraMapping, key: str) -> Issue:
    """The issue, if it is in the project that the team's actions go to. Raises `TrackerError`."""
    if key.rpartition("-")[0] != mapping.project_key:
        raise TrackerError(f"The team’s actions go to {mapping.project_key}; choose an issue of that project.")
    with client_of(mapping.connection, now=timezone.now()) as client:
        return client.issue(key)


@require_POST
@opens(ItemSync, rules.can_mend)
def jira_conflicts_settle(request: Request, sync: ItemSync) -> HttpResponseBase:
    """Everything that gave way was seen, and is well as it is."""
    trouble.settle_conflicts(sync=sync, by=request.user, now=timezone.now())
    assert sync.action is not None  # noqa: S101  (rows without one are seen by nobody)
    return _back(request, sync.action)


def _back(request: Request, action: ActionItem) -> HttpResponseBase:
    if request.htmx:
        return render(request, "actions/_action.html", action_context(request, action))
    return redirect(action)


# -- From Jira ---------------------------------------------------------------------------------------------------------


@csrf_exempt
@require_POST
@public
def jira_hook(request: HttpRequest, key: UUID) -> HttpResponse:
    """A delivery of a webhook: signed by the secret of the connection, and only a hint where to look."""
    connection = get_object_or_404(JiraConnection, hook_key=key)
    if int(request.META.get("CONTENT_LENGTH") or 0) > inbound.LARGEST:
        return HttpResponse(status=413)
    try:
        inbound.hear(connection, headers=dict(request.headers), raw=request.body, now=timezone.now())
    except inbound.NotFromJira:
        return HttpResponse("The signature is not that of this connection.", status=403, content_type="text/plain")
    return HttpResponse(status=204)
