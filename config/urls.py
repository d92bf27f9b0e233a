"""Every URL of Debrief, by app."""

from django.urls import include, path

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("incidents.urls")),
    path("", include("postmortems.urls")),
    path("", include("actions.urls")),
    path("accounts/", include("allauth.urls")),
]

handler400 = "accounts.views.errors.bad_request"
handler403 = "accounts.views.errors.forbidden"
handler404 = "accounts.views.errors.not_found"
handler500 = "accounts.views.errors.server_error"
