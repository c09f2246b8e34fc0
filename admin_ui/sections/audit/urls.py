"""The audit log."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

entries = Views("admin_ui.sections.audit.views").entries

urlpatterns = [path("audit/", entries, name="audit")]
