"""Log lines."""

from __future__ import annotations

from django.urls import path

from admin_ui.sections.logs import views

urlpatterns = [
    path("logs/", views.logs, name="logs"),
    path("logs/download/", views.download, name="logs-download"),
]
