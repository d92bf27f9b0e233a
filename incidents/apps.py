from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    name = "incidents"

    def ready(self) -> None:
        """Let incidents be searched, and everything by the facts of an incident; show the latest on the home page."""
        from accounts import home, portable, search
        from incidents.forms import service_filter, severity_filter
        from incidents.home import RecentIncidents
        from incidents.portable import KINDS
        from incidents.search import IncidentSource

        search.register(IncidentSource())
        search.register_filter("severity", severity_filter)
        search.register_filter("service", service_filter)
        home.register(RecentIncidents())
        portable.register(*KINDS)
