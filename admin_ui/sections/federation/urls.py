"""Other servers."""

from __future__ import annotations

from django.urls import path

from admin_ui.sections.federation import views

urlpatterns = [
    path("federation/", views.servers, name="federation"),
    path("federation/<str:name>/", views.server, name="federation-server"),
    path("federation/<str:name>/retry/", views.retry, name="federation-retry"),
]
