"""Adding, editing, moving and deleting an action, in place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import Truncator
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect, reswap, retarget

from accounts.access import Request, opens
from accounts.conflict import save_form
from accounts.exceptions import EditedMeanwhile
from accounts.pages import after_change, render_part
from actions import rules
from actions.enums import Status
from actions.forms.action import LONGEST_TITLE, ActionForm, DeliverableForm, facts_of
from actions.forms.status import CompleteForm, LinkForm, RefuseForm, StatusForm
from actions.hints import hints
from actions.models import ActionIdea, ActionItem, WorkLink
from actions.services import action as services
from actions.services.idea import take_up_idea
from actions.services.link import add_link, complete_action, remove_link
from actions.views.context import action_context, is_own_page, list_context
from postmortems import rules as postmortem_rules
from postmortems.models import Postmortem


@require_http_methods(["GET", "POST"])
@opens(Postmortem, postmortem_rules.can_edit)
def action_add(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """Show an empty form, or add the action and show the post-mortem's actions."""
    idea, to = _idea(request, postmortem), reverse("actions:action-add", args=[postmortem.pk])
    initial = _said_by(idea) if idea else {}
    form = ActionForm(request.POST if request.method == "POST" else None, postmortem=postmortem, initial=initial)
    if not form.is_bound or not form.is_valid():
        return _form(request, postmortem, form, action=f"{to}?idea={idea.pk}" if idea else to)
    added = services.add_action(
        postmortem=postmortem, facts=form.facts, lessons=form.chosen_lessons, by=request.user, now=timezone.now()
    )
    if idea:
        take_up_idea(idea=idea, action=added)
    return _show_block(request, postmortem)


def _idea(request: Request, postmortem: Postmortem) -> ActionIdea | None:
    """The idea that is to become an action, if it still stands on the shelf."""
    number = request.GET.get("idea", "")
    is_number = number.isascii() and number.isdigit() and len(number) < 18
    return postmortem.action_ideas.on_shelf().filter(pk=number).first() if is_number else None


def _said_by(idea: ActionIdea) -> dict[str, str]:
    """An idea as the form of an action begins with it: what is too long for a title is kept in whole below it."""
    title = Truncator(idea.text).chars(LONGEST_TITLE)
    return {"title": title} if title == idea.text else {"title": title, "deliverable": idea.text}


@require_http_methods(["GET", "POST"])
@opens(ActionItem, rules.can_update)
def action_edit(request: Request, action: ActionItem) -> HttpResponseBase:
    """Show the action's form, or save it; someone who saved first is shown beside the person's own input.

    An owner who may not edit the post-mortem writes the deliverable only.
    """
    sent = request.POST if request.method == "POST" else None

    def form_of(data: QueryDict | None) -> ActionForm | DeliverableForm:
        return _form_for(request, action, data)

    try:
        attempt = save_form(sent, form_of, lambda form: _save(request, action, form), row=action)
    except services.AlreadyGone:
        return _gone(request, action, form_of(sent))
    if attempt.saved:
        return _show(request, action)
    theirs, to = attempt.theirs, _edit_url(action)
    status = 409 if theirs else None
    return _form(request, action.postmortem, attempt.form, action=to, item=action, theirs=theirs, status=status)


def _form_for(request: Request, action: ActionItem, data: Any) -> ActionForm | DeliverableForm:
    if rules.can_edit(request.user, action):
        return ActionForm(data, postmortem=action.postmortem, initial=facts_of(action))
    return DeliverableForm(data, initial={"deliverable": action.deliverable, "revision": action.revision})


def _save(request: Request, action: ActionItem, form: ActionForm | DeliverableForm) -> ActionItem:
    revision, now = form.cleaned_data["revision"] or 0, timezone.now()
    if isinstance(form, ActionForm):
        return services.edit_action(
            action=action,
            facts=form.facts,
            lessons=form.chosen_lessons,
            revision=revision,
            by=request.user,
            now=now,
        )
    deliverable = form.cleaned_data["deliverable"]
    return services.edit_deliverable(
        action=action, deliverable=deliverable, revision=revision, by=request.user, now=now
    )


def _gone(request: Request, action: ActionItem, form: ActionForm | DeliverableForm) -> HttpResponse:
    form.full_clean()
    add = reverse("actions:action-add", args=[action.postmortem_id])
    return _form(request, action.postmortem, form, action=add, is_gone=True, root=f"action-{action.pk}", status=409)


def _form(
    request: Request,
    postmortem: Postmortem,
    form: forms.Form,
    *,
    action: str,
    item: ActionItem | None = None,
    status: int | None = None,
    **more: Any,
) -> HttpResponse:
    context = {"postmortem": postmortem, "form": form, "form_action": action, "item": item, **more}
    context.setdefault("root", f"action-{item.pk}" if item else f"action-new-{postmortem.pk}")
    context["hints"] = _typed_hints(form)
    return render_part(
        request,
        "actions/_action_form.html",
        context,
        title=f"{f'Edit {item.reference}' if item else 'Add an action'} · {postmortem.reference}",
        back=postmortem.get_absolute_url(),
        status=status or (422 if form.is_bound else 200),
    )


@require_POST
@opens(Postmortem, postmortem_rules.can_see)
def action_notes(request: Request, postmortem: Postmortem) -> HttpResponse:
    """What the coach says of an action while it is typed; nothing is saved."""
    form = ActionForm(request.POST, postmortem=postmortem)
    form.is_valid()
    return render(request, "components/coach_notes.html", {"notes": _typed_hints(form)})


def _typed_hints(form: forms.Form) -> list[str]:
    if not isinstance(form, ActionForm) or not form.is_bound or not form.data.get("title", "").strip():
        return []
    data, today = form.cleaned_data, timezone.localdate()
    return hints(
        title=data.get("title", ""), has_owner=bool(data.get("owner")), due_on=data.get("due_on"), start_on=today
    )


def _edit_url(action: ActionItem) -> str:
    return reverse("actions:action-edit", args=[action.pk])


@require_POST
@opens(ActionItem, rules.can_update)
def action_status(request: Request, action: ActionItem) -> HttpResponseBase:
    """One click on a status button; the page of someone who was too late shows how it stands."""
    form = StatusForm(request.POST)
    if not form.is_valid():
        return _part(request, action, status=422, message="That status does not exist.")
    return _settle(request, action, services.change_status, **form.cleaned_data)


@dataclass(frozen=True)
class Question:
    """What is asked in an action's place before it changes; `label` names it, `words` follow its title."""

    url: str
    label: str
    words: str
    button: str


REFUSE = Question("action-refuse", "Will not do {}", "will not be done.", "Will not do")
COMPLETE = Question(
    "action-complete",
    "{} is done",
    "is done. What shows it? It will stand beside the action in the post-mortem.",
    "Mark as done",
)
LINK = Question("link-add", "A link for {}", "can be seen at work here:", "Add link")


@require_http_methods(["GET", "POST"])
@opens(ActionItem, rules.can_update)
def action_refuse(request: Request, action: ActionItem) -> HttpResponseBase:
    """Ask why the action will not be done, who accepts the risk and until when, and keep the answers."""
    data = request.POST if request.method == "POST" else None
    initial = {"revision": action.revision}
    today = timezone.localdate(timezone=request.user.zone)
    form = RefuseForm(data, initial=initial, action=action, today=today)
    if form.is_bound and form.is_valid():
        change = {"status": Status.WILL_NOT_DO, "refusal": form.refusal, "revision": form.cleaned_data["revision"]}
        return _settle(request, action, services.change_status, said=form.refusal.reason, **change)
    return _ask(request, action, form, REFUSE)


@require_http_methods(["GET", "POST"])
@opens(ActionItem, rules.can_update)
def action_complete(request: Request, action: ActionItem) -> HttpResponseBase:
    """Ask what shows that the action is done, and keep it."""
    data = request.POST if request.method == "POST" else None
    form = CompleteForm(data, initial={"revision": action.revision}, has_links=action.links.exists())
    if form.is_bound and form.is_valid():
        change = {"evidence": form.facts, "revision": form.cleaned_data["revision"]}
        said = " ".join(filter(None, (form.cleaned_data["url"], form.cleaned_data["words"])))
        return _settle(request, action, complete_action, said=said, **change)
    return _ask(request, action, form, COMPLETE)


def _ask(request: Request, action: ActionItem, form: forms.Form, question: Question) -> HttpResponse:
    title = question.label.format(action.reference)
    context = {
        "item": action,
        "form": form,
        "label": title,
        "words": question.words,
        "button": question.button,
        "ask_url": reverse(f"actions:{question.url}", args=[action.pk]),
    }
    status, back = 422 if form.is_bound else 200, action.get_absolute_url()
    return render_part(request, "actions/_ask.html", context, title=title, back=back, status=status)


def _settle(
    request: Request, action: ActionItem, service: Callable[..., object], *, said: str = "", **change: Any
) -> HttpResponseBase:
    """Move the action; whoever was too late sees how it stands, and what they had `said`."""
    try:
        service(action=action, by=request.user, now=timezone.now(), **change)
    except EditedMeanwhile:
        message = "Someone changed this action meanwhile. This is how it stands now; choose again if you still want to."
        return _part(request, action, status=409, message=message, said=said)
    except services.NotAllowedNow as refusal:
        return _part(request, action, status=409, message=str(refusal), said=said)
    except services.AlreadyGone:
        return _show_block(request, action.postmortem)
    return _show(request, action)


@require_http_methods(["GET", "POST"])
@opens(ActionItem, rules.can_update)
def link_add(request: Request, action: ActionItem) -> HttpResponseBase:
    """Keep where the work can be seen."""
    form = LinkForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid() and form.facts:
        return _settle(request, action, add_link, facts=form.facts)
    return _ask(request, action, form, LINK)


@require_POST
@opens(WorkLink, rules.can_update_link)
def link_remove(request: Request, link: WorkLink) -> HttpResponseBase:
    """Take a link away."""
    remove_link(link=link, by=request.user)
    return _show(request, link.action)


@require_http_methods(["GET", "POST"])
@opens(ActionItem, rules.can_edit)
def action_delete(request: Request, action: ActionItem) -> HttpResponseBase:
    """Ask first, then delete; that someone else was first changes nothing for this person."""
    if request.method == "GET":
        title = f"Delete {action.reference}?"
        back = action.get_absolute_url()
        return render_part(request, "actions/_action_delete.html", {"item": action}, title=title, back=back)
    postmortem, on_own_page = action.postmortem, is_own_page(request, action)
    try:
        services.delete_action(action=action, by=request.user, now=timezone.now())
    except services.AlreadyGone:
        return _show_block(request, postmortem)
    if on_own_page:
        return HttpResponseClientRedirect(_block_url(postmortem))
    return _show_block(request, postmortem)


def _part(request: Request, action: ActionItem, *, status: int = 200, **more: Any) -> HttpResponse:
    return render_part(
        request,
        "actions/_action.html",
        action_context(request, action, **more),
        title=action.reference,
        back=action.get_absolute_url(),
        status=status,
    )


def _show(request: Request, action: ActionItem) -> HttpResponseBase:
    """Answer a change with the action as it is now."""
    to = action.get_absolute_url()
    return after_change(request, "actions/_action.html", action_context(request, action), to=to)


def _block_url(postmortem: Postmortem) -> str:
    return f"{postmortem.get_absolute_url()}#actions-{postmortem.pk}"


def _show_block(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """Answer a change of the list of actions with the whole list, wherever the form stood."""
    if not request.htmx:
        return redirect(_block_url(postmortem))
    response = render(request, "actions/_actions_editor.html", list_context(request, postmortem))
    return retarget(reswap(response, "outerHTML"), f"#actions-{postmortem.pk}")
