"""Sections on the writing page: shown, edited, previewed, moved, and their history."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import Request, opens
from accounts.exceptions import EditedMeanwhile
from accounts.pages import after_change, render_part
from postmortems import queries, rules
from postmortems.comparison import compared
from postmortems.document import rendered_text
from postmortems.forms.document import PreviewForm, SectionAddForm, SectionForm, SectionTitleForm
from postmortems.models import Postmortem, Section, SectionRevision
from postmortems.references import choices_for
from postmortems.services import section as services
from postmortems.services.postmortem import AlreadyPublished
from postmortems.services.section import AlreadyGone, NotEmpty
from postmortems.views.context import section_context, write_url


@require_GET
@opens(Section, rules.can_see)
def section(request: Request, section: Section) -> HttpResponse:
    """The section as it stands on the writing page: what "Cancel" and "Keep theirs" bring back."""
    queries.with_live_texts([section])
    context = {**section_context(section), "can_edit": rules.can_edit(request.user, section)}
    return _part(request, section, "postmortems/_section.html", context, 200)


@require_http_methods(["GET", "POST"])
@opens(Section, rules.can_edit)
def section_edit(request: Request, section: Section) -> HttpResponseBase:
    """The text of a section: its form, or save it. Someone else's save in between answers 409 with both texts."""
    if not section.is_prose:
        raise Http404
    if request.method == "GET":
        queries.with_live_texts([section])
        return _form(request, section, _begun(section.body, on=section), 200)
    form = SectionForm(request.POST)
    if not form.is_valid():
        return _form(request, section, form, 422)
    try:
        saved = services.save_section(section=section, by=request.user, now=timezone.now(), **form.cleaned_data)
    except EditedMeanwhile as conflict:
        return _conflict(request, section, mine=form.cleaned_data["body"], current=conflict.current)
    except AlreadyPublished:
        return _published(request, section, mine=form.cleaned_data["body"])
    except AlreadyGone as gone:
        raise Http404 from gone
    return after_change(request, "postmortems/_section.html", _saved_context(saved), to=write_url(saved))


def _begun(body: str, *, on: Section) -> SectionForm:
    return SectionForm(initial={"body": body, "seen": services.digest(on.body)})


def _saved_context(section: Section) -> dict[str, Any]:
    return {**section_context(section), "is_saved": True, "can_edit": True}


def _form(request: Request, section: Section, form: SectionForm, status: int) -> HttpResponse:
    context = {
        "section": section,
        "postmortem": section.postmortem,
        "form": form,
        "choices": choices_for(section.postmortem),
    }
    return _part(request, section, "postmortems/_section_form.html", context, status)


def _conflict(request: Request, section: Section, *, mine: str, current: Any) -> HttpResponse:
    """Both texts, side by side; nothing is written until this person decides."""
    theirs: Section = current
    context = {
        "section": theirs,
        "postmortem": section.postmortem,
        "mine": mine,
        "lines": compared(theirs.body, mine),
        "form": _begun(mine, on=theirs),
    }
    return _part(request, section, "postmortems/_section_conflict.html", context, 409)


def _published(request: Request, section: Section, *, mine: str) -> HttpResponse:
    """It was published in the meantime: this person's text is shown, to be kept until it is reopened."""
    section.postmortem.refresh_from_db()
    context = {
        "section": section,
        "postmortem": section.postmortem,
        "mine": mine,
        "last_change": queries.last_state_change(section.postmortem),
    }
    return _part(request, section, "postmortems/_section_published.html", context, 409)


def _part(request: Request, section: Section, fragment: str, context: dict[str, Any], status: int) -> HttpResponse:
    title = f"{section.title} · {section.postmortem.reference}"
    return render_part(request, fragment, context, title=title, back=write_url(section), status=status)


@require_POST
@opens(Section, rules.can_see)
def section_preview(request: Request, section: Section) -> HttpResponse:
    """The text as its readers will see it; nothing is saved."""
    form = PreviewForm(request.POST)
    if not form.is_valid():
        return _part(request, section, "postmortems/_preview.html", {"section": section, "form": form}, 422)
    html = rendered_text(section.postmortem, form.cleaned_data["body"])
    return _part(request, section, "postmortems/_preview.html", {"section": section, "html": html}, 200)


# -- The order of sections --------------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@opens(Postmortem, rules.can_edit)
def section_add(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """One more section, at the end."""
    form = SectionAddForm(request.POST or None)
    if form.is_bound and form.is_valid():
        try:
            added = services.add_section(
                postmortem=postmortem, by=request.user, now=timezone.now(), **form.cleaned_data
            )
        except AlreadyPublished:
            return redirect(postmortem)
        return redirect(write_url(added))
    context = {"form": form, "postmortem": postmortem}
    return render(request, "postmortems/section_add.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@opens(Section, rules.can_edit)
def section_arrange(request: Request, section: Section) -> HttpResponseBase:
    """Rename, move or remove one section: a page of its own, away from the writing."""
    form = SectionTitleForm(request.POST or None, initial={"title": section.title})
    if form.is_bound and form.is_valid():
        try:
            services.rename_section(
                section=section, title=form.cleaned_data["title"], by=request.user, now=timezone.now()
            )
        except AlreadyPublished:
            return redirect(section.postmortem)
        except AlreadyGone as gone:
            raise Http404 from gone
        return redirect(write_url(section))
    return _arrange_page(request, section, form, 422 if form.is_bound else 200)


def _arrange_page(request: Request, section: Section, form: SectionTitleForm, status: int) -> HttpResponse:
    context = {
        "form": form,
        "section": section,
        "postmortem": section.postmortem,
        "sections": queries.sections_of(section.postmortem),
    }
    return render(request, "postmortems/section_arrange.html", context, status=status)


@require_POST
@opens(Section, rules.can_edit)
def section_move(request: Request, section: Section) -> HttpResponseBase:
    """One place up or down."""
    try:
        services.move_section(
            section=section, up=request.POST.get("direction") == "up", by=request.user, now=timezone.now()
        )
    except AlreadyPublished:
        return redirect(section.postmortem)
    except AlreadyGone as gone:
        raise Http404 from gone
    return redirect("postmortems:section-arrange", pk=section.pk)


@require_POST
@opens(Section, rules.can_edit)
def section_remove(request: Request, section: Section) -> HttpResponseBase:
    """Take an empty section out of the document. One that is gone already, as after a double click, is fine too."""
    try:
        services.remove_section(section=section, by=request.user, now=timezone.now())
    except AlreadyPublished:
        return redirect(section.postmortem)
    except AlreadyGone:
        return redirect("postmortems:write", pk=section.postmortem_id)
    except NotEmpty:
        form = SectionTitleForm({"title": section.title})
        form.add_error(
            None,
            "People wrote in this section or commented on it, so it stays and keeps its history. "
            "Readers do not see a section that is empty.",
        )
        return _arrange_page(request, section, form, 422)
    return redirect("postmortems:write", pk=section.postmortem_id)


# -- History ----------------------------------------------------------------------------------------------------------


@require_GET
@opens(Section, rules.can_see)
def section_history(request: Request, section: Section) -> HttpResponse:
    """Every text the section ever had, newest first."""
    queries.with_live_texts([section])
    context = {
        "section": section,
        "postmortem": section.postmortem,
        "revisions": queries.revisions_of(section),
        "can_edit": rules.can_edit(request.user, section) and not section.postmortem.is_published,
    }
    return render(request, "postmortems/section_history.html", context)


@require_GET
@opens(SectionRevision, rules.can_see)
def section_revision(request: Request, revision: SectionRevision) -> HttpResponse:
    """One text of the past beside what the section says now."""
    section = revision.section
    queries.with_live_texts([section])
    named = queries.naming(revision.postmortem, [revision.body, section.body])
    context = {
        "revision": revision,
        "section": section,
        "postmortem": revision.postmortem,
        "html": rendered_text(revision.postmortem, revision.body),
        "lines": compared(named(revision.body), named(section.body)),
        "is_current": revision.body == section.body,
        "can_edit": rules.can_edit(request.user, section) and not revision.postmortem.is_published,
    }
    return render(request, "postmortems/section_revision.html", context)


@require_POST
@opens(SectionRevision, rules.can_edit)
def section_revision_restore(request: Request, revision: SectionRevision) -> HttpResponseBase:
    """Bring an earlier text back as the newest."""
    try:
        section = services.restore_revision(revision=revision, by=request.user, now=timezone.now())
    except AlreadyPublished:
        return redirect(revision.postmortem)
    except AlreadyGone as gone:
        raise Http404 from gone
    return redirect(write_url(section))
