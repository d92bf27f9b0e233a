"""News from incidents: a file was read, so its post-mortem follows, in the same transaction."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.dispatch import receiver

from accounts.models import User
from incidents.models import Incident
from incidents.signals import incident_changed, incident_imported
from postmortems.collab import store
from postmortems.collab.bus import announce_change
from postmortems.models import Postmortem
from postmortems.services.imported import import_postmortem
from postmortems.signals import postmortem_imported

if TYPE_CHECKING:
    from incidents.importers.debrief_json import IncidentDocument


@receiver(incident_imported, dispatch_uid="postmortems.import_postmortem")
def make_postmortem_of_imported_incident(
    *, incident: Incident, document: IncidentDocument, by: User, now: datetime, **_: Any
) -> None:
    """Make or update the post-mortem, then tell the apps above."""
    postmortem, lessons = import_postmortem(incident=incident, document=document, by=by, now=now)
    postmortem_imported.send(
        sender=Postmortem, postmortem=postmortem, document=document, lessons=lessons, by=by, now=now
    )


@receiver(incident_changed, dispatch_uid="postmortems.tell_open_pages")
def tell_open_pages(*, incident: Incident, **_: Any) -> None:
    """Pages that show the incident in blocks fetch them anew; whoever may no longer see it, may not see those."""
    for pk in Postmortem.objects.filter(incident=incident).values_list("pk", flat=True):
        store.rights_changed(pk)
        announce_change(pk, "incident")
