"""The document in other formats, for whoever may see it, and in a mail to leadership."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods

from accounts import audit
from accounts.access import Request, opens
from postmortems import queries, rules
from postmortems.export.confluence import postmortem_as_confluence
from postmortems.export.html import postmortem_as_html
from postmortems.export.leadership import leadership_mail
from postmortems.export.markdown import postmortem_as_markdown
from postmortems.export.pdf import PdfUnavailable, postmortem_as_pdf
from postmortems.forms.public import LeadershipForm
from postmortems.models import Postmortem
from postmortems.services.leadership import CannotRead, MayNotLeave, send_to_leadership
from postmortems.views.context import header_context


@require_GET
@opens(Postmortem, rules.can_see)
def export_markdown(request: Request, postmortem: Postmortem) -> HttpResponse:
    """One Markdown file."""
    text = postmortem_as_markdown(queries.with_its_incident(postmortem))
    return _download(request, postmortem, text, "text/markdown; charset=utf-8", "md")


@require_GET
@opens(Postmortem, rules.can_see)
def export_html(request: Request, postmortem: Postmortem) -> HttpResponse:
    """One HTML file that needs nothing else."""
    text = postmortem_as_html(queries.with_its_incident(postmortem))
    return _download(request, postmortem, text, "text/html; charset=utf-8", "html")


@require_GET
@opens(Postmortem, rules.can_see)
def export_confluence(request: Request, postmortem: Postmortem) -> HttpResponse:
    """One file in Confluence's storage format."""
    text = postmortem_as_confluence(queries.with_its_incident(postmortem))
    return _download(request, postmortem, text, "application/xml; charset=utf-8", "confluence.xml")


@require_GET
@opens(Postmortem, rules.can_see)
def export_pdf(request: Request, postmortem: Postmortem) -> HttpResponse:
    """One PDF, where this installation makes them."""
    try:
        content = postmortem_as_pdf(queries.with_its_incident(postmortem))
    except PdfUnavailable as error:
        raise Http404 from error
    return _download(request, postmortem, content, "application/pdf", "pdf")


@require_http_methods(["GET", "POST"])
@opens(Postmortem, rules.can_edit)
def leadership(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """GET: the e-mail to leadership as it is proposed. POST: send it as it was changed."""
    postmortem = queries.with_its_incident(postmortem)
    subject, text = leadership_mail(postmortem)
    form = LeadershipForm(request.POST or None, initial={"subject": subject, "text": text})
    if request.method == "POST" and form.is_valid():
        try:
            missed = send_to_leadership(postmortem=postmortem, by=request.user, **form.cleaned_data)
        except MayNotLeave:
            form.add_error(None, "It is restricted: nothing of it leaves in a mail.")
        except CannotRead as error:
            form.add_error("people", str(error))
        else:
            if missed:
                messages.warning(request, f"Not reached: {', '.join(map(str, missed))}.")
            else:
                messages.success(request, "Sent.")
            return redirect(postmortem)
    context = {**header_context(request, postmortem), "form": form}
    return render(request, "postmortems/leadership.html", context, status=422 if form.errors else 200)


def _download(
    request: Request, postmortem: Postmortem, content: str | bytes, content_type: str, ending: str
) -> HttpResponse:
    audit.record(by=request.user, verb="postmortem.exported", obj=postmortem, format=ending)
    response = HttpResponse(content, content_type=content_type)
    name = f"{postmortem.reference}-{slugify(postmortem.title)[:60]}".rstrip("-")
    response["Content-Disposition"] = f'attachment; filename="{name}.{ending}"'
    return response
