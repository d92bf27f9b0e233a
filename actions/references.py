"""Actions named in the text of a post-mortem: `{{action:12}}` says what it is called, and leads to it."""

from __future__ import annotations

from collections.abc import Mapping

from incidents.markdown import Reference
from postmortems.models import Postmortem
from postmortems.references import Choice, ReferenceSource, numbers, short


class ActionReferences(ReferenceSource):
    """Actions of the post-mortem itself, under the title they have now."""

    prefix = "action"
    group = "Actions"

    def resolve(self, postmortem: Postmortem, names: set[str]) -> Mapping[str, Reference]:
        rows = postmortem.action_items.filter(pk__in=numbers(names))
        return {str(row.pk): Reference(text=str(row), url=row.get_absolute_url()) for row in rows}

    def choices(self, postmortem: Postmortem) -> list[Choice]:
        return [Choice(str(row.pk), short(str(row))) for row in postmortem.action_items.all()]
