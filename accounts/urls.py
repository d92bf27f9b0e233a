"""URLs of people, teams and administration."""

from django.urls import path

from accounts.views import health

app_name = "accounts"
urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
