"""The shelf of ideas in the post-mortem's list of actions."""

from __future__ import annotations

from django.http import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.access import Request, opens
from accounts.pages import after_change, render_part
from actions import rules
from actions.forms.action import IdeaForm
from actions.models import ActionIdea
from actions.services.idea import add_idea, drop_idea
from actions.views.context import list_context
from postmortems import rules as postmortem_rules
from postmortems.models import Postmortem


@require_POST
@opens(Postmortem, postmortem_rules.can_edit)
def idea_add(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    """Put an idea on the shelf."""
    form = IdeaForm(request.POST)
    if not form.is_valid():
        context = {**list_context(request, postmortem), "idea_form": form}
        title, back = f"Action items · {postmortem.reference}", postmortem.get_absolute_url()
        return render_part(request, "actions/_actions_editor.html", context, title=title, back=back, status=422)
    add_idea(postmortem=postmortem, text=form.cleaned_data["text"], by=request.user, now=timezone.now())
    return _shelf(request, postmortem)


@require_POST
@opens(ActionIdea, rules.can_edit_idea)
def idea_drop(request: Request, idea: ActionIdea) -> HttpResponseBase:
    """Take an idea off the shelf."""
    drop_idea(idea=idea, by=request.user, now=timezone.now())
    return _shelf(request, idea.postmortem)


def _shelf(request: Request, postmortem: Postmortem) -> HttpResponseBase:
    to = f"{postmortem.get_absolute_url()}#actions-{postmortem.pk}"
    return after_change(request, "actions/_actions_editor.html", list_context(request, postmortem), to=to)
