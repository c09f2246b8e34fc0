"""Reports of users."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

views = Views("admin_ui.sections.reports.views")

urlpatterns = [
    path("reports/", views.reports, name="reports"),
    path("reports/<int:nid>/", views.report, name="report"),
    path("reports/<int:nid>/handle/", views.handle, name="report-handle"),
    path("reports/<int:nid>/delete/", views.delete, name="report-delete"),
    path("reports/<int:nid>/redact/", views.redact, name="report-redact"),
]
