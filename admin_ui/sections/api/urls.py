"""Examples of the administrators' API."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

views = Views("admin_ui.sections.api.views")

urlpatterns = [path("api/", views.examples, name="api")]
