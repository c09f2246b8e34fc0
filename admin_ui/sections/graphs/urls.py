"""Graphs."""

from __future__ import annotations

from django.urls import path

from admin_ui.sections.graphs import views

urlpatterns = [path("graphs/", views.graphs, name="graphs")]
