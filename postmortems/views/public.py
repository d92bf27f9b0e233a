"""The public version: written and approved inside, read by anybody outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.feedgenerator import Atom1Feed
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.access import Request, administrators, opens, public
from accounts.exceptions import EditedMeanwhile
from accounts.mail import link_to
from incidents.markdown import render as render_markdown
from postmortems import leaks, queries, rules
from postmortems.forms.public import AllowForm, ApproveForm, ApproversForm, PublicVersionForm, RevisionForm
from postmortems.models import Postmortem, PublicationSettings, PublicVersion
from postmortems.public import first_text, public_versions
from postmortems.services import public as services
from postmortems.services.public import MayNotApprove, NotReady
from postmortems.views.context import header_context

FEED_LENGTH = 30
OTHER_TEXT = "Somebody changed the text in the meantime: read it again."


@require_http_methods(["GET", "POST"])
@opens(Postmortem, rules.can_see)
def public_version(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """GET: the text, what in it points inside, how far the approvals are. POST: write it."""
    if request.method == "GET":
        return _page(request, postmortem, 200)
    if not rules.can_edit(request.user, postmortem):
        raise PermissionDenied
    form = PublicVersionForm(request.POST)
    if not form.is_valid():
        return _page(request, postmortem, 422, form=form)
    try:
        services.write_public_version(postmortem=postmortem, by=request.user, now=timezone.now(), **form.cleaned_data)
    except EditedMeanwhile as error:
        theirs: Any = error.current
        again = PublicVersionForm({**form.cleaned_data, "revision": theirs.revision})
        return _page(request, postmortem, 409, form=again, theirs=theirs)
    messages.success(request, "Kept. Nobody outside reads it before it is approved and published.")
    return redirect("postmortems:public-version", pk=postmortem.pk)


def _page(request: Request, postmortem: Postmortem, status: int, **extra: Any) -> HttpResponse:
    postmortem = queries.with_its_incident(postmortem)
    version = queries.public_version_of(postmortem)
    found = leaks.leaks_in(version.text, postmortem) if version else []
    me = request.user.pk
    context = {
        **header_context(request, postmortem),
        "version": version,
        "form": PublicVersionForm(initial=_initial(postmortem, version)),
        "leaks": [(leak, AllowForm(initial={"quote": leak.quote})) for leak in found],
        "allowed": postmortem.allowed_words.select_related("allowed_by"),
        "missing": services.missing_of(version, found) if version else [],
        "may_legal": me in services.approvers("legal"),
        "may_lead": me in services.approvers("leadership"),
        "address": link_to(reverse("postmortems:public-page", args=[version.slug])) if version and version.slug else "",
        **extra,
    }
    return render(request, "postmortems/public_version.html", context, status=status)


def _initial(postmortem: Postmortem, version: PublicVersion | None) -> dict[str, Any]:
    if version:
        return {"title": version.title, "body": version.body, "revision": version.revision}
    return {"title": "", "body": first_text(postmortem), "revision": 0}


@require_POST
@opens(PublicVersion, rules.can_see)
def public_approve(request: Request, version: PublicVersion) -> HttpResponseBase:
    """Approve the text for one side."""
    return _decided(request, version, ApproveForm(request.POST), services.approve_public_version, "Approved.")


def _decided(
    request: Request, version: PublicVersion, form: forms.Form, decide: Callable[..., object], told: str
) -> HttpResponseBase:
    """Decide about the revision that was read; the page with what speaks against it, when it cannot be."""
    if not form.is_valid():
        return _page(request, version.postmortem, 422)
    try:
        decide(version=version, by=request.user, now=timezone.now(), **form.cleaned_data)
    except MayNotApprove as error:
        return _page(request, version.postmortem, 403, problem=str(error))
    except NotReady as error:
        return _page(request, version.postmortem, 422, problem=str(error))
    except EditedMeanwhile:
        return _page(request, version.postmortem, 409, problem=OTHER_TEXT)
    messages.success(request, told)
    return redirect("postmortems:public-version", pk=version.postmortem_id)


@require_POST
@opens(Postmortem, rules.can_manage)
def public_allow(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """Let words stand that look as if they pointed inside."""
    form = AllowForm(request.POST)
    if not form.is_valid():
        return _page(request, postmortem, 422, problem="Say why these words may be public.")
    services.allow_words(postmortem=postmortem, by=request.user, now=timezone.now(), **form.cleaned_data)
    return redirect("postmortems:public-version", pk=postmortem.pk)


@require_POST
@opens(PublicVersion, rules.can_manage)
def public_publish(request: Request, version: PublicVersion) -> HttpResponseBase:
    """Let the world read it."""
    form = RevisionForm(request.POST)
    return _decided(request, version, form, services.publish_public_version, "It is public now.")


@require_POST
@opens(PublicVersion, rules.can_manage)
def public_take_down(request: Request, version: PublicVersion) -> HttpResponseBase:
    """Nobody outside reads it any more."""
    services.take_down(version=version, by=request.user, now=timezone.now())
    messages.success(request, "Taken down.")
    return redirect("postmortems:public-version", pk=version.postmortem_id)


@require_http_methods(["GET", "POST"])
@administrators
def publication_settings(request: Request) -> HttpResponseBase:
    """Who approves for legal and for leadership."""
    row = PublicationSettings.objects.first()
    initial = {"legal": row.legal.all(), "leadership": row.leadership.all()} if row else {}
    form = ApproversForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        services.choose_approvers(by=request.user, **form.cleaned_data)
        messages.success(request, "Kept.")
        return redirect("postmortems:publication-settings")
    return render(request, "postmortems/publication_settings.html", {"form": form}, status=422 if form.errors else 200)


# -- Outside -----------------------------------------------------------------------------------------------------------


@require_GET
@public
def public_pages(request: HttpRequest) -> HttpResponse:
    """Everything that is public."""
    return render(request, "postmortems/public_pages.html", {"versions": public_versions()[:200]})


@require_GET
@public
def public_page(request: HttpRequest, slug: str) -> HttpResponse:
    """One public version, as it was approved."""
    version = public_versions().filter(slug=slug).first()
    if version is None:
        raise Http404
    html = render_markdown(version.published_body, {}, prefix="public")
    return render(request, "postmortems/public_page.html", {"version": version, "html": html})


@require_GET
@public
def public_feed(request: HttpRequest) -> HttpResponse:
    """The public versions as an Atom feed (RFC 4287)."""
    own, pages = link_to(reverse("postmortems:public-feed")), link_to(reverse("postmortems:public-pages"))
    about = "What happened, and what was learned from it."
    feed = Atom1Feed(title="Incident reports", link=pages, description=about, feed_url=own, language="en-GB")
    for version in public_versions()[:FEED_LENGTH]:
        feed.add_item(
            title=version.published_title,
            link=link_to(reverse("postmortems:public-page", args=[version.slug])),
            description=str(render_markdown(version.published_body, {}, prefix="public")),
            pubdate=version.published_at,
            updateddate=version.republished_at,
        )
    return HttpResponse(feed.writeString("utf-8"), content_type=feed.content_type)
