"""News from post-mortems: a file was read, so the actions it names follow, in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.dispatch import receiver

from accounts.models import User
from actions.importing import import_actions
from postmortems.models import Lesson, Postmortem
from postmortems.signals import postmortem_imported

if TYPE_CHECKING:
    from incidents.importers.debrief_json import IncidentDocument


@receiver(postmortem_imported, dispatch_uid="actions.import_actions")
def make_actions_of_imported_postmortem(
    *,
    postmortem: Postmortem,
    document: IncidentDocument,
    lessons: Mapping[int, Lesson],
    by: User,
    now: datetime,
    **_: Any,
) -> None:
    """Bring the post-mortem's actions in line with the file."""
    import_actions(postmortem=postmortem, document=document, lessons=lessons, by=by, now=now)
