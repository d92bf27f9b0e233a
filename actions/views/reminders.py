"""Answers to reminders by one click, quiet for one action, and one's own settings."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import Request, opens, public, signed_in
from accounts.pages import after_change
from actions import rules
from actions.forms.reminders import PauseForm, ReminderSettingsForm
from actions.models import ActionItem, ReminderSettings
from actions.services.answer import AnswerRefused, give_answer, read_token
from actions.services.reminder import a_week_from, change_reminder_settings, pause_reminders, resume_reminders
from actions.views.context import action_context


@require_http_methods(["GET", "POST"])
@public
def reminder_answer(request: HttpRequest, token: str) -> HttpResponse:
    """Say "done", "snooze" or "not mine" from a mail, without signing in.

    Looking does nothing: mail scanners open every address. The button on the page is the one click.
    """
    try:
        asked = give_answer(token, now=timezone.now()) if request.method == "POST" else read_token(token)
    except AnswerRefused as refusal:
        return render(request, "actions/answer.html", {"problem": str(refusal), "action": refusal.action}, status=409)
    name = asked.action.reference if asked.action.postmortem.is_restricted else str(asked.action)
    context = {"asked": asked, "name": name, "is_done": request.method == "POST"}
    return render(request, "actions/answer.html", context)


@require_POST
@opens(ActionItem, rules.can_see)
def reminders_pause(request: Request, action: ActionItem) -> HttpResponseBase:
    """Hear nothing of one action for a week, or for good, or hear of it again."""
    form = PauseForm(request.POST)
    choice = form.cleaned_data["choice"] if form.is_valid() else ""
    if choice == "resume":
        resume_reminders(action=action, person=request.user, by=request.user)
    elif choice:
        until = a_week_from(timezone.now(), request.user) if choice == "week" else None
        pause_reminders(action=action, person=request.user, until=until, by=request.user)
    to = action.get_absolute_url()
    return after_change(request, "actions/_action.html", action_context(request, action), to=to)


@require_http_methods(["GET", "POST"])
@signed_in
def reminder_settings(request: Request) -> HttpResponseBase:
    """When and how one is reminded."""
    known = ReminderSettings.objects.filter(person=request.user).first() or ReminderSettings(person=request.user)
    initial = {name: getattr(known, name) for name in ReminderSettingsForm.base_fields}
    form = ReminderSettingsForm(request.POST or None, initial=initial)
    if form.is_bound and form.is_valid():
        change_reminder_settings(person=request.user, changes=form.cleaned_data, by=request.user)
        messages.success(request, "Saved.")
        return redirect("actions:reminder-settings")
    context = {"form": form, "zone": request.user.timezone}
    return render(request, "actions/reminder_settings.html", context, status=422 if form.errors else 200)
