"""The document in other formats, for whoever may see it."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.text import slugify
from django.views.decorators.http import require_GET

from accounts import audit
from accounts.access import Request, opens
from postmortems import queries, rules
from postmortems.export.html import postmortem_as_html
from postmortems.export.markdown import postmortem_as_markdown
from postmortems.models import Postmortem


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


def _download(request: Request, postmortem: Postmortem, text: str, content_type: str, ending: str) -> HttpResponse:
    audit.record(by=request.user, verb="postmortem.exported", obj=postmortem, format=ending)
    response = HttpResponse(text, content_type=content_type)
    name = f"{postmortem.reference}-{slugify(postmortem.title)[:60]}".rstrip("-")
    response["Content-Disposition"] = f'attachment; filename="{name}.{ending}"'
    return response
