"""Comments and suggestions: threads beside the text, and as a page of their own."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import retarget

from accounts.access import Request, opens
from accounts.exceptions import EditedMeanwhile
from accounts.pages import render_part
from postmortems import rules
from postmortems.enums import ThreadState
from postmortems.forms.document import AcceptForm, AssignForm, CommentForm, ThreadForm
from postmortems.models import Comment, Postmortem, Section, Thread
from postmortems.references import references_in
from postmortems.services import comment as services
from postmortems.services.comment import AlreadyClosed, Place, WordsChanged, WordsGone
from postmortems.services.postmortem import AlreadyPublished
from postmortems.views.context import comments_context, text_url


@require_GET
@opens(Postmortem, rules.can_see)
def comments(request: Request, postmortem: Postmortem) -> HttpResponse:
    """Every thread, the open ones first."""
    return _list(request, postmortem)


@require_POST
@opens(Postmortem, rules.can_see)
def comments_read(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """This person has seen them."""
    services.mark_read(postmortem=postmortem, by=request.user, now=timezone.now())
    return HttpResponse(status=204) if request.htmx else redirect("postmortems:comments", pk=postmortem.pk)


@require_http_methods(["GET", "POST"])
@opens(Section, rules.can_comment)
def thread_add(request: Request, section: Section) -> HttpResponseBase:
    """Begin a thread on some words of the section. GET: its form, with those words filled in."""
    if request.method == "GET":
        return _add_form(request, section, ThreadForm(initial=_asked_for(request)), 200)
    form = ThreadForm(request.POST)
    if not form.is_valid():
        return _add_form(request, section, form, 422)
    data = form.cleaned_data
    services.begin_thread(
        section=section,
        place=Place(data["quote"], data["quote_before"], data["quote_after"], data["anchor"]),
        body=data["body"],
        replacement=data["replacement"],
        by=request.user,
        now=timezone.now(),
    )
    return _changed(request, section.postmortem)


def _asked_for(request: Request) -> dict[str, Any]:
    quote = request.GET.get("quote", "")[:5000]
    is_suggestion = "suggest" in request.GET
    return {"quote": quote, "is_suggestion": is_suggestion, "replacement": quote if is_suggestion else ""}


def _add_form(request: Request, section: Section, form: ThreadForm, status: int) -> HttpResponse:
    is_suggestion = bool(form["is_suggestion"].value()) and form["is_suggestion"].value() not in {"False", "0"}
    context = {"section": section, "postmortem": section.postmortem, "form": form, "is_suggestion": is_suggestion}
    title = f"Comment on {section.title}"
    back = text_url(section.postmortem)
    page = render_part(request, "postmortems/_thread_form.html", context, title=title, back=back, status=status)
    return retarget(page, "#thread-new") if status == 422 else page


@require_POST
@opens(Thread, rules.can_comment)
def thread_reply(request: Request, thread: Thread) -> HttpResponseBase:
    form = CommentForm(request.POST)
    if not form.is_valid():
        return _list(request, thread.postmortem, 422, answering=thread, form=form)
    services.reply(thread=thread, body=form.cleaned_data["body"], by=request.user, now=timezone.now())
    return _changed(request, thread.postmortem)


@require_http_methods(["GET", "POST"])
@opens(Comment, rules.can_rewrite)
def comment_edit(request: Request, comment: Comment) -> HttpResponseBase:
    """Other words for what one said."""
    form = CommentForm(request.POST or None, initial={"body": comment.body, "revision": comment.revision})
    if not form.is_bound or not form.is_valid():
        return _edit_form(request, comment, form, 422 if form.is_bound else 200)
    try:
        services.edit_comment(
            comment=comment,
            revision=form.cleaned_data["revision"] or 0,
            body=form.cleaned_data["body"],
            by=request.user,
            now=timezone.now(),
        )
    except EditedMeanwhile:
        comment.refresh_from_db()
        again = CommentForm({"body": form.cleaned_data["body"], "revision": comment.revision})
        return _edit_form(request, comment, again, 409)
    return _changed(request, comment.postmortem)


def _edit_form(request: Request, comment: Comment, form: CommentForm, status: int) -> HttpResponse:
    context = {
        "comment": comment,
        "form": form,
        "is_conflict": status == 409,
        "postmortem": comment.postmortem,
        "names": _names_in(comment.postmortem, str(form["body"].value())),
    }
    back = text_url(comment.postmortem)
    return render_part(
        request, "postmortems/_comment_form.html", context, title="Edit a comment", back=back, status=status
    )


def _names_in(postmortem: Postmortem, text: str) -> str:
    """Who is mentioned in the text, as JSON: by number, the name."""
    people = {f"person:{number}": str(number) for number in services.mentions(text)}
    found = references_in(postmortem, [text])
    return json.dumps({number: found[key].text for key, number in people.items() if key in found})


@require_POST
@opens(Thread, rules.can_close)
def thread_resolve(request: Request, thread: Thread) -> HttpResponseBase:
    """It is settled: resolved, or as a suggestion rejected."""
    to = ThreadState.REJECTED if thread.is_suggestion else ThreadState.RESOLVED
    try:
        services.close_thread(thread=thread, to=to, by=request.user, now=timezone.now())
    except AlreadyClosed:
        return _list(request, thread.postmortem, 409, notice="Someone settled this in the meantime.")
    return _changed(request, thread.postmortem)


@require_POST
@opens(Thread, rules.can_close)
def thread_reopen(request: Request, thread: Thread) -> HttpResponseBase:
    services.reopen_thread(thread=thread, by=request.user, now=timezone.now())
    return _changed(request, thread.postmortem)


@require_POST
@opens(Thread, rules.can_close)
def thread_assign(request: Request, thread: Thread) -> HttpResponseBase:
    """Ask somebody to see to it."""
    form = AssignForm(request.POST)
    if "person" not in request.POST or not form.is_valid():
        return _list(request, thread.postmortem, 422, notice="Choose a person, or nobody.")
    services.assign_thread(thread=thread, to=form.cleaned_data["person"], by=request.user, now=timezone.now())
    return _changed(request, thread.postmortem)


@require_POST
@opens(Thread, rules.can_edit)
def suggestion_accept(request: Request, thread: Thread) -> HttpResponseBase:
    """Take the suggested words into the text."""
    form = AcceptForm(request.POST)
    try:
        if not form.is_valid():
            raise WordsGone
        services.accept_suggestion(
            thread=thread,
            words=form.cleaned_data["words"],
            near=form.cleaned_data["near"] or 0,
            seen=form.cleaned_data["seen"],
            by=request.user,
            now=timezone.now(),
        )
    except WordsChanged as changed:
        return _list(request, thread.postmortem, 409, changed=thread, words=changed.words)
    except WordsGone:
        return _list(request, thread.postmortem, 409, notice="These words no longer stand in the text.")
    except AlreadyClosed:
        return _list(request, thread.postmortem, 409, notice="Someone settled this in the meantime.")
    except AlreadyPublished:
        return _list(request, thread.postmortem, 409, notice="It was published in the meantime: reopen it first.")
    return _changed(request, thread.postmortem)


def _changed(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    return _list(request, postmortem) if request.htmx else redirect("postmortems:comments", pk=postmortem.pk)


def _list(
    request: Request,
    postmortem: Postmortem,
    status: int = 200,
    *,
    notice: str = "",
    answering: Thread | None = None,
    form: CommentForm | None = None,
    changed: Thread | None = None,
    words: str = "",
) -> HttpResponse:
    """The list of comments; in it `answering` with its form, or a suggestion whose `words` were `changed`."""
    context = {
        **comments_context(request, postmortem),
        "notice": notice,
        "changed": changed,
        "changed_words": words,
        "answering": answering,
        "answer": form,
    }
    title = f"Comments on {postmortem.reference}"
    return render_part(
        request, "postmortems/_comments.html", context, title=title, back=text_url(postmortem), status=status
    )
