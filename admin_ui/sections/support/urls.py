"""The support bundle."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

views = Views("admin_ui.sections.support.views")

urlpatterns = [
    path("support/", views.overview, name="support"),
    path("support/make/", views.make, name="support-make"),
    path("support/fetch/<str:name>/", views.fetch, name="support-fetch"),
]
