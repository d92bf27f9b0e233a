"""The policy page: the table of rules an administrator edits."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import Request, administrators, signed_in
from incidents import queries
from incidents.forms import PolicyRuleForm
from incidents.models import PolicyRule
from incidents.services import policy as services


@require_GET
@signed_in
def policy(request: Request) -> HttpResponse:
    """Everyone may read the policy; administrators find its rules editable."""
    return render(request, "incidents/policy.html", {"rules": queries.policy_rules()})


@require_http_methods(["GET", "POST"])
@administrators
def policy_rule_add(request: Request) -> HttpResponseBase:
    return _edit(request, None)


@require_http_methods(["GET", "POST"])
@administrators
def policy_rule_edit(request: Request, pk: int) -> HttpResponseBase:
    return _edit(request, get_object_or_404(PolicyRule, pk=pk))


@require_POST
@administrators
def policy_rule_delete(request: Request, pk: int) -> HttpResponseBase:
    services.delete_rule(rule=get_object_or_404(PolicyRule, pk=pk), by=request.user)
    return redirect("incidents:policy")


def _edit(request: Request, rule: PolicyRule | None) -> HttpResponseBase:
    initial = {name: getattr(rule, name) for name in PolicyRuleForm.base_fields} if rule else {}
    form = PolicyRuleForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_bound and form.is_valid():
        services.save_rule(rule=rule, facts=form.cleaned_data, by=request.user)
        return redirect("incidents:policy")
    context = {"form": form, "rule": rule}
    return render(request, "incidents/policy_rule.html", context, status=422 if form.is_bound else 200)
