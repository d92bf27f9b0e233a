"""What the live editor asks for while somebody types."""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from accounts.access import Request, opens
from postmortems import queries, rules
from postmortems.enums import AttachmentKind
from postmortems.forms.document import MentionForm
from postmortems.models import Postmortem
from postmortems.references import choices_for, references_in, values_of
from postmortems.views.attachments import markdown_of


@require_GET
@opens(Postmortem, rules.can_see)
def insertions(request: Request, postmortem: Postmortem) -> HttpResponse:
    """What the slash menu inserts, by group, and what every name in the text stands for now."""
    postmortem = queries.with_its_incident(postmortem)
    groups = [
        {"label": label, "choices": [{"key": choice.key, "label": choice.label} for choice in choices]}
        for label, choices in choices_for(postmortem)
    ]
    images = postmortem.attachments.filter(kind=AttachmentKind.IMAGE)
    if pictures := [{"key": str(image.pk), "label": image.name, "markdown": markdown_of(image)} for image in images]:
        groups.append({"label": "Graphs and images", "choices": pictures})
    used = references_in(postmortem, [section.body for section in queries.sections_of(postmortem)])
    values = {key: reference.text for key, reference in {**values_of(postmortem), **used}.items()}
    return JsonResponse({"groups": groups, "values": values})


@require_GET
@opens(Postmortem, rules.can_see)
def mentionable(request: Request, postmortem: Postmortem) -> HttpResponse:
    """People whose name begins like `?q=` and who may see the post-mortem; those who take part in it first."""
    form = MentionForm(request.GET)
    people = queries.mentionable_people(postmortem, form.cleaned_data["q"]) if form.is_valid() else []
    return JsonResponse(
        {"people": [{"id": person.pk, "name": person.display_name, "note": note} for person, note in people]}
    )
