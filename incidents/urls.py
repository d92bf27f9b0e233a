"""URLs of incidents, their parts, and the policy."""

from django.urls import path

from incidents.views import imports, incidents, panels, parts, paste, policy

app_name = "incidents"
urlpatterns = [
    path("incidents/", incidents.incidents, name="incidents"),
    path("incidents/new/", incidents.incident_create, name="incident-create"),
    path("incidents/import/", imports.incident_import, name="import"),
    path("incidents/<int:pk>/", incidents.incident, name="incident"),
    path("incidents/<int:pk>/panels/<slug:panel>/", panels.panel, name="panel"),
    path("incidents/<int:pk>/facts/edit/", panels.facts_edit, name="facts-edit"),
    path("incidents/<int:pk>/times/edit/", panels.times_edit, name="times-edit"),
    path("incidents/<int:pk>/impact/edit/", panels.impact_edit, name="impact-edit"),
    path("incidents/<int:pk>/policy/edit/", panels.policy_override, name="policy-edit"),
    path("incidents/<int:pk>/readers/edit/", panels.readers_edit, name="readers-edit"),
    path("incidents/<int:pk>/timeline/add/", parts.event_add, name="event-add"),
    path("incidents/<int:pk>/timeline/quick-add/", paste.event_quick_add, name="event-quick-add"),
    path("incidents/<int:pk>/timeline/paste/", paste.timeline_paste, name="timeline-paste"),
    path("timeline/<int:pk>/edit/", parts.event_edit, name="event-edit"),
    path("timeline/<int:pk>/delete/", parts.event_delete, name="event-delete"),
    path("timeline/<int:pk>/milestone/", parts.event_mark, name="event-mark"),
    path("incidents/<int:pk>/figures/add/", parts.figure_add, name="figure-add"),
    path("figures/<int:pk>/edit/", parts.figure_edit, name="figure-edit"),
    path("figures/<int:pk>/delete/", parts.figure_delete, name="figure-delete"),
    path("incidents/<int:pk>/communications/add/", parts.communication_add, name="communication-add"),
    path("communications/<int:pk>/edit/", parts.communication_edit, name="communication-edit"),
    path("communications/<int:pk>/delete/", parts.communication_delete, name="communication-delete"),
    path("policy/", policy.policy, name="policy"),
    path("policy/add/", policy.policy_rule_add, name="policy-rule-add"),
    path("policy/<int:pk>/edit/", policy.policy_rule_edit, name="policy-rule-edit"),
    path("policy/<int:pk>/delete/", policy.policy_rule_delete, name="policy-rule-delete"),
]
