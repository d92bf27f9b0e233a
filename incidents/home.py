"""What incidents add to the home page."""

from __future__ import annotations

from datetime import datetime

from django.urls import reverse
from django.utils.formats import date_format

from accounts.home import ROWS, Part, Row
from accounts.models import User
from incidents.enums import Phase
from incidents.models import Incident


class RecentIncidents(Part):
    """The latest incidents one may see."""

    key = "incidents"
    title = "Recent incidents"
    order = 60
    waits = False

    def rows(self, user: User, *, now: datetime) -> list[Row]:
        latest = Incident.objects.visible_to(user).defer("search").order_by("-occurred_at", "-pk")[:ROWS]
        return [Row(row.get_absolute_url(), row.reference, row.title, self._note(row, user)) for row in latest]

    def _note(self, incident: Incident, user: User) -> str:
        day = date_format(incident.occurred_at.astimezone(user.zone), "j M Y")
        return f"{incident.severity} · {'ongoing' if incident.phase == Phase.ONGOING else day}"

    def url(self) -> str:
        return reverse("incidents:incidents")
