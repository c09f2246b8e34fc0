"""Notices to users."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

views = Views("admin_ui.sections.notices.views")

urlpatterns = [path("notices/", views.notices, name="notices")]
