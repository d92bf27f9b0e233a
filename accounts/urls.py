"""URLs of people, teams and administration."""

from django.urls import path

from accounts.views import health, search

app_name = "accounts"
urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("search/", search.search, name="search"),
    path("search/quick/", search.quick_search, name="quick-search"),
]
