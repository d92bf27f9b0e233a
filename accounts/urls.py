"""URLs of people, teams, administration, home and search."""

from django.urls import path

from accounts.views import audit, export, health, home, invitations, people, search, session, settings, teams

app_name = "accounts"
urlpatterns = [
    path("", home.home, name="home"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("search/", search.search, name="search"),
    path("search/quick/", search.quick_search, name="quick-search"),
    path("session/", session.session, name="session"),
    path("session/kept/dismiss/", session.kept_dismiss, name="kept-dismiss"),
    path("settings/", settings.settings, name="settings"),
    path("settings/sessions/end/", settings.sessions_end, name="sessions-end"),
    path("teams/", teams.teams, name="teams"),
    path("teams/new/", teams.team_create, name="team-create"),
    path("teams/<slug:slug>/", teams.team, name="team"),
    path("teams/<slug:slug>/rename/", teams.team_rename, name="team-rename"),
    path("teams/<slug:slug>/members/add/", teams.member_add, name="member-add"),
    path("teams/<slug:slug>/members/<int:pk>/role/", teams.member_role, name="member-role"),
    path("teams/<slug:slug>/members/<int:pk>/remove/", teams.member_remove, name="member-remove"),
    path("teams/<slug:slug>/invitations/add/", teams.invitation_add, name="invitation-add"),
    path("invitations/<int:pk>/resend/", invitations.invitation_resend, name="invitation-resend"),
    path("invitations/<int:pk>/withdraw/", invitations.invitation_withdraw, name="invitation-withdraw"),
    path("invitations/<str:token>/", invitations.invitation, name="invitation"),
    path("administration/", people.administration, name="administration"),
    path("administration/people/", people.people, name="people"),
    path("administration/people/invite/", people.people_invite, name="people-invite"),
    path("administration/people/<int:pk>/", people.person, name="person"),
    path("administration/people/<int:pk>/appoint/", people.administrator_appoint, name="administrator-appoint"),
    path("administration/people/<int:pk>/dismiss/", people.administrator_dismiss, name="administrator-dismiss"),
    path("administration/people/<int:pk>/deactivate/", people.person_deactivate, name="person-deactivate"),
    path("administration/people/<int:pk>/reactivate/", people.person_reactivate, name="person-reactivate"),
    path("administration/audit/", audit.audit, name="audit"),
    path("administration/export/", export.exports, name="exports"),
    path("administration/export/ask/", export.export_ask, name="export-ask"),
    path("administration/export/<uuid:pk>/", export.export, name="export"),
    path("administration/export/<uuid:pk>/download/", export.export_download, name="export-download"),
    path("administration/export/<uuid:pk>/delete/", export.export_delete, name="export-delete"),
]
