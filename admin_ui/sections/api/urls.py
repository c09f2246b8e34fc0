"""Examples of the administrators' API."""

from __future__ import annotations

from django.urls import path

from admin_ui.sections.api import views

urlpatterns = [path("api/", views.examples, name="api")]
