"""The history of the whole text: moments, what changed between them, who wrote what, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.access import Request, opens
from postmortems import queries, rules
from postmortems.comparison import Line, around_changes, compared
from postmortems.forms.document import RevisionNameForm
from postmortems.models import Postmortem, Revision, Section
from postmortems.services import revision as services
from postmortems.services.postmortem import AlreadyPublished
from postmortems.views.context import header_context


@require_GET
@opens(Postmortem, rules.can_see)
def history(request: Request, postmortem: Postmortem) -> HttpResponse:
    """Every moment that was kept, and every move to another state."""
    postmortem = queries.with_its_incident(postmortem)
    context = {
        **header_context(request, postmortem),
        "page": queries.revisions_for_history(postmortem, cursor=request.GET.get("page", "")),
        "state_changes": queries.state_changes_of(postmortem),
        "sections": [section for section in queries.sections_of(postmortem) if section.is_prose],
        "form": RevisionNameForm(),
    }
    return render(request, "postmortems/history.html", context)


@require_POST
@opens(Postmortem, rules.can_edit)
def revision_name(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """Keep what the text says now, under a name."""
    form = RevisionNameForm(request.POST)
    if not form.is_valid():
        context = {"form": form, "postmortem": postmortem}
        return render(request, "postmortems/revision_name.html", context, status=422)
    services.name_revision(postmortem=postmortem, name=form.cleaned_data["name"], by=request.user, now=timezone.now())
    return redirect("postmortems:history", pk=postmortem.pk)


@dataclass(frozen=True)
class Difference:
    """What changed in one section."""

    section: Section
    lines: list[Line | None]


@require_GET
@opens(Revision, rules.can_see)
def revision(request: Request, revision: Revision) -> HttpResponse:
    """What the moment changed against the one before or, with `?now`, what changed since."""
    postmortem = queries.with_its_incident(revision.postmortem)
    is_now = "now" in request.GET
    before = queries.revision_before(revision)
    then = queries.texts_at(revision)
    sections = [section for section in queries.sections_of(postmortem) if section.is_prose]
    earlier = queries.texts_at(before) if before else {}
    pairs = [
        (section, then.get(section.pk, ""), section.body)
        if is_now
        else (section, earlier.get(section.pk, ""), then.get(section.pk, ""))
        for section in sections
    ]
    changed = [(section, one, two) for section, one, two in pairs if one != two]
    named = queries.naming(postmortem, [text for _, *texts in changed for text in texts])
    context = {
        "revision": revision,
        "postmortem": postmortem,
        "before": before,
        "is_now": is_now,
        "is_inline": "inline" in request.GET,
        "differences": [Difference(s, around_changes(compared(named(one), named(two)))) for s, one, two in changed],
        "can_edit": rules.can_edit(request.user, postmortem) and not postmortem.is_published,
    }
    return render(request, "postmortems/revision.html", context)


@require_POST
@opens(Revision, rules.can_edit)
def revision_restore(request: Request, revision: Revision) -> HttpResponseBase:
    """Bring the text of that moment back as the newest."""
    try:
        is_restored = services.restore_revision(revision=revision, by=request.user, now=timezone.now())
    except AlreadyPublished:
        messages.error(request, "It is published, so its text stays as it is. Reopen it to change it.")
        return redirect(revision.postmortem)
    if is_restored:
        messages.success(request, "The text says again what it said then. What stood there before is in the history.")
    else:
        messages.info(request, "The text says so already: nothing was changed.")
    return redirect("postmortems:write", pk=revision.postmortem_id)


@require_GET
@opens(Postmortem, rules.can_see)
def attribution(request: Request, postmortem: Postmortem) -> HttpResponse:
    """Who wrote which words."""
    postmortem = queries.with_its_incident(postmortem)
    found = queries.attribution_of(postmortem)
    people = {person for each in found for person, _ in each.pieces if person}
    context = {
        **header_context(request, postmortem),
        "attributions": [each for each in found if each.pieces],
        "people": sorted(people, key=lambda person: person.display_name),
    }
    return render(request, "postmortems/attribution.html", context)


@require_GET
@opens(Postmortem, rules.can_see)
def export_history(request: Request, postmortem: Postmortem) -> HttpResponse:
    """Every moment with the texts it changed, as JSON: nothing is locked in."""
    rows = postmortem.revisions.select_related("made_by").prefetch_related("writers", "sections__section")
    told = [
        {
            "number": row.number,
            "reason": row.reason,
            "name": row.name,
            "made_at": row.made_at,
            "made_by": str(row.made_by) if row.made_by else None,
            "writers": [str(person) for person in row.writers.all()],
            "sections": [
                {"id": str(each.section_id), "title": each.section.title, "text": each.body}
                for each in row.sections.all()
            ],
        }
        for row in rows
    ]
    answer = JsonResponse({"post_mortem": postmortem.reference, "revisions": told})
    answer["Content-Disposition"] = f'attachment; filename="{postmortem.reference}-history.json"'
    return answer
