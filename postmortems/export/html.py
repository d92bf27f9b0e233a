"""A post-mortem as one HTML file that needs nothing else: its style is inside, its images too, and no script."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from postmortems.blocks.incident import known_durations, known_moments
from postmortems.document import rendered_sections
from postmortems.enums import AttachmentKind
from postmortems.models import Attachment, Postmortem
from postmortems.queries import tags_of

STYLE = Path(__file__).with_name("export.css")
_IMAGE = re.compile(r'src="/files/([0-9a-f-]{36})/[^"]*"')


def postmortem_as_html(postmortem: Postmortem) -> str:
    """The reader's page without its frame. An image of another post-mortem, or one that is gone, is left out."""
    images = {str(row.pk): row for row in postmortem.attachments.filter(kind=AttachmentKind.IMAGE)}
    sections = [
        replace(rendered, html=_with_images(rendered.html, images)) for rendered in rendered_sections(postmortem, None)
    ]
    incident = postmortem.incident
    context = {
        "postmortem": postmortem,
        "incident": incident,
        "sections": sections,
        "facts": [fact for fact in known_moments(incident) if fact.key == "impact-start"] + known_durations(incident),
        "services": list(incident.services.all()),
        "tags": tags_of(postmortem),
        "style": mark_safe(STYLE.read_text()),  # noqa: S308 - our own file
    }
    return render_to_string("postmortems/export.html", context)


def _with_images(html: str, images: dict[str, Attachment]) -> SafeString:
    """The rendered, sanitised `html` with the post-mortem's images inside it."""

    def inside(match: re.Match[str]) -> str:
        attachment = images.get(str(UUID(match[1])))
        return f'src="{_data_uri(attachment)}"' if attachment else 'src=""'

    return mark_safe(_IMAGE.sub(inside, html))  # noqa: S308 - only data of checked images is put in


def _data_uri(attachment: Attachment) -> str:
    with attachment.file.open("rb") as stored:
        return f"data:{attachment.content_type};base64,{base64.b64encode(stored.read()).decode()}"
