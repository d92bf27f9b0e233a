"""The list, and the page of one post-mortem: for reading and for writing."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import Request, opens, signed_in
from accounts.exceptions import EditedMeanwhile
from accounts.pages import after_change, render_part
from postmortems import queries, rules
from postmortems.blocks.incident import Fact, known_durations, known_moments
from postmortems.document import rendered_sections, version_of
from postmortems.export import pdf
from postmortems.forms.document import PostmortemFilterForm, TitleForm
from postmortems.models import Postmortem
from postmortems.services import draft as draft_services
from postmortems.services import postmortem as services
from postmortems.services.postmortem import AlreadyPublished
from postmortems.views.context import comments_context, header_context, section_context


@require_GET
@signed_in
def postmortems(request: Request) -> HttpResponse:
    form = PostmortemFilterForm(request.GET)
    filters = form.filters()
    page = queries.postmortems_for_list(request.user, filters, cursor=request.GET.get("page", ""))
    context = {"form": form, "page": page, "filters": filters}
    if request.htmx:
        return render(request, "postmortems/_postmortems.html", context)
    return render(request, "postmortems/postmortems.html", {**context, "known_tags": queries.known_tags(request.user)})


@require_GET
@opens(Postmortem, rules.can_see)
def postmortem(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """The reader's page once it is published; until then, the writing page for those who write."""
    if not postmortem.is_published and rules.can_edit(request.user, postmortem):
        return redirect("postmortems:write", pk=postmortem.pk)
    return _reader(request, postmortem)


@require_GET
@opens(Postmortem, rules.can_see)
def postmortem_read(request: Request, postmortem: Postmortem) -> HttpResponse:
    """The reader's page, in any state."""
    return _reader(request, postmortem)


def _reader(request: Request, postmortem: Postmortem) -> HttpResponse:
    postmortem = queries.with_its_incident(postmortem)
    sections = rendered_sections(postmortem, request.user)
    context = {
        **header_context(request, postmortem),
        "sections": sections,
        "version": version_of(sections),
        "facts": _facts_strip(postmortem),
        "services": list(postmortem.incident.services.all()),
        "makes_pdf": pdf.is_available(),
        "has_graphs": postmortem.metrics.filter(picture=None).exists(),
    }
    return render(request, "postmortems/postmortem.html", context)


@require_GET
@opens(Postmortem, rules.can_see)
def newer(request: Request, postmortem: Postmortem) -> HttpResponse:
    """204 while readers would see what `?seen=` names; else a line that leads to what they would see now."""
    postmortem = queries.with_its_incident(postmortem)
    if version_of(rendered_sections(postmortem, request.user)) == request.GET.get("seen"):
        return HttpResponse(status=204)
    title = f"Changes in {postmortem.reference}"
    context = {"postmortem": postmortem}
    back = reverse("postmortems:read", args=[postmortem.pk])
    return render_part(request, "postmortems/_newer.html", context, title=title, back=back)


def _facts_strip(postmortem: Postmortem) -> list[Fact]:
    """What a reader wants to know first: when it began and how long each part took."""
    incident = postmortem.incident
    began = [fact for fact in known_moments(incident) if fact.key == "impact-start"]
    return began + known_durations(incident)


@require_GET
@opens(Postmortem, rules.can_see)
def write(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """The writing page: the outline, and every section with its guidance. Who only reads sees it live, and comments."""
    if postmortem.is_published:
        return redirect(postmortem)
    postmortem = queries.with_its_incident(postmortem)
    outline = queries.outline_of(postmortem)
    chapters = [section_context(chapter.section, chapter.progress) for chapter in outline]
    context: dict[str, Any] = {
        **header_context(request, postmortem),
        **comments_context(request, postmortem),
        "outline": outline,
        "chapters": chapters,
    }
    return render(request, "postmortems/write.html", context)


@require_POST
@opens(Postmortem, rules.can_edit)
def postmortem_fill(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """Fill what is still empty from the incident."""
    try:
        draft_services.fill_from_incident(postmortem=postmortem, by=request.user, now=timezone.now())
    except AlreadyPublished:
        return redirect(postmortem)
    return redirect("postmortems:write", pk=postmortem.pk)


@require_GET
@opens(Postmortem, rules.can_edit)
def title(request: Request, postmortem: Postmortem) -> HttpResponse:
    """The title as it is now: what "Cancel" brings back."""
    return _title(request, postmortem, None, 200)


@require_http_methods(["GET", "POST"])
@opens(Postmortem, rules.can_edit)
def title_edit(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """Give it another title."""
    form = TitleForm(request.POST or None, initial={"title": postmortem.title, "revision": postmortem.revision})
    if not form.is_bound or not form.is_valid():
        return _title(request, postmortem, form, 422 if form.is_bound else 200)
    try:
        saved = services.rename_postmortem(
            postmortem=postmortem, by=request.user, now=timezone.now(), **form.cleaned_data
        )
    except EditedMeanwhile as conflict:
        return _title_conflict(request, postmortem, form, conflict)
    except AlreadyPublished:
        postmortem.refresh_from_db()
        return _title(request, postmortem, form, 409)
    context = {"postmortem": saved, "can_edit": True}
    return after_change(request, "postmortems/_title.html", context, to=saved.get_absolute_url())


def _title_conflict(
    request: Request, postmortem: Postmortem, form: TitleForm, conflict: EditedMeanwhile
) -> HttpResponse:
    """Their title beside the form, which keeps this person's; saving again is then deliberate."""
    postmortem.refresh_from_db()
    data = {"title": form.cleaned_data["title"], "revision": postmortem.revision}
    return _title(request, postmortem, TitleForm(data), 409)


def _title(request: Request, postmortem: Postmortem, form: TitleForm | None, status: int) -> HttpResponse:
    fragment = "postmortems/_title_form.html" if form else "postmortems/_title.html"
    context = {"postmortem": postmortem, "form": form, "can_edit": True, "is_conflict": status == 409}
    return render_part(request, fragment, context, title="Title", back=postmortem.get_absolute_url(), status=status)
