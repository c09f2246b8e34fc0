"""Graphs."""

from __future__ import annotations

from django.urls import path

from admin_ui.lazy import Views

views = Views("admin_ui.sections.graphs.views")

urlpatterns = [path("graphs/", views.graphs, name="graphs")]
