"""Checks of the server."""

from __future__ import annotations

from django.urls import path

from admin_ui.sections.checks import views

urlpatterns = [
    path("checks/", views.checks, name="checks"),
    path("checks/run/", views.run, name="checks-run"),
    path("checks/try-alerts/", views.try_alerts, name="checks-try-alerts"),
]
