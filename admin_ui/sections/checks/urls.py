"""Checks of the server."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

muting = Views("admin_ui.sections.checks.muting")
views = Views("admin_ui.sections.checks.views")

urlpatterns = [
    path("checks/", views.checks, name="checks"),
    path("checks/run/", views.run, name="checks-run"),
    path("checks/try-alerts/", views.try_alerts, name="checks-try-alerts"),
    path("checks/<str:id>/", muting.check, name="check"),
    path("checks/<str:id>/mute/", muting.mute, name="check-mute"),
    path("checks/<str:id>/unmute/", muting.unmute, name="check-unmute"),
]
