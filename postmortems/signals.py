"""News from post-mortems to the apps above; receivers run in the sender's transaction."""

from django.dispatch import Signal

postmortem_imported = Signal()
"""A post-mortem was made or brought up to date from an incident file.

Sends `postmortem`, `document` (`incidents.importers.debrief_json.IncidentDocument`), `lessons` (a mapping from the
lesson's number in the file, counted from one, to its `Lesson`; a lesson that people deleted is missing), `by`, `now`.
"""
