"""Log lines."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

views = Views("admin_ui.sections.logs.views")

urlpatterns = [
    path("logs/", views.logs, name="logs"),
    path("logs/download/", views.download, name="logs-download"),
]
