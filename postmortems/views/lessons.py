"""Lessons, edited in place on the writing page."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import Request, opens, signed_in
from accounts.exceptions import EditedMeanwhile
from accounts.pages import render_part
from postmortems import queries, rules
from postmortems.forms.document import LessonForm
from postmortems.models import Lesson, Postmortem
from postmortems.services import lesson as services
from postmortems.services.lesson import LessonGone
from postmortems.services.postmortem import AlreadyPublished
from postmortems.views.context import text_url


@require_GET
@opens(Postmortem, rules.can_see)
def lessons(request: Request, postmortem: Postmortem) -> HttpResponse:
    """All lessons; whoever writes may change them while the post-mortem is not published."""
    return _list(request, postmortem, LessonForm(), 200)


@require_POST
@opens(Postmortem, rules.can_edit)
def lesson_add(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """One more lesson, under the next number."""
    form = LessonForm(request.POST)
    if not form.is_valid():
        return _list(request, postmortem, form, 422)
    text = form.cleaned_data["text"]
    try:
        services.add_lesson(postmortem=postmortem, text=text, by=request.user, now=timezone.now())
    except AlreadyPublished:
        postmortem.refresh_from_db()
        return _list(request, postmortem, form, 409)
    if request.htmx:
        return _list(request, postmortem, LessonForm(), 200)
    return redirect(text_url(postmortem))


@require_GET
@opens(Lesson, rules.can_see)
def lesson(request: Request, lesson: Lesson) -> HttpResponse:
    """One lesson as it is now: what "Cancel" brings back."""
    return _one(request, lesson, "postmortems/_lesson.html", {}, 200)


@require_http_methods(["GET", "POST"])
@opens(Lesson, rules.can_edit)
def lesson_edit(request: Request, lesson: Lesson) -> HttpResponseBase:
    """The form of one lesson, or save it."""
    form = LessonForm(request.POST or None, initial={"text": lesson.text, "revision": lesson.revision})
    if not form.is_bound or not form.is_valid():
        return _form(request, lesson, form, 422 if form.is_bound else 200)
    try:
        saved = services.update_lesson(
            lesson=lesson,
            revision=form.cleaned_data["revision"] or 0,
            text=form.cleaned_data["text"],
            by=request.user,
            now=timezone.now(),
        )
    except EditedMeanwhile:
        return _conflict(request, lesson, form)
    except (AlreadyPublished, LessonGone):
        return _list(request, Postmortem.objects.get(pk=lesson.postmortem_id), form, 409)
    if request.htmx:
        return _one(request, saved, "postmortems/_lesson.html", {}, 200)
    return redirect(text_url(lesson.postmortem))


@require_POST
@opens(Lesson, rules.can_edit)
def lesson_delete(request: Request, lesson: Lesson) -> HttpResponseBase:
    """Delete one lesson; its number is not given again."""
    postmortem = lesson.postmortem
    try:
        services.delete_lesson(lesson=lesson, by=request.user, now=timezone.now())
    except AlreadyPublished:
        postmortem.refresh_from_db()
        return _list(request, postmortem, LessonForm(), 409)
    if request.htmx:
        return _list(request, postmortem, LessonForm(), 200)
    return redirect(text_url(postmortem))


def _conflict(request: Request, lesson: Lesson, form: LessonForm) -> HttpResponse:
    """Their text beside the form, which keeps this person's; saving again is then deliberate."""
    lesson.refresh_from_db()
    mine = LessonForm({"text": form.cleaned_data["text"], "revision": lesson.revision})
    return _form(request, lesson, mine, 409)


def _form(request: Request, lesson: Lesson, form: LessonForm, status: int) -> HttpResponse:
    return _one(request, lesson, "postmortems/_lesson_form.html", {"form": form, "is_conflict": status == 409}, status)


def _one(request: Request, lesson: Lesson, fragment: str, extra: dict[str, Any], status: int) -> HttpResponse:
    can_edit = rules.can_edit(request.user, lesson) and not lesson.postmortem.is_published
    context = {"lesson": lesson, "postmortem": lesson.postmortem, "can_edit": can_edit, "part_is_row": True, **extra}
    title = f"Lesson {lesson.number} of {lesson.postmortem.reference}"
    return render_part(request, fragment, context, title=title, back=text_url(lesson.postmortem), status=status)


def _list(request: Request, postmortem: Postmortem, form: LessonForm, status: int) -> HttpResponse:
    can_edit = rules.can_edit(request.user, postmortem) and not postmortem.is_published
    context = {
        "postmortem": postmortem,
        "lessons": queries.lessons_of(postmortem),
        "form": form,
        "can_edit": can_edit,
        "is_conflict": status == 409,
    }
    title = f"Lessons of {postmortem.reference}"
    return render_part(
        request, "postmortems/_lessons.html", context, title=title, back=text_url(postmortem), status=status
    )


@require_GET
@signed_in
def library(request: Request) -> HttpResponse:
    """What everybody has learned."""
    page = queries.lessons_for_library(request.user, cursor=request.GET.get("page", ""))
    return render(request, "postmortems/library.html", {"page": page})


@require_POST
@opens(Postmortem, rules.can_manage)
def lessons_share(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """Share the lessons of a restricted post-mortem, or take them back."""
    is_shared = request.POST.get("is_shared") == "on"
    services.share_lessons(postmortem=postmortem, is_shared=is_shared, by=request.user, now=timezone.now())
    messages.success(request, "Its lessons are shared once it is published." if is_shared else "Taken back.")
    return redirect("postmortems:people", pk=postmortem.pk)
