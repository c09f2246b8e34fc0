"""The audit log."""

from __future__ import annotations

from django.urls import path

from admin_ui.sections.audit.views import entries

urlpatterns = [path("audit/", entries, name="audit")]
