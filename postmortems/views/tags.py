"""The tags of a post-mortem: shown, put on, taken off."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.access import Request, opens
from accounts.pages import render_part
from incidents.tagging import MOST_TAGS
from postmortems import queries, rules
from postmortems.forms.tags import TagForm, UntagForm
from postmortems.models import Postmortem
from postmortems.services import tag as services
from postmortems.services.tag import TooManyTags


@require_GET
@opens(Postmortem, rules.can_see)
def tags(request: Request, postmortem: Postmortem) -> HttpResponse:
    """Its tags; with `?edit`, to be changed by those who write."""
    if "edit" in request.GET and rules.can_edit(request.user, postmortem):
        return _form(request, postmortem, TagForm(), 200)
    can_edit = rules.can_edit(request.user, postmortem)
    context = {"postmortem": postmortem, "tags": queries.tags_of(postmortem), "can_edit": can_edit}
    return _part(request, postmortem, "postmortems/_tags.html", context, 200)


@require_POST
@opens(Postmortem, rules.can_edit)
def tag_add(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """Put a tag on it, or several."""
    form = TagForm(request.POST)
    if form.is_valid():
        try:
            services.add_tags(
                postmortem=postmortem, names=form.cleaned_data["name"], by=request.user, now=timezone.now()
            )
        except TooManyTags:
            form.add_error("name", f"A post-mortem has at most {MOST_TAGS} tags: more say nothing.")
        else:
            return _changed(request, postmortem)
    return _form(request, postmortem, form, 422)


@require_POST
@opens(Postmortem, rules.can_edit)
def tag_remove(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """Take a tag off it."""
    form = UntagForm(request.POST)
    if form.is_valid():
        services.remove_tags(
            postmortem=postmortem, names=[form.cleaned_data["name"]], by=request.user, now=timezone.now()
        )
    return _changed(request, postmortem)


def _changed(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    if request.htmx:
        return _form(request, postmortem, TagForm(), 200)
    return redirect(f"{reverse('postmortems:tags', args=[postmortem.pk])}?edit")


def _form(request: Request, postmortem: Postmortem, form: TagForm, status: int) -> HttpResponse:
    tags = queries.tags_of(postmortem)
    known = [tag for tag in queries.known_tags(request.user) if tag not in tags]
    context = {"postmortem": postmortem, "tags": tags, "form": form, "known": known}
    return _part(request, postmortem, "postmortems/_tags_form.html", context, status)


def _part(
    request: Request, postmortem: Postmortem, fragment: str, context: dict[str, object], status: int
) -> HttpResponse:
    title = f"Tags of {postmortem.reference}"
    return render_part(request, fragment, context, title=title, back=postmortem.get_absolute_url(), status=status)
