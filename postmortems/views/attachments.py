"""Files: taken in with their check, given out through the gate only."""

from __future__ import annotations

from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.access import Request, opens
from postmortems import rules
from postmortems.enums import AttachmentKind
from postmortems.forms.document import UploadForm
from postmortems.models import Attachment, Postmortem
from postmortems.services.attachment import FileRefused, add_attachment
from postmortems.services.postmortem import AlreadyPublished

SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@require_POST
@opens(Postmortem, rules.can_edit)
def attachment_add(request: Request, postmortem: Postmortem) -> HttpResponse:
    """Keep one file; answers what to write into the text, or 422 with the reason in words."""
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _refused(" ".join(str(message) for messages in form.errors.values() for message in messages))
    try:
        kept = add_attachment(
            postmortem=postmortem,
            upload=form.cleaned_data["file"],
            alternative_text=form.cleaned_data["alternative_text"],
            by=request.user,
            now=timezone.now(),
        )
    except FileRefused as refused:
        return _refused(str(refused))
    except AlreadyPublished:
        return _refused("This post-mortem was published in the meantime. Reopen it to add files.")
    return JsonResponse({"markdown": markdown_of(kept), "name": kept.name})


def _refused(reason: str) -> JsonResponse:
    return JsonResponse({"error": reason}, status=422)


def markdown_of(attachment: Attachment) -> str:
    """How a text shows an image, or links to a file."""
    label = (attachment.alternative_text or attachment.name).replace("[", "(").replace("]", ")")
    mark = "!" if attachment.kind == AttachmentKind.IMAGE else ""
    return f"{mark}[{label}]({attachment.get_absolute_url()})"


@require_GET
@opens(Attachment, rules.can_see)
def attachment(request: Request, attachment: Attachment, name: str) -> HttpResponseBase:
    """The file itself: an image within the page, anything else as a download, never anything that could run."""
    try:
        stored = attachment.file.open("rb")
    except FileNotFoundError as missing:
        raise Http404 from missing
    response = FileResponse(
        stored,
        as_attachment=attachment.kind != AttachmentKind.IMAGE,
        filename=attachment.name,
        content_type=attachment.content_type,
    )
    response["Content-Security-Policy"] = SANDBOX
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
