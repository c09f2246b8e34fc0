"""The support bundle."""

from __future__ import annotations

from django.urls import path

from admin_ui.sections.support import views

urlpatterns = [
    path("support/", views.overview, name="support"),
    path("support/make/", views.make, name="support-make"),
    path("support/fetch/<str:name>/", views.fetch, name="support-fetch"),
]
