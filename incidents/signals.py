"""News from incidents to the apps above; receivers run in the sender's transaction."""

from django.dispatch import Signal

incident_imported = Signal()
"""An incident file was read. Sends `incident`, `document` (`importers.debrief_json.IncidentDocument`), `by`, `now`."""

incident_changed = Signal()
"""Facts or parts of an incident changed. Sends `incident`."""
